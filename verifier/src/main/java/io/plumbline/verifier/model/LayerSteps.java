package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.RopeTable;
import io.plumbline.verifier.numerics.ScalarMath;
import java.util.Arrays;

/**
 * The float half of a layer: what happens between its int8 matrices, one token at a time. The engine that computes an
 * answer and the auditor that checks it run this same code; only the integer products come from elsewhere (from the
 * weights there, from the opening and Freivalds' check here).
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class LayerSteps {
    private static final long BASE = Constants.DIGIT_BASE;

    /** One over the root of 2, by which two numbers that vary alike are added to one that does so too. */
    private static final float HALVES = (float) Math.sqrt(0.5);

    private final ModelConfig config;
    private final Architecture architecture;
    private final ExactMath math;
    private final RotaryTables rotary;
    private final float[] wide;
    private final float[] row;

    /** Null where there is no mixture of experts. */
    private final ExpertChoice experts;

    private final float[] routed;

    /** Gain of a norm that has none. */
    private final float[] ones;

    /** What a layer's embedding of a token is multiplied by. */
    private final float perLayerScale;

    /** @param rotary positions that {@link #heads} is called for; null where it is not called. */
    public LayerSteps(ModelConfig config, RotaryTables rotary, ExactMath math) {
        this.config = config;
        this.architecture = config.architecture();
        this.rotary = rotary;
        this.math = math;
        int mlp = config.widestMlp();
        int qkv = config.widestQkv() + config.widestKeys();
        this.wide = new float[Math.max(2 * mlp, Math.max(qkv, config.vocab()))];
        this.row = new float[Math.max(mlp, Math.max(config.hidden(), config.widestHeads()))];
        Experts experts = architecture.experts();
        this.experts = experts == null ? null : new ExpertChoice(experts);
        this.routed = new float[experts == null ? 0 : config.routes()];
        this.ones = new float[architecture.valueNorm() ? config.widestHead() : 0];
        Arrays.fill(ones, 1);
        this.perLayerScale = (float) Math.sqrt(architecture.perLayer());
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
     * heads and rotary embedding (RoPE) where the model has them, then a scale for each head. Of a layer without keys
     * of its own, queries alone.
     *
     * @param y qkvDim products from {@code yOffset}.
     * @param s the scale of their input.
     * @param to receives row {@code row}.
     */
    public void heads(int layer, LayerParameters p, int position, int[] y, int yOffset, float s, HeadRows to, int row) {
        int size = config.headDim(layer);
        int heads = config.heads();
        int kvHeads = config.hasOwnKeys(layer) ? config.kvHeads(layer) : 0;
        int queryDim = config.queryDim(layer);
        int kvDim = kvHeads * size;
        int queries = row * queryDim;
        int keys = row * kvDim;
        int all = config.qkvDim(layer);
        math.dequantize(y, yOffset, all, s, p.qkvScale(), p.qkvBias(), wide, 0);
        int values = queryDim + kvDim;
        if (!config.hasValues(layer)) {
            values = all;
            System.arraycopy(wide, queryDim, wide, values, kvDim);
        }
        normHeads(p.queryGain(), 0, queryDim, config.qkNormSize(layer, queryDim));
        normHeads(p.keyGain(), queryDim, kvDim, config.qkNormSize(layer, kvDim));
        normHeads(architecture.valueNorm() ? ones : null, values, kvDim, size);
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
            System.arraycopy(wide, all - queryDim, to.gate(), queries, queryDim);
        }
        for (int g = 0; g < kvHeads; g++) {
            to.sv()[row * kvHeads + g] = math.quantizeRow(wide, values + g * size, size, to.v(), keys + g * size);
        }
    }

    /** RMSNorm of {@code n} elements of {@code wide}, {@code size} at a time; none where there is no gain. */
    private void normHeads(float[] gain, int from, int n, int size) {
        if (gain == null) {
            return;
        }
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
            int layer,
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
        float c = sq * config.attentionScale(layer);
        float cap = architecture.scoreCap();
        return math.attentionWeights(scores, sOffset, n, c, cap, sink, sk, kOffset, sv, vOffset, u, uOffset);
    }

    /** One head's output from the int32 halves of its sums. */
    public void attentionOutput(int layer, int[] high, int[] low, int offset, float factor, float[] out, int oOffset) {
        math.attentionOutput(high, low, offset, config.headDim(layer), factor, out, oOffset);
    }

    /**
     * Quantizes the joined heads' output (queryDim floats) for the output projection; gated, in place, where attention
     * has a gate.
     *
     * @param of holds the token's gate in row {@code row}.
     */
    public float quantizeHeads(int layer, float[] out, int oOffset, HeadRows of, int row, byte[] x, int xOffset) {
        int queryDim = config.queryDim(layer);
        if (architecture.hasAttentionGate()) {
            math.sigmoidMul(out, oOffset, of.gate(), row * queryDim, queryDim);
        }
        return math.quantizeRow(out, oOffset, queryDim, x, xOffset);
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
        return activate(mlp, x, xOffset);
    }

    /** act(gate) * up, which stand in {@code wide} one behind the other, quantized; returns the scale. */
    private float activate(int n, byte[] x, int xOffset) {
        switch (architecture.activation()) {
            case SILU -> math.siluMul(wide, 0, wide, n, n, row, 0);
            case GELU_TANH -> math.geluMul(wide, 0, wide, n, n, row, 0);
            case CLAMPED_SWIGLU -> math.clampedSwiglu(wide, 0, wide, n, n, architecture.gateLimit(), row, 0);
        }
        return math.quantizeRow(row, 0, n, x, xOffset);
    }

    /**
     * What a layer adds of its own embedding of a token, before the gate.
     *
     * @param y products of the token's first residual, quantized, with the layer's projection; P from {@code yOffset}.
     * @param s the scale of their input.
     * @param input holds the embedding, P floats from {@code at}; receives the sum.
     */
    public void perLayerInput(LayerParameters p, int[] y, int yOffset, float s, float[] input, int at) {
        int n = architecture.perLayer();
        math.dequantize(y, yOffset, n, s, p.perLayer().inputScale(), null, row, 0);
        math.rmsNorm(row, 0, p.perLayer().inputGain(), n, config.eps(), row, 0);
        math.addWeighted(row, 0, perLayerScale, input, at, n);
        math.scale(row, 0, n, HALVES);
        System.arraycopy(row, 0, input, at, n);
    }

    /** act(gate) * input, of the gate's products and what {@link #perLayerInput} gave, quantized; returns the scale. */
    public float perLayerGate(
            LayerParameters p, int[] y, int yOffset, float s, float[] input, int at, byte[] x, int xOffset) {
        int n = architecture.perLayer();
        math.dequantize(y, yOffset, n, s, p.perLayer().gateScale(), null, wide, 0);
        System.arraycopy(input, at, wide, n, n);
        return activate(n, x, xOffset);
    }

    /** Adds to the residual what a layer gives of its embedding, from the products of its projection back. */
    public void addPerLayer(LayerParameters p, float[] h, int hOffset, int[] y, int yOffset, float s) {
        addResidual(
                h,
                hOffset,
                y,
                yOffset,
                s,
                p.perLayer().outScale(),
                null,
                p.perLayer().outGain());
    }

    /** Multiplies the residuals that leave a layer by its number, where it has one. */
    public void scaleLayer(LayerParameters p, float[] h, int hOffset) {
        if (architecture.layerScale()) {
            math.scale(h, hOffset, config.hidden(), p.scale());
        }
    }

    /**
     * Norm and quantization before a router, in two digits of hidden bytes each: the high one from {@code xOffset},
     * the low one behind it; returns their scale.
     */
    public float normForRouter(LayerParameters p, float[] h, int hOffset, byte[] x, int xOffset) {
        ExpertNorms apart = p.experts().apart();
        return normAndQuantize16(h, hOffset, apart == null ? p.mlpGain() : apart.router(), x, xOffset);
    }

    /**
     * Norm and quantization of what experts take: hidden bytes from {@code xOffset}; returns the scale. Where they do
     * not stand apart that is what the part beside them takes.
     */
    public float normForExperts(LayerParameters p, float[] h, int hOffset, byte[] x, int xOffset) {
        ExpertNorms apart = p.experts().apart();
        return normAndQuantize(h, hOffset, apart == null ? p.mlpGain() : apart.input(), x, xOffset);
    }

    /** As before a router, with a given norm; none where it is null. */
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
        ExpertNorms apart = p.experts().apart();
        for (int i = at; apart != null && i < at + architecture.experts().chosen(); i++) {
            weights[i] *= apart.weightScale()[ids[i]];
        }
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
     * Adds to {@code sum} the output of the part that all tokens go through beside the experts; each normed before,
     * where they stand apart.
     *
     * @param weight of it, as {@link #route} gave it.
     */
    public void addShared(LayerParameters p, float weight, int[] y, int yOffset, float s, float[] sum, int at) {
        if (architecture.experts().hasSharedGate()) {
            math.dequantize(y, yOffset, config.hidden(), s, p.downScale(), p.downBias(), row, 0);
            math.addWeighted(sum, at, weight, row, 0, config.hidden());
            return;
        }
        ExpertNorms apart = p.experts().apart();
        if (apart != null) {
            int hidden = config.hidden();
            math.rmsNorm(sum, at, apart.output(), hidden, config.eps(), sum, at);
            math.dequantize(y, yOffset, hidden, s, p.downScale(), null, row, 0);
            math.rmsNorm(row, 0, apart.shared(), hidden, config.eps(), row, 0);
            math.add(sum, at, row, 0, hidden);
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
