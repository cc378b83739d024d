package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.Accelerator.KernelTime;
import io.plumbline.inference.language.engine.Engine;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Generator.Result;
import io.plumbline.inference.language.engine.Guesses;
import io.plumbline.inference.language.engine.KvCache;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.engine.SelfTest;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Whole models on a GPU, the emulated one where there is no other, give the bits that processors give. */
@Tag("slow")
class DevicePassTest {
    private static final Bytes32 NODE = Bytes32.ZERO;

    @TempDir
    Path folder;

    private Cuda cuda;

    @BeforeEach
    void open() {
        cuda = Gpu.cuda();
    }

    @AfterEach
    void close() {
        assertEquals(0, Gpu.call("emu_bytes_in_use", -1), "all device memory was given back");
        cuda.close();
        Gpu.call("emu_set_capability", 8);
    }

    private static Products.Way way(Cuda cuda) {
        return cuda.has(Probe.WGMMA) ? Products.Way.WGMMA : Products.Way.MMA;
    }

    private interface Use {
        void with(DeviceWeights weights) throws IOException;
    }

    private void onDevice(LoadedModel model, Use use) throws IOException {
        double[] last = {0};
        try (DeviceWeights weights = new DeviceWeights(cuda, model, model.layers(), 0, share -> {
            assertTrue(share >= last[0] && share <= 1, "progress goes forward");
            last[0] = share;
        })) {
            assertEquals(1, last[0]);
            use.with(weights);
        }
    }

    private Executor pass(DeviceWeights weights, LoadedModel model, int rows, int maxSequences) {
        return new DevicePass(cuda, weights, Products.by(way(cuda), cuda), model, rows, maxSequences);
    }

    private static Result onProcessors(LoadedModel model, Request request) {
        try (ForwardPass forward = TestModels.forward(model)) {
            return new Generator(forward, NODE).generate(request, token -> {});
        }
    }

    @Test
    void theShippedModelHasItsGoldenTraceRoots() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            int[] prompt = {0, 560, 376, 261, 379, 393, 261, 292, 302, 49, 2, 1};
            onDevice(model, weights -> {
                try (Executor pass = pass(weights, model, 64, 1)) {
                    Generator generator = new Generator(pass, NODE);
                    assertEquals(
                            "386378aa6d1b23a6d10bce1b791abc07dd23ff8587bfd2c72c7b8ac156829f80",
                            Blake3.hex(generator
                                    .generate(TestModels.request(model, prompt, 40, Sampling.GREEDY), token -> {})
                                    .traceRoot()));
                    Sampling sampled = new Sampling(0.9f, 50, 950_000, 42);
                    assertEquals(
                            "cff1a87a110f79d62f34e215d70e682ec4f7947bcdd9c7bcd1569a28db4abe5d",
                            Blake3.hex(generator
                                    .generate(TestModels.request(model, prompt, 40, sampled), token -> {})
                                    .traceRoot()));
                    assertTrue(Gpu.isReal() || Gpu.call("emu_graphs_run", -1) >= 2 * 39, "decoding runs as a graph");
                }
            });
        }
    }

    /**
     * Shapes that no tile fits: head sizes, shared heads, biases and norms of several families; block by block in
     * every way.
     */
    @Test
    void modelsOfOtherShapesGiveTheSameBits() throws IOException {
        int seed = 0;
        for (RandomModel.Shape shape : shapes()) {
            Path source = folder.resolve("random-" + seed);
            RandomModel.write(shape, seed++, source, share -> {});
            try (LoadedModel model = TestModels.load(source, folder)) {
                int[] prompt =
                        new Random(seed).ints(70, 0, model.config().vocab()).toArray();
                Request request = TestModels.request(model, prompt, 6, new Sampling(0.8f, 40, 900_000, 5));
                Result expected = onProcessors(model, request);
                onDevice(model, weights -> {
                    for (int block : new int[] {70, 33, 1}) {
                        try (Executor pass = pass(weights, model, block, 1)) {
                            Result found = new Generator(pass, NODE, block).generate(request, token -> {});
                            assertArrayEquals(expected.tokens(), found.tokens(), shape + ", block " + block);
                            assertArrayEquals(expected.traceRoot(), found.traceRoot(), shape + ", block " + block);
                        }
                    }
                });
            }
        }
    }

    /** One kind of matrix beside another: down's rows of the second are no whole groups. */
    @Test
    void modelsOfFourBitsGiveTheSameBits() throws IOException {
        int seed = 400;
        for (RandomModel.Shape shape : List.of(
                new RandomModel.Shape("LlamaForCausalLM", 96, 3, 6, 2, 16, 160, 333, 256, "F32", true, 0, 1),
                new RandomModel.Shape("Qwen2ForCausalLM", 64, 2, 7, 1, 16, 104, 320, 256, "BF16", false, 3, 1))) {
            Path source = folder.resolve("four-" + seed);
            RandomModel.write(shape, seed++, source, share -> {});
            try (LoadedModel model = TestModels.load(source, WeightBits.INT4, folder)) {
                int[] prompt =
                        new Random(seed).ints(70, 0, model.config().vocab()).toArray();
                Request request = TestModels.request(model, prompt, 6, new Sampling(0.8f, 40, 900_000, 5));
                Result expected = onProcessors(model, request);
                onDevice(model, weights -> {
                    for (int block : new int[] {70, 1}) {
                        try (Executor pass = pass(weights, model, block, 1)) {
                            Result found = new Generator(pass, NODE, block).generate(request, token -> {});
                            assertArrayEquals(expected.traceRoot(), found.traceRoot(), shape + ", block " + block);
                        }
                    }
                });
            }
        }
    }

    /**
     * Prompts of more rows than are hashed beside the layers, over more pages than are in shared memory at once, in
     * models of more layers than have their records at once.
     */
    @Test
    void longPromptsThroughDeepModelsGiveTheSameBits() throws IOException {
        int seed = 900;
        for (RandomModel.Shape shape : List.of(
                new RandomModel.Shape("LlamaForCausalLM", 64, 7, 4, 2, 16, 80, 300, 1024, "F32", true, 0, 1),
                new RandomModel.Shape("Qwen3ForCausalLM", 48, 4, 2, 1, 64, 96, 520, 1024, "BF16", false, 0, 1))) {
            Path source = folder.resolve("long-" + seed);
            RandomModel.write(shape, seed++, source, share -> {});
            try (LoadedModel model = TestModels.load(source, folder)) {
                int[] prompt =
                        new Random(seed).ints(530, 0, model.config().vocab()).toArray();
                Request request = TestModels.request(model, prompt, 6, new Sampling(0.8f, 40, 900_000, 5));
                Result expected = onProcessors(model, request);
                onDevice(model, weights -> {
                    for (int block : new int[] {530, 256, 255}) {
                        try (Executor pass = pass(weights, model, block, 1)) {
                            Result found = new Generator(pass, NODE, block).generate(request, token -> {});
                            assertArrayEquals(expected.tokens(), found.tokens(), shape + ", block " + block);
                            assertArrayEquals(expected.traceRoot(), found.traceRoot(), shape + ", block " + block);
                        }
                    }
                });
            }
        }
    }

    /** Answers whose context grows beyond what one block of attention takes: from one graph to another. */
    @Test
    void aContextThatGrowsBeyondOneBlockGivesTheSameBits() throws IOException {
        RandomModel.Shape shape =
                new RandomModel.Shape("LlamaForCausalLM", 32, 2, 2, 1, 16, 48, 300, 1088, "F32", true, 0, 1);
        RandomModel.write(shape, 77, folder.resolve("crossing"), share -> {});
        try (LoadedModel model = TestModels.load(folder.resolve("crossing"), folder)) {
            int[] prompt = new Random(7).ints(1021, 0, model.config().vocab()).toArray();
            Request request = TestModels.request(model, prompt, 7, Sampling.GREEDY);
            Result expected = onProcessors(model, request);
            onDevice(model, weights -> {
                try (Executor pass = pass(weights, model, 256, 1)) {
                    Result found = new Generator(pass, NODE, 256).generate(request, token -> {});
                    assertArrayEquals(expected.traceRoot(), found.traceRoot());
                }
            });
        }
    }

    /** A real GPU has only its own; the emulated one can be either. */
    @Test
    void modelsGiveTheSameBitsOnHopper() throws Throwable {
        assumeFalse(Gpu.isReal(), "Skipped: the other tests run on what this host has");
        cuda.close();
        Gpu.call("emu_set_capability", 9);
        cuda = Gpu.cuda();
        assertEquals(Products.Way.WGMMA, way(cuda));
        Path all = folder;
        List<Executable> tests = List.of(
                this::theShippedModelHasItsGoldenTraceRoots,
                this::modelsOfOtherShapesGiveTheSameBits,
                this::modelsOfFourBitsGiveTheSameBits,
                this::longPromptsThroughDeepModelsGiveTheSameBits,
                this::anAnswerIsAuditedInFull,
                this::everyNumberOfSequencesGivesTheSameBits);
        for (int i = 0; i < tests.size(); i++) {
            folder = Files.createDirectory(all.resolve("hopper-" + i));
            tests.get(i).execute();
        }
    }

    private static List<RandomModel.Shape> shapes() {
        return List.of(
                new RandomModel.Shape("LlamaForCausalLM", 100, 3, 6, 2, 10, 90, 333, 256, "F32", true, 0, 1),
                new RandomModel.Shape("Qwen2ForCausalLM", 64, 2, 7, 1, 16, 96, 320, 256, "BF16", false, 3, 1),
                new RandomModel.Shape("Qwen3ForCausalLM", 96, 1, 4, 4, 72, 200, 1100, 256, "F16", false, 0, 1),
                new RandomModel.Shape("LlamaForCausalLM", 256, 2, 2, 1, 160, 64, 300, 256, "I8", false, 0, 1));
    }

    private static Request request(LoadedModel model, int[] prompt, int most, Sampling sampling) {
        return new Request(
                model.id(), "", 0, prompt, sampling, most, new int[0], List.of(), Bytes32.ZERO, new byte[16]);
    }

    private static final class Awaited implements Engine.Listener {
        private final CompletableFuture<Result> result = new CompletableFuture<>();

        @Override
        public boolean onToken(int token, float[] logits, int offset) {
            return false;
        }

        @Override
        public void onDone(Result done) {
            result.complete(done);
        }

        @Override
        public void onFailed(RuntimeException why) {
            result.completeExceptionally(why);
        }
    }

    @Test
    void theEngineServesManyAndSharesPrefixesOnTheDevice() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            Random random = new Random(3);
            int[] common = random.ints(64, 3, model.config().vocab()).toArray();
            onDevice(model, weights -> {
                long cache = 16 * KvCache.pageBytes(model.config());
                Engine engine = new Engine(pass(weights, model, 48 + 4, 4), NODE, new Engine.Limits(48, 4, 100, cache));
                List<Request> requests = new ArrayList<>();
                List<Awaited> answers = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    int[] prompt = java.util.Arrays.copyOf(common, 64 + 1 + random.nextInt(30));
                    for (int t = 64; t < prompt.length; t++) {
                        prompt[t] = 3 + random.nextInt(500);
                    }
                    Sampling sampling = i % 2 == 0 ? Sampling.GREEDY : new Sampling(0.9f, 0, 950_000, i);
                    requests.add(request(model, prompt, 3 + random.nextInt(5), sampling));
                    answers.add(new Awaited());
                    engine.submit(requests.get(i), answers.get(i));
                    if (i == 0) {
                        answers.get(0).result.join();
                    }
                }
                for (int i = 0; i < requests.size(); i++) {
                    assertArrayEquals(
                            onProcessors(model, requests.get(i)).traceRoot(),
                            answers.get(i).result.join().traceRoot(),
                            "answer " + i);
                }
                assertTrue(engine.reusedTokens() >= 5 * 64, "prefixes were shared");
                assertTrue(engine.mostSequences() > 1, "answers were batched");
                engine.close();
            });
        }
    }

    /** Rows of a step are several of one sequence's, each choosing, beside single ones; some do not stand. */
    @Test
    void guessesChangeNoBitOnTheDevice() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            Random random = new Random(4);
            List<Request> requests = new ArrayList<>();
            List<Result> expected = new ArrayList<>();
            List<int[]> texts = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int[] prompt =
                        random.ints(1 + 25 * i, 3, model.config().vocab()).toArray();
                Sampling sampling = i % 2 == 0 ? Sampling.GREEDY : new Sampling(0.9f, 0, 950_000, i);
                requests.add(request(model, prompt, 10 + 4 * i, sampling));
                expected.add(onProcessors(model, requests.get(i)));
                texts.add(Guesses.text(prompt, expected.get(i).tokens()));
            }
            onDevice(model, weights -> {
                Engine.Limits limits = new Engine.Limits(48, 3, 100, 16 * KvCache.pageBytes(model.config()), 5);
                try (Engine engine = Guesses.engine(pass(weights, model, 48 + 3, 3), NODE, limits, texts, 80, 2)) {
                    List<Awaited> answers = new ArrayList<>();
                    for (Request request : requests) {
                        answers.add(new Awaited());
                        engine.submit(request, answers.getLast());
                    }
                    for (int i = 0; i < requests.size(); i++) {
                        Result found = answers.get(i).result.join();
                        assertArrayEquals(expected.get(i).tokens(), found.tokens(), "answer " + i);
                        assertArrayEquals(expected.get(i).traceRoot(), found.traceRoot(), "answer " + i);
                    }
                    assertTrue(engine.acceptedTokens() > 10, engine.acceptedTokens() + " accepted");
                    assertTrue(
                            engine.draftedTokens() > engine.acceptedTokens() + 5, engine.draftedTokens() + " drafted");
                }
            });
        }
    }

    /** Timing changes no bit, and every kernel of a layer is counted once a layer and step. */
    @Test
    void everyKernelIsTimed() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            Request request = TestModels.request(model, new int[] {0, 560, 376, 261}, 3, Sampling.GREEDY);
            byte[] expected = onProcessors(model, request).traceRoot();
            int layers = model.config().layers();
            onDevice(model, weights -> {
                try (DevicePass pass = (DevicePass) pass(weights, model, 8, 1);
                        KernelTimes times = new KernelTimes(cuda, 1)) {
                    pass.timeBy(times);
                    assertArrayEquals(
                            expected,
                            new Generator(pass, NODE)
                                    .generate(request, token -> {})
                                    .traceRoot());
                    List<KernelTime> taken = times.take();
                    assertEquals(layers, launches(taken, "split_heads_128"), "a prompt");
                    assertEquals(2 * layers, launches(taken, "attend_short_4"), "two tokens");
                    assertEquals(layers + 1 + 2, launches(taken, "hash_records"), "a token's records all at once");
                    assertTrue(taken.stream().allMatch(t -> t.seconds() >= 0 && t.launches() > 0));
                    KernelTime gate = taken.stream()
                            .filter(t -> t.kernel().equals("gemv_gate_1"))
                            .findFirst()
                            .orElseThrow();
                    long weightBytes =
                            2L * model.config().mlp() * model.config().hidden();
                    assertEquals(weightBytes * gate.launches(), gate.bytes());
                    assertEquals(2 * weightBytes * gate.launches(), gate.operations());
                    assertEquals(List.of(), times.take(), "what was taken is forgotten");
                }
            });
        }
    }

    private static int launches(List<KernelTime> times, String kernel) {
        return times.stream()
                .filter(t -> t.kernel().equals(kernel))
                .mapToInt(KernelTime::launches)
                .sum();
    }

    /** An auditor is content with what a GPU committed to, opened from a trace that the GPU computed again. */
    @Test
    void anAnswerIsAuditedInFull() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            KeyPair keys = KeyPair.random();
            int[] prompt = {0, 560, 376, 261, 379, 393, 261, 292, 302, 49, 2, 1};
            Request request = new Request(
                    model.id(),
                    "",
                    0,
                    prompt,
                    Sampling.GREEDY,
                    8,
                    new int[0],
                    List.of(),
                    keys.publicKey(),
                    new byte[16]);
            onDevice(model, weights -> {
                try (Executor pass = pass(weights, model, 32, 1);
                        ForwardPass forward = TestModels.forward(model)) {
                    Generator generator = new Generator(pass, keys.publicKey(), 16);
                    Result result = generator.generate(request, token -> {});
                    Answer answer = TestModels.answer(model, result.tokens());
                    Receipt receipt = Receipt.of(request, answer, result.traceRoot(), result.traceBytes(), 1, keys);
                    Replay replay = new Replay(generator, forward, keys.publicKey(), request, result.tokens());
                    assertArrayEquals(result.traceRoot(), replay.root());
                    Auditor auditor = TestModels.auditor(model.verifierKey(share -> {}));
                    var report = auditor.audit(receipt, request, answer, Assignment.of(Level.FULL), replay, null);
                    assertTrue(report.good(), String.valueOf(report.failure()));
                }
            });
        }
    }

    /** Other kernels run for one sequence than for five, thirty-three or a hundred. */
    @Test
    void everyNumberOfSequencesGivesTheSameBits() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            Request request = TestModels.request(model, selfTestPrompt(model), 4, Sampling.GREEDY);
            byte[] expected = onProcessors(model, request).traceRoot();
            onDevice(model, weights -> {
                try (Executor pass = pass(weights, model, 256 + 100, 100)) {
                    assertEquals(OptionalInt.empty(), SelfTest.differs(pass, request, NODE, expected, 256, 100, 1000));
                    byte[] other = expected.clone();
                    other[0] ^= 1;
                    assertEquals(OptionalInt.of(1), SelfTest.differs(pass, request, NODE, other, 256, 100, 1000));
                }
            });
        }
    }

    private static int[] selfTestPrompt(LoadedModel model) {
        return new Random(7)
                .ints(2 * KvCache.TOKENS + 1, 3, model.config().vocab())
                .toArray();
    }

    @Test
    void numbersThatOverflowAreReportedAndTheNextAnswerIsRight() throws IOException {
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            Request request = TestModels.request(model, new int[] {0, 560, 376}, 3, Sampling.GREEDY);
            List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
            layers.set(1, withInfiniteGain(layers.get(1)));
            try (DeviceWeights weights = new DeviceWeights(cuda, model, layers, 0, share -> {});
                    Executor pass = pass(weights, model, 8, 1)) {
                Generator generator = new Generator(pass, NODE);
                assertThrows(ArithmeticException.class, () -> generator.generate(request, token -> {}));
            }
            onDevice(model, weights -> {
                try (Executor pass = pass(weights, model, 8, 1)) {
                    assertArrayEquals(
                            onProcessors(model, request).traceRoot(),
                            new Generator(pass, NODE)
                                    .generate(request, token -> {})
                                    .traceRoot());
                }
            });
        }
    }

    private static LoadedModel.Layer withInfiniteGain(LoadedModel.Layer layer) {
        var p = layer.parameters();
        float[] gain = p.attentionGain().clone();
        gain[3] = Float.POSITIVE_INFINITY;
        var broken = new io.plumbline.verifier.model.LayerParameters(
                gain,
                p.mlpGain(),
                p.qkvScale(),
                p.outScale(),
                p.gateUpScale(),
                p.downScale(),
                p.qkvBias(),
                p.queryGain(),
                p.keyGain());
        return new LoadedModel.Layer(
                broken, layer.q(), layer.k(), layer.v(), layer.out(), layer.gate(), layer.up(), layer.down());
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeItStarts() throws IOException {
        assumeFalse(Gpu.isReal(), "Skipped: this GPU's memory is not ours to fill");
        try (LoadedModel model = TestModels.load(TestModels.SHIPPED, folder)) {
            long all = cuda.freeBytes();
            CudaException e = assertThrows(
                    CudaException.class, () -> new DeviceWeights(cuda, model, model.layers(), all, share -> {}));
            assertTrue(e.getMessage().contains("MiB of GPU memory"), e.getMessage());
            assertEquals(all, cuda.freeBytes(), "nothing was taken");
        }
    }
}
