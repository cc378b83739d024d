package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayTest {
    private static final Path OPEN_FILES = Path.of("/proc/self/fd");

    @TempDir
    private Path folder;

    private static long open(Path in) throws IOException {
        try (Stream<Path> files = Files.list(OPEN_FILES)) {
            return files.filter(file -> isIn(file, in)).count();
        }
    }

    private static boolean isIn(Path link, Path in) {
        try {
            return Files.readSymbolicLink(link).startsWith(in);
        } catch (IOException e) {
            return false;
        }
    }

    /** A trace's file has no name any more: left open, its room is gone until the process ends. */
    @Test
    void aReplayThatMemoryHasNoRoomForLeavesNoTraceOpen() throws IOException {
        assumeTrue(Files.exists(OPEN_FILES), "Skipped: this system does not list its open files");
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                ForwardPass forward = TestModels.forward(model)) {
            Executor full = new ForwardingExecutor(forward) {
                @Override
                public KvCache pages(int most) {
                    throw new OutOfMemoryError("as a test has it");
                }
            };
            int[] output = new int[30_000];
            assertTrue(new TraceLayout(model.config()).traceBytes(output.length) > 64L << 20, "it is kept in a file");
            Request request = TestModels.request(model, new int[] {1, 2}, 2, Sampling.GREEDY);
            Generator generator = new Generator(full, Bytes32.ZERO);
            Path traces = Files.createDirectories(folder.resolve("traces")).toRealPath();
            for (int again = 0; again < 2; again++) {
                assertThrows(
                        OutOfMemoryError.class,
                        () -> Replay.of(generator, forward, Bytes32.ZERO, request, output, traces));
            }
            assertEquals(0, open(traces));
        }
    }
}
