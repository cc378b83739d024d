package io.plumbline.inference.language.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One request, one model, one answer, to the bit: whatever computes it, however it is cut. */
class ExactnessTest {
    private static final Bytes32 NODE = Bytes32.ZERO;

    @TempDir
    Path folder;

    private static Result run(LoadedModel model, Request request, Backend backend, int threads, int block) {
        try (ForwardPass forward = new ForwardPass(model, model.layers(), backend, new Workers(threads))) {
            return new Generator(forward, NODE, block).generate(request, token -> {});
        }
    }

    private static Result run(LoadedModel model, Request request) {
        return run(model, request, Backend.best(), 1, 64);
    }

    private void everyWayGivesTheSameBits(LoadedModel model, int[] prompt, int maxTokens) {
        for (Sampling sampling : List.of(Sampling.GREEDY, new Sampling(0.9f, 50, 950_000, 42))) {
            Request request = TestModels.request(model, prompt, maxTokens, sampling);
            Result scalar = run(model, request, Backend.SCALAR, 1, 64);
            for (Backend backend : Backend.all()) {
                for (int block : new int[] {1, 3, 64, 1000}) {
                    Result other = run(model, request, backend, 1 + block % 2, block);
                    String what = backend.name() + ", block " + block;
                    assertArrayEquals(scalar.tokens(), other.tokens(), what);
                    assertArrayEquals(scalar.traceRoot(), other.traceRoot(), what);
                }
            }
            Generator generator = new Generator(TestModels.forward(model), NODE);
            byte[] again = generator.replay(request, scalar.tokens(), null);
            assertArrayEquals(scalar.traceRoot(), again, "one prefill over prompt and output");
            TraceStore store = TraceStore.inMemory(scalar.traceBytes());
            generator.replay(request, scalar.tokens(), store);
            byte[] bytes = store.bytes().toArray(ValueLayout.JAVA_BYTE);
            byte[] key = io.plumbline.verifier.trace.TraceLayout.keyOf(NODE.bytes());
            assertArrayEquals(
                    scalar.traceRoot(), Blake3.keyed(key).update(bytes).digest(), "plain keyed BLAKE3 of the trace");
        }
    }

    @Test
    void theShippedModelAnswersInSentencesAndEveryWayGivesTheSameBits() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder);
                ChatTokenizer tokenizer = ChatTokenizer.open(model.folder())) {
            int[] prompt = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", "Tell me a story about a fox.")));
            everyWayGivesTheSameBits(model, prompt, 40);
            Request request = TestModels.request(model, prompt, 300, Sampling.GREEDY);
            Result result = run(model, request);
            String text = tokenizer.decode(result.tokens());
            System.out.println(text);
            assertTrue(text.contains("fox"), text);
            assertTrue(text.endsWith("."), text);
            assertTrue(request.stopsAt(result.tokens()[result.tokens().length - 1]), "ends by itself");
        }
    }

    /** Pinned: a change here is a new version of the numeric contract, of the trace, or of import. */
    @Test
    @Tag("vectors")
    void theShippedModelHasItsGoldenIdAndTraceRoots() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            assertEquals(
                    "b4cbfc95e1647da959ef62c7ced7704265b87c3d75bd95a4e155f1dff1c0ea2e",
                    model.id().toString());
            int[] prompt = {0, 560, 376, 261, 379, 393, 261, 292, 302, 49, 2, 1};
            assertEquals(
                    "386378aa6d1b23a6d10bce1b791abc07dd23ff8587bfd2c72c7b8ac156829f80",
                    Blake3.hex(run(model, TestModels.request(model, prompt, 40, Sampling.GREEDY))
                            .traceRoot()));
            assertEquals(
                    "cff1a87a110f79d62f34e215d70e682ec4f7947bcdd9c7bcd1569a28db4abe5d",
                    Blake3.hex(run(model, TestModels.request(model, prompt, 40, new Sampling(0.9f, 50, 950_000, 42)))
                            .traceRoot()));
        }
    }

    @Test
    void storiesOfAnotherTrainedModelAreExactToo() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.STORIES_260K, folder);
                ChatTokenizer tokenizer = ChatTokenizer.open(model.folder())) {
            int[] prompt = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", "Once upon a time")));
            assertEquals(1, prompt[0], "begins with the beginning-of-text token");
            everyWayGivesTheSameBits(model, prompt, 60);
            Result result = run(model, TestModels.request(model, prompt, 60, Sampling.GREEDY));
            String text = tokenizer.decode(result.tokens());
            System.out.println(text);
            assertTrue(text.matches("(?s).*\\b(was|a|the|little)\\b.*"), text);
        }
    }

    @Test
    void theContextEndsAnAnswerAndALongerPromptIsRefused() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            int context = model.config().maxPositions();
            int[] prompt = new int[context - 2];
            java.util.Arrays.fill(prompt, 40);
            Request request = new Request(
                    model.id(), "", 0, prompt, Sampling.GREEDY, 50, new int[0], List.of(), Bytes32.ZERO, new byte[16]);
            assertEquals(3, run(model, request).tokens().length);
            Request tooLong = TestModels.request(model, new int[context + 1], 5, Sampling.GREEDY);
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> run(model, tooLong));
            assertTrue(e.getMessage().contains("context is " + context), e.getMessage());
        }
    }
}
