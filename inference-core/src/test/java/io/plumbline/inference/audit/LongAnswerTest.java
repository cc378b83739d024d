package io.plumbline.inference.audit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.engine.TraceStore;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An answer whose trace no array holds, and no memory has to. */
@Tag("slow")
class LongAnswerTest {
    /** Of 66 KiB of trace each. */
    private static final int TOKENS = 33_000;

    private static final KeyPair NODE = KeyPair.random();

    @TempDir
    private Path folder;

    @Test
    void anAnswerBeyondTwoToTheThirtyFirstBytesIsOpenedAndAudited() throws Exception {
        long room = Files.getFileStore(folder).getUsableSpace();
        assumeTrue(room > 5L << 30, "Skipped: a trace of 2 GiB needs more room than " + room + " bytes in " + folder);
        Path source = folder.resolve("source");
        RandomModel.Shape wide =
                new RandomModel.Shape("LlamaForCausalLM", 8192, 1, 1, 1, 64, 64, 768, 65_536, "I8", false, 0, 1);
        RandomModel.write(wide, 4, source, share -> {});
        try (LoadedModel model = TestModels.load(source, folder);
                ForwardPass forward = TestModels.forward(model)) {
            int[] prompt = IntStream.range(0, TOKENS).map(i -> 3 + i * 7 % 700).toArray();
            Request request = TestModels.request(model, prompt, 2, Sampling.GREEDY);
            Generator generator = new Generator(forward, NODE.publicKey());
            Generator.Result result = generator.generate(request, token -> {});
            assertTrue(result.traceBytes() > 1L << 31, result.traceBytes() + " bytes of trace");
            Path traces = folder.resolve("traces");
            long before = used();
            try (Replay replay = Replay.of(generator, forward, NODE.publicKey(), request, result.tokens(), traces)) {
                assertArrayEquals(result.traceRoot(), replay.root());
                long held = used() - before;
                assertTrue(held < 256L << 20, held + " bytes of memory held for the trace");
                Answer answer = TestModels.answer(model, result.tokens());
                Receipt receipt = Receipt.of(request, answer, replay.root(), result.traceBytes(), 1, NODE);
                AuditReport report = TestModels.auditor(model.verifierKey(share -> {}))
                        .audit(receipt, request, answer, Assignment.of(Level.AUDITED), replay, null);
                assertNull(report.failure(), () -> report.failure().toString());
                Cell last = new Cell(0, TOKENS - 1, TOKENS);
                assertTrue(replay.bytes(last).byteSize() > 0);
            }
            try (Stream<Path> left = Files.list(traces)) {
                assertEquals(0, left.count());
            }
        }
    }

    private static long used() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    @Test
    void aTraceThatTheDiskHasNoRoomForIsRefusedBeforeItIsComputed() {
        String why = assertThrows(IOException.class, () -> TraceStore.of(folder, Long.MAX_VALUE / 2))
                .getMessage();
        assertTrue(why.contains("does not fit the disk"), why);
    }
}
