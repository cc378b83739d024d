package io.plumbline.inference.language.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
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
        "OlmoeForCausalLM, F32, F32, false"
    })
    void theSameWeightsAreTheSameModel(String architecture, String dtype, GgufType type, boolean tied)
            throws IOException {
        Path source = folder.resolve("source");
        RandomModel.Shape shape =
                new RandomModel.Shape(architecture, 64, 2, 4, 2, 16, 96, 320, 256, dtype, tied, 50, 1);
        RandomModel.write(shape, 3, source, share -> {});
        Manifest direct = ModelImport.run(source, folder.resolve("a"), share -> {});
        Manifest through = ModelImport.run(export(source, type), folder.resolve("b"), share -> {});
        assertEquals(direct.config(), through.config());
        assertEquals(direct.tensors().keySet(), through.tensors().keySet());
        direct.tensors()
                .forEach((name, tensor) ->
                        assertArrayEquals(tensor.hash(), through.tensor(name).hash(), name));
        try (LoadedModel model = LoadedModel.open(folder.resolve("b"))) {
            assertArrayEquals(new int[] {2}, model.stopTokens());
        }
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
        // The type of the first matrix becomes Q4_K (12): the name, two dimensions, then the type.
        int at = text.indexOf("blk.0.attn_q.weight") + "blk.0.attn_q.weight".length() + 4 + 16;
        byte[] quantized = whole.clone();
        quantized[at] = 12;
        Files.write(damaged, quantized);
        assertTrue(refused(damaged).contains("of type Q4_K"), refused(damaged));
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
        for (String tensor : List.of("blk.0.attn_q.bias", "blk.1.ffn_gate_inp.weight", "output_norm.bias")) {
            assertTrue(refused(written(file, "more.gguf", Map.of(), any -> true, tensor))
                    .contains(tensor));
        }
        Map<String, Object> keys = Map.of(
                "llama.rope.scaling.factor",
                4f,
                "llama.rope.scaling.type",
                "linear",
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
        Map<String, Object> harmless =
                Map.of("llama.rope.scaling.factor", 1f, "general.url", "x", "llama.vocab_size", 5);
        ModelImport.run(written(file, "good.gguf", harmless, any -> true, null), folder.resolve("good"), share -> {});
    }

    @Test
    void aFileIsKnownByWhatItHoldsAndAModelInPartsIsOne() throws IOException {
        Path file = export(TestModels.SHIPPED, GgufType.F32);
        Path blob = Files.copy(file, folder.resolve("sha256-0"));
        byte[] id = ModelImport.run(blob, folder.resolve("blob"), share -> {}).id();
        Predicate<String> first = name -> name.startsWith("blk.0") || name.startsWith("token");
        Path one = written(file, "m-00001-of-00002.gguf", Map.of("split.count", 2, "split.no", 0), first, null);
        assertTrue(refused(one).contains("m-00002-of-00002.gguf does not exist"), refused(one));
        Path two =
                written(file, "m-00002-of-00002.gguf", Map.of("split.count", 2, "split.no", 1), first.negate(), null);
        assertArrayEquals(
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
