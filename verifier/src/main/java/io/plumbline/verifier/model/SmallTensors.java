package io.plumbline.verifier.model;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ParallelHash;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * A model's tensors that are no matrices: gains, biases and row scales, as bytes that hash to the manifest's values.
 *
 * @param bytes by tensor name.
 */
public record SmallTensors(Manifest manifest, SortedMap<String, byte[]> bytes) {
    private static final String SCALE = ".weight_scale";
    private static final String BIAS = ".bias";

    /** Takes the named tensors, each checked against the manifest. */
    public static SmallTensors of(Manifest manifest, List<String> names, TensorSource source) throws IOException {
        SortedMap<String, byte[]> bytes = new TreeMap<>();
        for (String name : names) {
            bytes.put(name, verified(manifest, name, source).toArray(ValueLayout.JAVA_BYTE));
        }
        return new SmallTensors(manifest, bytes);
    }

    /** The named tensor, once it has its size and hash. */
    public static MemorySegment verified(Manifest manifest, String name, TensorSource source) throws IOException {
        Manifest.Tensor expected = manifest.tensor(name);
        MemorySegment found = source.tensor(name);
        byte[] hash = ParallelHash.hash(found);
        if (found.byteSize() != expected.bytes() || !Arrays.equals(hash, expected.hash())) {
            throw new IOException("\"" + name + "\" hashes to " + Blake3.hex(hash)
                    + "; the manifest says " + Blake3.hex(expected.hash())
                    + ". The file was changed or damaged; import the model again.");
        }
        return found;
    }

    /** Names of one layer's. */
    public static List<String> names(ModelConfig config, int layer) {
        List<String> names = new ArrayList<>(TensorNames.norms(config, layer));
        for (TensorNames matrix : TensorNames.of(config, layer)) {
            names.add(matrix.scale(layer));
            if (matrix.hasBias(config)) {
                names.add(matrix.bias(layer));
            }
        }
        if (config.hasExperts(layer)) {
            names.add(TensorNames.router(layer) + SCALE);
            names.add(TensorNames.expertGateUp(layer) + SCALE);
            names.add(TensorNames.expertDown(layer) + SCALE);
            if (config.architecture().experts().hasBias()) {
                names.add(TensorNames.choiceBias(layer));
            }
            if (config.architecture().experts().isApart()) {
                names.add(TensorNames.weightScale(layer));
            }
            if (config.architecture().experts().hasBiases()) {
                names.add(TensorNames.routerBias(layer));
                names.add(TensorNames.expertGateUp(layer) + BIAS);
                names.add(TensorNames.expertDown(layer) + BIAS);
            }
        }
        if (hasSinks(config, layer)) {
            names.add(TensorNames.sinks(layer));
        }
        if (config.isLinear(layer)) {
            names.add(TensorNames.deltaGates(layer) + SCALE);
            names.addAll(TensorNames.linearVectors(layer));
        }
        if (config.architecture().layerScale()) {
            names.add(TensorNames.layerScale(layer));
        }
        return names;
    }

    private static boolean hasSinks(ModelConfig config, int layer) {
        return config.architecture().hasSinks() && !config.isLinear(layer);
    }

    /** Names of those after the last layer. */
    public static List<String> lastNames() {
        return List.of(TensorNames.FINAL_NORM, TensorNames.OUTPUT_SCALE);
    }

    /** One layer's. */
    public LayerParameters layer(int layer) {
        ModelConfig c = manifest.config();
        NormPlacement norms = c.architecture().norms();
        boolean hasQkNorm = c.qkNorm() && !c.isLinear(layer);
        return new LayerParameters(
                gain(norms.isBefore(), TensorNames.attentionNorm(layer), c.hidden()),
                gain(norms.isAfter(), TensorNames.attentionOutNorm(layer), c.hidden()),
                gain(norms.isBefore(), TensorNames.mlpNorm(layer), c.hidden()),
                gain(norms.isAfter(), TensorNames.mlpOutNorm(layer), c.hidden()),
                scales(layer, MatrixStack.QKV),
                scales(layer, MatrixStack.OUT),
                scales(layer, MatrixStack.GATE_UP),
                scales(layer, MatrixStack.DOWN),
                biases(layer, MatrixStack.QKV),
                biases(layer, MatrixStack.OUT),
                biases(layer, MatrixStack.GATE_UP),
                biases(layer, MatrixStack.DOWN),
                gain(hasQkNorm, TensorNames.queryNorm(layer), c.qkNormSize(layer, c.queryDim(layer))),
                gain(hasQkNorm && c.hasOwnKeys(layer), TensorNames.keyNorm(layer), c.qkNormSize(layer, c.kvDim(layer))),
                gain(hasSinks(c, layer), TensorNames.sinks(layer), c.heads()),
                c.hasExperts(layer) ? experts(layer) : null,
                c.isLinear(layer) ? delta(layer) : null,
                c.architecture().perLayer() > 0 ? perLayer(layer) : null,
                c.architecture().layerScale() ? floats(TensorNames.layerScale(layer), 1)[0] : 1);
    }

    private PerLayerParameters perLayer(int layer) {
        ModelConfig c = manifest.config();
        return new PerLayerParameters(
                scales(layer, MatrixStack.PER_LAYER_INPUT),
                floats(TensorNames.perLayerInputNorm(layer), c.architecture().perLayer()),
                scales(layer, MatrixStack.PER_LAYER_GATE),
                scales(layer, MatrixStack.PER_LAYER_OUT),
                floats(TensorNames.perLayerOutNorm(layer), c.hidden()));
    }

    private DeltaParameters delta(int layer) {
        DeltaRule delta = manifest.config().architecture().delta();
        int channels = delta.channels();
        int taps = delta.taps();
        float[] given = floats(TensorNames.taps(layer), channels * taps);
        float[] byTap = new float[given.length];
        for (int c = 0; c < channels; c++) {
            for (int tap = 0; tap < taps; tap++) {
                byTap[tap * channels + c] = given[c * taps + tap];
            }
        }
        float[] decay = floats(TensorNames.decayLog(layer), delta.valueHeads());
        for (int h = 0; h < decay.length; h++) {
            decay[h] = (float) StrictMath.exp(decay[h]);
        }
        return new DeltaParameters(
                byTap,
                decay,
                floats(TensorNames.decayBias(layer), delta.valueHeads()),
                floats(TensorNames.deltaGates(layer) + SCALE, 2 * delta.valueHeads(), 1),
                floats(TensorNames.linearNorm(layer), delta.valueDim()));
    }

    private ExpertParameters experts(int layer) {
        Experts experts = manifest.config().architecture().experts();
        int hidden = manifest.config().hidden();
        int count = experts.count();
        int gateUp = 2 * experts.mlp() * count;
        int down = hidden * count;
        boolean hasBiases = experts.hasBiases();
        return new ExpertParameters(
                floats(TensorNames.router(layer) + SCALE, manifest.config().routes(), 1),
                gain(experts.hasBias(), TensorNames.choiceBias(layer), count),
                gain(hasBiases, TensorNames.routerBias(layer), count),
                split(floats(TensorNames.expertGateUp(layer) + SCALE, gateUp, 1), count),
                split(floats(TensorNames.expertDown(layer) + SCALE, down, 1), count),
                split(gain(hasBiases, TensorNames.expertGateUp(layer) + BIAS, gateUp), count),
                split(gain(hasBiases, TensorNames.expertDown(layer) + BIAS, down), count),
                experts.isApart() ? apart(layer, hidden, count) : null);
    }

    private ExpertNorms apart(int layer, int hidden, int experts) {
        return new ExpertNorms(
                floats(TensorNames.routerNorm(layer), hidden),
                floats(TensorNames.expertsNorm(layer), hidden),
                floats(TensorNames.expertsOutNorm(layer), hidden),
                floats(TensorNames.sharedOutNorm(layer), hidden),
                floats(TensorNames.weightScale(layer), experts));
    }

    private static float[][] split(float[] all, int parts) {
        if (all == null) {
            return null;
        }
        int size = all.length / parts;
        float[][] split = new float[parts][];
        for (int i = 0; i < parts; i++) {
            split[i] = Arrays.copyOfRange(all, i * size, (i + 1) * size);
        }
        return split;
    }

    private float[] gain(boolean isThere, String name, int size) {
        return isThere ? floats(name, size) : null;
    }

    private float[] biases(int layer, MatrixStack stack) {
        ModelConfig c = manifest.config();
        return isThere(stack, layer) && stack.parts(c, layer).getFirst().hasBias(c)
                ? join(stack, layer, name -> floats(name.bias(layer), name.rows(c, layer)))
                : null;
    }

    /** Norm after the last layer. */
    public float[] finalGain() {
        return floats(TensorNames.FINAL_NORM, manifest.config().hidden());
    }

    /** Row scales of the output matrix. */
    public float[] outputScale() {
        return floats(TensorNames.OUTPUT_SCALE, manifest.config().vocab(), 1);
    }

    private float[] scales(int layer, MatrixStack stack) {
        return isThere(stack, layer)
                ? join(stack, layer, name -> floats(name.scale(layer), name.rows(manifest.config(), layer), 1))
                : null;
    }

    /** Whether a layer has such a matrix: of one with experts alone nothing else is fed forward. */
    private boolean isThere(MatrixStack stack, int layer) {
        ModelConfig c = manifest.config();
        return TensorNames.of(c, layer).contains(stack.parts(c, layer).getFirst());
    }

    private float[] join(MatrixStack stack, int layer, Function<TensorNames, float[]> of) {
        float[] all = new float[0];
        for (TensorNames part : stack.parts(manifest.config(), layer)) {
            float[] more = of.apply(part);
            all = Arrays.copyOf(all, all.length + more.length);
            System.arraycopy(more, 0, all, all.length - more.length, more.length);
        }
        return all;
    }

    /** The named tensor of this shape, widened exactly. */
    private float[] floats(String name, int... shape) {
        Manifest.Tensor tensor = manifest.tensor(name, shape);
        byte[] found = bytes.get(name);
        if (found == null || found.length != tensor.bytes()) {
            throw new IllegalArgumentException("\"" + name + "\" is not among the model's small tensors here.");
        }
        float[] out = new float[shape[0]];
        Embedding.widen(MemorySegment.ofArray(found), 0, tensor.dtype(), out.length, out, 0);
        return out;
    }
}
