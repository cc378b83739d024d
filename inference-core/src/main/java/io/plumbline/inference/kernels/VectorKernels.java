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
public final class VectorKernels implements IntKernels {
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(S.vectorBitSize() / 2));
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.nativeOrder());
    private static final int W = S.length();
    private static final int WI = I.length();

    private final ScalarKernels scalar = new ScalarKernels();
    private short[] widened = new short[0];
    private byte[] bytes = new byte[0];
    private int[] ints = new int[0];

    static boolean supported() {
        return WI >= 8;
    }

    @Override
    public void multiply(
            byte[] x, int rows, int k, MemorySegment w, int from, int to, int[] y, int yOffset, int yStride) {
        int needed = rows * k;
        if (widened.length < needed) {
            widened = new short[needed];
        }
        short[] wide = widened;
        for (int i = 0; i < needed; i++) {
            wide[i] = x[i];
        }
        // Weight rows are copied to the heap, four at a time: vectors of mapped memory are not always compiled into
        // registers.
        byte[] four = bytes(4 * k);
        for (int n = from; n < to; n += 4) {
            int count = Math.min(4, to - n);
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, (long) n * k, four, 0, count * k);
            for (int r = 0; r < rows; r++) {
                int out = yOffset + r * yStride + n;
                if (count == 4) {
                    four(wide, r * k, k, four, y, out);
                } else {
                    for (int i = 0; i < count; i++) {
                        y[out + i] = one(wide, r * k, k, four, i * k);
                    }
                }
            }
        }
    }

    private byte[] bytes(int n) {
        if (bytes.length < n) {
            bytes = new byte[n];
        }
        return bytes;
    }

    private static ShortVector weights(byte[] w, int offset) {
        return (ShortVector) ByteVector.fromArray(B, w, offset).convertShape(VectorOperators.B2S, S, 0);
    }

    /** Adds the two signed halves of every int lane of the pair sums. */
    private static IntVector addPairs(IntVector sum, ShortVector pairs) {
        IntVector both = pairs.reinterpretAsInts();
        return sum.add(both.lanewise(VectorOperators.ASHR, 16))
                .add(both.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
    }

    private static void four(short[] x, int xOffset, int k, byte[] w, int[] y, int yOffset) {
        IntVector s0 = IntVector.zero(I);
        IntVector s1 = IntVector.zero(I);
        IntVector s2 = IntVector.zero(I);
        IntVector s3 = IntVector.zero(I);
        int i = 0;
        for (; i <= k - 2 * W; i += 2 * W) {
            ShortVector a = ShortVector.fromArray(S, x, xOffset + i);
            ShortVector b = ShortVector.fromArray(S, x, xOffset + i + W);
            int at = i;
            s0 = addPairs(s0, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s1 = addPairs(s1, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s2 = addPairs(s2, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
            at += k;
            s3 = addPairs(s3, weights(w, at).mul(a).add(weights(w, at + W).mul(b)));
        }
        y[yOffset] = s0.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, 0);
        y[yOffset + 1] = s1.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, k);
        y[yOffset + 2] = s2.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, 2 * k);
        y[yOffset + 3] = s3.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, 3 * k);
    }

    private static int one(short[] x, int xOffset, int k, byte[] w, int base) {
        IntVector sum = IntVector.zero(I);
        int i = 0;
        for (; i <= k - W; i += W) {
            sum = addPairs(sum, weights(w, base + i).mul(ShortVector.fromArray(S, x, xOffset + i)));
        }
        return sum.reduceLanes(VectorOperators.ADD) + rest(x, xOffset, i, k, w, base);
    }

    private static int rest(short[] x, int xOffset, int from, int k, byte[] w, int base) {
        int sum = 0;
        for (int i = from; i < k; i++) {
            sum += x[xOffset + i] * w[base + i];
        }
        return sum;
    }

    /** Two channels of as many keys as a vector has lanes, from memory where each lane is a key's pair. */
    @Override
    public void scores(
            short[] q,
            int qOffset,
            int qStride,
            int queries,
            MemorySegment keys,
            long offset,
            int size,
            int blocks,
            int[] s,
            int sOffset,
            int sStride) {
        // Also on the heap; a pair of channels is an int there.
        int[] keysHere = ints(blocks * KEY_BLOCK * size / 2);
        MemorySegment.copy(keys, INT, offset, keysHere, 0, blocks * KEY_BLOCK * size / 2);
        for (int b = 0; b < blocks; b++) {
            for (int lane = 0; lane < KEY_BLOCK; lane += WI) {
                int at = b * KEY_BLOCK * size / 2 + lane;
                int to = sOffset + b * KEY_BLOCK + lane;
                int i = 0;
                for (; i + 4 <= queries; i += 4) {
                    fourScores(q, qOffset + i * qStride, qStride, keysHere, at, size, s, to + i * sStride, sStride);
                }
                for (; i < queries; i++) {
                    oneScore(q, qOffset + i * qStride, keysHere, at, size, s, to + i * sStride);
                }
            }
        }
    }

    private int[] ints(int n) {
        if (ints.length < n) {
            ints = new int[n];
        }
        return ints;
    }

    private static IntVector first(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16);
    }

    private static IntVector second(IntVector pairs) {
        return pairs.lanewise(VectorOperators.ASHR, 16);
    }

    private static void oneScore(short[] q, int qOffset, int[] keys, int from, int size, int[] s, int to) {
        IntVector sum = IntVector.zero(I);
        int at = from;
        for (int c = 0; c < size; c += 2) {
            IntVector pairs = IntVector.fromArray(I, keys, at);
            sum = sum.add(first(pairs).mul(q[qOffset + c])).add(second(pairs).mul(q[qOffset + c + 1]));
            at += KEY_BLOCK;
        }
        sum.intoArray(s, to);
    }

    private static void fourScores(
            short[] q, int qOffset, int qStride, int[] keys, int from, int size, int[] s, int to, int sStride) {
        IntVector s0 = IntVector.zero(I);
        IntVector s1 = IntVector.zero(I);
        IntVector s2 = IntVector.zero(I);
        IntVector s3 = IntVector.zero(I);
        int at = from;
        for (int c = 0; c < size; c += 2) {
            IntVector pairs = IntVector.fromArray(I, keys, at);
            IntVector first = first(pairs);
            IntVector second = second(pairs);
            int i = qOffset + c;
            s0 = s0.add(first.mul(q[i])).add(second.mul(q[i + 1]));
            i += qStride;
            s1 = s1.add(first.mul(q[i])).add(second.mul(q[i + 1]));
            i += qStride;
            s2 = s2.add(first.mul(q[i])).add(second.mul(q[i + 1]));
            i += qStride;
            s3 = s3.add(first.mul(q[i])).add(second.mul(q[i + 1]));
            at += KEY_BLOCK;
        }
        s0.intoArray(s, to);
        s1.intoArray(s, to + sStride);
        s2.intoArray(s, to + 2 * sStride);
        s3.intoArray(s, to + 3 * sStride);
    }

    @Override
    public void values(
            short[] u,
            int uOffset,
            int uStride,
            int queries,
            MemorySegment values,
            long offset,
            int size,
            int quads,
            int[] high,
            int[] low,
            int outOffset,
            int outStride) {
        if (size % WI != 0) {
            scalar.values(u, uOffset, uStride, queries, values, offset, size, quads, high, low, outOffset, outStride);
            return;
        }
        int[] quadsHere = ints(quads * size);
        MemorySegment.copy(values, INT, offset, quadsHere, 0, quads * size);
        for (int i = 0; i < queries; i++) {
            for (int c = 0; c < size; c += WI) {
                int to = outOffset + i * outStride + c;
                IntVector sumHigh = IntVector.fromArray(I, high, to);
                IntVector sumLow = IntVector.fromArray(I, low, to);
                int at = c;
                int weight = uOffset + i * uStride;
                for (int t = 0; t < quads; t++) {
                    IntVector four = IntVector.fromArray(I, quadsHere, at);
                    sumHigh = addHigh(sumHigh, four, 24, u[weight]);
                    sumLow = addLow(sumLow, four, 24, u[weight]);
                    sumHigh = addHigh(sumHigh, four, 16, u[weight + 1]);
                    sumLow = addLow(sumLow, four, 16, u[weight + 1]);
                    sumHigh = addHigh(sumHigh, four, 8, u[weight + 2]);
                    sumLow = addLow(sumLow, four, 8, u[weight + 2]);
                    sumHigh = addHigh(sumHigh, four, 0, u[weight + 3]);
                    sumLow = addLow(sumLow, four, 0, u[weight + 3]);
                    weight += VALUE_QUAD;
                    at += size;
                }
                sumHigh.intoArray(high, to);
                sumLow.intoArray(low, to);
            }
        }
    }

    /** The value that stands {@code shift} bits below the top of each lane. */
    private static IntVector value(IntVector four, int shift) {
        return four.lanewise(VectorOperators.LSHL, shift).lanewise(VectorOperators.ASHR, 24);
    }

    private static IntVector addHigh(IntVector sum, IntVector four, int shift, int weight) {
        return sum.add(value(four, shift).mul(weight >> 8));
    }

    private static IntVector addLow(IntVector sum, IntVector four, int shift, int weight) {
        return sum.add(value(four, shift).mul(weight & 0xFF));
    }
}
