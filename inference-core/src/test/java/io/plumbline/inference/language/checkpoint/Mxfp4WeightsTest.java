package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.safetensors.SafetensorsWriter.Declared;
import io.plumbline.inference.language.synthetic.RandomModel;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** MXFP4 as the OCP's Microscaling Formats 1.0 has it, and what a file may get wrong. */
class Mxfp4WeightsTest {
    @TempDir
    Path folder;

    /** A gpt-oss checkpoint with these tensors in place of its own. */
    private Path checkpoint(Map<String, byte[]> bytes, Map<String, Declared> declared) throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(FamilyTest.shape("GptOssForCausalLM", "MXFP4", false, 1, 1), 7, source, share -> {});
        try (SafetensorsWriter out = new SafetensorsWriter(source.resolve("model.safetensors"), declared)) {
            for (Map.Entry<String, byte[]> one : bytes.entrySet()) {
                out.write(one.getKey(), one.getValue(), one.getValue().length);
            }
        }
        return source;
    }

    @Test
    void valuesAreThoseOfTheStandard() throws IOException {
        byte[] blocks = new byte[2 * 2 * 16];
        byte[] scales = {127, (byte) 130, 1, (byte) 255};
        for (int i = 0; i < blocks.length; i++) {
            // Every value once a block and its negative, lower bits first.
            blocks[i] = (byte) (i % 8 * 2 % 16 | (i % 8 * 2 + 1) % 16 << 4);
        }
        Map<String, byte[]> bytes = new LinkedHashMap<>();
        bytes.put("t_blocks", blocks);
        bytes.put("t_scales", scales);
        Map<String, Declared> declared = new LinkedHashMap<>();
        declared.put("t_blocks", new Declared("U8", new int[] {2, 1, 2, 16}, blocks.length));
        declared.put("t_scales", new Declared("U8", new int[] {2, 1, 2}, scales.length));
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(checkpoint(bytes, declared))) {
            Weights weights = Mxfp4Weights.of(checkpoint, "t", 2, 1, 64);
            assertEquals(2, weights.rows());
            assertEquals(64, weights.columns());
            float[] row = new float[64];
            weights.row(0, row);
            float[] once = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
            float[] expected = new float[64];
            for (int i = 0; i < 64; i++) {
                expected[i] = once[i % 16] * (i < 32 ? 1 : 8);
            }
            assertArrayEquals(expected, row);
            weights.row(1, row);
            assertEquals(0x1.8p-124f, row[7], "6 * 2^-126");
            assertTrue(Float.isNaN(row[33]), "an exponent of 255");
            IOException e = assertThrows(IOException.class, () -> Mxfp4Weights.of(checkpoint, "t", 2, 1, 48));
            assertTrue(e.getMessage().contains("no whole blocks of 32"), e.getMessage());
            e = assertThrows(IOException.class, () -> checkpoint.require("t_blocks", 2, 1, 2, 16));
            assertTrue(e.getMessage().contains("is of type U8"), e.getMessage());
        }
    }

    @Test
    void importSaysHowManyRowsAreKeptToTheBit() throws IOException {
        Path source = folder.resolve("whole");
        RandomModel.write(FamilyTest.shape("GptOssForCausalLM", "MXFP4", false, 1, 1), 7, source, share -> {});
        List<String> notes = new ArrayList<>();
        Path to = folder.resolve("imported");
        ModelImport.run(source, to, share -> {}, notes::add);
        // Exponents there are of three kinds, so every row of 2 layers' 6 experts of 2 * 64 + 64 has an exact form.
        assertEquals(1, notes.size(), notes.toString());
        assertTrue(notes.getFirst().startsWith("Of 2304 weight rows in four bits 2304 are kept"), notes.toString());
        try (LoadedModel model = LoadedModel.open(to);
                SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            Weights there = Mxfp4Weights.of(checkpoint, "model.layers.1.mlp.experts.down_proj", 6, 64, 64);
            LoadedModel.Matrix matrix = model.layers().get(1).mixture().down().get(2);
            float[] scales = model.layers().get(1).parameters().experts().downScale()[2];
            float[] row = new float[64];
            for (int r = 0; r < 64; r++) {
                there.row(2 * 64 + r, row);
                for (int i = 0; i < 64; i++) {
                    int held = matrix.weights().get(ValueLayout.JAVA_BYTE, r * 64L + i);
                    assertEquals(row[i] + 0f, held * scales[r] + 0f);
                }
            }
        }
    }

    @Test
    void whatIsMissingOrDamagedIsRefusedByName() throws IOException {
        Path source = folder.resolve("whole");
        RandomModel.write(FamilyTest.shape("GptOssForCausalLM", "MXFP4", false, 1, 1), 7, source, share -> {});
        Path weights = source.resolve("model.safetensors");
        byte[] all = Files.readAllBytes(weights);
        String config = Files.readString(source.resolve("config.json"));
        String[][] cases = {
            {"gate_up_proj_scales", "gate_up_proj_scalez", "has no tensor", "gate_up_proj_scales"},
            {"down_proj_blocks", "down_proj_blockz", "has no tensor", "down_proj_blocks"},
            {"self_attn.sinks", "self_attn.sinkz", "has no tensor", "self_attn.sinks"},
            {"mlp.router.bias", "mlp.router.biaz", "has no tensor", "mlp.router.bias"},
            {"gate_up_proj_bias", "gate_up_proj_biaz", "has no tensor", "gate_up_proj_bias"},
        };
        for (String[] c : cases) {
            Files.write(weights, replaced(all, "model.layers.1." + part(c[0]), "model.layers.1." + part(c[1])));
            refused(source, c[2], c[3]);
        }
        Files.write(weights, all);
        String[][] fields = {
            {"\"mxfp4\"", "\"mxfp8\"", "quantization mxfp8"},
            {"\"swiglu_limit\":7.0", "\"swiglu_limit\":0", "a gate's limit of 0.0"},
            {"\"swiglu_limit\":7.0", "\"swiglu_limit\":\"7\"", "swiglu_limit"},
            {"\"silu\"", "\"gelu_pytorch_tanh\"", "with a clamped gate"},
            {"\"num_local_experts\":6", "\"num_local_experts\":7", "has shape"},
            {"\"quantization_config\"", "\"quantization_confix\"", "has no tensor"},
        };
        for (String[] c : fields) {
            String changed = config.replace(c[0], c[1]);
            assertTrue(!changed.equals(config), c[0]);
            Files.writeString(source.resolve("config.json"), changed);
            refused(source, c[2], "");
        }
    }

    private static String part(String name) {
        return name.startsWith("gate_up") || name.startsWith("down") ? "mlp.experts." + name : name;
    }

    private static byte[] replaced(byte[] all, String name, String by) {
        byte[] from = name.getBytes();
        byte[] changed = all.clone();
        int at = new String(all, StandardCharsets.ISO_8859_1).indexOf(name);
        assertTrue(at > 0, name);
        System.arraycopy(by.getBytes(), 0, changed, at, from.length);
        return changed;
    }

    private void refused(Path source, String... words) {
        IOException e = assertThrows(
                IOException.class, () -> ModelImport.run(source, folder.resolve("out"), share -> {}), words[0]);
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), e.getMessage());
        }
        assertTrue(!Files.exists(folder.resolve("out")), "nothing half-done is left");
    }
}
