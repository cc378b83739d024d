package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplaysTest {
    @TempDir
    Path folder;

    @Test
    void aDiskThatFillsWhileATraceIsWrittenCostsTheOldestOneAndNotTheAnswer() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                ForwardPass forward = new ForwardPass(model);
                Replays replays = new Replays(folder.resolve("traces"), 4)) {
            Request request = new Request(
                    model.id(),
                    "",
                    0,
                    new int[] {1, 2, 3},
                    Sampling.GREEDY,
                    2,
                    new int[0],
                    List.of(),
                    Bytes32.ZERO,
                    new byte[16]);
            Generator generator = new Generator(forward, Bytes32.ZERO);
            int[] tokens = generator.generate(request, token -> {}).tokens();
            Replays.Run run = at -> Replay.of(generator, forward, Bytes32.ZERO, request, tokens, at);
            Replay first = replays.get("first", run);
            assertSame(first, replays.get("first", run));
            AtomicInteger tries = new AtomicInteger();
            replays.get("second", at -> {
                if (tries.incrementAndGet() == 1) {
                    throw new UncheckedIOException(new IOException("No space left on device"));
                }
                return run.run(at);
            });
            assertEquals(2, tries.get());
            assertTrue(first != replays.get("first", run), "it has given way");
            Replays empty = new Replays(folder.resolve("others"), 4);
            IOException full = assertThrows(
                    IOException.class,
                    () -> empty.get("third", at -> {
                        throw new UncheckedIOException(new IOException("No space left on device"));
                    }));
            assertTrue(full.getMessage().contains("No space"), full.getMessage());
        }
    }
}
