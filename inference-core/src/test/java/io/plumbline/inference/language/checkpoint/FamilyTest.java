package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.quality.FloatModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.WeightFormat;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every family that is taken: it computes what its checkpoint says, to the bit on every backend, and can be audited.
 */
class FamilyTest {
    private static final KeyPair NODE = KeyPair.random();

    @TempDir
    Path folder;

    static RandomModel.Shape shape(String architecture, String dtype, boolean tied, float keyBias, int shards) {
        // Qwen3's heads are wider than hidden / heads.
        int headDim = architecture.startsWith("Qwen3") ? 32 : 16;
        int layers = architecture.startsWith("Gemma4") ? 4 : 2;
        return new RandomModel.Shape(
                architecture, 64, layers, 4, 2, headDim, 96, 320, 256, dtype, tied, keyBias, shards);
    }

    private Path source(String name, RandomModel.Shape shape) throws IOException {
        Path path = folder.resolve(name);
        RandomModel.write(shape, 7, path, share -> {});
        return path;
    }

    private static int[] prompt(ModelConfig config, int n) {
        int[] tokens = new int[n];
        for (int i = 0; i < n; i++) {
            tokens[i] = 3 + (i * 53 + 11) % (config.vocab() - 3);
        }
        return tokens;
    }

    /** Cosine between two rows. */
    private static double cosine(float[] a, float[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            ab += (double) a[i] * b[i];
            aa += (double) a[i] * a[i];
            bb += (double) b[i] * b[i];
        }
        return ab / Math.sqrt(aa * bb);
    }

    @ParameterizedTest
    @CsvSource({
        "LlamaForCausalLM, F32, true, 0, 1",
        "LlamaForCausalLM, I8, false, 0, 2",
        "MistralForCausalLM, BF16, false, 0, 3",
        "Qwen2ForCausalLM, BF16, true, 3, 1",
        "Qwen2ForCausalLM, I8, false, 20, 1",
        "Qwen3ForCausalLM, F16, false, 0, 2",
        "MinistralForCausalLM, BF16, false, 0, 1",
        "GemmaForCausalLM, BF16, true, 0, 1",
        "Gemma2ForCausalLM, BF16, true, 0, 1",
        "Gemma3ForCausalLM, F32, true, 0, 2",
        "Gemma4ForCausalLM, BF16, true, 0, 1",
        "Gemma4ForCausalLM, I8, false, 0, 1",
        "Gemma4MixtureForCausalLM, BF16, true, 0, 2",
        "Gemma4ForConditionalGeneration, F32, true, 0, 2",
        "Gemma4ForConditionalGeneration, I8, false, 0, 1",
        "Phi3ForCausalLM, BF16, false, 0, 1",
        "Phi3ForCausalLM, I8, false, 0, 1",
        "Olmo2ForCausalLM, BF16, false, 0, 1",
        "Olmo3ForCausalLM, F16, false, 0, 1",
        "SmolLM3ForCausalLM, BF16, true, 0, 1",
        "GraniteForCausalLM, BF16, true, 1, 1",
        "GraniteForCausalLM, I8, false, 1, 1",
        "GlmForCausalLM, BF16, false, 0, 1",
        "Glm4ForCausalLM, I8, false, 0, 1",
        "Exaone4ForCausalLM, BF16, true, 0, 1",
        "Qwen3MoeForCausalLM, BF16, false, 0, 2",
        "MixtralForCausalLM, I8, false, 0, 1",
        "OlmoeForCausalLM, F32, false, 0, 1",
        "Glm4MoeForCausalLM, BF16, false, 1, 1",
        "Qwen3NextForCausalLM, BF16, false, 0, 2",
        "Qwen3NextForCausalLM, I8, false, 0, 1",
        "Qwen3_5ForCausalLM, F32, true, 0, 1",
        "Qwen3_5ForConditionalGeneration, BF16, true, 0, 1",
        "Qwen3_5ForConditionalGeneration, I8, false, 0, 1",
        "Qwen3_5MoeForConditionalGeneration, BF16, false, 0, 1",
        "GptOssForCausalLM, MXFP4, false, 1, 2",
        "GptOssForCausalLM, BF16, false, 1, 1"
    })
    void importsComputesExactlyAndIsAudited(String architecture, String dtype, boolean tied, float keyBias, int shards)
            throws IOException {
        Path source = source("source", shape(architecture, dtype, tied, keyBias, shards));
        try (LoadedModel model = TestModels.load(source, folder);
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            model.verify(share -> {});
            int[] prompt = prompt(model.config(), 40);
            Request request = TestModels.request(model, prompt, 24, new Sampling(0.8f, 40, 900_000, 5));
            ForwardPass forward = TestModels.forward(model);
            Generator best = new Generator(forward, NODE.publicKey(), 16);
            Generator.Result result = best.generate(request, token -> {});
            Generator scalar =
                    new Generator(TestModels.forward(model, model.layers(), Backend.SCALAR), NODE.publicKey(), 7);
            assertArrayEquals(
                    scalar.generate(request, token -> {}).traceRoot(), result.traceRoot(), "scalar specification");

            Replay replay = new Replay(best, forward, NODE.publicKey(), request, result.tokens());
            Answer answer = TestModels.answer(model, result.tokens());
            int contract = model.config().contractVersion();
            Receipt receipt = Receipt.of(contract, request, answer, replay.root(), result.traceBytes(), 1, NODE);
            AuditReport report = TestModels.auditor(model.verifierKey(share -> {}))
                    .audit(receipt, request, answer, Assignment.of(Level.FULL), replay, null);
            assertNull(report.failure(), () -> report.failure().toString());

            assertCloseToFloat(model, new FloatModel(checkpoint), prompt);
        }
    }

    /** The architecture is the right one, not only the same everywhere: logits point where unquantized ones do. */
    private static void assertCloseToFloat(LoadedModel model, FloatModel reference, int[] tokens) {
        float[][] expected = reference.logits(tokens);
        float[][] exact = TestModels.forward(model).logits(tokens);
        double[] cosines = IntStream.range(0, tokens.length)
                .mapToDouble(t -> cosine(expected[t], exact[t]))
                .sorted()
                .toArray();
        // Where two experts score alike, an error of quantization chooses the other; and where linear attention gives
        // nearly nothing, its norm makes the error as large as the rest.
        Architecture architecture = model.config().architecture();
        boolean isTouchy = architecture.experts() != null || architecture.delta() != null;
        double[] least = isTouchy ? new double[] {0.8, 0.97} : new double[] {0.97, 0.97};
        assertTrue(cosines[0] > least[0], "cosine with unquantized logits " + cosines[0]);
        assertTrue(cosines[cosines.length / 8] > least[1], "cosine of most " + cosines[cosines.length / 8]);
    }

    @Test
    void shardsAndASingleFileAreTheSameModel() throws IOException {
        Path one = source("one", shape("LlamaForCausalLM", "BF16", false, 0, 1));
        Path three = source("three", shape("LlamaForCausalLM", "BF16", false, 0, 3));
        Manifest a = ModelImport.run(one, folder.resolve("a"), share -> {});
        Manifest b = ModelImport.run(three, folder.resolve("b"), share -> {});
        assertEquals(a.id(), b.id());
    }

    @Test
    void anImportedModelImportsToItself() throws IOException {
        Path source = source("source", shape("Qwen2ForCausalLM", "BF16", true, 10, 1));
        Manifest first = ModelImport.run(source, folder.resolve("a"), share -> {});
        Manifest again = ModelImport.run(folder.resolve("a"), folder.resolve("b"), share -> {});
        assertEquals(first.tensors().keySet(), again.tensors().keySet());
        String q = TensorNames.Q.in(0) + ".weight";
        assertArrayEquals(first.tensor(q).hash(), again.tensor(q).hash(), "int8 weights are taken as they are");
    }

    @Test
    void anImportedModelWithEmbeddingsOfLayersImportsToItself() throws IOException {
        Path source = source("source", shape("Gemma4ForConditionalGeneration", "BF16", true, 0, 1));
        List<String> notes = new ArrayList<>();
        Manifest first = ModelImport.run(source, folder.resolve("a"), share -> {}, notes::add);
        assertTrue(notes.getFirst().startsWith("Left out: 3 tensors of parts that are not run"), notes.toString());
        Manifest again = ModelImport.run(folder.resolve("a"), folder.resolve("b"), share -> {});
        assertEquals(first.config(), again.config());
        assertEquals(first.tensors().keySet(), again.tensors().keySet());
        for (String name : List.of(TensorNames.PER_LAYER_EMBEDDING, TensorNames.PER_LAYER_INPUT.weight(2))) {
            assertArrayEquals(first.tensor(name).hash(), again.tensor(name).hash(), name);
        }
    }

    @Test
    void anImportedModelWithLinearAttentionImportsToItself() throws IOException {
        Path source = source("source", shape("Qwen3_5MoeForConditionalGeneration", "BF16", false, 0, 1));
        List<String> notes = new ArrayList<>();
        Manifest first = ModelImport.run(source, folder.resolve("a"), share -> {}, notes::add);
        assertTrue(notes.getFirst().startsWith("Left out: 2 tensors"), notes.toString());
        Manifest again = ModelImport.run(folder.resolve("a"), folder.resolve("b"), share -> {});
        assertEquals(first.tensors().keySet(), again.tensors().keySet());
        for (String name : first.tensors().keySet()) {
            boolean isKept = !name.startsWith(TensorNames.OUTPUT);
            if (isKept) {
                assertArrayEquals(first.tensor(name).hash(), again.tensor(name).hash(), name);
            }
        }
    }

    @Test
    void weightsOfFourBitsLeaveWhatIsRecurrentAsItIs() throws IOException {
        Path source = source("source", shape("Qwen3NextForCausalLM", "BF16", false, 0, 1));
        Manifest manifest = ModelImport.run(source, folder.resolve("a"), WeightBits.INT4, share -> {}, note -> {});
        assertEquals(
                WeightFormat.INT8,
                manifest.tensor(TensorNames.deltaGates(0) + ".weight").format());
        assertTrue(manifest.tensor(TensorNames.LINEAR_QKV.weight(0)).format().isGrouped());
        try (LoadedModel model = LoadedModel.open(folder.resolve("a"))) {
            model.verify(share -> {});
            Request request = TestModels.request(model, prompt(model.config(), 40), 8, Sampling.GREEDY);
            byte[] root = new Generator(TestModels.forward(model), NODE.publicKey())
                    .generate(request, token -> {})
                    .traceRoot();
            ForwardPass scalar = TestModels.forward(model, model.layers(), Backend.SCALAR);
            assertArrayEquals(
                    root,
                    new Generator(scalar, NODE.publicKey())
                            .generate(request, token -> {})
                            .traceRoot());
        }
    }

    @Test
    void hugeKeyBiasesAreEvenedWithoutChangingTheModel() throws IOException {
        Path source = source("source", shape("Qwen2ForCausalLM", "F32", true, 300, 1));
        ModelImport.run(source, folder.resolve("a"), share -> {});
        try (LoadedModel model = LoadedModel.open(folder.resolve("a"));
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            float[] before = checkpoint
                    .require(
                            "model.layers.0.self_attn.k_proj.bias",
                            model.config().kvDim(0))
                    .floats();
            float[] after = Arrays.copyOfRange(
                    model.layers().get(0).parameters().qkvBias(),
                    model.config().queryDim(0),
                    model.config().queryDim(0) + model.config().kvDim(0));
            int moved = 0;
            for (int i = 0; i < before.length; i++) {
                float ratio = before[i] / after[i];
                assertEquals(0, Float.floatToRawIntBits(ratio) & 0x7FFFFF, "divided by a power of two, nothing else");
                moved += ratio > 1 ? 1 : 0;
            }
            assertTrue(moved > 0, "some channels are huge");
            assertCloseToFloat(model, new FloatModel(checkpoint), prompt(model.config(), 32));
        }
    }

    private String refused(Path source) {
        IOException e = org.junit.jupiter.api.Assertions.assertThrows(
                IOException.class, () -> ModelImport.run(source, folder.resolve("out"), share -> {}));
        assertTrue(!Files.exists(folder.resolve("out")), "nothing half-done is left");
        return e.getMessage();
    }

    @Test
    void whatCannotRunExactlyIsRefusedByName() throws IOException {
        Path source = source("source", shape("LlamaForCausalLM", "BF16", true, 0, 1));
        Path config = source.resolve("config.json");
        String json = Files.readString(config);
        String[][] cases = {
            {"\"LlamaForCausalLM\"", "\"DeepseekV3ForCausalLM\"", "architecture DeepseekV3ForCausalLM"},
            {"\"silu\"", "\"relu2\"", "activation relu2"},
            {"{\"arch", "{\"sliding_window\": 64, \"arch", "sliding window of 64"},
            {"{\"arch", "{\"rope_scaling\": {\"rope_type\": \"ntk\", \"factor\": 4}, \"arch", "rope scaling ntk"},
            {"{\"arch", "{\"partial_rotary_factor\": 0.5, \"arch", "partial rotary"},
            {"{\"arch", "{\"clip_qkv\": 8.0, \"arch", "clip_qkv 8.0"},
            {"{\"arch", "{\"layer_types\": [\"sliding_attention\"], \"arch", "a sliding window of 0"},
            {"{\"arch", "{\"layer_types\": [\"chunked_attention\"], \"arch", "layer type chunked_attention"},
            {"{\"arch", "{\"layer_types\": [\"full_attention\"], \"arch", "1 layer types for 2 layers"},
            {"{\"arch", "{\"quantization_config\": {\"quant_method\": \"gptq\"}, \"arch", "quantization gptq"},
        };
        for (String[] c : cases) {
            Files.writeString(config, json.replace(c[0], c[1]));
            String message = refused(source);
            assertTrue(message.contains(c[2]), message);
            assertTrue(message.contains("not supported exactly"), message);
        }
        Files.writeString(config, json);
        Path index = source.resolve("model.safetensors.index.json");
        Files.move(source.resolve("model.safetensors"), source.resolve("model-00001-of-00002.safetensors"));
        Files.writeString(index, "{\"weight_map\": {\"x\": \"model-00002-of-00002.safetensors\"}}");
        assertTrue(refused(source).contains("model-00002-of-00002.safetensors does not exist"));
    }
}
