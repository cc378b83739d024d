package io.plumbline.inference.tensor;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import io.plumbline.inference.tensor.onnx.OnnxRewriter;
import io.plumbline.inference.tensor.onnx.OnnxRewriter.Rounding;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * The same model as different honest engines compute it, and as cheats do, on this host's ONNX Runtime.
 *
 * <p>Other hardware sums in other orders and rounds factors to its own formats. Orders are had by other levels of
 * graph optimization and other thread counts, and beyond those by weights that are off by a few units in the last
 * place: what such an error does to an output is what another order's rounding does. Formats are had by rounding
 * nodes in the graph.
 */
public final class Variants {
    /** Relative error of a weight that stands for another order of fp32 sums: four units in the last place. */
    private static final double FP32_NOISE = 0x1p-22;

    /** The same for sums of fp16 products, where hardware keeps sums in fp16. */
    private static final double FP16_NOISE = 0x1p-11;

    /**
     * The same of the panel, four times as large: three runs show what honest ones do only where they differ more than
     * those, and a label that an honest engine may turn over must be turned over by one of them.
     */
    private static final double FP32_PANEL_NOISE = 4 * FP32_NOISE;

    private static final double LESS_PANEL_NOISE = FP16_NOISE;

    private Variants() {}

    /** A variant that can be loaded. */
    public record Variant(String name, Load load) {
        /** Makes it; the caller closes it. */
        public LoadedTensorModel open() throws IOException {
            return load.open();
        }
    }

    /** Opens a variant. */
    @FunctionalInterface
    public interface Load {
        LoadedTensorModel open() throws IOException;
    }

    /** What an auditor runs. */
    public static LoadedTensorModel reference(TensorPackage model) throws IOException {
        return OnnxRuntimeModel.load(model.file(), model.precision(), OnnxRuntimeModel.Options.serving(1));
    }

    /** Any ONNX file, to compute with in a model's place. */
    public static LoadedTensorModel load(Path file, Precision precision) throws IOException {
        return OnnxRuntimeModel.load(file, precision, OnnxRuntimeModel.Options.serving(1));
    }

    /** Honest engines at a precision that the model's own allows. */
    public static List<Variant> honest(TensorPackage model, Precision precision) throws IOException {
        List<Variant> variants = new ArrayList<>();
        if (precision == model.precision()) {
            if (precision != Precision.INT8) {
                // Without optimization a quantized model is computed in floats between its roundings: no int8 engine
                // does so. Those sum
                // integers, which is exact in any order, and differ only where a sum lies on the border of two
                // roundings.
                variants.add(plain(model, "optimization off", 1, OptLevel.NO_OPT));
            }
            variants.add(plain(model, "basic optimization", 1, OptLevel.BASIC_OPT));
            variants.add(plain(model, "extended optimization", 2, OptLevel.EXTENDED_OPT));
            for (int seed = 1; seed <= 3; seed++) {
                double noise = precision == Precision.FP16 ? FP16_NOISE : FP32_NOISE;
                variants.add(rewritten(model, "another order of sums, " + seed, null, noise(noise, seed)));
            }
        } else if (model.precision() == Precision.FP32 && precision == Precision.TF32) {
            variants.add(rewritten(model, "tf32", Rounding.TF32, null));
            variants.add(rewritten(model, "tf32, another order of sums", Rounding.TF32, noise(FP32_NOISE, 1)));
            variants.add(rewritten(model, "tf32, weights cut off", Rounding.TF32, Variants::cutToTf32));
        } else if (model.precision() == Precision.FP32 && precision == Precision.FP16) {
            variants.add(rewritten(model, "fp16", Rounding.FP16, null));
            variants.add(rewritten(model, "fp16, sums in fp16, 1", Rounding.FP16, noise(FP16_NOISE, 1)));
            variants.add(rewritten(model, "fp16, sums in fp16, 2", Rounding.FP16, noise(FP16_NOISE, 2)));
        } else {
            throw cannotServe(model, precision);
        }
        return variants;
    }

    /**
     * Stand-ins for engines that an answer of this precision may come from, by which it is judged: none of them is
     * among {@link #honest}.
     *
     * @throws IOException where the model cannot honestly be served in it.
     */
    static List<Variant> panel(TensorPackage model, Precision precision) throws IOException {
        if (precision != model.precision() && model.precision() != Precision.FP32) {
            throw cannotServe(model, precision);
        }
        Rounding rounding =
                precision == model.precision() ? null : precision == Precision.TF32 ? Rounding.TF32 : Rounding.FP16;
        List<Variant> panel = new ArrayList<>();
        for (int i = 1; i <= AuditRuns.PANEL; i++) {
            UnaryOperator<float[]> noise = noise(panelNoise(precision), -i);
            // Weights that are cut off are all too small, and their errors add up.
            boolean isCut = rounding == Rounding.TF32 && i == AuditRuns.PANEL;
            panel.add(rewritten(
                    model, "panel " + i, rounding, isCut ? weights -> noise.apply(cutToTf32(weights)) : noise));
        }
        return panel;
    }

    /** How much of itself a weight, or an element of an input, of the panel is off by at most. */
    static double panelNoise(Precision precision) {
        return precision == Precision.FP32 || precision == Precision.INT8 ? FP32_PANEL_NOISE : LESS_PANEL_NOISE;
    }

    private static IOException cannotServe(TensorPackage model, Precision precision) {
        return new IOException("The model is written in " + model.precision() + " and cannot honestly be served in "
                + precision + ". Export it in " + precision + ", or choose " + model.precision() + ".");
    }

    private static Variant plain(TensorPackage model, String name, int threads, OptLevel level) {
        return new Variant(
                name,
                () -> OnnxRuntimeModel.load(
                        model.file(), model.precision(), new OnnxRuntimeModel.Options(threads, level)));
    }

    /** A variant with products rounded, weights changed, or both; null leaves either. */
    public static Variant rewritten(
            TensorPackage model, String name, Rounding rounding, UnaryOperator<float[]> weights) {
        return new Variant(name, () -> {
            Path made = folderFor(model);
            try {
                Path onnx = OnnxRewriter.rewrite(model.onnx(), model.folder(), rounding, weights, made);
                return OnnxRuntimeModel.load(onnx, model.precision(), OnnxRuntimeModel.Options.serving(1));
            } finally {
                // A loaded model keeps what it has mapped, and a process that is killed leaves nothing behind.
                delete(made);
            }
        });
    }

    /** Beside the model: a variant takes as much room, which a folder for temporary files may not have. */
    private static Path folderFor(TensorPackage model) throws IOException {
        try {
            return Files.createTempDirectory(model.folder(), ".variant-");
        } catch (IOException e) {
            // A full node's model may lie where it can only be read.
            return Files.createTempDirectory("plumbline-variant-");
        }
    }

    private static void delete(Path made) {
        try {
            Directories.delete(made);
        } catch (IOException e) {
            throw new UncheckedIOException(made + " cannot be removed: " + e.getMessage(), e);
        }
    }

    /** Every weight off by up to so much of itself. */
    public static UnaryOperator<float[]> noise(double relative, long seed) {
        Random random = new Random(seed);
        return weights -> {
            float[] moved = new float[weights.length];
            for (int i = 0; i < moved.length; i++) {
                moved[i] = (float) (weights[i] * (1 + relative * (2 * random.nextDouble() - 1)));
            }
            return moved;
        };
    }

    private static float[] cutToTf32(float[] weights) {
        float[] cut = new float[weights.length];
        for (int i = 0; i < cut.length; i++) {
            cut[i] = Float.intBitsToFloat(Float.floatToRawIntBits(weights[i]) & 0xFFFFE000);
        }
        return cut;
    }

    /** The smallest weights of each tensor set to zero. */
    public static UnaryOperator<float[]> pruned(double share) {
        return weights -> {
            float[] sizes = new float[weights.length];
            for (int i = 0; i < sizes.length; i++) {
                sizes[i] = Math.abs(weights[i]);
            }
            Arrays.sort(sizes);
            float least = sizes[(int) (share * (sizes.length - 1))];
            float[] pruned = weights.clone();
            for (int i = 0; i < pruned.length; i++) {
                pruned[i] = Math.abs(pruned[i]) <= least ? 0 : pruned[i];
            }
            return pruned;
        };
    }

    /** Weights of so many bits, with one scale a tensor: what a smaller model is made of. */
    public static UnaryOperator<float[]> quantized(int bits) {
        return weights -> {
            float largest = 0;
            for (float weight : weights) {
                largest = Math.max(largest, Math.abs(weight));
            }
            float step = largest / ((1 << (bits - 1)) - 1);
            float[] quantized = new float[weights.length];
            for (int i = 0; i < quantized.length; i++) {
                quantized[i] = step == 0 ? 0 : Math.round(weights[i] / step) * step;
            }
            return quantized;
        };
    }
}
