package io.plumbline.node.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher gives each command the class path that it needs. */
class LauncherTest {
    @TempDir
    Path home;

    private Path script(Path file, String text) throws Exception {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + text + "\n");
        assumeTrue(file.toFile().setExecutable(true), "no scripts here");
        return file;
    }

    /** What the launcher starts Java with, in a project that is built. */
    private String started(String... command) throws Exception {
        Files.copy(Path.of("../plumbline"), home.resolve("plumbline"));
        script(home.resolve("jdk/bin/javac"), "echo javac 25");
        script(home.resolve("jdk/bin/java"), "echo \"$@\"");
        for (String module : List.of("node", "inference-core")) {
            Files.createDirectories(home.resolve(module + "/src"));
            Files.writeString(home.resolve(module + "/pom.xml"), "");
        }
        Files.writeString(home.resolve("pom.xml"), "");
        Files.createDirectories(home.resolve("node/target"));
        for (String built : List.of("node/target/built", "node/target/plumbline.aot")) {
            Files.writeString(home.resolve(built), "");
            Files.setLastModifiedTime(
                    home.resolve(built), FileTime.from(Instant.now().plusSeconds(60)));
        }
        List<String> words =
                new ArrayList<>(List.of("bash", home.resolve("plumbline").toString()));
        words.addAll(List.of(command));
        ProcessBuilder process = new ProcessBuilder(words).redirectErrorStream(true);
        process.environment().put("JAVA_HOME", home.resolve("jdk").toString());
        Process running = process.start();
        String said = new String(running.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, running.waitFor(), said);
        return said;
    }

    @Test
    void calibrationFindsTheBackendsOfTheHost() throws Exception {
        String said = started("model", "calibrate", "M", "--random", "3");
        assertTrue(said.contains("inference-gpu/target/lib/*"), said);
        assertTrue(said.contains("io.plumbline.node.Main model calibrate M --random 3"), said);
    }

    @Test
    void fullNodesHaveNoDevicesOnTheirClassPath() throws Exception {
        String said = started("full-node", "--dir", "D");
        assertTrue(said.contains("-jar") && !said.contains("inference-gpu"), said);
    }

    /** A server's warnings are read while it runs, also where they go into a file. */
    @Test
    void whatIsSaidOnStandardErrorIsPassedOnAtOnce() throws Exception {
        started("full-node");
        script(home.resolve("jdk/bin/java"), "echo warned >&2; exec sleep 20");
        ProcessBuilder launcher =
                new ProcessBuilder("bash", home.resolve("plumbline").toString(), "full-node");
        launcher.environment().put("JAVA_HOME", home.resolve("jdk").toString());
        Path said = home.resolve("said");
        Process running = launcher.redirectError(said.toFile()).start();
        try {
            for (int i = 0; i < 100 && Files.size(said) == 0; i++) {
                Thread.sleep(50);
            }
            assertEquals("warned\n", Files.readString(said));
            assertTrue(running.isAlive());
        } finally {
            running.destroy();
        }
    }
}
