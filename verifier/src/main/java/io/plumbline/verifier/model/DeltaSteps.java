package io.plumbline.verifier.model;

import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.DeltaRun;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.ScalarMath;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The float half of a layer with linear attention, between its matrices: a short causal convolution, the gated delta
 * rule, and the gated norm of what it gives. Engine and auditor run this same code, as they do {@link LayerSteps}.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class DeltaSteps {
    private static final long BASE = Constants.DIGIT_BASE;

    private final DeltaRule delta;
    private final ExactMath math;
    private final float eps;

    /** Added by a norm so that the root of a sum of squares, not of a mean, divides queries and keys. */
    private final float unitEps;

    private final DeltaRun run;
    private final float[] queryGain;
    private final float[] keyGain;
    private final float[] ones;

    /** @param config of a model with such layers. */
    public DeltaSteps(ModelConfig config, ExactMath math) {
        this.delta = config.architecture().delta();
        this.math = math;
        this.eps = config.eps();
        this.unitEps = Constants.DELTA_EPS / delta.keyDim();
        this.run = new DeltaRun(delta.keyDim(), delta.valueDim(), delta.channels(), delta.valueHeads(), delta.values());
        this.queryGain = new float[delta.keyDim()];
        this.keyGain = new float[delta.keyDim()];
        this.ones = new float[delta.channels()];
        Arrays.fill(queryGain, 1f / delta.keyDim());
        Arrays.fill(keyGain, 1f / (float) Math.sqrt(delta.keyDim()));
        Arrays.fill(ones, 1f);
    }

    /** Floats of a token's row of projections: the convolution's inputs, then what the output's gate is made of. */
    public int rowFloats() {
        return delta.channels() + delta.values();
    }

    /**
     * A token's projections from their products.
     *
     * @param y {@link #rowFloats} products from {@code yOffset}.
     * @param s the scale of their input.
     * @param row receives as many floats from {@code at}.
     */
    public void project(LayerParameters p, int[] y, int yOffset, float s, float[] row, int at) {
        math.dequantize(y, yOffset, rowFloats(), s, p.qkvScale(), null, row, at);
    }

    /**
     * A token's update rates and decays, one of each a value head, from the products of 16-bit weights and inputs.
     *
     * @param y of the input's high digit with the high digits of all rows, then with the low ones; then of its low
     *     digit: eight for each value head.
     * @param s the scale of the input.
     * @param rates receives numbers of 0 to 1 from {@code at}.
     * @param decays likewise.
     * @throws ArithmeticException where one is no number.
     */
    public void gates(LayerParameters p, int[] y, int yOffset, float s, float[] rates, float[] decays, int at) {
        int heads = delta.valueHeads();
        DeltaParameters of = p.delta();
        for (int h = 0; h < heads; h++) {
            float rate = ScalarMath.sigmoid(logit(of, y, yOffset, s, h));
            float step = ScalarMath.softplus(logit(of, y, yOffset, s, heads + h) + of.decayBias()[h]);
            float decay = ScalarMath.exp(-(of.decay()[h] * step));
            if (!(rate >= 0 && decay >= 0)) {
                throw new ArithmeticException("The delta rule's rate or decay of head " + h
                        + " is no number; the model cannot be run exactly on this input.");
            }
            rates[at + h] = rate;
            decays[at + h] = decay;
        }
    }

    private float logit(DeltaParameters p, int[] y, int yOffset, float s, int row) {
        int n = 2 * delta.valueHeads();
        long middle = (long) y[yOffset + n + row] + y[yOffset + 2 * n + row];
        long sum = (BASE * y[yOffset + row] + middle) * BASE + y[yOffset + 3 * n + row];
        return (float) sum * (s * p.gateScale()[row]);
    }

    /**
     * The causal convolution of one token, its silu, and the unit length of queries and keys, queries over the root of
     * their size too.
     *
     * @param rows inputs of the token, {@link DeltaRule#channels} from {@code at}, and of the tokens before it, each
     *     {@link #rowFloats} before the next.
     * @param x receives queries, keys and values, channels floats from {@code xOffset}.
     */
    public void convolve(LayerParameters p, float[] rows, int at, float[] x, int xOffset) {
        int channels = delta.channels();
        Arrays.fill(x, xOffset, xOffset + channels, 0f);
        for (int tap = 0; tap < delta.taps(); tap++) {
            int from = at - (delta.taps() - 1 - tap) * rowFloats();
            math.multiplyAdd(x, xOffset, rows, from, p.delta().taps(), tap * channels, channels);
        }
        math.siluMul(x, xOffset, ones, 0, channels, x, xOffset);
        int size = delta.keyDim();
        for (int h = 0; h < 2 * delta.keyHeads(); h++) {
            float[] gain = h < delta.keyHeads() ? queryGain : keyGain;
            int head = xOffset + h * size;
            math.rmsNorm(x, head, gain, size, unitEps, x, head);
        }
    }

    /**
     * The delta rule of a run of tokens in one value head.
     *
     * @param from the layer's state before, of {@link DeltaRule#stateBytes}.
     * @param to receives the head's part of the state after; may be {@code from}.
     * @param x what {@link #convolve} gave of the first token, from {@code xOffset}; the next ones' behind it.
     * @param decays of all heads of the first token, from {@code gate}; the next ones' behind it, as are rates.
     * @param out receives the outputs of all heads of the first token from {@code at}, of which this one's are written;
     *     the next ones' behind it.
     */
    public void advance(
            int head,
            MemorySegment from,
            MemorySegment to,
            float[] x,
            int xOffset,
            float[] decays,
            float[] rates,
            int gate,
            float[] out,
            int at,
            int tokens) {
        int query = xOffset + head / (delta.valueHeads() / delta.keyHeads()) * delta.keyDim();
        int value = xOffset + 2 * delta.keys() + head * delta.valueDim();
        long state = delta.headAt(head);
        math.deltaRule(run.between(from, state, to, state)
                .of(x, query, query + delta.keys(), value)
                .by(decays, rates, gate + head)
                .into(out, at + head * delta.valueDim(), tokens));
    }

    /**
     * Norms the heads' outputs, gates them, and quantizes them for the output projection.
     *
     * @param out of all heads, from {@code at}; changed.
     * @param row the token's projections, from {@code rowOffset}.
     * @param x receives {@link DeltaRule#values} bytes from {@code xOffset}.
     * @return their scale.
     */
    public float quantizeHeads(
            LayerParameters p, float[] out, int at, float[] row, int rowOffset, byte[] x, int xOffset) {
        int size = delta.valueDim();
        int values = delta.values();
        for (int h = 0; h < delta.valueHeads(); h++) {
            int head = at + h * size;
            math.rmsNorm(out, head, p.delta().gain(), size, eps, out, head);
        }
        math.siluMul(row, rowOffset + delta.channels(), out, at, values, out, at);
        return math.quantizeRow(out, at, values, x, xOffset);
    }
}
