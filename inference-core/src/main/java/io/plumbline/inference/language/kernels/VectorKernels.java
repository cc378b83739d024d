package io.plumbline.inference.language.kernels;

import io.plumbline.verifier.numerics.VectorWidth;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector API kernels. Inputs and weights are widened to short; two products of int8 values fit a short, so two are
 * added before the sum is split into ints.
 */
public final class VectorKernels implements IntKernels {
    private static final VectorSpecies<Short> S = VectorWidth.full(short.class);
    private static final VectorSpecies<Integer> I = VectorWidth.full(int.class);
    private static final VectorSpecies<Byte> B = VectorWidth.part(byte.class, 2);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.nativeOrder());
    private static final int W = S.length();
    private static final int WI = I.length();

    /** Indices of a group. */
    private static final VectorSpecies<Byte> INDICES = ByteVector.SPECIES_128;

    /** Vectors of a group: up to four products of int8 inputs and codes, 127 times 31, add up to a short. */
    private static final int GROUP_VECTORS = WeightFormat.GROUP / W;

    private final ScalarKernels scalar = new ScalarKernels();
    private short[] widened = new short[0];
    private byte[] bytes = new byte[0];
    private short[] shorts = new short[0];
    private byte[] codes = new byte[0];
    private int[] ints = new int[0];

    @Override
    public void multiply(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        short[] wide = widened(x, xOffset, rows * k);
        // A weight row is copied to the heap, for vectors of mapped memory are not always compiled into registers; and
        // widened there
        // once for all inputs.
        byte[] row = bytes(k);
        if (shorts.length < k) {
            shorts = new short[k];
        }
        for (int n = from; n < to; n++) {
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, (long) n * k, row, 0, k);
            if (rows == 1) {
                y[yOffset + n] = dot(wide, row, k);
                continue;
            }
            widen(row, shorts, k);
            for (int r = 0; r < rows; r++) {
                y[yOffset + r * yStride + n] = dot(wide, r * k, shorts, k);
            }
        }
    }

    private short[] widened(byte[] x, int offset, int n) {
        if (widened.length < n) {
            widened = new short[n];
        }
        short[] wide = widened;
        for (int i = 0; i < n; i++) {
            wide[i] = x[offset + i];
        }
        return wide;
    }

    @Override
    public void multiplyGrouped(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            WeightFormat format,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        short[] wide = widened(x, xOffset, rows * k);
        int rowBytes = format.rowBytes(k);
        byte[] row = bytes(rowBytes);
        if (codes.length < k) {
            codes = new byte[k];
        }
        ByteVector table = ByteVector.fromArray(INDICES, format.codes(), 0);
        for (int n = from; n < to; n++) {
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, (long) n * rowBytes, row, 0, rowBytes);
            unpack(row, table, codes, k);
            for (int r = 0; r < rows; r++) {
                y[yOffset + r * yStride + n] = dot(wide, r * k, codes, row, k);
            }
        }
    }

    private static void unpack(byte[] row, ByteVector table, byte[] out, int k) {
        int half = INDICES.length();
        for (int i = 0; i < k; i += WeightFormat.GROUP) {
            ByteVector both = ByteVector.fromArray(INDICES, row, i / 2);
            both.and((byte) 15).selectFrom(table).intoArray(out, i);
            both.lanewise(VectorOperators.LSHR, 4).selectFrom(table).intoArray(out, i + half);
        }
    }

    /** @param row ends with the groups' factors. */
    private static int dot(short[] x, int offset, byte[] codes, byte[] row, int k) {
        IntVector sum = IntVector.zero(I);
        for (int i = 0; i < k; i += WeightFormat.GROUP) {
            ShortVector pairs = ShortVector.zero(S);
            for (int v = 0; v < GROUP_VECTORS; v++) {
                int at = i + v * W;
                pairs = pairs.add(widened(codes, at).mul(ShortVector.fromArray(S, x, offset + at)));
            }
            IntVector both = pairs.reinterpretAsInts();
            IntVector group = both.lanewise(VectorOperators.ASHR, 16)
                    .add(both.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
            sum = sum.add(group.mul(row[k / 2 + i / WeightFormat.GROUP]));
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }

    private byte[] bytes(int n) {
        if (bytes.length < n) {
            bytes = new byte[n];
        }
        return bytes;
    }

    private static ShortVector widened(byte[] w, int offset) {
        return (ShortVector) ByteVector.fromArray(B, w, offset).castShape(S, 0);
    }

    private static void widen(byte[] w, short[] out, int k) {
        int i = 0;
        for (; i <= k - W; i += W) {
            widened(w, i).intoArray(out, i);
        }
        for (; i < k; i++) {
            out[i] = w[i];
        }
    }

    // The compiler keeps loops of this shape in registers, and few others: one row, two sums of the halves of each int
    // lane.

    private static int dot(short[] x, byte[] w, int k) {
        IntVector high = IntVector.zero(I);
        IntVector low = IntVector.zero(I);
        int i = 0;
        for (; i <= k - 2 * W; i += 2 * W) {
            ShortVector pairs = widened(w, i)
                    .mul(ShortVector.fromArray(S, x, i))
                    .add(widened(w, i + W).mul(ShortVector.fromArray(S, x, i + W)));
            IntVector both = pairs.reinterpretAsInts();
            high = high.add(both.lanewise(VectorOperators.ASHR, 16));
            low = low.add(both.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
        }
        int sum = high.add(low).reduceLanes(VectorOperators.ADD);
        for (; i < k; i++) {
            sum += x[i] * w[i];
        }
        return sum;
    }

    private static int dot(short[] x, int offset, short[] w, int k) {
        IntVector high = IntVector.zero(I);
        IntVector low = IntVector.zero(I);
        int i = 0;
        for (; i <= k - 2 * W; i += 2 * W) {
            ShortVector pairs = ShortVector.fromArray(S, w, i)
                    .mul(ShortVector.fromArray(S, x, offset + i))
                    .add(ShortVector.fromArray(S, w, i + W).mul(ShortVector.fromArray(S, x, offset + i + W)));
            IntVector both = pairs.reinterpretAsInts();
            high = high.add(both.lanewise(VectorOperators.ASHR, 16));
            low = low.add(both.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
        }
        int sum = high.add(low).reduceLanes(VectorOperators.ADD);
        for (; i < k; i++) {
            sum += x[offset + i] * w[i];
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
                for (int i = 0; i < queries; i++) {
                    score(q, qOffset + i * qStride, keysHere, at, size, s, to + i * sStride);
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

    private static void score(short[] q, int qOffset, int[] keys, int from, int size, int[] s, int to) {
        IntVector high = IntVector.zero(I);
        IntVector low = IntVector.zero(I);
        int at = from;
        for (int c = 0; c < size; c += 2) {
            IntVector pairs = IntVector.fromArray(I, keys, at);
            low = low.add(pairs.lanewise(VectorOperators.LSHL, 16)
                    .lanewise(VectorOperators.ASHR, 16)
                    .mul(q[qOffset + c]));
            high = high.add(pairs.lanewise(VectorOperators.ASHR, 16).mul(q[qOffset + c + 1]));
            at += KEY_BLOCK;
        }
        high.add(low).intoArray(s, to);
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
