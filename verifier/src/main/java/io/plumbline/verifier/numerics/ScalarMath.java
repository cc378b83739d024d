package io.plumbline.verifier.numerics;

import static io.plumbline.verifier.numerics.Constants.DIGIT_BASE;
import static io.plumbline.verifier.numerics.Constants.E2;
import static io.plumbline.verifier.numerics.Constants.E3;
import static io.plumbline.verifier.numerics.Constants.E4;
import static io.plumbline.verifier.numerics.Constants.E5;
import static io.plumbline.verifier.numerics.Constants.E6;
import static io.plumbline.verifier.numerics.Constants.EXP_FLOOR;
import static io.plumbline.verifier.numerics.Constants.GELU;
import static io.plumbline.verifier.numerics.Constants.GELU_CUBED;
import static io.plumbline.verifier.numerics.Constants.L11;
import static io.plumbline.verifier.numerics.Constants.L13;
import static io.plumbline.verifier.numerics.Constants.L15;
import static io.plumbline.verifier.numerics.Constants.L3;
import static io.plumbline.verifier.numerics.Constants.L5;
import static io.plumbline.verifier.numerics.Constants.L7;
import static io.plumbline.verifier.numerics.Constants.L9;
import static io.plumbline.verifier.numerics.Constants.LANES;
import static io.plumbline.verifier.numerics.Constants.LN2_HI;
import static io.plumbline.verifier.numerics.Constants.LN2_LO;
import static io.plumbline.verifier.numerics.Constants.LOG2E;
import static io.plumbline.verifier.numerics.Constants.MAX_16;
import static io.plumbline.verifier.numerics.Constants.SWIGLU_SLOPE;
import static io.plumbline.verifier.numerics.Constants.TINY;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The specification: it reads like docs/numeric-contract.md, and every other implementation is tested against it. */
public class ScalarMath implements ExactMath {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** exp for x &lt;= 0; 0 below -87. */
    public static float exp(float x) {
        if (x < EXP_FLOOR) {
            return 0f;
        }
        float n = (float) Math.rint(x * LOG2E);
        float r = Math.fma(n, -LN2_HI, x);
        r = Math.fma(n, -LN2_LO, r);
        float p = Math.fma(E6, r, E5);
        p = Math.fma(p, r, E4);
        p = Math.fma(p, r, E3);
        p = Math.fma(p, r, E2);
        p = Math.fma(p, r, 1f);
        p = Math.fma(p, r, 1f);
        return p * Float.intBitsToFloat((int) n + 127 << 23);
    }

    /** x / (1 + exp(-x)), without overflow on either side. */
    public static float silu(float x) {
        float e = exp(-Math.abs(x));
        return x >= 0 ? x * (1f / (1f + e)) : x * (e / (1f + e));
    }

    /** 1 / (1 + exp(-x)), without overflow on either side. */
    public static float sigmoid(float x) {
        float e = exp(-Math.abs(x));
        return x >= 0 ? 1f / (1f + e) : e / (1f + e);
    }

    /** log(1 + exp(x)), without overflow: the larger of x and 0, and the logarithm of 1 + exp(-|x|). */
    public static float softplus(float x) {
        float e = exp(-Math.abs(x));
        float s = e / (2f + e);
        float z = s * s;
        float p = Math.fma(L15, z, L13);
        p = Math.fma(p, z, L11);
        p = Math.fma(p, z, L9);
        p = Math.fma(p, z, L7);
        p = Math.fma(p, z, L5);
        p = Math.fma(p, z, L3);
        p = Math.fma(p, z, 1f);
        return Math.max(x, 0f) + (s + s) * p;
    }

    /** x times the sigmoid of {@code x * (GELU + GELU_CUBED * x^2)}: GELU's tanh form, tanh by way of exp. */
    public static float gelu(float x) {
        float u = x * Math.fma(x * x, GELU_CUBED, GELU);
        float e = exp(-Math.abs(u));
        return x >= 0 ? x * (1f / (1f + e)) : x * (e / (1f + e));
    }

    /** Of what is no number none comes. */
    static float clampedSwiglu(float gate, float up, float limit) {
        float g = Math.min(gate, limit);
        float u = Math.max(Math.min(up, limit), -limit);
        float e = exp(-Math.abs(SWIGLU_SLOPE * g));
        return (g >= 0 ? g * (1f / (1f + e)) : g * (e / (1f + e))) * (u + 1f);
    }

    /**
     * cap * tanh(x / cap), tanh by way of exp.
     *
     * @param slope {@code 2 / cap}.
     */
    static float softcap(float x, float cap, float slope) {
        float e = exp(-Math.abs(x) * slope);
        return Math.copySign(cap * ((1f - e) / (1f + e)), x);
    }

    /** Sum of squares in the contract's lane order. */
    public static float laneSumSquares(float[] x, int offset, int n) {
        float[] lane = new float[LANES];
        for (int k = 0; k < n; k++) {
            lane[k % LANES] = Math.fma(x[offset + k], x[offset + k], lane[k % LANES]);
        }
        for (int w = LANES / 2; w >= 1; w /= 2) {
            for (int j = 0; j < w; j++) {
                lane[j] = lane[j] + lane[j + w];
            }
        }
        return lane[0];
    }

    /** Largest magnitude of a row. */
    private static float maxAbs(float[] x, int offset, int n) {
        float a = 0;
        for (int k = 0; k < n; k++) {
            a = Math.max(a, Math.abs(x[offset + k]));
        }
        return checkFinite(a);
    }

    static float checkFinite(float a) {
        if (!(a <= Float.MAX_VALUE)) {
            throw new ArithmeticException(
                    "A row to quantize holds a NaN or an infinity; the model cannot be run exactly on this input.");
        }
        return a;
    }

    @Override
    public float quantizeRow(float[] x, int xOffset, int n, byte[] q, int qOffset) {
        float a = maxAbs(x, xOffset, n);
        boolean zero = a < TINY;
        float inverse = zero ? 0f : 127f / a;
        for (int k = 0; k < n; k++) {
            q[qOffset + k] = (byte) Math.rint(x[xOffset + k] * inverse);
        }
        return zero ? 0f : a / 127f;
    }

    @Override
    public float quantize12(float[] x, int xOffset, int n, short[] q, int qOffset) {
        float a = maxAbs(x, xOffset, n);
        boolean zero = a < TINY;
        float inverse = zero ? 0f : 2047f / a;
        for (int k = 0; k < n; k++) {
            q[qOffset + k] = (short) Math.rint(x[xOffset + k] * inverse);
        }
        return zero ? 0f : a / 2047f;
    }

    @Override
    public float quantize16(float[] x, int xOffset, int n, byte[] high, int highOffset, byte[] low, int lowOffset) {
        float a = maxAbs(x, xOffset, n);
        boolean zero = a < TINY;
        float inverse = zero ? 0f : MAX_16 / a;
        for (int k = 0; k < n; k++) {
            int q = (int) Math.rint(x[xOffset + k] * inverse);
            int digit = Math.floorDiv(q + 127, DIGIT_BASE);
            high[highOffset + k] = (byte) digit;
            low[lowOffset + k] = (byte) (q - DIGIT_BASE * digit);
        }
        return zero ? 0f : a / MAX_16;
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset) {
        float r = 1f / (float) Math.sqrt(laneSumSquares(x, xOffset, n) / n + eps);
        for (int k = 0; k < n; k++) {
            y[yOffset + k] = x[xOffset + k] * r * gain[k];
        }
    }

    @Override
    public void dequantize(
            int[] acc, int aOffset, int n, float s, float[] rowScale, float[] bias, float[] y, int yOffset) {
        for (int k = 0; k < n; k++) {
            float v = (float) acc[aOffset + k] * (s * rowScale[k]);
            y[yOffset + k] = bias == null ? v : v + bias[k];
        }
    }

    @Override
    public void add(float[] h, int hOffset, float[] y, int yOffset, int n) {
        for (int k = 0; k < n; k++) {
            h[hOffset + k] = h[hOffset + k] + y[yOffset + k];
        }
    }

    @Override
    public void addWeighted(float[] h, int hOffset, float weight, float[] y, int yOffset, int n) {
        for (int k = 0; k < n; k++) {
            h[hOffset + k] = Math.fma(weight, y[yOffset + k], h[hOffset + k]);
        }
    }

    @Override
    public void siluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        for (int k = 0; k < n; k++) {
            out[oOffset + k] = silu(gate[gOffset + k]) * up[uOffset + k];
        }
    }

    @Override
    public void geluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        for (int k = 0; k < n; k++) {
            out[oOffset + k] = gelu(gate[gOffset + k]) * up[uOffset + k];
        }
    }

    @Override
    public void clampedSwiglu(
            float[] gate, int gOffset, float[] up, int uOffset, int n, float limit, float[] out, int oOffset) {
        for (int k = 0; k < n; k++) {
            out[oOffset + k] = clampedSwiglu(gate[gOffset + k], up[uOffset + k], limit);
        }
    }

    @Override
    public void sigmoidMul(float[] x, int xOffset, float[] gate, int gOffset, int n) {
        for (int k = 0; k < n; k++) {
            x[xOffset + k] = x[xOffset + k] * sigmoid(gate[gOffset + k]);
        }
    }

    @Override
    public void multiplyAdd(float[] sum, int sOffset, float[] x, int xOffset, float[] w, int wOffset, int n) {
        for (int k = 0; k < n; k++) {
            sum[sOffset + k] = Math.fma(x[xOffset + k], w[wOffset + k], sum[sOffset + k]);
        }
    }

    @Override
    public void deltaRule(DeltaRun run) {
        MemorySegment from = run.from;
        long fromOffset = run.fromOffset;
        for (int t = 0; t < run.tokens; t++) {
            deltaRule(run, t, from, fromOffset);
            from = run.to;
            fromOffset = run.toOffset;
        }
    }

    private static void deltaRule(DeltaRun run, int t, MemorySegment from, long fromOffset) {
        float[] x = run.x;
        int query = run.query + t * run.xStride;
        int key = run.key + t * run.xStride;
        int value = run.value + t * run.xStride;
        int o = run.o + t * run.oStride;
        float decay = run.decays[run.gate + t * run.gStride];
        float rate = run.rates[run.gate + t * run.gStride];
        int columns = run.valueDim;
        float[] d = new float[columns];
        for (int k = 0; k < run.keyDim; k++) {
            for (int v = 0; v < columns; v++) {
                long at = 4L * (k * columns + v);
                float s = from.get(FLOAT, fromOffset + at) * decay;
                run.to.set(FLOAT, run.toOffset + at, s);
                d[v] = Math.fma(x[key + k], s, d[v]);
            }
        }
        for (int v = 0; v < columns; v++) {
            d[v] = (x[value + v] - d[v]) * rate;
        }
        Arrays.fill(run.out, o, o + columns, 0f);
        for (int k = 0; k < run.keyDim; k++) {
            for (int v = 0; v < columns; v++) {
                long at = run.toOffset + 4L * (k * columns + v);
                float s = Math.fma(x[key + k], d[v], run.to.get(FLOAT, at));
                run.to.set(FLOAT, at, s);
                run.out[o + v] = Math.fma(x[query + k], s, run.out[o + v]);
            }
        }
    }

    @Override
    public void scale(float[] x, int offset, int n, float factor) {
        for (int k = 0; k < n; k++) {
            x[offset + k] = x[offset + k] * factor;
        }
    }

    @Override
    public void softcap(float[] x, int offset, int n, float cap) {
        float slope = 2f / cap;
        for (int k = 0; k < n; k++) {
            x[offset + k] = softcap(x[offset + k], cap, slope);
        }
    }

    @Override
    public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
        int half = size / 2;
        for (int i = 0; i < half; i++) {
            float a = x[xOffset + i];
            float b = x[xOffset + half + i];
            float c = cos[tOffset + i];
            float s = sin[tOffset + i];
            x[xOffset + i] = a * c - b * s;
            x[xOffset + half + i] = b * c + a * s;
        }
    }

    @Override
    public float attentionWeights(
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
            int uOffset) {
        float max = sink;
        float a = 0;
        float slope = 2f / cap;
        for (int j = 0; j < n; j++) {
            float z = (float) s[sOffset + j] * (c * sk[kOffset + j]);
            max = Math.max(max, cap == 0 ? z : softcap(z, cap, slope));
            a = Math.max(a, sv[vOffset + j]);
        }
        checkFinite(Math.abs(max));
        boolean zero = a < TINY;
        float scale = zero ? 0f : 32767f / a;
        long den = (long) Math.rint(exp(sink - max) * 0x1p24f);
        for (int j = 0; j < n; j++) {
            float z = (float) s[sOffset + j] * (c * sk[kOffset + j]);
            float e = exp((cap == 0 ? z : softcap(z, cap, slope)) - max);
            den += (long) Math.rint(e * 0x1p24f);
            u[uOffset + j] = (short) Math.rint(e * sv[vOffset + j] * scale);
        }
        return zero ? 0f : a / 32767f / ((float) den * 0x1p-24f);
    }

    @Override
    public void attentionOutput(int[] high, int[] low, int offset, int n, float factor, float[] out, int oOffset) {
        for (int i = 0; i < n; i++) {
            out[oOffset + i] = (float) (256L * high[offset + i] + low[offset + i]) * factor;
        }
    }
}
