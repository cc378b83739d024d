package io.plumbline.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The peer is a program of its own, which may fail or hang: a shell stands for its python here. */
class PythonPeerTest {
    private static final ModelConfig CONFIG =
            new ModelConfig(64, 2, 4, 2, 16, 128, 300, 256, 1e-6f, Rope.plain(10_000), false, false);

    @TempDir
    Path folder;

    private final List<JsonNode> said = new ArrayList<>();

    private void run(String script, long mostSeconds) throws IOException, InterruptedException {
        Path python = folder.resolve("python");
        Files.writeString(python, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
        new PythonPeer(PythonPeer.PYTORCH, python.toString(), mostSeconds)
                .run(CONFIG, List.of(1), List.of(16), 4, 3, said::add);
    }

    @Test
    void whatItSaidBeforeItFailedStays() {
        IOException e = assertThrows(
                IOException.class,
                () -> run(
                        "echo '{\"decode1\": [1]}'; echo not JSON; echo '{\"decode1\": [1], \"decode8\": [2]}'; exit 3",
                        60));
        assertTrue(e.getMessage().contains("ended with 3"), e.getMessage());
        assertEquals(2, said.size());
        assertEquals(2, said.getLast().path("decode8").path(0).asInt());
    }

    /** With what it started: a compiler of its own may hold the pipe, and the GPU. */
    @Test
    @Timeout(30)
    void oneThatHangsIsEndedWithItsChildren() throws Exception {
        Path pid = folder.resolve("pid");
        long begin = System.nanoTime();
        IOException e = assertThrows(
                IOException.class, () -> run("echo '{\"decode1\": [1]}'; sleep 600 & echo $! >" + pid + "; wait", 2));
        assertTrue(e.getMessage().contains("ended after its 2 s"), e.getMessage());
        assertTrue(Duration.ofNanos(System.nanoTime() - begin).toSeconds() < 20);
        assertEquals(1, said.size());
        long child = Long.parseLong(Files.readString(pid).strip());
        for (int i = 0;
                i < 100 && ProcessHandle.of(child).map(ProcessHandle::isAlive).orElse(false);
                i++) {
            Thread.sleep(50);
        }
        assertTrue(ProcessHandle.of(child).map(p -> !p.isAlive()).orElse(true), "child " + child + " lives on");
    }

    @Test
    void aPythonThatIsNotThereIsOneError() {
        assertThrows(
                IOException.class,
                () -> new PythonPeer(PythonPeer.PYTORCH, folder.resolve("none").toString(), 60)
                        .run(CONFIG, List.of(1), List.of(16), 4, 3, said::add));
        assertTrue(said.isEmpty());
    }
}
