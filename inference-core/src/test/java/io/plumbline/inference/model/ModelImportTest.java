package io.plumbline.inference.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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
        assertArrayEquals(a.id(), b.id());
        assertArrayEquals(a.id(), Blake3.hash(Files.readAllBytes(first.resolve(Manifest.FILE_NAME))));
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
        Files.writeString(config, json.replace("LlamaForCausalLM", "MixtralForCausalLM"));
        assertTrue(refused(source).getMessage().contains("MixtralForCausalLM is not supported"));
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
        assertTrue(refused(source).getMessage().startsWith(tokenizer + " cannot be read as a tokenizer"));
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
}
