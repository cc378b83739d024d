package io.plumbline.inference.tensor.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.OnnxRuntimeModel;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.inference.tensor.onnx.OnnxRewriter.Limits;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Variants keep weights outside of their graph, so that a model of any size can be calibrated. */
class OnnxRewriterTest {
    private static final int K = 32;
    private static final int FP32 = 1;

    @TempDir
    Path folder;

    private final float[] w = new float[K * K];
    private final float[] v = new float[K * K];

    /** y = x * w * v, where w lies beside the model and v in it. */
    private OnnxModel model() throws IOException {
        Number[] inside = new Number[K * K];
        for (int i = 0; i < K * K; i++) {
            w[i] = (i * 7 % 13) - 6;
            v[i] = (i * 5 % 11) - 5;
            inside[i] = v[i];
        }
        ByteBuffer raw = ByteBuffer.allocate(64 + 4 * K * K).order(ByteOrder.LITTLE_ENDIAN);
        raw.position(64);
        for (float value : w) {
            raw.putFloat(value);
        }
        Files.write(folder.resolve("beside.bin"), raw.array());
        Path file = MadeModel.of(17)
                .input("x", FP32, "n", "" + K)
                .output("y", FP32, "n", "" + K)
                .external("w", "beside.bin", 64, K, K)
                .constant("v", FP32, new long[] {K, K}, inside)
                .node("MatMul", "x,w", "t")
                .node("MatMul", "t,v", "y")
                .write(folder.resolve("model.onnx"));
        return OnnxModel.read(file);
    }

    private static double[] run(Path file) throws IOException {
        try (LoadedTensorModel loaded =
                OnnxRuntimeModel.load(file, Precision.FP32, new OnnxRuntimeModel.Options(1, OptLevel.NO_OPT))) {
            float[] ones = new float[K];
            Arrays.fill(ones, 1);
            return loaded.run(List.of(Tensor.ofFloats("x", new long[] {1, K}, ones)), List.of("y"), new Stop())
                    .getFirst()
                    .values();
        }
    }

    private static UnaryOperator<float[]> times(float factor) {
        return weights -> {
            float[] larger = weights.clone();
            for (int i = 0; i < larger.length; i++) {
                larger[i] *= factor;
            }
            return larger;
        };
    }

    @Test
    void weightsAreChangedPartByPartOutsideOfTheGraph() throws Exception {
        OnnxModel model = model();
        double[] plain = run(folder.resolve("model.onnx"));
        for (Limits limits : List.of(new Limits(16, 5), new Limits(16, 64), new Limits(1 << 20, 5), Limits.USUAL)) {
            Path to = Files.createTempDirectory(folder, "made");
            int[] most = new int[1];
            UnaryOperator<float[]> twice = weights -> {
                most[0] = Math.max(most[0], weights.length);
                return times(2).apply(weights);
            };
            double[] changed = run(OnnxRewriter.rewrite(model, folder, null, twice, limits, to));
            for (int i = 0; i < K; i++) {
                assertEquals(4 * plain[i], changed[i], "two factors of 2, " + limits);
            }
            boolean isOutside = limits.outsideBytes() == 16;
            assertEquals(isOutside, Files.size(to.resolve("weights.bin")) > 0, limits.toString());
            assertEquals(isOutside, Files.size(to.resolve("model.onnx")) < 4 * K * K, limits.toString());
            assertEquals(isOutside ? Math.min(K * K, limits.chunkFloats()) : K * K, most[0]);
        }
    }

    @Test
    void weightsThatAreLeftAreCopiedAsTheyAre() throws Exception {
        OnnxModel model = model();
        Path to = Files.createTempDirectory(folder, "made");
        Path rounded = OnnxRewriter.rewrite(model, folder, OnnxRewriter.Rounding.TF32, null, new Limits(16, 5), to);
        assertArrayEquals(run(folder.resolve("model.onnx")), run(rounded), "small integers have few bits");
    }

    @Test
    void halvesAreChangedWhereverTheyLie() throws Exception {
        ByteBuffer raw = ByteBuffer.allocate(2 * K * K).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < K * K; i++) {
            raw.putShort(Float.floatToFloat16((i * 7 % 13) - 6));
        }
        Files.write(folder.resolve("beside.bin"), raw.array());
        Path file = MadeModel.of(17)
                .input("x", FP32, "n", "" + K)
                .output("y", FP32, "n", "" + K)
                .externalHalves("w", "beside.bin", K, K)
                .node("Cast", "w", "v", new MadeModel.Attribute("to", (long) FP32))
                .node("MatMul", "x,v", "y")
                .write(folder.resolve("model.onnx"));
        OnnxModel model = OnnxModel.read(file);
        double[] plain = run(file);
        for (Limits limits : List.of(new Limits(16, 5), Limits.USUAL)) {
            Path to = Files.createTempDirectory(folder, "made");
            double[] changed = run(OnnxRewriter.rewrite(model, folder, null, times(2), limits, to));
            for (int i = 0; i < K; i++) {
                assertEquals(2 * plain[i], changed[i], limits.toString());
            }
        }
    }

    @Test
    void aVariantsFilesAreGoneOnceItIsLoaded() throws Exception {
        float[] large = new float[4 * K * K * K];
        Arrays.fill(large, 1);
        ByteBuffer raw = ByteBuffer.allocate(4 * large.length).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(large);
        Files.write(folder.resolve("large.bin"), raw.array());
        Path file = MadeModel.of(17)
                .input("x", FP32, "n", "" + K)
                .output("y", FP32, "n", "" + 4 * K * K)
                .external("w", "large.bin", 0, K, 4 * K * K)
                .node("MatMul", "x,w", "y")
                .write(folder.resolve("large.onnx"));
        TensorPackage imported = TensorPackage.importModel(file, folder.resolve("imported"), share -> {});
        float[] ones = new float[K];
        Arrays.fill(ones, 1);
        Tensor x = Tensor.ofFloats("x", new long[] {1, K}, ones);
        try (LoadedTensorModel loaded =
                Variants.rewritten(imported, "twice", null, times(2)).open()) {
            // A process that is killed leaves no copy of the weights behind.
            assertFalse(hasVariant(imported), loaded.fingerprint().toString());
            double[] values =
                    loaded.run(List.of(x), List.of("y"), new Stop()).getFirst().values();
            assertEquals(4 * K * K, values.length);
            assertTrue(Arrays.stream(values).allMatch(value -> value == 2 * K), "weights beside the graph are kept");
        }
    }

    private static boolean hasVariant(TensorPackage model) throws IOException {
        try (Stream<Path> files = Files.list(model.folder())) {
            return files.anyMatch(path -> path.getFileName().toString().startsWith(".variant-"));
        }
    }
}
