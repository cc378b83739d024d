package io.plumbline.inference.language.importer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.synthetic.RandomModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file's words on its tensors are no part of what is hashed, and are held to the manifest all the same. */
class ChangedHeaderTest {
    @TempDir
    Path folder;

    private Path model;
    private Path file;
    private byte[] bytes;

    /** All bytes, one character each. */
    private String text;

    @BeforeEach
    void load() throws IOException {
        RandomModel.Shape shape =
                new RandomModel.Shape("Qwen3MoeForCausalLM", 64, 1, 4, 2, 16, 96, 320, 256, "BF16", false, 0, 1);
        RandomModel.write(shape, 7, folder.resolve("source"), share -> {});
        model = folder.resolve("model");
        ModelImport.run(folder.resolve("source"), model, share -> {});
        file = model.resolve("model.safetensors");
        bytes = Files.readAllBytes(file);
        text = new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private void change(String before, String after) throws IOException {
        assertEquals(before.length(), after.length());
        assertTrue(text.contains(before), before);
        Files.write(file, text.replaceFirst(Pattern.quote(before), after).getBytes(StandardCharsets.ISO_8859_1));
    }

    /** The same bytes would be other numbers, and every hash hold. */
    @Test
    void aTensorOfAnotherTypeIsNotTheModels() throws IOException {
        String embedding = "\"model.embed_tokens.weight\":{\"dtype\":";
        change(embedding + "\"BF16\"", embedding + "\"F16\" ");
        IOException e = assertThrows(IOException.class, () -> LoadedModel.open(model));
        assertTrue(e.getMessage().contains("is of type F16; the manifest says BF16"), e.getMessage());
    }

    @Test
    void aRouterOfAnotherTypeIsNotImported() throws IOException {
        String router = "\"model.layers.0.mlp.gate.weight\":{\"dtype\":";
        change(router + "\"I8\"", router + "\"U8\"");
        IOException e =
                assertThrows(IOException.class, () -> ModelImport.run(model, folder.resolve("again"), share -> {}));
        assertTrue(e.getMessage().contains("mlp.gate.weight"), e.getMessage());
    }

    @Test
    void aRoutersScaleThatIsNoNumberIsNotImported() throws IOException {
        Matcher place = Pattern.compile("mlp\\.gate\\.weight_scale\".{0,60}?\"data_offsets\":\\[(\\d+),")
                .matcher(text);
        assertTrue(place.find());
        ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int tensors = 8 + (int) all.getLong(0);
        all.putFloat(tensors + Integer.parseInt(place.group(1)), Float.NaN);
        Files.write(file, bytes);
        IOException e =
                assertThrows(IOException.class, () -> ModelImport.run(model, folder.resolve("again"), share -> {}));
        assertTrue(e.getMessage().contains("mlp.gate.weight_scale\" row 0 holds a NaN"), e.getMessage());
    }
}
