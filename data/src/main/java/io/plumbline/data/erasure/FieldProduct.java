package io.plumbline.data.erasure;

import io.plumbline.verifier.numerics.Simd;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Adds a multiple of many bytes to others. Multiplying by a constant is linear, so a byte's product is that of its low
 * four bits and that of its high four, each looked up in a table of 16 that fits a vector (James Plank, "Screaming fast
 * Galois field arithmetic", 2013).
 */
final class FieldProduct {
    private static final VectorSpecies<Byte> SPECIES = ByteVector.SPECIES_PREFERRED;
    private static final boolean HAS_VECTORS = Simd.enabled() && SPECIES.length() >= 16;

    private FieldProduct() {}

    /** {@code out[i] ^= factor * in[i]} for bytes {@code from} to {@code to}. */
    static void add(int factor, byte[] in, byte[] out, int from, int to) {
        if (factor == 0) {
            return;
        }
        int at = HAS_VECTORS ? addVectors(factor, in, out, from, to) : from;
        addScalar(factor, in, out, at, to);
    }

    /** As it is defined. */
    static void addScalar(int factor, byte[] in, byte[] out, int from, int to) {
        byte[] table = new byte[256];
        for (int b = 0; b < 256; b++) {
            table[b] = (byte) GaloisField.multiply(factor, b);
        }
        for (int i = from; i < to; i++) {
            out[i] ^= table[in[i] & 0xFF];
        }
    }

    /** Where it ended: whole vectors are done. */
    private static int addVectors(int factor, byte[] in, byte[] out, int from, int to) {
        byte[] low = new byte[SPECIES.length()];
        byte[] high = new byte[SPECIES.length()];
        for (int i = 0; i < SPECIES.length(); i++) {
            low[i] = (byte) GaloisField.multiply(factor, i & 15);
            high[i] = (byte) GaloisField.multiply(factor, (i & 15) << 4);
        }
        ByteVector lows = ByteVector.fromArray(SPECIES, low, 0);
        ByteVector highs = ByteVector.fromArray(SPECIES, high, 0);
        int end = from + SPECIES.loopBound(to - from);
        for (int i = from; i < end; i += SPECIES.length()) {
            ByteVector bytes = ByteVector.fromArray(SPECIES, in, i);
            ByteVector product = bytes.and((byte) 15)
                    .selectFrom(lows)
                    .lanewise(
                            VectorOperators.XOR,
                            bytes.lanewise(VectorOperators.LSHR, 4)
                                    .and((byte) 15)
                                    .selectFrom(highs));
            ByteVector.fromArray(SPECIES, out, i)
                    .lanewise(VectorOperators.XOR, product)
                    .intoArray(out, i);
        }
        return end;
    }
}
