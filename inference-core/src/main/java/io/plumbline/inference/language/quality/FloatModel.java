package io.plumbline.inference.language.quality;

import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A checkpoint evaluated in ordinary floating point, unquantized: what exact inference is compared with. Written for
 * clarity, on the heap, one sequence at a time; sums are taken in double so that rounding here is not what is
 * measured.
 */
public final class FloatModel {
    private final ModelConfig config;
    private final float[] embedding;
    private final float[] finalGain;
    private final float[] output;
    private final List<Layer> layers = new ArrayList<>();

    private record Layer(
            float[] attentionGain,
            float[] q,
            float[] k,
            float[] v,
            float[] qBias,
            float[] kBias,
            float[] vBias,
            float[] queryGain,
            float[] keyGain,
            float[] out,
            float[] mlpGain,
            float[] gate,
            float[] up,
            float[] down) {}

    public FloatModel(Checkpoint source) throws IOException {
        HuggingFaceConfig read = HuggingFaceConfig.parse(source.config(), source.origin());
        this.config = read.model();
        int d = config.hidden();
        this.embedding =
                source.require("model.embed_tokens.weight", config.vocab(), d).floats();
        this.finalGain = source.require("model.norm.weight", d).floats();
        this.output = read.tied()
                ? embedding
                : source.require("lm_head.weight", config.vocab(), d).floats();
        for (int l = 0; l < config.layers(); l++) {
            String p = "model.layers." + l + ".";
            boolean bias = config.qkvBias();
            boolean norm = config.qkNorm();
            int kv = config.kvDim();
            layers.add(new Layer(
                    source.require(p + "input_layernorm.weight", d).floats(),
                    matrix(source, p + "self_attn.q_proj", config.queryDim(), d),
                    matrix(source, p + "self_attn.k_proj", kv, d),
                    matrix(source, p + "self_attn.v_proj", kv, d),
                    bias
                            ? source.require(p + "self_attn.q_proj.bias", config.queryDim())
                                    .floats()
                            : null,
                    bias ? source.require(p + "self_attn.k_proj.bias", kv).floats() : null,
                    bias ? source.require(p + "self_attn.v_proj.bias", kv).floats() : null,
                    norm
                            ? source.require(p + "self_attn.q_norm.weight", config.headDim())
                                    .floats()
                            : null,
                    norm
                            ? source.require(p + "self_attn.k_norm.weight", config.headDim())
                                    .floats()
                            : null,
                    matrix(source, p + "self_attn.o_proj", d, config.queryDim()),
                    source.require(p + "post_attention_layernorm.weight", d).floats(),
                    matrix(source, p + "mlp.gate_proj", config.mlp(), d),
                    matrix(source, p + "mlp.up_proj", config.mlp(), d),
                    matrix(source, p + "mlp.down_proj", d, config.mlp())));
        }
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
            h[t] = java.util.Arrays.copyOfRange(embedding, tokens[t] * d, (tokens[t] + 1) * d);
        }
        for (Layer layer : layers) {
            attention(layer, h);
            for (int t = 0; t < n; t++) {
                float[] x = norm(h[t], layer.mlpGain(), 0, d);
                float[] gate = multiply(layer.gate(), x, config.mlp(), null);
                float[] up = multiply(layer.up(), x, config.mlp(), null);
                for (int i = 0; i < gate.length; i++) {
                    gate[i] = (float) (gate[i] / (1 + Math.exp(-gate[i])) * up[i]);
                }
                add(h[t], multiply(layer.down(), gate, d, null));
            }
        }
        float[][] logits = new float[n][];
        for (int t = 0; t < n; t++) {
            logits[t] = multiply(output, norm(h[t], finalGain, 0, d), config.vocab(), null);
        }
        return logits;
    }

    private void attention(Layer layer, float[][] h) {
        int n = h.length;
        int size = config.headDim();
        int shared = config.heads() / config.kvHeads();
        float[][] keys = new float[n][];
        float[][] values = new float[n][];
        for (int t = 0; t < n; t++) {
            float[] x = norm(h[t], layer.attentionGain(), 0, config.hidden());
            float[] q = multiply(layer.q(), x, config.queryDim(), layer.qBias());
            keys[t] = multiply(layer.k(), x, config.kvDim(), layer.kBias());
            values[t] = multiply(layer.v(), x, config.kvDim(), layer.vBias());
            rotate(q, layer.queryGain(), t);
            rotate(keys[t], layer.keyGain(), t);
            float[] joined = new float[config.queryDim()];
            double[] weight = new double[t + 1];
            for (int head = 0; head < config.heads(); head++) {
                int g = head / shared * size;
                double max = Double.NEGATIVE_INFINITY;
                for (int j = 0; j <= t; j++) {
                    double sum = 0;
                    for (int i = 0; i < size; i++) {
                        sum += (double) q[head * size + i] * keys[j][g + i];
                    }
                    weight[j] = sum / Math.sqrt(size);
                    max = Math.max(max, weight[j]);
                }
                double total = 0;
                for (int j = 0; j <= t; j++) {
                    weight[j] = Math.exp(weight[j] - max);
                    total += weight[j];
                }
                for (int i = 0; i < size; i++) {
                    double sum = 0;
                    for (int j = 0; j <= t; j++) {
                        sum += weight[j] * values[j][g + i];
                    }
                    joined[head * size + i] = (float) (sum / total);
                }
            }
            add(h[t], multiply(layer.out(), joined, config.hidden(), null));
        }
    }

    private void rotate(float[] x, float[] gain, int position) {
        int size = config.headDim();
        for (int at = 0; at < x.length; at += size) {
            if (gain != null) {
                System.arraycopy(norm(x, gain, at, size), 0, x, at, size);
            }
            for (int i = 0; i < size / 2; i++) {
                double angle = position * config.rope().frequency(i, size);
                double a = x[at + i];
                double b = x[at + size / 2 + i];
                x[at + i] = (float) (a * Math.cos(angle) - b * Math.sin(angle));
                x[at + size / 2 + i] = (float) (b * Math.cos(angle) + a * Math.sin(angle));
            }
        }
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
