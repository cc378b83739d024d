package io.plumbline.verifier.freivalds;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Eight (or four) 64-bit lanes at a time; the scalar form takes the rest. */
public final class VectorRing implements RingMath {
    private static final VectorSpecies<Long> L = LongVector.SPECIES_PREFERRED;
    private static final int W = L.length();
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, shape(8));
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, shape(4));
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, shape(2));

    private final ScalarRing scalar = new ScalarRing();

    private static VectorShape shape(int divisor) {
        return VectorShape.forBitSize(Math.max(64, L.vectorBitSize() / divisor));
    }

    /** Eight bytes must fill a 64-bit vector, so only 512-bit hosts run this form. */
    static boolean supported() {
        return W == 8;
    }

    private static <E> LongVector widen(Vector<E> v, VectorOperators.Conversion<E, Long> conversion) {
        return (LongVector) v.convertShape(conversion, L, 0);
    }

    @Override
    public long dot(byte[] x, int xOffset, long[] s, int sOffset, int n) {
        LongVector a = LongVector.zero(L);
        LongVector b = LongVector.zero(L);
        int k = 0;
        for (; k <= n - 2 * W; k += 2 * W) {
            a = a.add(widen(ByteVector.fromArray(B, x, xOffset + k), VectorOperators.B2L)
                    .mul(LongVector.fromArray(L, s, sOffset + k)));
            b = b.add(widen(ByteVector.fromArray(B, x, xOffset + k + W), VectorOperators.B2L)
                    .mul(LongVector.fromArray(L, s, sOffset + k + W)));
        }
        return a.add(b).reduceLanes(VectorOperators.ADD) + scalar.dot(x, xOffset + k, s, sOffset + k, n - k);
    }

    @Override
    public long dot(short[] x, int xOffset, long[] s, int sOffset, int n) {
        LongVector a = LongVector.zero(L);
        int k = 0;
        for (; k <= n - W; k += W) {
            a = a.add(widen(ShortVector.fromArray(S, x, xOffset + k), VectorOperators.S2L)
                    .mul(LongVector.fromArray(L, s, sOffset + k)));
        }
        return a.reduceLanes(VectorOperators.ADD) + scalar.dot(x, xOffset + k, s, sOffset + k, n - k);
    }

    @Override
    public long dot(int[] y, int yOffset, int[] r, int rOffset, int n) {
        LongVector a = LongVector.zero(L);
        LongVector b = LongVector.zero(L);
        int k = 0;
        for (; k <= n - 2 * W; k += 2 * W) {
            a = a.add(widen(IntVector.fromArray(I, y, yOffset + k), VectorOperators.I2L)
                    .mul(widen(IntVector.fromArray(I, r, rOffset + k), VectorOperators.I2L)));
            b = b.add(widen(IntVector.fromArray(I, y, yOffset + k + W), VectorOperators.I2L)
                    .mul(widen(IntVector.fromArray(I, r, rOffset + k + W), VectorOperators.I2L)));
        }
        return a.add(b).reduceLanes(VectorOperators.ADD) + scalar.dot(y, yOffset + k, r, rOffset + k, n - k);
    }

    @Override
    public void accumulate(byte[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            widen(ByteVector.fromArray(B, w, wOffset + k), VectorOperators.B2L)
                    .mul(r)
                    .add(LongVector.fromArray(L, s, sOffset + k))
                    .intoArray(s, sOffset + k);
        }
        scalar.accumulate(w, wOffset + k, n - k, r, s, sOffset + k);
    }

    @Override
    public void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        int k = 0;
        for (; k <= n - W; k += W) {
            widen(ShortVector.fromArray(S, w, wOffset + k), VectorOperators.S2L)
                    .mul(r)
                    .add(LongVector.fromArray(L, s, sOffset + k))
                    .intoArray(s, sOffset + k);
        }
        scalar.accumulate(w, wOffset + k, n - k, r, s, sOffset + k);
    }
}
