package io.plumbline.inference.language.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.DeltaParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A GGUF file of a checkpoint imports to the very model that the checkpoint itself imports to. */
class GgufTest {
    @TempDir
    Path folder;

    private Path export(Path source, GgufType type) throws IOException {
        Path file = folder.resolve("model.gguf");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufExport.run(checkpoint, type, file, share -> {});
        }
        return file;
    }

    @ParameterizedTest
    @CsvSource({
        "LlamaForCausalLM, F16, F16, true",
        "LlamaForCausalLM, BF16, BF16, false",
        "Qwen2ForCausalLM, F16, F16, true",
        "Qwen3ForCausalLM, F32, F32, false",
        "Qwen3MoeForCausalLM, BF16, BF16, false",
        "MixtralForCausalLM, F16, F16, false",
        "OlmoeForCausalLM, F32, F32, false",
        "GemmaForCausalLM, F32, F32, true",
        "Gemma2ForCausalLM, F32, F32, true",
        "Gemma3ForCausalLM, F32, F32, true",
        "Gemma4ForCausalLM, F32, F32, true",
        "Gemma4MixtureForCausalLM, F32, F32, true",
        "Gemma4ForConditionalGeneration, F32, F32, true",
        "Phi3ForCausalLM, F16, F16, false",
        "Olmo2ForCausalLM, BF16, BF16, false",
        "SmolLM3ForCausalLM, F16, F16, true",
        "GraniteForCausalLM, F32, F32, false",
        "Glm4ForCausalLM, BF16, BF16, false",
        "Exaone4ForCausalLM, F32, F32, false",
        "Glm4MoeForCausalLM, BF16, BF16, false",
        "GptOssForCausalLM, F32, F32, false",
        "Qwen3NextForCausalLM, F32, F32, false",
        "Qwen3_5ForCausalLM, BF16, BF16, true",
        "Qwen3_5MoeForConditionalGeneration, F32, F32, false"
    })
    void theSameWeightsAreTheSameModel(String architecture, String dtype, GgufType type, boolean tied)
            throws IOException {
        Path source = folder.resolve("source");
        int layers = architecture.startsWith("Gemma3") ? 6 : 4;
        RandomModel.Shape shape =
                new RandomModel.Shape(architecture, 64, layers, 4, 2, 16, 96, 320, 256, dtype, tied, 50, 1);
        RandomModel.write(shape, 3, source, share -> {});
        asFilesSay(source.resolve("config.json"));
        Manifest direct = ModelImport.run(source, folder.resolve("a"), share -> {});
        Manifest through = ModelImport.run(export(source, type), folder.resolve("b"), share -> {});
        assertSame(direct.config(), through.config());
        assertEquals(direct.tensors().keySet(), through.tensors().keySet());
        direct.tensors().forEach((name, tensor) -> {
            // A file has the decays themselves, less than 0, in place of their logarithms.
            if (!name.endsWith(".A_log")) {
                assertArrayEquals(tensor.hash(), through.tensor(name).hash(), name);
            }
        });
        try (LoadedModel other = LoadedModel.open(folder.resolve("a"));
                LoadedModel model = LoadedModel.open(folder.resolve("b"))) {
            assertArrayEquals(new int[] {2}, model.stopTokens());
            for (int l = 0; l < model.layers().size(); l++) {
                DeltaParameters delta = model.layers().get(l).parameters().delta();
                for (int h = 0; delta != null && h < delta.decay().length; h++) {
                    float expected = other.layers().get(l).parameters().delta().decay()[h];
                    assertEquals(expected, delta.decay()[h], 1e-6 * expected);
                }
            }
        }
    }

    /** The same model; divisors and magnitude of a long rope are f32 in a file. */
    private static void assertSame(ModelConfig expected, ModelConfig found) {
        if (expected.rope().scaling() instanceof RopeScaling.LongRope one
                && found.rope().scaling() instanceof RopeScaling.LongRope other) {
            assertEquals(one.magnitude(), other.magnitude(), 1e-7);
            for (int i = 0; i < one.divisors().length; i++) {
                assertEquals(one.divisors()[i], other.divisors()[i], 1e-7 * one.divisors()[i]);
            }
            assertEquals(expected.architecture(), found.architecture());
            return;
        }
        assertEquals(expected, found);
    }

    /** What no file says, and is not as the largest of its family has it, is that of the smaller ones. */
    private static void asFilesSay(Path config) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        switch (json.path("architectures").path(0).asText()) {
            case "Gemma2ForCausalLM" -> json.set("query_pre_attn_scalar", json.get("head_dim"));
            case "Gemma3ForCausalLM" ->
                json.put("sliding_window_pattern", 6).set("query_pre_attn_scalar", json.get("head_dim"));
            case "SmolLM3ForCausalLM" -> json.remove("no_rope_layers");
            case "Exaone4ForCausalLM" ->
                json.put("sliding_window_pattern", "LLLG").remove("layer_types");
            default -> {
                // As it is.
            }
        }
        mapper.writeValue(config.toFile(), json);
    }

    @Test
    void eightBitBlocksAreRequantizedRowByRow() throws IOException {
        Path file = export(TestModels.SHIPPED, GgufType.Q8_0);
        ModelImport.run(file, folder.resolve("b"), share -> {});
        try (LoadedModel a = TestModels.load(TestModels.SHIPPED, folder);
                LoadedModel b = LoadedModel.open(folder.resolve("b"))) {
            float[] one = a.layers().get(0).parameters().downScale();
            float[] two = b.layers().get(0).parameters().downScale();
            for (int i = 0; i < one.length; i++) {
                assertEquals(one[i], two[i], 0.01 * one[i], "row " + i);
            }
        }
    }

    private void sameTokens(Path source, List<String> texts) throws IOException {
        ModelImport.run(export(source, GgufType.F32), folder.resolve("b"), share -> {});
        try (ChatTokenizer a = ChatTokenizer.open(source);
                ChatTokenizer b = ChatTokenizer.open(folder.resolve("b"))) {
            for (String text : texts) {
                int[] expected = a.prompt(List.of(new ChatTokenizer.Message("user", text)));
                int[] found = b.prompt(List.of(new ChatTokenizer.Message("user", text)));
                assertArrayEquals(expected, found, text);
                assertEquals(a.decode(expected), b.decode(found));
            }
        }
    }

    private static final List<String> TEXTS = List.of(
            "Tell me a story about a clever fox.",
            "Once upon a time, there was  a little girl named Lily.\nShe had 12 cats!",
            "¿Qué? naïve — 日本語 🙂",
            "");

    @Test
    void byteLevelTokenizersComeThrough() throws IOException {
        sameTokens(TestModels.SHIPPED, TEXTS);
    }

    @Test
    void sentencePieceTokenizersComeThroughTheirScores() throws IOException {
        assumeTrue(Files.exists(TestModels.STORIES_260K), "Skipped: no model at " + TestModels.STORIES_260K);
        sameTokens(TestModels.STORIES_260K, TEXTS);
    }

    @Test
    void mergesThatAFileSpellsOutAreTakenAsTheyStand() throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(
                new RandomModel.Shape("Gemma4ForCausalLM", 64, 2, 4, 2, 16, 96, 320, 256, "F32", true, 0, 1),
                3,
                source,
                share -> {});
        Path plain = export(source, GgufType.F32);
        List<String> tokens = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            for (Object token : GgufFile.map(plain, arena).array("tokenizer.ggml.tokens")) {
                tokens.add((String) token);
            }
        }
        int first = 280;
        List<String> words = List.of("h", "e", "l", "o", "▁", "\n", "he", "ll", "hell", "hello", "▁hello", "\n\n");
        for (int i = 0; i < words.size(); i++) {
            tokens.set(first + i, words.get(i));
        }
        Map<String, Object> more = Map.of(
                "tokenizer.ggml.model",
                "gemma4",
                "tokenizer.ggml.tokens",
                tokens,
                "tokenizer.ggml.merges",
                List.of("h e", "l l", "he ll", "hell o", "▁ hello", "\n \n"));
        Path file = written(plain, "gemma4.gguf", more, name -> true, null);
        Path imported = folder.resolve("imported");
        ModelImport.run(file, imported, share -> {});
        try (ChatTokenizer tokenizer = ChatTokenizer.open(imported)) {
            String text = "hello hello\n\nhe é";
            int[] expected = IntStream.of(9, 10, 11, 6, 4).map(i -> first + i).toArray();
            int[] found = tokenizer.text(text);
            int begin = found[0] == 1 ? 1 : 0;
            assertArrayEquals(expected, Arrays.copyOfRange(found, begin, begin + expected.length));
            // What is in no token is spelled by its bytes.
            assertEquals(begin + expected.length + 2, found.length);
            assertEquals(text, tokenizer.decode(Arrays.copyOfRange(found, begin, found.length)));
        }
        Path broken =
                written(plain, "broken.gguf", with(more, "tokenizer.ggml.merges", List.of("he")), n -> true, null);
        assertTrue(refused(broken).contains("a merge of its tokens is of one part"), refused(broken));
    }

    private static Map<String, Object> with(Map<String, Object> some, String key, Object value) {
        Map<String, Object> all = new LinkedHashMap<>(some);
        all.put(key, value);
        return all;
    }

    private String refused(Path file) {
        return assertThrows(IOException.class, () -> ModelImport.run(file, folder.resolve("out"), share -> {}))
                .getMessage();
    }

    @Test
    void damagedAndUnknownFilesAreRefusedByName() throws IOException {
        Path file = export(TestModels.SHIPPED, GgufType.Q8_0);
        byte[] whole = Files.readAllBytes(file);
        Path damaged = folder.resolve("damaged.gguf");
        for (int length : new int[] {0, 3, 20, 5000, whole.length / 2, whole.length - 40}) {
            Files.write(damaged, Arrays.copyOf(whole, length));
            String message = refused(damaged);
            assertTrue(message.contains("damaged"), length + ": " + message);
        }
        String text = new String(whole, java.nio.charset.StandardCharsets.ISO_8859_1);
        byte[] other = text.replace("general.architecture", "general.architectvre")
                .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
        Files.write(damaged, other);
        assertTrue(refused(damaged).contains("architecture unknown"));
        // The type of the first matrix becomes Q2_K (10): the name, two dimensions, then the type.
        int at = text.indexOf("blk.0.attn_q.weight") + "blk.0.attn_q.weight".length() + 4 + 16;
        byte[] quantized = whole.clone();
        quantized[at] = 10;
        Files.write(damaged, quantized);
        assertTrue(refused(damaged).contains("of type Q2_K"), refused(damaged));
        assertTrue(refused(folder.resolve("none.gguf")).contains("does not exist"));
    }

    /** The same file with more metadata and tensors, or those of its tensors alone that a part has. */
    private Path written(Path source, String name, Map<String, Object> more, Predicate<String> has, String extra)
            throws IOException {
        Path to = folder.resolve(name);
        try (Arena arena = Arena.ofConfined()) {
            GgufFile file = GgufFile.map(source, arena);
            Map<String, Object> metadata = new LinkedHashMap<>();
            for (String key : file.keys()) {
                Object value = file.value(key);
                metadata.put(key, value instanceof Object[] all ? List.of(all) : value);
            }
            metadata.putAll(more);
            Map<String, GgufWriter.Declared> declared = new LinkedHashMap<>();
            for (String tensor : file.names()) {
                if (has.test(tensor)) {
                    declared.put(
                            tensor,
                            new GgufWriter.Declared(
                                    file.tensor(tensor).type(),
                                    file.tensor(tensor).shape()));
                }
            }
            if (extra != null) {
                declared.put(extra, new GgufWriter.Declared(GgufType.F32, 256));
            }
            try (GgufWriter out = new GgufWriter(to, metadata, declared)) {
                for (String tensor : declared.keySet()) {
                    byte[] bytes = tensor.equals(extra)
                            ? new byte[4 * 256]
                            : file.tensor(tensor).bytes().toArray(ValueLayout.JAVA_BYTE);
                    out.write(tensor, 1, row -> bytes);
                }
            }
        }
        return to;
    }

    @Test
    void whatWouldBeLeftOutIsRefusedByName() throws IOException {
        Path file = export(TestModels.SHIPPED, GgufType.F32);
        for (String tensor : List.of(
                "blk.0.attn_q.bias", "blk.1.ffn_gate_inp.weight", "output_norm.bias", "rope_factors_long.weight")) {
            assertTrue(refused(written(file, "more.gguf", Map.of(), any -> true, tensor))
                    .contains(tensor));
        }
        Map<String, Object> keys = Map.of(
                "llama.rope.scaling.type",
                "ntk",
                "llama.expert_count",
                -1,
                "llama.attn_logit_softcapping",
                50f,
                "llama.expert_weights_scale",
                2f,
                "llama.logit_scale",
                2f,
                "llama.attention.value_length",
                7,
                "llama.attention.clamp_kqv",
                8f,
                "llama.rope.dimension_sections",
                List.of(1, 2));
        for (Map.Entry<String, Object> key : keys.entrySet()) {
            String message =
                    refused(written(file, "keys.gguf", Map.of(key.getKey(), key.getValue()), any -> true, null));
            assertTrue(message.contains("not supported exactly"), key + ": " + message);
        }
        Map<String, Object> stretched = Map.of("llama.rope.scaling.factor", 4f);
        Manifest linear = ModelImport.run(
                written(file, "linear.gguf", stretched, any -> true, null), folder.resolve("linear"), share -> {});
        assertEquals(new RopeScaling.Linear(4), linear.config().rope().scaling());
        Map<String, Object> harmless =
                Map.of("llama.rope.scaling.factor", 1f, "general.url", "x", "llama.vocab_size", 5);
        ModelImport.run(written(file, "good.gguf", harmless, any -> true, null), folder.resolve("good"), share -> {});
    }

    @Test
    void linearAttentionThatIsAnotherIsRefusedByName() throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(
                new RandomModel.Shape("Qwen3_5ForCausalLM", 64, 4, 4, 2, 16, 96, 320, 256, "F32", false, 0, 1),
                3,
                source,
                share -> {});
        Path file = export(source, GgufType.F32);
        Map<String, Object> keys = Map.of(
                "qwen35.rope.dimension_sections", List.of(1, 0, 0, 0),
                "qwen35.rope.dimension_scale", 2,
                "qwen35.ssm.time_step_rank", 5,
                "qwen35.ssm.group_count", 0,
                "qwen35.ssm.conv_kernel", 1,
                "qwen35.full_attention_interval", 0);
        for (Map.Entry<String, Object> key : keys.entrySet()) {
            Map<String, Object> changed = Map.of(key.getKey(), key.getValue());
            String message = refused(written(file, "keys.gguf", changed, any -> true, null));
            assertTrue(message.contains("Nothing was loaded"), key + ": " + message);
        }
        Map<String, Object> others = Map.of("qwen35.rope.dimension_sections", List.of(0, 2, 0, 0));
        Path other = written(file, "other.gguf", others, any -> true, null);
        ModelImport.run(other, folder.resolve("other"), share -> {});
    }

    /** As gpt-oss's files are published: the very numbers of the checkpoint's own blocks. */
    @Test
    void blocksOfFourBitsAreTheSameModelToo() throws IOException {
        Path source = folder.resolve("source");
        RandomModel.Shape shape =
                new RandomModel.Shape("GptOssForCausalLM", 64, 2, 4, 2, 16, 96, 320, 256, "MXFP4", false, 1, 1);
        RandomModel.write(shape, 3, source, share -> {});
        Path plain = export(source, GgufType.BF16);
        Path to = folder.resolve("packed.gguf");
        try (Arena arena = Arena.ofConfined();
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufFile file = GgufFile.map(plain, arena);
            Map<String, Object> metadata = new LinkedHashMap<>();
            for (String key : file.keys()) {
                Object value = file.value(key);
                metadata.put(key, value instanceof Object[] all ? List.of(all) : value);
            }
            Map<String, GgufWriter.Declared> declared = new LinkedHashMap<>();
            for (String tensor : file.names()) {
                boolean isPacked = tensor.endsWith("_exps.weight");
                GgufType type = isPacked ? GgufType.MXFP4 : file.tensor(tensor).type();
                declared.put(
                        tensor,
                        new GgufWriter.Declared(type, file.tensor(tensor).shape()));
            }
            try (GgufWriter out = new GgufWriter(to, metadata, declared)) {
                for (String tensor : declared.keySet()) {
                    byte[] bytes = declared.get(tensor).type() == GgufType.MXFP4
                            ? packed(checkpoint, tensor)
                            : file.tensor(tensor).bytes().toArray(ValueLayout.JAVA_BYTE);
                    out.write(tensor, 1, row -> bytes);
                }
            }
        }
        List<String> notes = new ArrayList<>();
        Manifest direct = ModelImport.run(source, folder.resolve("a"), share -> {});
        Manifest through = ModelImport.run(to, folder.resolve("b"), share -> {}, notes::add);
        assertEquals(direct.config(), through.config());
        direct.tensors()
                .forEach((name, tensor) ->
                        assertArrayEquals(tensor.hash(), through.tensor(name).hash(), name));
        assertTrue(notes.getFirst().contains("in four bits 2304 are kept to the bit"), notes.toString());
    }

    /** Experts' blocks as llama.cpp lays them out. */
    private static byte[] packed(SafetensorsCheckpoint checkpoint, String tensor) throws IOException {
        String stem = "model.layers." + tensor.split("\\.")[1] + ".mlp.experts.";
        boolean isDown = tensor.contains("down");
        String name = stem + (isDown ? "down_proj" : "gate_up_proj");
        Weights blocks = checkpoint.packed(name + "_blocks", 6, isDown ? 64 : 128, 2, 16);
        Weights scales = checkpoint.packed(name + "_scales", 6, isDown ? 64 : 128, 2);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] exponents = new byte[2];
        byte[] block = new byte[16];
        for (int r = 0; r < 6 * 64; r++) {
            int row = isDown ? r : 2 * r + (tensor.contains("up") ? 1 : 0);
            scales.rawRow(row, exponents);
            for (int b = 0; b < 2; b++) {
                blocks.rawRow(2 * row + b, block);
                out.write(exponents[b]);
                for (int i = 0; i < 16; i++) {
                    out.write(nibble(block, i) | nibble(block, i + 16) << 4);
                }
            }
        }
        return out.toByteArray();
    }

    private static int nibble(byte[] block, int i) {
        return block[i / 2] >> i % 2 * 4 & 15;
    }

    @Test
    void aFileIsKnownByWhatItHoldsAndAModelInPartsIsOne() throws IOException {
        Path file = export(TestModels.SHIPPED, GgufType.F32);
        Path blob = Files.copy(file, folder.resolve("sha256-0"));
        Bytes32 id = ModelImport.run(blob, folder.resolve("blob"), share -> {}).id();
        Predicate<String> first = name -> name.startsWith("blk.0") || name.startsWith("token");
        Path one = written(file, "m-00001-of-00002.gguf", Map.of("split.count", 2, "split.no", 0), first, null);
        assertTrue(refused(one).contains("m-00002-of-00002.gguf does not exist"), refused(one));
        Path two =
                written(file, "m-00002-of-00002.gguf", Map.of("split.count", 2, "split.no", 1), first.negate(), null);
        assertEquals(
                id, ModelImport.run(one, folder.resolve("parts"), share -> {}).id());
        assertTrue(refused(two).contains("Name the first of them"), refused(two));
        Files.move(one, folder.resolve("renamed.gguf"));
        assertTrue(refused(folder.resolve("renamed.gguf")).contains("one part of a model"));
    }

    @Test
    void filesOfOtherHostsAndPointersAreRefusedForWhatTheyAre() throws IOException {
        Path file = folder.resolve("other.gguf");
        Files.write(file, new byte[] {'G', 'G', 'U', 'F', 0, 0, 0, 3, 0, 0, 0, 0});
        assertTrue(refused(file).contains("big-endian"));
        Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
        assertTrue(refused(file).contains("Git LFS"));
    }
}
