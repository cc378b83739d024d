package io.plumbline.inference.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector API kernels. Inputs are widened to short once; a weight row is widened as it is read. Two products of int8 values fit a
 * short, so two are added before the sum is split into ints. Four weight rows share each input load.
 */
public class VectorKernels implements IntKernels {
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(S.vectorBitSize() / 2));
    private static final VectorSpecies<Short> HALF =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Math.max(64, S.vectorBitSize() / 2)));
    private static final VectorSpecies<Byte> QUARTER =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, S.vectorBitSize() / 4)));
    private static final int W = S.length();
    private static final int WI = I.length();

    private final ScalarKernels scalar = new ScalarKernels();
    private short[] widened = new short[0];

    static boolean supported() {
        return WI >= 8;
    }

    @Override
    public void multiply(byte[] x, int rows, int k, MemorySegment w, int n, int[] y, int yOffset, int yStride) {
        int needed = rows * k;
        if (widened.length < needed) {
            widened = new short[needed];
        }
        short[] wide = widened;
        for (int i = 0; i < needed; i++) {
            wide[i] = x[i];
        }
        int row = 0;
        for (; row + 4 <= n; row += 4) {
            for (int r = 0; r < rows; r++) {
                four(wide, r * k, k, w, (long) row * k, y, yOffset + r * yStride + row);
            }
        }
        for (; row < n; row++) {
            for (int r = 0; r < rows; r++) {
                y[yOffset + r * yStride + row] = one(wide, r * k, k, w, (long) row * k);
            }
        }
    }

    private static ShortVector weights(MemorySegment w, long offset) {
        return (ShortVector) ByteVector.fromMemorySegment(B, w, offset, ByteOrder.LITTLE_ENDIAN)
                .convertShape(VectorOperators.B2S, S, 0);
    }

    /** Adds the two signed halves of every int lane of the pair sums. */
    private static IntVector addPairs(IntVector sum, ShortVector pairs) {
        IntVector both = pairs.reinterpretAsInts();
        return sum.add(both.lanewise(VectorOperators.ASHR, 16))
                .add(both.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
    }

    private static void four(short[] x, int xOffset, int k, MemorySegment w, long base, int[] y, int yOffset) {
        IntVector s0 = IntVector.zero(I);
        IntVector s1 = IntVector.zero(I);
        IntVector s2 = IntVector.zero(I);
        IntVector s3 = IntVector.zero(I);
        int i = 0;
        for (; i <= k - 2 * W; i += 2 * W) {
            ShortVector a = ShortVector.fromArray(S, x, xOffset + i);
            ShortVector b = ShortVector.fromArray(S, x, xOffset + i + W);
            long at = base + i;
            s0 = addPairs(s0, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s1 = addPairs(s1, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s2 = addPairs(s2, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s3 = addPairs(s3, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
        }
        y[yOffset] = s0.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base);
        y[yOffset + 1] = s1.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base + k);
        y[yOffset + 2] = s2.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base + 2L * k);
        y[yOffset + 3] = s3.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base + 3L * k);
    }

    private static int one(short[] x, int xOffset, int k, MemorySegment w, long base) {
        IntVector sum = IntVector.zero(I);
        int i = 0;
        for (; i <= k - W; i += W) {
            sum = addPairs(sum, weights(w, base + i).mul(ShortVector.fromArray(S, x, xOffset + i)));
        }
        return sum.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base);
    }

    private static int rest(short[] x, int xOffset, int from, int k, MemorySegment w, long base) {
        int sum = 0;
        for (int i = from; i < k; i++) {
            sum += x[xOffset + i] * w.get(ValueLayout.JAVA_BYTE, base + i);
        }
        return sum;
    }

    private static IntVector widen(short[] a, int offset) {
        return (IntVector) ShortVector.fromArray(HALF, a, offset).convertShape(VectorOperators.S2I, I, 0);
    }

    @Override
    public void scores(short[] q, int qOffset, short[] k, int kOffset, int stride, int n, int size, int[] s) {
        if (size % WI != 0) {
            scalar.scores(q, qOffset, k, kOffset, stride, n, size, s);
            return;
        }
        for (int j = 0; j < n; j++) {
            IntVector sum = IntVector.zero(I);
            int at = kOffset + j * stride;
            for (int i = 0; i < size; i += WI) {
                sum = sum.add(widen(q, qOffset + i).mul(widen(k, at + i)));
            }
            s[j] = sum.reduceLanes(VectorOperators.ADD);
        }
    }

    @Override
    public void weightedValues(
            short[] u, int n, byte[] v, int vOffset, int stride, int size, int[] high, int[] low, int offset) {
        if (size % WI != 0) {
            scalar.weightedValues(u, n, v, vOffset, stride, size, high, low, offset);
            return;
        }
        for (int i = 0; i < size; i += WI) {
            IntVector sumHigh = IntVector.zero(I);
            IntVector sumLow = IntVector.zero(I);
            for (int j = 0; j < n; j++) {
                IntVector value = (IntVector) ByteVector.fromArray(QUARTER, v, vOffset + j * stride + i)
                        .convertShape(VectorOperators.B2I, I, 0);
                sumHigh = sumHigh.add(value.mul(u[j] >> 8));
                sumLow = sumLow.add(value.mul(u[j] & 0xFF));
            }
            sumHigh.intoArray(high, offset + i);
            sumLow.intoArray(low, offset + i);
        }
    }
}
