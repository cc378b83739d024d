package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.RopeTable;

/**
 * The float half of a layer: what happens between its int8 matrices, one token at a time. The engine that computes an
 * answer and the auditor that checks it run this same code; only the integer products come from elsewhere (from the
 * weights there, from the opening and Freivalds' check here).
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class LayerSteps {
    private final ModelConfig config;
    private final ExactMath math;
    private final RopeTable rope;
    private final float inverseRootD;
    private final float[] wide;
    private final float[] row;

    /** @param rope positions that {@link #heads} is called for; null where it is not called. */
    public LayerSteps(ModelConfig config, RopeTable rope, ExactMath math) {
        this.config = config;
        this.rope = rope;
        this.math = math;
        this.inverseRootD = 1f / (float) Math.sqrt(config.headDim());
        this.wide = new float[Math.max(2 * config.mlp(), Math.max(config.qkvDim(), config.vocab()))];
        this.row = new float[Math.max(config.mlp(), Math.max(config.hidden(), config.queryDim()))];
    }

    /** Norm and quantization before a matrix: {@code x} receives hidden bytes; returns their scale. */
    public float normAndQuantize(float[] h, int hOffset, float[] gain, byte[] x, int xOffset) {
        math.rmsNorm(h, hOffset, gain, config.hidden(), config.eps(), row, 0);
        return math.quantizeRow(row, 0, config.hidden(), x, xOffset);
    }

    /**
     * From the qkv products of the token at {@code position} to its integer query, key and value rows: bias, norms of
     * heads and rotary embedding (RoPE) where the model has them, then a scale for each head.
     *
     * @param y qkvDim products from {@code yOffset}.
     * @param s the scale of their input.
     * @param to receives row {@code row}.
     */
    public void heads(LayerParameters p, int position, int[] y, int yOffset, float s, HeadRows to, int row) {
        int size = config.headDim();
        int heads = config.heads();
        int kvHeads = config.kvHeads();
        int table = (position - rope.first()) * rope.half();
        int queries = row * config.queryDim();
        int keys = row * config.kvDim();
        math.dequantize(y, yOffset, config.qkvDim(), s, p.qkvScale(), p.qkvBias(), wide, 0);
        for (int h = 0; h < heads + kvHeads; h++) {
            int at = h * size;
            float[] gain = h < heads ? p.queryGain() : p.keyGain();
            if (gain != null) {
                math.rmsNorm(wide, at, gain, size, config.eps(), wide, at);
            }
            math.rope(wide, at, size, rope.cos(), rope.sin(), table);
            if (h < heads) {
                to.sq()[row * heads + h] = math.quantize12(wide, at, size, to.q(), queries + at);
            } else {
                int g = h - heads;
                to.sk()[row * kvHeads + g] = math.quantize12(wide, at, size, to.k(), keys + g * size);
            }
        }
        int values = config.queryDim() + config.kvDim();
        for (int g = 0; g < kvHeads; g++) {
            to.sv()[row * kvHeads + g] = math.quantizeRow(wide, values + g * size, size, to.v(), keys + g * size);
        }
    }

    /** Integer weights of {@code n} keys from their scores; see {@link ExactMath#attentionWeights}. */
    public float attentionWeights(
            int[] scores,
            int sOffset,
            int n,
            float sq,
            float[] sk,
            int kOffset,
            float[] sv,
            int vOffset,
            short[] u,
            int uOffset) {
        return math.attentionWeights(scores, sOffset, n, sq * inverseRootD, sk, kOffset, sv, vOffset, u, uOffset);
    }

    /** One head's output from the int32 halves of its sums. */
    public void attentionOutput(int[] high, int[] low, int offset, float factor, float[] out, int oOffset) {
        math.attentionOutput(high, low, offset, config.headDim(), factor, out, oOffset);
    }

    /** Quantizes the joined heads' output (queryDim floats) for the output projection. */
    public float quantizeHeads(float[] out, int oOffset, byte[] x, int xOffset) {
        return math.quantizeRow(out, oOffset, config.queryDim(), x, xOffset);
    }

    /** {@code h += dequantized products}; for the output projection and for down. */
    public void addResidual(float[] h, int hOffset, int[] y, int yOffset, float s, float[] rowScale) {
        math.addProducts(h, hOffset, y, yOffset, config.hidden(), s, rowScale, row);
    }

    /** silu(gate) * up from the 2 * mlp products, quantized into {@code x} (mlp bytes); returns the scale. */
    public float gate(LayerParameters p, int[] y, int yOffset, float s, byte[] x, int xOffset) {
        return math.gate(y, yOffset, config.mlp(), s, p.gateUpScale(), wide, row, x, xOffset);
    }

    /** Logits from the output matrix's products: vocab floats from {@code offset}. */
    public void logits(int[] y, int yOffset, float s, float[] rowScale, float[] logits, int offset) {
        math.dequantize(y, yOffset, config.vocab(), s, rowScale, null, logits, offset);
    }
}
