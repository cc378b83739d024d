package io.plumbline.verifier.freivalds;

import io.plumbline.verifier.numerics.VectorWidth;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The ring with the Vector API: eight, four or two 64-bit lanes, by the width of this processor's vectors; the scalar
 * form takes the rest.
 *
 * <p>The smallest vector of bytes has eight of them and the smallest of shorts four, so on narrow vectors a load
 * brings more elements than there are lanes; the first ones are used, and loops end where a whole load would pass the
 * row's end.
 */
public final class VectorRing implements RingMath {
    private static final VectorSpecies<Long> L = VectorWidth.full(long.class);
    private static final int W = L.length();
    private static final VectorSpecies<Byte> B = VectorWidth.part(byte.class, 8);
    private static final VectorSpecies<Short> S = VectorWidth.part(short.class, 4);
    private static final VectorSpecies<Integer> I = VectorWidth.part(int.class, 2);

    private final ScalarRing scalar = new ScalarRing();

    private static <E> LongVector widen(Vector<E> v, VectorOperators.Conversion<E, Long> conversion) {
        return (LongVector) v.convertShape(conversion, L, 0);
    }

    /**
     * W bytes; reads {@code B.length()}. Two lanes go by way of ints: processors widen four bytes at a time, not two.
     */
    private static LongVector bytes(byte[] x, int offset) {
        ByteVector v = ByteVector.fromArray(B, x, offset);
        return W > 2
                ? widen(v, VectorOperators.B2L)
                : widen(v.convertShape(VectorOperators.B2I, IntVector.SPECIES_128, 0), VectorOperators.I2L);
    }

    /** W shorts; reads {@code S.length()}. */
    private static LongVector shorts(short[] x, int offset) {
        return widen(ShortVector.fromArray(S, x, offset), VectorOperators.S2L);
    }

    private static LongVector ints(int[] x, int offset) {
        return widen(IntVector.fromArray(I, x, offset), VectorOperators.I2L);
    }

    private static LongVector longs(long[] x, int offset) {
        return LongVector.fromArray(L, x, offset);
    }

    @Override
    public long dot(byte[] x, int xOffset, long[] s, int sOffset, int n) {
        LongVector a = LongVector.zero(L);
        LongVector b = LongVector.zero(L);
        int k = 0;
        for (; k <= n - W - B.length(); k += 2 * W) {
            a = a.add(bytes(x, xOffset + k).mul(longs(s, sOffset + k)));
            b = b.add(bytes(x, xOffset + k + W).mul(longs(s, sOffset + k + W)));
        }
        return a.add(b).reduceLanes(VectorOperators.ADD) + scalar.dot(x, xOffset + k, s, sOffset + k, n - k);
    }

    @Override
    public long dot(short[] x, int xOffset, long[] s, int sOffset, int n) {
        LongVector a = LongVector.zero(L);
        int k = 0;
        for (; k <= n - S.length(); k += W) {
            a = a.add(shorts(x, xOffset + k).mul(longs(s, sOffset + k)));
        }
        return a.reduceLanes(VectorOperators.ADD) + scalar.dot(x, xOffset + k, s, sOffset + k, n - k);
    }

    @Override
    public long dot(int[] y, int yOffset, int[] r, int rOffset, int n) {
        LongVector a = LongVector.zero(L);
        LongVector b = LongVector.zero(L);
        int k = 0;
        for (; k <= n - 2 * W; k += 2 * W) {
            a = a.add(ints(y, yOffset + k).mul(ints(r, rOffset + k)));
            b = b.add(ints(y, yOffset + k + W).mul(ints(r, rOffset + k + W)));
        }
        return a.add(b).reduceLanes(VectorOperators.ADD) + scalar.dot(y, yOffset + k, r, rOffset + k, n - k);
    }

    @Override
    public void accumulate(byte[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        int k = 0;
        for (; k <= n - B.length(); k += W) {
            bytes(w, wOffset + k).mul(r).add(longs(s, sOffset + k)).intoArray(s, sOffset + k);
        }
        scalar.accumulate(w, wOffset + k, n - k, r, s, sOffset + k);
    }

    @Override
    public void accumulate(short[] w, int wOffset, int n, int r, long[] s, int sOffset) {
        int k = 0;
        for (; k <= n - S.length(); k += W) {
            shorts(w, wOffset + k).mul(r).add(longs(s, sOffset + k)).intoArray(s, sOffset + k);
        }
        scalar.accumulate(w, wOffset + k, n - k, r, s, sOffset + k);
    }
}
