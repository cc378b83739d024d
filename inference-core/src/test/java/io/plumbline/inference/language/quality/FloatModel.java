package io.plumbline.inference.language.quality;

import io.plumbline.inference.language.checkpoint.CanonicalCheckpoint;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A checkpoint evaluated in ordinary floating point, unquantized: what exact inference is compared with. Written for
 * clarity, on the heap, one sequence at a time; sums are taken in double so that rounding here is not what is
 * measured.
 */
public final class FloatModel {
    private final ModelConfig config;
    private final Architecture architecture;
    private final float[] embedding;

    /** {@code [token][layer][elements]}; null where layers have no embeddings of their own. */
    private final float[] perLayerEmbedding;

    /** Keys and values of a layer, by token, which later ones may attend to. */
    private final Map<Integer, float[][]> keysOf = new TreeMap<>();

    private final Map<Integer, float[][]> valuesOf = new TreeMap<>();
    private final float[] finalGain;
    private final float[] output;
    private final List<Layer> layers = new ArrayList<>();

    /** One layer's tensors; what a model has not is null. */
    private record Layer(int index, Map<TensorNames, float[]> matrices, Map<String, float[]> vectors) {
        float[] matrix(TensorNames name) {
            return matrices.get(name);
        }

        float[] bias(TensorNames name) {
            return vectors.get(name.bias(index));
        }

        float[] gain(String name) {
            return vectors.get(name);
        }
    }

    public FloatModel(Checkpoint checkpoint) throws IOException {
        HuggingFaceConfig read = HuggingFaceConfig.of(checkpoint);
        CanonicalCheckpoint source = new CanonicalCheckpoint(checkpoint, read.description());
        this.config = read.model();
        this.architecture = config.architecture();
        int d = config.hidden();
        Weights embedded = source.require(TensorNames.EMBEDDING, config.vocab(), d);
        this.embedding = embedded.floats();
        this.finalGain = source.require(TensorNames.FINAL_NORM, d).floats();
        this.output = read.tied()
                ? source.tiedOutput(embedded).floats()
                : matrix(source, TensorNames.OUTPUT, config.vocab(), d);
        for (int l = 0; l < config.layers(); l++) {
            Layer layer = new Layer(l, new TreeMap<>(), new TreeMap<>());
            for (String name : TensorNames.norms(config, l)) {
                layer.vectors()
                        .put(
                                name,
                                source.require(name, TensorNames.normSize(config, l, name))
                                        .floats());
            }
            if (config.isLinear(l)) {
                linear(source, layer);
            } else if (architecture.hasSinks()) {
                vector(source, layer, TensorNames.sinks(l), config.heads());
            }
            for (TensorNames name : TensorNames.of(config, l)) {
                layer.matrices().put(name, matrix(source, name.in(l), name.rows(config, l), name.columns(config, l)));
                if (name.hasBias(config)) {
                    layer.vectors()
                            .put(
                                    name.bias(l),
                                    source.require(name.bias(l), name.rows(config, l))
                                            .floats());
                }
            }
            if (config.hasExperts(l)) {
                experts(source, layer);
            }
            if (architecture.layerScale()) {
                vector(source, layer, TensorNames.layerScale(l), 1);
            }
            layers.add(layer);
        }
        this.perLayerEmbedding = architecture.perLayer() == 0
                ? null
                : source.require(TensorNames.PER_LAYER_EMBEDDING, config.vocab(), config.perLayerDim())
                        .floats();
    }

    private void linear(Checkpoint source, Layer layer) throws IOException {
        for (String name : TensorNames.linearVectors(layer.index())) {
            vector(source, layer, name, TensorNames.linearSize(config, name));
        }
        String stem = TensorNames.deltaGates(layer.index());
        int rows = 2 * architecture.delta().valueHeads();
        layer.vectors().put(stem, matrix(source, stem, rows, config.hidden()));
    }

    private void experts(Checkpoint source, Layer layer) throws IOException {
        Experts experts = architecture.experts();
        int l = layer.index();
        int d = config.hidden();
        String[] stems = {TensorNames.router(l), TensorNames.expertGateUp(l), TensorNames.expertDown(l)};
        int[] rows = {experts.count(), 2 * experts.mlp() * experts.count(), d * experts.count()};
        int[] columns = {d, d, experts.mlp()};
        for (int i = 0; i < stems.length; i++) {
            layer.vectors().put(stems[i], matrix(source, stems[i], rows[i], columns[i]));
        }
        if (experts.hasSharedGate()) {
            String name = TensorNames.sharedGate(l);
            layer.vectors().put(name, source.require(name, 1, d).floats());
        }
        if (experts.hasBias()) {
            vector(source, layer, TensorNames.choiceBias(l), experts.count());
        }
        if (experts.isApart()) {
            vector(source, layer, TensorNames.weightScale(l), experts.count());
        }
        if (experts.hasBiases()) {
            for (int i = 0; i < stems.length; i++) {
                vector(source, layer, stems[i] + ".bias", rows[i]);
            }
        }
    }

    private static void vector(Checkpoint source, Layer layer, String name, int size) throws IOException {
        layer.vectors().put(name, source.require(name, size).floats());
    }

    private static float[] matrix(Checkpoint source, String stem, int rows, int columns) throws IOException {
        Weights weights = source.require(stem + ".weight", rows, columns);
        if (!weights.dtype().equals("I8")) {
            return weights.floats();
        }
        float[] scale = source.require(stem + ".weight_scale", rows, 1).floats();
        float[] all = new float[rows * columns];
        byte[] row = new byte[columns];
        for (int r = 0; r < rows; r++) {
            weights.rawRow(r, row);
            for (int i = 0; i < columns; i++) {
                all[r * columns + i] = row[i] * scale[r];
            }
        }
        return all;
    }

    /** Logits after every token of {@code tokens}, one row of vocab floats each. */
    public float[][] logits(int[] tokens) {
        int n = tokens.length;
        int d = config.hidden();
        float[][] h = new float[n][];
        for (int t = 0; t < n; t++) {
            h[t] = Arrays.copyOfRange(embedding, tokens[t] * d, (tokens[t] + 1) * d);
            for (int i = 0; i < d; i++) {
                h[t][i] *= architecture.embeddingScale();
            }
        }
        float[][] firsts = new float[n][];
        for (int t = 0; t < n; t++) {
            firsts[t] = h[t].clone();
        }
        for (Layer layer : layers) {
            if (config.isLinear(layer.index())) {
                linearAttention(layer, h);
            } else {
                attention(layer, h);
            }
            for (int t = 0; t < n; t++) {
                mlp(layer, h[t]);
                if (perLayerEmbedding != null) {
                    perLayer(layer, tokens[t], firsts[t], h[t]);
                }
                for (int i = 0; i < d && architecture.layerScale(); i++) {
                    h[t][i] *= layer.gain(TensorNames.layerScale(layer.index()))[0];
                }
            }
        }
        float[][] logits = new float[n][];
        for (int t = 0; t < n; t++) {
            logits[t] = multiply(output, norm(h[t], finalGain, 0, d), config.vocab(), null);
            for (int i = 0; i < logits[t].length; i++) {
                logits[t][i] = (float) capped(logits[t][i], architecture.logitCap());
            }
        }
        return logits;
    }

    private void mlp(Layer layer, float[] h) {
        float[] x = normed(h, layer.gain(TensorNames.mlpNorm(layer.index())));
        float[] out = new float[config.hidden()];
        int mlp = config.mlp(layer.index());
        if (mlp > 0) {
            float[] gate = multiply(layer.matrix(TensorNames.GATE), x, mlp, layer.bias(TensorNames.GATE));
            float[] up = multiply(layer.matrix(TensorNames.UP), x, mlp, layer.bias(TensorNames.UP));
            for (int i = 0; i < gate.length; i++) {
                gate[i] = (float) gated(gate[i], up[i]);
            }
            out = multiply(layer.matrix(TensorNames.DOWN), gate, config.hidden(), layer.bias(TensorNames.DOWN));
        }
        float[] sharedGate = layer.gain(TensorNames.sharedGate(layer.index()));
        if (sharedGate != null) {
            double weight = sigmoid(multiply(sharedGate, x, 1, null)[0]);
            for (int i = 0; i < out.length; i++) {
                out[i] *= (float) weight;
            }
        }
        if (config.hasExperts(layer.index()) && architecture.experts().isApart()) {
            int l = layer.index();
            float[] routed = normed(h, layer.gain(TensorNames.routerNorm(l)));
            float[] apart = new float[out.length];
            addExperts(layer, routed, normed(h, layer.gain(TensorNames.expertsNorm(l))), apart);
            out = normed(out, layer.gain(TensorNames.sharedOutNorm(l)));
            add(out, normed(apart, layer.gain(TensorNames.expertsOutNorm(l))));
        } else if (config.hasExperts(layer.index())) {
            addExperts(layer, x, x, out);
        }
        add(h, normed(out, layer.gain(TensorNames.mlpOutNorm(layer.index()))));
    }

    /** What a layer's own embedding of a token gives, as it is published. */
    private void perLayer(Layer layer, int token, float[] first, float[] h) {
        int l = layer.index();
        int n = architecture.perLayer();
        float[] projected = multiply(layer.matrix(TensorNames.PER_LAYER_INPUT), first, n, null);
        float[] input = norm(projected, layer.gain(TensorNames.perLayerInputNorm(l)), 0, n);
        float[] gate = multiply(layer.matrix(TensorNames.PER_LAYER_GATE), h, n, null);
        for (int i = 0; i < n; i++) {
            double embedded = perLayerEmbedding[token * config.perLayerDim() + l * n + i] * Math.sqrt(n);
            gate[i] = (float) gated(gate[i], (input[i] + embedded) / Math.sqrt(2));
        }
        float[] out = multiply(layer.matrix(TensorNames.PER_LAYER_OUT), gate, config.hidden(), null);
        add(h, norm(out, layer.gain(TensorNames.perLayerOutNorm(l)), 0, config.hidden()));
    }

    private void addExperts(Layer layer, float[] routed, float[] x, float[] out) {
        Experts experts = architecture.experts();
        int d = config.hidden();
        int inner = experts.mlp();
        float[] logits = multiply(
                layer.gain(TensorNames.router(layer.index())),
                routed,
                experts.count(),
                layer.gain(TensorNames.routerBias(layer.index())));
        boolean isSoftmax = experts.scoring() == Experts.Scoring.SOFTMAX;
        double[] scores = new double[experts.count()];
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double total = 0;
        for (int e = 0; e < scores.length; e++) {
            scores[e] = isSoftmax ? Math.exp(logits[e] - max) : 1 / (1 + Math.exp(-logits[e]));
            total += scores[e];
        }
        float[] bias = layer.gain(TensorNames.choiceBias(layer.index()));
        List<Integer> chosen = IntStream.range(0, experts.count())
                .boxed()
                .sorted(Comparator.comparingDouble(e -> -scores[e] - (bias == null ? 0 : bias[e])))
                .limit(experts.chosen())
                .toList();
        double ofChosen = chosen.stream().mapToDouble(e -> scores[e]).sum();
        double divisor = experts.isRenormalized() ? ofChosen : isSoftmax ? total : 1;
        float[] gateUp = layer.gain(TensorNames.expertGateUp(layer.index()));
        float[] down = layer.gain(TensorNames.expertDown(layer.index()));
        float[] gateUpBias = layer.gain(TensorNames.expertGateUp(layer.index()) + ".bias");
        float[] downBias = layer.gain(TensorNames.expertDown(layer.index()) + ".bias");
        float[] weightScale = layer.gain(TensorNames.weightScale(layer.index()));
        for (int e : chosen) {
            double weight = scores[e] / divisor * experts.scale() * (weightScale == null ? 1 : weightScale[e]);
            float[] both = multiply(of(gateUp, e), x, 2 * inner, of(gateUpBias, e));
            float[] y = new float[inner];
            for (int i = 0; i < inner; i++) {
                y[i] = (float) gated(both[i], both[inner + i]);
            }
            float[] one = multiply(of(down, e), y, d, of(downBias, e));
            for (int i = 0; i < d; i++) {
                out[i] += (float) (weight * one[i]);
            }
        }
    }

    /** One expert's part of what all experts have; null of null. */
    private float[] of(float[] all, int expert) {
        if (all == null) {
            return null;
        }
        int size = all.length / architecture.experts().count();
        return Arrays.copyOfRange(all, expert * size, (expert + 1) * size);
    }

    private double gated(double x, double up) {
        return switch (architecture.activation()) {
            case SILU -> x / (1 + Math.exp(-x)) * up;
            case GELU_TANH -> 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) * up;
            case CLAMPED_SWIGLU -> {
                double limit = architecture.gateLimit();
                double gate = Math.min(x, limit);
                yield gate / (1 + Math.exp(-1.702 * gate)) * (Math.clamp(up, -limit, limit) + 1);
            }
        };
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** The gated delta rule, token by token as it is published. */
    private void linearAttention(Layer layer, float[][] h) {
        int l = layer.index();
        DeltaRule delta = architecture.delta();
        int heads = delta.valueHeads();
        int dk = delta.keyDim();
        int dv = delta.valueDim();
        int channels = delta.channels();
        float[] taps = layer.gain(TensorNames.taps(l));
        double[][] states = new double[heads][dk * dv];
        float[][] mixed = new float[h.length][];
        for (int t = 0; t < h.length; t++) {
            float[] x = normed(h[t], layer.gain(TensorNames.attentionNorm(l)));
            mixed[t] = multiply(layer.matrix(TensorNames.LINEAR_QKV), x, channels, null);
            float[] z = multiply(layer.matrix(TensorNames.LINEAR_GATE), x, delta.values(), null);
            float[] gates = multiply(layer.gain(TensorNames.deltaGates(l)), x, 2 * heads, null);
            double[] qkv = new double[channels];
            for (int c = 0; c < channels; c++) {
                double sum = 0;
                for (int tap = 0; tap < delta.taps(); tap++) {
                    int from = t - delta.taps() + 1 + tap;
                    sum += from < 0 ? 0 : (double) taps[c * delta.taps() + tap] * mixed[from][c];
                }
                qkv[c] = sum * sigmoid(sum);
            }
            float[] joined = new float[delta.values()];
            for (int head = 0; head < heads; head++) {
                int q = head / (heads / delta.keyHeads()) * dk;
                double queryScale = unit(qkv, q, dk) / Math.sqrt(dk);
                double keyScale = unit(qkv, q + delta.keys(), dk);
                double step = Math.log1p(Math.exp(gates[heads + head] + layer.gain(TensorNames.decayBias(l))[head]));
                double decay = Math.exp(-Math.exp(layer.gain(TensorNames.decayLog(l))[head]) * step);
                double rate = sigmoid(gates[head]);
                double[] state = states[head];
                float[] out = new float[dv];
                for (int v = 0; v < dv; v++) {
                    double known = 0;
                    for (int k = 0; k < dk; k++) {
                        known += state[k * dv + v] * decay * qkv[q + delta.keys() + k] * keyScale;
                    }
                    double change = (qkv[2 * delta.keys() + head * dv + v] - known) * rate;
                    double sum = 0;
                    for (int k = 0; k < dk; k++) {
                        int at = k * dv + v;
                        state[at] = state[at] * decay + qkv[q + delta.keys() + k] * keyScale * change;
                        sum += state[at] * qkv[q + k] * queryScale;
                    }
                    out[v] = (float) sum;
                }
                float[] normed = norm(out, layer.gain(TensorNames.linearNorm(l)), 0, dv);
                for (int v = 0; v < dv; v++) {
                    double gate = z[head * dv + v];
                    joined[head * dv + v] = (float) (normed[v] * gate * sigmoid(gate));
                }
            }
            float[] out = multiply(layer.matrix(TensorNames.LINEAR_OUT), joined, config.hidden(), null);
            add(h[t], normed(out, layer.gain(TensorNames.attentionOutNorm(l))));
        }
    }

    /** The factor that makes {@code n} elements a unit vector. */
    private static double unit(double[] x, int from, int n) {
        double squares = 0;
        for (int i = from; i < from + n; i++) {
            squares += x[i] * x[i];
        }
        return 1 / Math.sqrt(squares + 1e-6);
    }

    private static double capped(double x, float cap) {
        return cap == 0 ? x : cap * Math.tanh(x / cap);
    }

    private void attention(Layer layer, float[][] h) {
        int n = h.length;
        int index = layer.index();
        int size = config.headDim(index);
        int queryDim = config.queryDim(index);
        int kvDim = config.kvDim(index);
        int shared = config.heads() / config.kvHeads(index);
        if (config.hasOwnKeys(index)) {
            keysOf.put(index, new float[n][]);
            valuesOf.put(index, new float[n][]);
        }
        float[][] keys = keysOf.get(config.kvLayer(index));
        float[][] values = valuesOf.get(config.kvLayer(index));
        for (int t = 0; t < n; t++) {
            float[] x = normed(h[t], layer.gain(TensorNames.attentionNorm(index)));
            float[] q = multiply(layer.matrix(TensorNames.Q), x, queryDim, layer.bias(TensorNames.Q));
            positioned(index, q, layer.gain(TensorNames.queryNorm(index)), t);
            if (config.hasOwnKeys(index)) {
                keys[t] = multiply(layer.matrix(TensorNames.K), x, kvDim, layer.bias(TensorNames.K));
                values[t] = config.hasValues(index)
                        ? multiply(layer.matrix(TensorNames.V), x, kvDim, layer.bias(TensorNames.V))
                        : keys[t].clone();
                positioned(index, keys[t], layer.gain(TensorNames.keyNorm(index)), t);
                normValues(values[t], size);
            }
            float[] joined = new float[queryDim];
            float[] sinks = layer.gain(TensorNames.sinks(index));
            double[] weight = new double[t + 1];
            int first = architecture.isLocal(index) ? Math.max(0, t - architecture.window() + 1) : 0;
            for (int head = 0; head < config.heads(); head++) {
                int g = head / shared * size;
                double sink = sinks == null ? Double.NEGATIVE_INFINITY : sinks[head];
                double max = sink;
                for (int j = first; j <= t; j++) {
                    double sum = 0;
                    for (int i = 0; i < size; i++) {
                        sum += (double) q[head * size + i] * keys[j][g + i];
                    }
                    weight[j] = capped(sum * config.attentionScale(index), architecture.scoreCap());
                    max = Math.max(max, weight[j]);
                }
                double total = Math.exp(sink - max);
                for (int j = first; j <= t; j++) {
                    weight[j] = Math.exp(weight[j] - max);
                    total += weight[j];
                }
                for (int i = 0; i < size; i++) {
                    double sum = 0;
                    for (int j = first; j <= t; j++) {
                        sum += weight[j] * values[j][g + i];
                    }
                    joined[head * size + i] = (float) (sum / total);
                }
            }
            if (architecture.hasAttentionGate()) {
                float[] gate = multiply(
                        layer.matrix(TensorNames.ATTENTION_GATE), x, queryDim, layer.bias(TensorNames.ATTENTION_GATE));
                for (int i = 0; i < joined.length; i++) {
                    joined[i] *= (float) sigmoid(gate[i]);
                }
            }
            float[] out = multiply(layer.matrix(TensorNames.O), joined, config.hidden(), layer.bias(TensorNames.O));
            add(h[t], normed(out, layer.gain(TensorNames.attentionOutNorm(index))));
        }
    }

    private void normValues(float[] values, int size) {
        float[] ones = new float[size];
        Arrays.fill(ones, 1);
        for (int at = 0; architecture.valueNorm() && at < values.length; at += size) {
            System.arraycopy(norm(values, ones, at, size), 0, values, at, size);
        }
    }

    /** Norms and rotates queries or keys, in place. */
    private void positioned(int layer, float[] x, float[] gain, int position) {
        if (gain != null) {
            for (int at = 0; at < x.length; at += gain.length) {
                System.arraycopy(norm(x, gain, at, gain.length), 0, x, at, gain.length);
            }
        }
        if (!architecture.isRotary(layer)) {
            return;
        }
        Rope rope = architecture.isLocal(layer) ? config.localRope() : config.rope();
        int half = (architecture.isLocal(layer) ? config.localRotaryDim() : config.rotaryDim()) / 2;
        for (int at = 0; at < x.length; at += config.headDim(layer)) {
            for (int i = 0; i < half; i++) {
                double angle = position * rope.frequency(i, 2 * half);
                double cos = Math.cos(angle) * rope.scaling().magnitude();
                double sin = Math.sin(angle) * rope.scaling().magnitude();
                double a = x[at + i];
                double b = x[at + half + i];
                x[at + i] = (float) (a * cos - b * sin);
                x[at + half + i] = (float) (b * cos + a * sin);
            }
        }
    }

    /** The row normed, or as it is where there is no gain. */
    private float[] normed(float[] x, float[] gain) {
        return gain == null ? x : norm(x, gain, 0, x.length);
    }

    private float[] norm(float[] x, float[] gain, int offset, int n) {
        double squares = 0;
        for (int i = 0; i < n; i++) {
            squares += (double) x[offset + i] * x[offset + i];
        }
        double r = 1 / Math.sqrt(squares / n + config.eps());
        float[] y = new float[n];
        for (int i = 0; i < n; i++) {
            y[i] = (float) (x[offset + i] * r * gain[i]);
        }
        return y;
    }

    private static float[] multiply(float[] matrix, float[] x, int rows, float[] bias) {
        float[] y = new float[rows];
        for (int r = 0; r < rows; r++) {
            double sum = bias == null ? 0 : bias[r];
            int at = r * x.length;
            for (int i = 0; i < x.length; i++) {
                sum += (double) matrix[at + i] * x[i];
            }
            y[r] = (float) sum;
        }
        return y;
    }

    private static void add(float[] h, float[] y) {
        for (int i = 0; i < h.length; i++) {
            h[i] += y[i];
        }
    }

    public ModelConfig config() {
        return config;
    }
}
