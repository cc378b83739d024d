package io.plumbline.verifier.numerics;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How a matrix's integer weights are stored. A product with int8 activations is an exact sum in 32 bits, whichever it
 * is.
 *
 * <p>The formats of four bits cut a row into groups of {@link #GROUP} weights. A weight is the index of one of sixteen
 * codes; a group has a factor of -128 to 127 that is not 0; the element that products are made with is factor times
 * code, 13 bits at most. A factor's sign says which way round the codes are: they reach further on one side.
 *
 * <p>A row holds the indices of all its groups, then the factors, an int8 each: byte {@code j} of a group has weight
 * {@code j} in its low half and weight {@code 16 + j} in its high half.
 */
public enum WeightFormat {
    /** One byte a weight. */
    INT8("I8"),

    /** Codes at the places where normally distributed weights, scaled by groups, are told best by sixteen values. */
    INT4_NORMAL("I4_NORMAL", -24, -19, -15, -11, -8, -5, -3, 0, 3, 6, 9, 12, 16, 20, 25, 31),

    /** The values of E2M1 (OCP Microscaling Formats 1.0), doubled, so that all are whole: MXFP4 without loss. */
    INT4_E2M1("I4_E2M1", 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12),

    /** Steps of one size, as GGUF's Q4_0 has them. */
    INT4_LINEAR("I4_LINEAR", -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);

    /** Weights of a group. */
    public static final int GROUP = 32;

    /** The greatest factor of a group; the least is one below its negative. */
    public static final int MOST_FACTOR = 127;

    /** Bytes of a group's indices. */
    private static final int INDEX_BYTES = GROUP / 2;

    private static final int MOST_ACTIVATION = 127;

    private final String dtype;
    private final byte[] codes;
    private final int mostCode;

    WeightFormat(String dtype, int... codes) {
        this.dtype = dtype;
        this.codes = new byte[codes.length];
        int most = 0;
        for (int i = 0; i < codes.length; i++) {
            this.codes[i] = (byte) codes[i];
            most = Math.max(most, Math.abs(codes[i]));
        }
        this.mostCode = most;
    }

    /** The format of a tensor of that type in a manifest; null where it is of no matrix. */
    public static WeightFormat of(String dtype) {
        for (WeightFormat format : values()) {
            if (format.dtype.equals(dtype)) {
                return format;
            }
        }
        return null;
    }

    /** Its name in a manifest. */
    public String dtype() {
        return dtype;
    }

    /** Whether weights are of four bits, in groups. */
    public boolean isGrouped() {
        return codes.length > 0;
    }

    /** The sixteen codes, -31 to 31, by index; none of {@link #INT8}. */
    public byte[] codes() {
        return codes.clone();
    }

    /** The greatest magnitude of a code. */
    public int mostCode() {
        return mostCode;
    }

    /** Whether rows of so many weights have this format: groups are whole. */
    public boolean canHold(int columns) {
        return !isGrouped() || columns % GROUP == 0;
    }

    /**
     * Bytes of a row.
     *
     * @throws IllegalArgumentException where {@link #canHold} says no.
     */
    public int rowBytes(int columns) {
        if (!canHold(columns)) {
            throw new IllegalArgumentException("A row of " + columns + " weights is no whole number of groups of "
                    + GROUP + ", as " + dtype + " has them.");
        }
        return isGrouped() ? columns / GROUP * (INDEX_BYTES + 1) : columns;
    }

    /**
     * The greatest sum of magnitudes of a row's factors with which no product of int8 activations, -127 to 127, leaves
     * 32 bits.
     */
    public int mostFactorSum() {
        return Integer.MAX_VALUE / (MOST_ACTIVATION * GROUP * mostCode);
    }

    /** Whether products with the row at {@code offset} are exact in 32 bits, by its factors; of int8 rows they are. */
    public boolean isExact(MemorySegment weights, long offset, int columns) {
        if (!isGrouped()) {
            return true;
        }
        long factors = offset + columns / 2;
        int sum = 0;
        for (int g = 0; g < columns / GROUP; g++) {
            int factor = weights.get(ValueLayout.JAVA_BYTE, factors + g);
            if (factor == 0) {
                return false;
            }
            sum += Math.abs(factor);
        }
        return sum <= mostFactorSum();
    }

    /** Writes the elements of the row at {@code offset}. */
    public void widen(MemorySegment weights, long offset, int columns, short[] out) {
        for (int i = 0; !isGrouped() && i < columns; i++) {
            out[i] = weights.get(ValueLayout.JAVA_BYTE, offset + i);
        }
        for (int g = 0; isGrouped() && g < columns / GROUP; g++) {
            int factor = weights.get(ValueLayout.JAVA_BYTE, offset + columns / 2 + g);
            for (int j = 0; j < INDEX_BYTES; j++) {
                int both = weights.get(ValueLayout.JAVA_BYTE, offset + (long) g * INDEX_BYTES + j) & 255;
                out[g * GROUP + j] = (short) (factor * codes[both & 15]);
                out[g * GROUP + INDEX_BYTES + j] = (short) (factor * codes[both >> 4]);
            }
        }
    }

    /**
     * Writes a row.
     *
     * @param indices of the weights' codes, 0 to 15.
     * @param factors of the groups.
     */
    public static void pack(byte[] indices, int[] factors, byte[] out) {
        for (int g = 0; g < factors.length; g++) {
            for (int j = 0; j < INDEX_BYTES; j++) {
                int low = indices[g * GROUP + j];
                int high = indices[g * GROUP + INDEX_BYTES + j];
                out[g * INDEX_BYTES + j] = (byte) (low | high << 4);
            }
            out[factors.length * INDEX_BYTES + g] = (byte) factors[g];
        }
    }
}
