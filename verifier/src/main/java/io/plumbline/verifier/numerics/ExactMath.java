package io.plumbline.verifier.numerics;

/**
 * The float arithmetic of the numeric contract, row by row. {@link ScalarMath} is the contract in executable form;
 * every other implementation gives its bits.
 *
 * <p>Only correctly rounded IEEE binary32 operations in a fixed order are used, so the result does not depend on the
 * machine. Implementations hold scratch memory and are not thread-safe: one for each thread.
 */
public interface ExactMath {
    /**
     * int8 quantization: {@code q = rint(x * (127 / a))}, {@code a = max |x|}.
     *
     * @return the scale {@code a / 127}, or 0 for a zero row.
     * @throws ArithmeticException when the row holds a NaN or an infinity.
     */
    float quantizeRow(float[] x, int xOffset, int n, byte[] q, int qOffset);

    /** The same with 2047 in place of 127, into 16-bit integers. */
    float quantize12(float[] x, int xOffset, int n, short[] q, int qOffset);

    /**
     * int16 quantization in two digits of -127 to 127: {@code q = rint(x * (32384 / a)) = 254 * high + low}. int8
     * kernels take no input of -128, so the base is not 256.
     *
     * @return the scale {@code a / 32384}, or 0 for a zero row.
     * @throws ArithmeticException when the row holds a NaN or an infinity.
     */
    float quantize16(float[] x, int xOffset, int n, byte[] high, int highOffset, byte[] low, int lowOffset);

    /** {@code y = (x * (1 / sqrt(laneSumSquares(x) / n + eps))) * gain}. {@code y} may be {@code x}. */
    void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset);

    /** {@code y = (float) acc * (s * rowScale) (+ bias)}; {@code bias} null for none. All offsets in elements. */
    void dequantize(int[] acc, int aOffset, int n, float s, float[] rowScale, float[] bias, float[] y, int yOffset);

    /** {@code h = h + y}. */
    void add(float[] h, int hOffset, float[] y, int yOffset, int n);

    /** {@code h = fma(weight, y, h)}. */
    void addWeighted(float[] h, int hOffset, float weight, float[] y, int yOffset, int n);

    /** {@code out = silu(gate) * up}. */
    void siluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset);

    /** {@code out = gelu(gate) * up}, in the tanh form. */
    void geluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset);

    /**
     * {@code out = (g * sigmoid(1.702 g)) * (u + 1)} with {@code g} the gate, at most {@code limit}, and {@code u} up,
     * from {@code -limit} to {@code limit}.
     */
    void clampedSwiglu(
            float[] gate, int gOffset, float[] up, int uOffset, int n, float limit, float[] out, int oOffset);

    /** {@code x = x * sigmoid(gate)}. */
    void sigmoidMul(float[] x, int xOffset, float[] gate, int gOffset, int n);

    /** {@code sum = fma(x, w, sum)}, element by element. */
    void multiplyAdd(float[] sum, int sOffset, float[] x, int xOffset, float[] w, int wOffset, int n);

    /**
     * A run of tokens of one head through the gated delta rule, each: {@code S = S * decay}, {@code d = (v - S^T k) *
     * rate}, {@code S = S + k d^T}, {@code out = S^T q}; products are added by fma, in ascending order of the key's
     * elements.
     */
    void deltaRule(DeltaRun run);

    /** {@code x = x * factor}. */
    void scale(float[] x, int offset, int n, float factor);

    /** {@code x = cap * tanh(x / cap)}; {@code cap} above 0. */
    void softcap(float[] x, int offset, int n, float cap);

    /** Rotates one head in place: pairs (i, i + size / 2), {@code size / 2} table entries from {@code tOffset}. */
    void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset);

    /**
     * From the integer scores of one head to the integer weights of its values.
     *
     * @param s scores of {@code n} keys, from {@code sOffset}.
     * @param c scale of the query times that of attention.
     * @param sk key scales, {@code n} from {@code kOffset}.
     * @param sv value scales, {@code n} from {@code vOffset}.
     * @param u receives {@code n} weights in 0..32767 from {@code uOffset}.
     * @return the factor that turns the int64 sums {@code sum u * v} into the head's output; 0 when all values are
     *     zero.
     */
    default float attentionWeights(
            int[] s,
            int sOffset,
            int n,
            float c,
            float[] sk,
            int kOffset,
            float[] sv,
            int vOffset,
            short[] u,
            int uOffset) {
        return attentionWeights(s, sOffset, n, c, 0, Float.NEGATIVE_INFINITY, sk, kOffset, sv, vOffset, u, uOffset);
    }

    /**
     * The same with what some models do besides.
     *
     * @param cap where scores are capped softly, as {@link #softcap} does; 0 where they are not.
     * @param sink takes part in the maximum and the sum as a score does, without a cap or a value; negative infinity
     *     where there is none.
     */
    float attentionWeights(
            int[] s,
            int sOffset,
            int n,
            float c,
            float cap,
            float sink,
            float[] sk,
            int kOffset,
            float[] sv,
            int vOffset,
            short[] u,
            int uOffset);

    /** {@code out = (float) (256 * high + low) * factor}, the sum taken as int64. */
    void attentionOutput(int[] high, int[] low, int offset, int n, float factor, float[] out, int oOffset);

    /**
     * {@link #quantizeRow} of silu(gate) * up, from gate's {@code n} products and up's, which follow them.
     *
     * @param wide scratch of {@code 2 n} floats, {@code row} of {@code n}.
     */
    default float gate(
            int[] acc,
            int aOffset,
            int n,
            float s,
            float[] rowScale,
            float[] wide,
            float[] row,
            byte[] q,
            int qOffset) {
        dequantize(acc, aOffset, 2 * n, s, rowScale, null, wide, 0);
        siluMul(wide, 0, wide, n, n, row, 0);
        return quantizeRow(row, 0, n, q, qOffset);
    }

    /** {@code h = h + dequantized products}; {@code row} is scratch of {@code n} floats. */
    default void addProducts(
            float[] h, int hOffset, int[] acc, int aOffset, int n, float s, float[] rowScale, float[] row) {
        dequantize(acc, aOffset, n, s, rowScale, null, row, 0);
        add(h, hOffset, row, 0, n);
    }

    /** A new instance of the fastest implementation here. */
    static ExactMath best() {
        if (!NativeMath.forms().isEmpty()) {
            return new NativeMath(NativeMath.forms().getFirst());
        }
        return Simd.enabled() ? new VectorMath() : new ScalarMath();
    }
}
