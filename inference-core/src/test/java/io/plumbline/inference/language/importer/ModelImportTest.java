package io.plumbline.inference.language.importer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsFile;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelImportTest {
    @TempDir
    Path folder;

    private Path copyOfShipped() throws IOException {
        Path copy = Files.createDirectory(folder.resolve("source"));
        try (Stream<Path> files = Files.list(TestModels.SHIPPED)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    private IOException refused(Path source) throws IOException {
        IOException e =
                assertThrows(IOException.class, () -> ModelImport.run(source, folder.resolve("out"), share -> {}));
        assertFalse(Files.exists(folder.resolve("out")), "nothing half-done is left");
        try (Stream<Path> left = Files.list(folder)) {
            assertTrue(
                    left.noneMatch(p -> p.getFileName().toString().startsWith(".importing")),
                    "nothing half-done is left");
        }
        return e;
    }

    @Test
    void theModelIdIsThePlainHashOfTheManifestAndTheSameEveryTime() throws IOException {
        Path first = folder.resolve("a");
        Path second = folder.resolve("b");
        Manifest a = ModelImport.run(TestModels.SHIPPED, first, share -> {});
        Manifest b = ModelImport.run(TestModels.SHIPPED, second, share -> {});
        assertEquals(a.id(), b.id());
        assertEquals(a.id(), Bytes32.of(Blake3.hash(Files.readAllBytes(first.resolve(Manifest.FILE_NAME)))));
        try (LoadedModel model = LoadedModel.open(first)) {
            model.verify(share -> {});
        }
    }

    @Test
    void oneFlippedWeightBitIsNamed() throws IOException {
        Path target = folder.resolve("a");
        ModelImport.run(TestModels.SHIPPED, target, share -> {});
        Path weights = target.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 100_000] ^= 1;
        Files.write(weights, bytes);
        try (LoadedModel model = LoadedModel.open(target)) {
            IOException e = assertThrows(IOException.class, () -> model.verify(share -> {}));
            assertTrue(e.getMessage().contains("the manifest says"), e.getMessage());
            assertThrows(IOException.class, () -> model.verifierKey(share -> {}));
        }
    }

    @Test
    void missingDamagedAndForeignFilesAreRefusedByName() throws IOException {
        Path source = copyOfShipped();
        Path weights = source.resolve("model.safetensors");
        Path config = source.resolve("config.json");
        byte[] whole = Files.readAllBytes(weights);
        String json = Files.readString(config);

        Files.write(weights, Arrays.copyOf(whole, whole.length / 2));
        assertTrue(refused(source).getMessage().contains("damaged"));
        Files.write(weights, new byte[] {1, 2, 3});
        assertTrue(refused(source).getMessage().contains("3 bytes"));
        Files.delete(weights);
        assertTrue(refused(source).getMessage().contains("does not exist"));
        Files.write(weights, whole);

        Files.writeString(config, json.replace("\"intermediate_size\": 512", "\"intermediate_size\": 640"));
        assertTrue(refused(source).getMessage().contains("config.json asks for [640, 256]")
                || refused(source).getMessage().contains("config.json asks for [256, 640]"));
        Files.writeString(config, json.replace("LlamaForCausalLM", "DeepseekV3ForCausalLM"));
        assertTrue(refused(source).getMessage().contains("DeepseekV3ForCausalLM is not supported"));
        Files.writeString(config, json.replace("\"silu\"", "\"gelu\""));
        assertTrue(refused(source).getMessage().contains("activation gelu"));
        Files.writeString(config, "{");
        assertTrue(refused(source).getMessage().contains("not JSON"));
        Files.delete(config);
        assertTrue(refused(source).getMessage().contains("config.json does not exist"));
    }

    @Test
    void tokenizersAndTemplatesThatCannotBeUsedAreRefusedByName() throws IOException {
        Path source = copyOfShipped();
        Path tokenizer = source.resolve("tokenizer.json");
        byte[] whole = Files.readAllBytes(tokenizer);
        Files.writeString(tokenizer, "version https://git-lfs.github.com/spec/v1\n");
        assertTrue(refused(source).getMessage().startsWith(tokenizer + " is a pointer of Git LFS"));
        Files.write(tokenizer, Arrays.copyOf(whole, whole.length / 2));
        assertTrue(refused(source).getMessage().startsWith(tokenizer + " cannot be read as a tokenizer"));
        Files.write(tokenizer, whole);

        Path config = source.resolve("tokenizer_config.json");
        String json = Files.readString(config);
        Files.writeString(config, "{");
        assertTrue(refused(source).getMessage().startsWith(config + " is not JSON"));
        Files.writeString(config, "{\"chat_template\": \"{% for m in messages %}{{ m.content }}{% endfoo %}\"}");
        assertTrue(refused(source)
                .getMessage()
                .startsWith(config + ": The model's chat template, line 1, cannot be read"));
        Files.writeString(config, json);

        Path template = source.resolve(LoadedModel.TEMPLATE_FILE);
        Files.write(template, new byte[] {(byte) 0xff, (byte) 0xfe});
        assertTrue(refused(source).getMessage().startsWith(template + " is not UTF-8"));
        Files.writeString(template, "{{ messages[0].content.nothing.at_all }}");
        assertTrue(refused(source)
                .getMessage()
                .startsWith(template + ": a conversation of one message cannot be rendered"));
        Files.writeString(template, "{{ raise_exception('Documents are needed.') }}");
        assertTrue(refused(source).getMessage().contains("refuses these messages: Documents are needed."));
    }

    @Test
    void aTemplateThatNeedsASystemMessageAndAModelWithoutTemplateAreImported() throws IOException {
        Path source = copyOfShipped();
        Files.writeString(
                source.resolve(LoadedModel.TEMPLATE_FILE),
                "{% if messages[0].role != 'system' %}{{ raise_exception('No system message.') }}{% endif %}"
                        + "{% for m in messages %}{{ m.content }}{% endfor %}");
        ModelImport.run(source, folder.resolve("a"), share -> {});
        Files.delete(source.resolve(LoadedModel.TEMPLATE_FILE));
        Files.writeString(source.resolve("tokenizer_config.json"), "{}");
        ModelImport.run(source, folder.resolve("b"), share -> {});
    }

    /** A tensor more in a safetensors file, of zeros or of some bytes. */
    private static void add(Path weights, String name, String dtype, String shape, byte[] bytes) throws IOException {
        byte[] all = Files.readAllBytes(weights);
        ByteBuffer in = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) in.getLong();
        int data = all.length - 8 - length;
        String header = new String(all, 8, length, StandardCharsets.UTF_8).stripTrailing();
        String more = header.substring(0, header.length() - 1) + ",\"" + name + "\":{\"dtype\":\"" + dtype
                + "\",\"shape\":" + shape + ",\"data_offsets\":[" + data + "," + (data + bytes.length) + "]}}";
        byte[] text = more.getBytes(StandardCharsets.UTF_8);
        ByteBuffer out =
                ByteBuffer.allocate(8 + text.length + data + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(text.length).put(text).put(all, 8 + length, data).put(bytes);
        Files.write(weights, out.array());
    }

    @Test
    void aTensorThatWouldBeLeftOutIsRefusedByName() throws IOException {
        Path source = copyOfShipped();
        Path weights = source.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(weights);
        for (String name : List.of(
                "model.layers.0.self_attn.q_proj.bias",
                "model.layers.0.mlp.gate.weight",
                "model.layers.0.mlp.down_proj.input_scale",
                "model.layers.99.mlp.down_proj.weight",
                "model.layers.0.self_attn.k_scale")) {
            Files.write(weights, whole);
            add(weights, name, "F32", "[1]", new byte[4]);
            assertTrue(
                    refused(source).getMessage().contains(name), refused(source).getMessage());
        }
        Files.write(weights, whole);
        add(weights, "model.layers.0.self_attn.rotary_emb.inv_freq", "F32", "[1]", new byte[4]);
        add(weights, "model.layers.0.mlp.unused_scale", "F4", "[4,4]", new byte[8]);
        add(weights, "model.layers.0.mlp.other", "F6_OF_TOMORROW", "[9]", new byte[7]);
        ModelImport.run(source, folder.resolve("a"), share -> {});
    }

    @Test
    void aFamilyThatIsNotRunIsRefusedBeforeItsWeightsAreThere() throws IOException {
        Path source = Files.createDirectory(folder.resolve("source"));
        String json = Files.readString(TestModels.SHIPPED.resolve("config.json"));
        Files.writeString(source.resolve("config.json"), json.replace("LlamaForCausalLM", "Lfm2ForCausalLM"));
        assertTrue(refused(source).getMessage().contains("Lfm2ForCausalLM is not supported"));
    }

    @Test
    void whatChangesTheArithmeticIsRefusedByName() throws IOException {
        Path source = copyOfShipped();
        Path config = source.resolve("config.json");
        String json = Files.readString(config).strip();
        for (String field : List.of(
                "\"logit_scale\": 0.5",
                "\"final_logit_softcapping\": 30.0",
                "\"num_local_experts\": 8",
                "\"rope_interleaved\": true",
                "\"hidden_activation\": \"gelu_pytorch_tanh\"",
                "\"use_qk_norm\": true",
                "\"quantization\": {\"group_size\": 64, \"bits\": 4}",
                "\"no_rope_layers\": [1, 0]",
                "\"rms_norm_eps\": NaN",
                "\"rope_theta\": Infinity",
                "\"rope_parameters\": {\"rope_type\": \"default\"}, \"rope_scaling\": {\"type\": \"linear\","
                        + " \"factor\": 4.0}")) {
            Files.writeString(config, json.substring(0, json.length() - 1) + "," + field + "}");
            String name = field.split("\"")[1];
            assertTrue(refused(source).getMessage().contains(name.equals("quantization") ? "MLX" : name), field);
        }
        String harmless = ",\"time_step_limit\": [0.0, Infinity], \"router_aux_loss_coef\": NaN,"
                + " \"logit_scale\": 1.0, \"num_experts\": 0, \"alibi\": false, \"quantization\": null}";
        Files.writeString(config, json.substring(0, json.length() - 1) + harmless);
        ModelImport.run(source, folder.resolve("a"), share -> {});
    }

    @Test
    void aNumberThatIsNoneIsRefusedWithItsTensorsName() throws IOException {
        Path source = copyOfShipped();
        Path weights = source.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(weights);
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.map(weights, arena);
            long begin = file.names().stream()
                    .mapToLong(name -> tensor(file, name).address())
                    .min()
                    .orElseThrow();
            for (String name :
                    List.of("model.embed_tokens.weight", "model.norm.weight", "model.layers.1.mlp.up_proj.weight")) {
                byte[] damaged = whole.clone();
                long header =
                        ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
                int at = (int) (8 + header + tensor(file, name).address() - begin);
                // All ones: NaN in every float type.
                Arrays.fill(damaged, at, at + 4, (byte) 0xFF);
                Files.write(weights, damaged);
                assertTrue(
                        refused(source).getMessage().contains(name),
                        refused(source).getMessage());
            }
        }
    }

    private static MemorySegment tensor(SafetensorsFile file, String name) {
        return file.tensor(name).bytes();
    }

    @Test
    void tensorsWithBytesInCommonAreRefused() throws IOException {
        Path source = copyOfShipped();
        Path weights = source.resolve("model.safetensors");
        add(weights, "x", "F32", "[2]", new byte[8]);
        byte[] all = Files.readAllBytes(weights);
        String text = new String(all, StandardCharsets.ISO_8859_1);
        int at = text.indexOf("\"data_offsets\":[", text.indexOf("\"x\":")) + "\"data_offsets\":[".length();
        String from = text.substring(at, text.indexOf(',', at));
        String to = text.substring(at + from.length() + 1, text.indexOf(']', at));
        String moved = (Long.parseLong(from) - 4) + "," + (Long.parseLong(to) - 4);
        assertTrue(moved.length() == from.length() + 1 + to.length());
        Files.write(
                weights,
                (text.substring(0, at) + moved + text.substring(at + moved.length()))
                        .getBytes(StandardCharsets.ISO_8859_1));
        assertTrue(
                refused(source).getMessage().contains("bytes in common"),
                refused(source).getMessage());
    }

    @Test
    void whatEndsAnAnswerComesFromConfigurationTokenizerAndTemplate() throws IOException {
        Path source = copyOfShipped();
        Path config = source.resolve("config.json");
        String json = Files.readString(config).replaceAll("\"eos_token_id\": *\\d+", "\"eos_token_id\": 77");
        Files.writeString(config, json);
        ModelImport.run(source, folder.resolve("a"), share -> {});
        try (LoadedModel model = LoadedModel.open(folder.resolve("a"))) {
            assertArrayEquals(new int[] {2, 77}, model.stopTokens(), "the base model's and the tokenizer's");
        }
        Path tokenizer = source.resolve("tokenizer_config.json");
        String settings = Files.readString(tokenizer);
        Files.writeString(tokenizer, settings.replace("\"eos_token\": \"<|end|>\",", ""));
        ModelImport.run(source, folder.resolve("b"), share -> {});
        try (LoadedModel model = LoadedModel.open(folder.resolve("b"))) {
            assertArrayEquals(new int[] {2, 77}, model.stopTokens(), "what the template ends a turn with");
        }
        Files.writeString(config, json.replaceAll("\"eos_token_id\": *77,?", ""));
        Files.writeString(tokenizer, "{\"chat_template\": \"{{ messages[0].content }}\"}");
        assertTrue(refused(source).getMessage().contains("no token that ends an answer"));
    }
}
