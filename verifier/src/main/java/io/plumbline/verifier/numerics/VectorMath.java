package io.plumbline.verifier.numerics;

import static io.plumbline.verifier.numerics.Constants.E2;
import static io.plumbline.verifier.numerics.Constants.E3;
import static io.plumbline.verifier.numerics.Constants.E4;
import static io.plumbline.verifier.numerics.Constants.E5;
import static io.plumbline.verifier.numerics.Constants.E6;
import static io.plumbline.verifier.numerics.Constants.EXP_FLOOR;
import static io.plumbline.verifier.numerics.Constants.GELU;
import static io.plumbline.verifier.numerics.Constants.GELU_CUBED;
import static io.plumbline.verifier.numerics.Constants.LANES;
import static io.plumbline.verifier.numerics.Constants.LN2_HI;
import static io.plumbline.verifier.numerics.Constants.LN2_LO;
import static io.plumbline.verifier.numerics.Constants.LOG2E;
import static io.plumbline.verifier.numerics.Constants.ROUND;
import static io.plumbline.verifier.numerics.Constants.SWIGLU_SLOPE;
import static io.plumbline.verifier.numerics.Constants.TINY;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The contract with the Vector API. Lanes are independent and the lane order of sums is the contract's, so no bit
 * differs from {@link ScalarMath}; what a vector does not fill is left to the scalar form.
 */
public final class VectorMath implements ExactMath {
    private static final VectorSpecies<Float> F = VectorWidth.full(float.class);
    private static final VectorSpecies<Integer> I = VectorWidth.full(int.class);
    private static final VectorSpecies<Byte> B = VectorWidth.part(byte.class, 4);
    private static final VectorSpecies<Short> S = VectorWidth.part(short.class, 2);
    private static final int W = F.length();
    /**
     * Floats that become one vector of bytes: two vectors of them where they have four lanes, for no byte vector is
     * that short.
     */
    private static final int WB = B.length();

    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

    private final ScalarMath scalar = new ScalarMath();
    private final float[] lane = new float[LANES];
    private float[] exponentials = new float[256];

    /** rint for |x| &lt;= 2^22, as an integer: the sum's low mantissa bits are the number. */
    private static IntVector rintToInt(FloatVector x) {
        return x.add(ROUND).reinterpretAsInts().sub(ROUND_BITS);
    }

    private static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.mul(LOG2E).add(ROUND);
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HI), x);
        r = n.fma(FloatVector.broadcast(F, -LN2_LO), r);
        FloatVector p = FloatVector.broadcast(F, E6).fma(r, FloatVector.broadcast(F, E5));
        p = p.fma(r, FloatVector.broadcast(F, E4));
        p = p.fma(r, FloatVector.broadcast(F, E3));
        p = p.fma(r, FloatVector.broadcast(F, E2));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        p = p.fma(r, FloatVector.broadcast(F, 1f));
        IntVector power = shifted.reinterpretAsInts().sub(ROUND_BITS - 127).lanewise(VectorOperators.LSHL, 23);
        VectorMask<Float> inRange = x.compare(VectorOperators.GE, EXP_FLOOR);
        return FloatVector.zero(F).blend(p.mul(power.reinterpretAsFloats()), inRange);
    }

    /** Largest magnitude. Compared as integers, where NaN stands above infinity and infinity above every number. */
    private static float maxAbs(float[] x, int offset, int n) {
        IntVector max = IntVector.zero(I);
        int k = 0;
        for (; k <= n - W; k += W) {
            max = max.max(
                    FloatVector.fromArray(F, x, offset + k).reinterpretAsInts().and(0x7FFF_FFFF));
        }
        int bits = max.reduceLanes(VectorOperators.MAX);
        for (; k < n; k++) {
            bits = Math.max(bits, Float.floatToRawIntBits(x[offset + k]) & 0x7FFF_FFFF);
        }
        return ScalarMath.checkFinite(Float.intBitsToFloat(bits));
    }

    /** W floats times {@code inverse}, rounded, as that part of a byte vector; the rest of it is zero. */
    private static ByteVector quantized(float[] x, int offset, float inverse, int part) {
        IntVector v = rintToInt(FloatVector.fromArray(F, x, offset).mul(inverse));
        return (ByteVector) v.convertShape(VectorOperators.I2B, B, part);
    }

    @Override
    public float quantizeRow(float[] x, int xOffset, int n, byte[] q, int qOffset) {
        float a = maxAbs(x, xOffset, n);
        boolean zero = a < TINY;
        float inverse = zero ? 0f : 127f / a;
        int k = 0;
        for (; k <= n - WB; k += WB) {
            ByteVector bytes = quantized(x, xOffset + k, inverse, 0);
            if (WB > W) {
                bytes = bytes.or(quantized(x, xOffset + k + W, inverse, -1));
            }
            bytes.intoArray(q, qOffset + k);
        }
        for (; k < n; k++) {
            q[qOffset + k] = (byte) Math.rint(x[xOffset + k] * inverse);
        }
        return zero ? 0f : a / 127f;
    }

    @Override
    public float quantize12(float[] x, int xOffset, int n, short[] q, int qOffset) {
        float a = maxAbs(x, xOffset, n);
        boolean zero = a < TINY;
        float inverse = zero ? 0f : 2047f / a;
        int k = 0;
        for (; k <= n - W; k += W) {
            IntVector v = rintToInt(FloatVector.fromArray(F, x, xOffset + k).mul(inverse));
            ((ShortVector) v.convertShape(VectorOperators.I2S, S, 0)).intoArray(q, qOffset + k);
        }
        for (; k < n; k++) {
            q[qOffset + k] = (short) Math.rint(x[xOffset + k] * inverse);
        }
        return zero ? 0f : a / 2047f;
    }

    @Override
    public float quantize16(float[] x, int xOffset, int n, byte[] high, int highOffset, byte[] low, int lowOffset) {
        // Of one row a layer, and only where there is a router.
        return scalar.quantize16(x, xOffset, n, high, highOffset, low, lowOffset);
    }

    private float laneSumSquares(float[] x, int offset, int n) {
        Arrays.fill(lane, 0f);
        int k = 0;
        for (; k <= n - LANES; k += LANES) {
            for (int j = 0; j < LANES; j += W) {
                FloatVector v = FloatVector.fromArray(F, x, offset + k + j);
                v.fma(v, FloatVector.fromArray(F, lane, j)).intoArray(lane, j);
            }
        }
        for (; k < n; k++) {
            lane[k % LANES] = Math.fma(x[offset + k], x[offset + k], lane[k % LANES]);
        }
        for (int w = LANES / 2; w >= 1; w /= 2) {
            int j = 0;
            for (; j <= w - W; j += W) {
                FloatVector.fromArray(F, lane, j)
                        .add(FloatVector.fromArray(F, lane, j + w))
                        .intoArray(lane, j);
            }
            for (; j < w; j++) {
                lane[j] = lane[j] + lane[j + w];
            }
        }
        return lane[0];
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] gain, int n, float eps, float[] y, int yOffset) {
        float r = 1f / (float) Math.sqrt(laneSumSquares(x, xOffset, n) / n + eps);
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector.fromArray(F, x, xOffset + k)
                    .mul(r)
                    .mul(FloatVector.fromArray(F, gain, k))
                    .intoArray(y, yOffset + k);
        }
        for (; k < n; k++) {
            y[yOffset + k] = x[xOffset + k] * r * gain[k];
        }
    }

    @Override
    public void dequantize(
            int[] acc, int aOffset, int n, float s, float[] rowScale, float[] bias, float[] y, int yOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector v = toFloat(IntVector.fromArray(I, acc, aOffset + k))
                    .mul(FloatVector.fromArray(F, rowScale, k).mul(s));
            if (bias != null) {
                v = v.add(FloatVector.fromArray(F, bias, k));
            }
            v.intoArray(y, yOffset + k);
        }
        for (; k < n; k++) {
            float v = (float) acc[aOffset + k] * (s * rowScale[k]);
            y[yOffset + k] = bias == null ? v : v + bias[k];
        }
    }

    private static FloatVector toFloat(IntVector v) {
        return (FloatVector) v.convert(VectorOperators.I2F, 0);
    }

    @Override
    public void add(float[] h, int hOffset, float[] y, int yOffset, int n) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector.fromArray(F, h, hOffset + k)
                    .add(FloatVector.fromArray(F, y, yOffset + k))
                    .intoArray(h, hOffset + k);
        }
        for (; k < n; k++) {
            h[hOffset + k] = h[hOffset + k] + y[yOffset + k];
        }
    }

    @Override
    public void addWeighted(float[] h, int hOffset, float weight, float[] y, int yOffset, int n) {
        FloatVector w = FloatVector.broadcast(F, weight);
        int k = 0;
        for (; k <= n - W; k += W) {
            w.fma(FloatVector.fromArray(F, y, yOffset + k), FloatVector.fromArray(F, h, hOffset + k))
                    .intoArray(h, hOffset + k);
        }
        for (; k < n; k++) {
            h[hOffset + k] = Math.fma(weight, y[yOffset + k], h[hOffset + k]);
        }
    }

    @Override
    public void siluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector x = FloatVector.fromArray(F, gate, gOffset + k);
            timesSigmoid(x, x).mul(FloatVector.fromArray(F, up, uOffset + k)).intoArray(out, oOffset + k);
        }
        for (; k < n; k++) {
            out[oOffset + k] = ScalarMath.silu(gate[gOffset + k]) * up[uOffset + k];
        }
    }

    /** {@code x} times the sigmoid of {@code u}, which has its sign. */
    private static FloatVector timesSigmoid(FloatVector x, FloatVector u) {
        FloatVector e = exp(u.abs().neg());
        FloatVector one = FloatVector.broadcast(F, 1f);
        FloatVector numerator = e.blend(one, x.compare(VectorOperators.GE, 0f));
        return x.mul(numerator.div(e.add(one)));
    }

    @Override
    public void geluMul(float[] gate, int gOffset, float[] up, int uOffset, int n, float[] out, int oOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector x = FloatVector.fromArray(F, gate, gOffset + k);
            FloatVector u = x.mul(x.mul(x).fma(FloatVector.broadcast(F, GELU_CUBED), FloatVector.broadcast(F, GELU)));
            timesSigmoid(x, u).mul(FloatVector.fromArray(F, up, uOffset + k)).intoArray(out, oOffset + k);
        }
        for (; k < n; k++) {
            out[oOffset + k] = ScalarMath.gelu(gate[gOffset + k]) * up[uOffset + k];
        }
    }

    @Override
    public void clampedSwiglu(
            float[] gate, int gOffset, float[] up, int uOffset, int n, float limit, float[] out, int oOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + k).min(limit);
            FloatVector u = FloatVector.fromArray(F, up, uOffset + k).min(limit).max(-limit);
            timesSigmoid(g, g.mul(SWIGLU_SLOPE)).mul(u.add(1f)).intoArray(out, oOffset + k);
        }
        for (; k < n; k++) {
            out[oOffset + k] = ScalarMath.clampedSwiglu(gate[gOffset + k], up[uOffset + k], limit);
        }
    }

    @Override
    public void sigmoidMul(float[] x, int xOffset, float[] gate, int gOffset, int n) {
        int k = 0;
        FloatVector one = FloatVector.broadcast(F, 1f);
        for (; k <= n - W; k += W) {
            FloatVector g = FloatVector.fromArray(F, gate, gOffset + k);
            FloatVector e = exp(g.abs().neg());
            FloatVector numerator = e.blend(one, g.compare(VectorOperators.GE, 0f));
            // The exponential above takes what is no number for far below its range.
            FloatVector sigmoid = numerator.div(e.add(one)).blend(g, g.test(VectorOperators.IS_NAN));
            FloatVector.fromArray(F, x, xOffset + k).mul(sigmoid).intoArray(x, xOffset + k);
        }
        for (; k < n; k++) {
            x[xOffset + k] = x[xOffset + k] * ScalarMath.sigmoid(gate[gOffset + k]);
        }
    }

    @Override
    public void multiplyAdd(float[] sum, int sOffset, float[] x, int xOffset, float[] w, int wOffset, int n) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector.fromArray(F, x, xOffset + k)
                    .fma(FloatVector.fromArray(F, w, wOffset + k), FloatVector.fromArray(F, sum, sOffset + k))
                    .intoArray(sum, sOffset + k);
        }
        for (; k < n; k++) {
            sum[sOffset + k] = Math.fma(x[xOffset + k], w[wOffset + k], sum[sOffset + k]);
        }
    }

    /** Columns do not depend on each other: a few at a time stay in the cache while all tokens go through them. */
    @Override
    public void deltaRule(DeltaRun run) {
        int v = 0;
        for (; v <= run.valueDim - 4 * W; v += 4 * W) {
            fourVectors(run, v);
        }
        for (; v <= run.valueDim - W; v += W) {
            oneVector(run, v);
        }
        for (; v < run.valueDim; v++) {
            oneColumn(run, v);
        }
    }

    private static FloatVector read(MemorySegment from, long at) {
        return FloatVector.fromMemorySegment(F, from, at, ORDER);
    }

    private static void fourVectors(DeltaRun run, int v) {
        float[] x = run.x;
        long row = 4L * run.valueDim;
        MemorySegment from = run.from;
        MemorySegment to = run.to;
        long begin = run.fromOffset + 4L * v;
        long end = run.toOffset + 4L * v;
        int query = run.query;
        int key = run.key;
        for (int t = 0; t < run.tokens; t++) {
            FloatVector a = FloatVector.zero(F);
            FloatVector b = a;
            FloatVector c = a;
            FloatVector d = a;
            FloatVector decay = FloatVector.broadcast(F, run.decays[run.gate + t * run.gStride]);
            for (int k = 0; k < run.keyDim; k++) {
                FloatVector of = FloatVector.broadcast(F, x[key + k]);
                long at = begin + k * row;
                long put = end + k * row;
                FloatVector s = read(from, at).mul(decay);
                a = of.fma(s, a);
                s.intoMemorySegment(to, put, ORDER);
                s = read(from, at + 4L * W).mul(decay);
                b = of.fma(s, b);
                s.intoMemorySegment(to, put + 4L * W, ORDER);
                s = read(from, at + 8L * W).mul(decay);
                c = of.fma(s, c);
                s.intoMemorySegment(to, put + 8L * W, ORDER);
                s = read(from, at + 12L * W).mul(decay);
                d = of.fma(s, d);
                s.intoMemorySegment(to, put + 12L * W, ORDER);
            }
            int value = run.value + t * run.xStride + v;
            FloatVector rate = FloatVector.broadcast(F, run.rates[run.gate + t * run.gStride]);
            a = FloatVector.fromArray(F, x, value).sub(a).mul(rate);
            b = FloatVector.fromArray(F, x, value + W).sub(b).mul(rate);
            c = FloatVector.fromArray(F, x, value + 2 * W).sub(c).mul(rate);
            d = FloatVector.fromArray(F, x, value + 3 * W).sub(d).mul(rate);
            FloatVector oa = FloatVector.zero(F);
            FloatVector ob = oa;
            FloatVector oc = oa;
            FloatVector od = oa;
            for (int k = 0; k < run.keyDim; k++) {
                FloatVector of = FloatVector.broadcast(F, x[key + k]);
                FloatVector asked = FloatVector.broadcast(F, x[query + k]);
                long put = end + k * row;
                FloatVector s = of.fma(a, read(to, put));
                oa = asked.fma(s, oa);
                s.intoMemorySegment(to, put, ORDER);
                s = of.fma(b, read(to, put + 4L * W));
                ob = asked.fma(s, ob);
                s.intoMemorySegment(to, put + 4L * W, ORDER);
                s = of.fma(c, read(to, put + 8L * W));
                oc = asked.fma(s, oc);
                s.intoMemorySegment(to, put + 8L * W, ORDER);
                s = of.fma(d, read(to, put + 12L * W));
                od = asked.fma(s, od);
                s.intoMemorySegment(to, put + 12L * W, ORDER);
            }
            int o = run.o + t * run.oStride + v;
            oa.intoArray(run.out, o);
            ob.intoArray(run.out, o + W);
            oc.intoArray(run.out, o + 2 * W);
            od.intoArray(run.out, o + 3 * W);
            from = to;
            begin = end;
            query += run.xStride;
            key += run.xStride;
        }
    }

    private static void oneVector(DeltaRun run, int v) {
        float[] x = run.x;
        long row = 4L * run.valueDim;
        MemorySegment from = run.from;
        long begin = run.fromOffset + 4L * v;
        long end = run.toOffset + 4L * v;
        for (int t = 0; t < run.tokens; t++) {
            int query = run.query + t * run.xStride;
            int key = run.key + t * run.xStride;
            float decay = run.decays[run.gate + t * run.gStride];
            FloatVector d = FloatVector.zero(F);
            for (int k = 0; k < run.keyDim; k++) {
                FloatVector s = read(from, begin + k * row).mul(decay);
                d = FloatVector.broadcast(F, x[key + k]).fma(s, d);
                s.intoMemorySegment(run.to, end + k * row, ORDER);
            }
            d = FloatVector.fromArray(F, x, run.value + t * run.xStride + v)
                    .sub(d)
                    .mul(run.rates[run.gate + t * run.gStride]);
            FloatVector o = FloatVector.zero(F);
            for (int k = 0; k < run.keyDim; k++) {
                long put = end + k * row;
                FloatVector s = FloatVector.broadcast(F, x[key + k]).fma(d, read(run.to, put));
                o = FloatVector.broadcast(F, x[query + k]).fma(s, o);
                s.intoMemorySegment(run.to, put, ORDER);
            }
            o.intoArray(run.out, run.o + t * run.oStride + v);
            from = run.to;
            begin = end;
        }
    }

    private static void oneColumn(DeltaRun run, int v) {
        float[] x = run.x;
        long row = 4L * run.valueDim;
        MemorySegment from = run.from;
        long begin = run.fromOffset + 4L * v;
        long end = run.toOffset + 4L * v;
        for (int t = 0; t < run.tokens; t++) {
            int query = run.query + t * run.xStride;
            int key = run.key + t * run.xStride;
            float decay = run.decays[run.gate + t * run.gStride];
            float d = 0;
            for (int k = 0; k < run.keyDim; k++) {
                float s = from.get(FLOAT, begin + k * row) * decay;
                d = Math.fma(x[key + k], s, d);
                run.to.set(FLOAT, end + k * row, s);
            }
            d = (x[run.value + t * run.xStride + v] - d) * run.rates[run.gate + t * run.gStride];
            float o = 0;
            for (int k = 0; k < run.keyDim; k++) {
                float s = Math.fma(x[key + k], d, run.to.get(FLOAT, end + k * row));
                o = Math.fma(x[query + k], s, o);
                run.to.set(FLOAT, end + k * row, s);
            }
            run.out[run.o + t * run.oStride + v] = o;
            from = run.to;
            begin = end;
        }
    }

    @Override
    public void scale(float[] x, int offset, int n, float factor) {
        int k = 0;
        for (; k <= n - W; k += W) {
            FloatVector.fromArray(F, x, offset + k).mul(factor).intoArray(x, offset + k);
        }
        for (; k < n; k++) {
            x[offset + k] = x[offset + k] * factor;
        }
    }

    @Override
    public void softcap(float[] x, int offset, int n, float cap) {
        float slope = 2f / cap;
        int k = 0;
        for (; k <= n - W; k += W) {
            softcap(FloatVector.fromArray(F, x, offset + k), cap, slope).intoArray(x, offset + k);
        }
        for (; k < n; k++) {
            x[offset + k] = ScalarMath.softcap(x[offset + k], cap, slope);
        }
    }

    private static FloatVector softcap(FloatVector x, float cap, float slope) {
        FloatVector one = FloatVector.broadcast(F, 1f);
        FloatVector e = exp(x.abs().neg().mul(slope));
        IntVector magnitude = one.sub(e).div(one.add(e)).mul(cap).reinterpretAsInts();
        IntVector sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
        FloatVector capped = magnitude.and(Integer.MAX_VALUE).or(sign).reinterpretAsFloats();
        // The exponential above takes what is no number for far below its range.
        return capped.blend(x, x.test(VectorOperators.IS_NAN));
    }

    @Override
    public void rope(float[] x, int xOffset, int size, float[] cos, float[] sin, int tOffset) {
        int half = size / 2;
        if (half % W != 0) {
            scalar.rope(x, xOffset, size, cos, sin, tOffset);
            return;
        }
        for (int i = 0; i < half; i += W) {
            FloatVector a = FloatVector.fromArray(F, x, xOffset + i);
            FloatVector b = FloatVector.fromArray(F, x, xOffset + half + i);
            FloatVector c = FloatVector.fromArray(F, cos, tOffset + i);
            FloatVector s = FloatVector.fromArray(F, sin, tOffset + i);
            a.mul(c).sub(b.mul(s)).intoArray(x, xOffset + i);
            b.mul(c).add(a.mul(s)).intoArray(x, xOffset + half + i);
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
        if (exponentials.length < n) {
            exponentials = new float[Math.max(n, 2 * exponentials.length)];
        }
        float[] z = exponentials;
        FloatVector maxVector = FloatVector.broadcast(F, sink);
        FloatVector aVector = FloatVector.zero(F);
        int whole = n - n % W;
        float slope = 2f / cap;
        for (int j = 0; j < whole; j += W) {
            FloatVector v = toFloat(IntVector.fromArray(I, s, sOffset + j))
                    .mul(FloatVector.fromArray(F, sk, kOffset + j).mul(c));
            v = cap == 0 ? v : softcap(v, cap, slope);
            v.intoArray(z, j);
            maxVector = maxVector.max(v);
            aVector = aVector.max(FloatVector.fromArray(F, sv, vOffset + j));
        }
        float max = maxVector.reduceLanes(VectorOperators.MAX);
        float a = aVector.reduceLanes(VectorOperators.MAX);
        for (int j = whole; j < n; j++) {
            z[j] = (float) s[sOffset + j] * (c * sk[kOffset + j]);
            z[j] = cap == 0 ? z[j] : ScalarMath.softcap(z[j], cap, slope);
            max = Math.max(max, z[j]);
            a = Math.max(a, sv[vOffset + j]);
        }
        ScalarMath.checkFinite(Math.abs(max));
        boolean zero = a < TINY;
        float scale = zero ? 0f : 32767f / a;
        long den = (long) Math.rint(ScalarMath.exp(sink - max) * 0x1p24f);
        FloatVector half = FloatVector.broadcast(F, 0x1p23f);
        for (int j = 0; j < whole; j += W) {
            FloatVector e = exp(FloatVector.fromArray(F, z, j).sub(max));
            FloatVector t = e.mul(0x1p24f);
            // From 2^23 on a float is an integer; below, adding 2^23 rounds to one.
            FloatVector rounded = t.add(half).sub(half).blend(t, t.compare(VectorOperators.GE, 0x1p23f));
            IntVector d = (IntVector) rounded.convert(VectorOperators.F2I, 0);
            // At most 16 lanes of at most 2^24 fit an int.
            den += d.reduceLanes(VectorOperators.ADD);
            FloatVector w = e.mul(FloatVector.fromArray(F, sv, vOffset + j)).mul(scale);
            ((ShortVector) rintToInt(w).convertShape(VectorOperators.I2S, S, 0)).intoArray(u, uOffset + j);
        }
        for (int j = whole; j < n; j++) {
            float e = ScalarMath.exp(z[j] - max);
            den += (long) Math.rint(e * 0x1p24f);
            u[uOffset + j] = (short) Math.rint(e * sv[vOffset + j] * scale);
        }
        return zero ? 0f : a / 32767f / ((float) den * 0x1p-24f);
    }

    @Override
    public void attentionOutput(int[] high, int[] low, int offset, int n, float factor, float[] out, int oOffset) {
        scalar.attentionOutput(high, low, offset, n, factor, out, oOffset);
    }
}
