package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.numerics.ScalarMath;

/**
 * The float half of a layer: what happens between its int8 matrices, one token at a time. The engine that computes an
 * answer and the auditor that checks it run this same code; only the integer products come from elsewhere (from the
 * weights there, from the opening and Freivalds' check here).
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class LayerSteps {
    private static final long BASE = Constants.DIGIT_BASE;

    private final ModelConfig config;
    private final Architecture architecture;
    private final ExactMath math;
    private final RotaryTables rotary;
    private final float attentionScale;
    private final float[] wide;
    private final float[] row;

    /** Null where there is no mixture of experts. */
    private final ExpertChoice experts;

    private final float[] routed;

    /** @param rotary positions that {@link #heads} is called for; null where it is not called. */
    public LayerSteps(ModelConfig config, RotaryTables rotary, ExactMath math) {
        this.config = config;
        this.architecture = config.architecture();
        this.rotary = rotary;
        this.math = math;
        this.attentionScale = config.attentionScale();
        int mlp = config.widestMlp();
        this.wide = new float[Math.max(2 * mlp, Math.max(config.widestQkv(), config.vocab()))];
        this.row = new float[Math.max(mlp, Math.max(config.hidden(), config.widestHeads()))];
        Experts experts = architecture.experts();
        this.experts = experts == null ? null : new ExpertChoice(experts);
        this.routed = new float[experts == null ? 0 : config.routes()];
    }

    /** The first residual, from a token's embedding row: scaled where the model does so, in place. */
    public void scaleEmbedding(float[] h, int offset) {
        if (architecture.embeddingScale() != 1) {
            math.scale(h, offset, config.hidden(), architecture.embeddingScale());
        }
    }

    /**
     * Norm and quantization before a matrix: {@code x} receives hidden bytes; returns their scale.
     *
     * @param gain of the norm; null where there is none.
     */
    public float normAndQuantize(float[] h, int hOffset, float[] gain, byte[] x, int xOffset) {
        if (gain == null) {
            return math.quantizeRow(h, hOffset, config.hidden(), x, xOffset);
        }
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
    public void heads(int layer, LayerParameters p, int position, int[] y, int yOffset, float s, HeadRows to, int row) {
        int size = config.headDim();
        int heads = config.heads();
        int kvHeads = config.kvHeads();
        int queries = row * config.queryDim();
        int keys = row * config.kvDim();
        math.dequantize(y, yOffset, config.qkvDim(), s, p.qkvScale(), p.qkvBias(), wide, 0);
        normHeads(p.queryGain(), 0, config.queryDim());
        normHeads(p.keyGain(), config.queryDim(), config.kvDim());
        RopeTable table = rotary.layer(layer);
        for (int h = 0; h < heads + kvHeads; h++) {
            int at = h * size;
            if (table != null) {
                int angles = (position - table.first()) * table.half();
                math.rope(wide, at, 2 * table.half(), table.cos(), table.sin(), angles);
            }
            if (h < heads) {
                to.sq()[row * heads + h] = math.quantize12(wide, at, size, to.q(), queries + at);
            } else {
                int g = h - heads;
                to.sk()[row * kvHeads + g] = math.quantize12(wide, at, size, to.k(), keys + g * size);
            }
        }
        if (architecture.hasAttentionGate()) {
            System.arraycopy(wide, config.qkvDim() - config.queryDim(), to.gate(), queries, config.queryDim());
        }
        int values = config.queryDim() + config.kvDim();
        for (int g = 0; g < kvHeads; g++) {
            to.sv()[row * kvHeads + g] = math.quantizeRow(wide, values + g * size, size, to.v(), keys + g * size);
        }
    }

    /** RMSNorm of {@code n} elements of {@code wide}, a head or all heads at a time. */
    private void normHeads(float[] gain, int from, int n) {
        if (gain == null) {
            return;
        }
        int size = config.qkNormSize(n);
        for (int at = from; at < from + n; at += size) {
            math.rmsNorm(wide, at, gain, size, config.eps(), wide, at);
        }
    }

    /**
     * Integer weights of {@code n} keys from their scores; see {@link ExactMath#attentionWeights}.
     *
     * @param sink of the head.
     */
    public float attentionWeights(
            int[] scores,
            int sOffset,
            int n,
            float sq,
            float sink,
            float[] sk,
            int kOffset,
            float[] sv,
            int vOffset,
            short[] u,
            int uOffset) {
        float c = sq * attentionScale;
        float cap = architecture.scoreCap();
        return math.attentionWeights(scores, sOffset, n, c, cap, sink, sk, kOffset, sv, vOffset, u, uOffset);
    }

    /** One head's output from the int32 halves of its sums. */
    public void attentionOutput(int[] high, int[] low, int offset, float factor, float[] out, int oOffset) {
        math.attentionOutput(high, low, offset, config.headDim(), factor, out, oOffset);
    }

    /**
     * Quantizes the joined heads' output (queryDim floats) for the output projection; gated, in place, where attention
     * has a gate.
     *
     * @param of holds the token's gate in row {@code row}.
     */
    public float quantizeHeads(float[] out, int oOffset, HeadRows of, int row, byte[] x, int xOffset) {
        if (architecture.hasAttentionGate()) {
            math.sigmoidMul(out, oOffset, of.gate(), row * config.queryDim(), config.queryDim());
        }
        return math.quantizeRow(out, oOffset, config.queryDim(), x, xOffset);
    }

    /** Adds attention's output to the residual, from the products of its projection. */
    public void addAttention(LayerParameters p, float[] h, int hOffset, int[] y, int yOffset, float s) {
        addResidual(h, hOffset, y, yOffset, s, p.outScale(), p.outBias(), p.attentionOutGain());
    }

    /** Adds the feed-forward part's output to the residual, from the products of down. */
    public void addMlp(LayerParameters p, float[] h, int hOffset, int[] y, int yOffset, float s) {
        addResidual(h, hOffset, y, yOffset, s, p.downScale(), p.downBias(), p.mlpOutGain());
    }

    private void addResidual(
            float[] h, int hOffset, int[] y, int yOffset, float s, float[] rowScale, float[] bias, float[] gain) {
        int hidden = config.hidden();
        if (bias == null && gain == null) {
            math.addProducts(h, hOffset, y, yOffset, hidden, s, rowScale, row);
            return;
        }
        math.dequantize(y, yOffset, hidden, s, rowScale, bias, row, 0);
        if (gain != null) {
            math.rmsNorm(row, 0, gain, hidden, config.eps(), row, 0);
        }
        math.add(h, hOffset, row, 0, hidden);
    }

    /**
     * act(gate) * up from their products, gate's first, quantized into {@code x}; returns the scale. Of as many
     * elements as half of the row scales.
     */
    public float gate(LayerParameters p, int[] y, int yOffset, float s, byte[] x, int xOffset) {
        return gate(p.gateUpScale(), p.gateUpBias(), y, yOffset, s, x, xOffset);
    }

    private float gate(float[] rowScale, float[] bias, int[] y, int yOffset, float s, byte[] x, int xOffset) {
        int mlp = rowScale.length / 2;
        if (architecture.activation() == Activation.SILU && bias == null) {
            return math.gate(y, yOffset, mlp, s, rowScale, wide, row, x, xOffset);
        }
        math.dequantize(y, yOffset, 2 * mlp, s, rowScale, bias, wide, 0);
        switch (architecture.activation()) {
            case SILU -> math.siluMul(wide, 0, wide, mlp, mlp, row, 0);
            case GELU_TANH -> math.geluMul(wide, 0, wide, mlp, mlp, row, 0);
            case CLAMPED_SWIGLU -> math.clampedSwiglu(wide, 0, wide, mlp, mlp, architecture.gateLimit(), row, 0);
        }
        return math.quantizeRow(row, 0, mlp, x, xOffset);
    }

    /**
     * Norm and quantization before a router, in two digits of hidden bytes each: the high one from {@code xOffset},
     * the low one behind it; returns their scale.
     */
    public float normAndQuantize16(float[] h, int hOffset, float[] gain, byte[] x, int xOffset) {
        int hidden = config.hidden();
        if (gain == null) {
            return math.quantize16(h, hOffset, hidden, x, xOffset, x, xOffset + hidden);
        }
        math.rmsNorm(h, hOffset, gain, hidden, config.eps(), row, 0);
        return math.quantize16(row, 0, hidden, x, xOffset, x, xOffset + hidden);
    }

    /**
     * Chooses a token's experts from the router's products.
     *
     * @param y of the input's high digit with the high digits of all rows, then with the low ones; then of its low
     *     digit: four for each expert.
     * @param s the scale of the input.
     * @param ids receives the chosen from {@code at}, ascending.
     * @param weights receives theirs from {@code at}.
     * @return the weight of the part that all tokens go through: 1 where it has no gate.
     */
    public float route(LayerParameters p, int[] y, int yOffset, float s, int[] ids, float[] weights, int at) {
        int n = routed.length;
        float[] scale = p.experts().routerScale();
        float[] bias = p.experts().routerBias();
        for (int e = 0; e < n; e++) {
            long middle = (long) y[yOffset + n + e] + y[yOffset + 2 * n + e];
            long sum = (BASE * y[yOffset + e] + middle) * BASE + y[yOffset + 3 * n + e];
            float logit = (float) sum * (s * scale[e]);
            routed[e] = bias == null ? logit : logit + bias[e];
        }
        experts.choose(routed, p.experts().choiceBias(), ids, weights, at);
        return architecture.experts().hasSharedGate() ? ScalarMath.sigmoid(routed[n - 1]) : 1;
    }

    /** Does for an expert what {@link #gate} does for the part that all tokens go through. */
    public float expertGate(LayerParameters p, int expert, int[] y, int yOffset, float s, byte[] x, int xOffset) {
        ExpertParameters all = p.experts();
        return gate(all.gateUpScale()[expert], all.gateUpBias(expert), y, yOffset, s, x, xOffset);
    }

    /** Adds an expert's output to {@code sum}, hidden floats from {@code at}, by its weight. */
    public void addExpert(
            LayerParameters p, int expert, float weight, int[] y, int yOffset, float s, float[] sum, int at) {
        int hidden = config.hidden();
        ExpertParameters all = p.experts();
        math.dequantize(y, yOffset, hidden, s, all.downScale()[expert], all.downBias(expert), row, 0);
        math.addWeighted(sum, at, weight, row, 0, hidden);
    }

    /**
     * Adds to {@code sum} the output of the part that all tokens go through beside the experts.
     *
     * @param weight of it, as {@link #route} gave it.
     */
    public void addShared(LayerParameters p, float weight, int[] y, int yOffset, float s, float[] sum, int at) {
        if (architecture.experts().hasSharedGate()) {
            math.dequantize(y, yOffset, config.hidden(), s, p.downScale(), p.downBias(), row, 0);
            math.addWeighted(sum, at, weight, row, 0, config.hidden());
            return;
        }
        math.addProducts(sum, at, y, yOffset, config.hidden(), s, p.downScale(), row);
    }

    /** Adds the experts' sum to the residual. */
    public void addMixture(LayerParameters p, float[] h, int hOffset, float[] sum, int at) {
        if (p.mlpOutGain() != null) {
            math.rmsNorm(sum, at, p.mlpOutGain(), config.hidden(), config.eps(), sum, at);
        }
        math.add(h, hOffset, sum, at, config.hidden());
    }

    /** Logits from the output matrix's products: vocab floats from {@code offset}. */
    public void logits(int[] y, int yOffset, float s, float[] rowScale, float[] logits, int offset) {
        math.dequantize(y, yOffset, config.vocab(), s, rowScale, null, logits, offset);
        if (architecture.logitCap() != 0) {
            math.softcap(logits, offset, config.vocab(), architecture.logitCap());
        }
    }
}
