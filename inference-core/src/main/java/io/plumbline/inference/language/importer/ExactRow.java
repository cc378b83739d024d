package io.plumbline.inference.language.importer;

import io.plumbline.verifier.numerics.WeightFormat;

/**
 * Rows whose values are few whole numbers times powers of two, as those of MXFP4 are: they are held without any loss.
 */
final class ExactRow {
    private static final int MOST = 127;
    private static final int MANTISSA_BITS = 23;

    /** The greatest power of two that a group's factor is. */
    private static final int MOST_POWER = 7;

    /** In place of an exponent where all values are 0. */
    private static final int NONE = Integer.MAX_VALUE;

    /** In place of one where a value is none that every machine multiplies alike. */
    private static final int UNFIT = Integer.MIN_VALUE;

    private ExactRow() {}

    /**
     * The row as int8 without any loss.
     *
     * @param q receives its integers, of -127 to 127.
     * @return their scale; 0 where there is no such form, and {@code q} is not changed.
     */
    static float quantize(float[] row, byte[] q) {
        int lowest = lowestBit(row, 0, row.length);
        if (lowest == NONE || lowest < Float.MIN_EXPONENT) {
            return 0;
        }
        float unit = Math.scalb(1f, lowest);
        for (float value : row) {
            if (Math.abs(value) / unit > MOST) {
                return 0;
            }
        }
        for (int i = 0; i < row.length; i++) {
            q[i] = (byte) (row[i] / unit);
        }
        return unit;
    }

    /**
     * The row in groups of E2M1 without any loss: those whose groups' powers of two are at most seven steps apart.
     *
     * @param packed receives the row.
     * @return its scale; 0 where there is no such form, and {@code packed} is not changed.
     */
    static float packE2m1(float[] row, byte[] packed) {
        int lowest = lowestBit(row, 0, row.length);
        if (lowest == NONE || lowest < Float.MIN_EXPONENT) {
            return 0;
        }
        int[] factors = new int[row.length / WeightFormat.GROUP];
        byte[] indices = new byte[row.length];
        int sum = 0;
        for (int g = 0; g < factors.length; g++) {
            int from = g * WeightFormat.GROUP;
            int bit = lowestBit(row, from, from + WeightFormat.GROUP);
            // Codes may be even numbers: a power beyond the greatest factor moves into them.
            int power = bit == NONE ? 0 : Math.min(bit - lowest, MOST_POWER);
            // The greatest is of negative factors alone, and these codes are the same both ways round.
            int sign = power == MOST_POWER ? -1 : 1;
            float unit = Math.scalb(1f, lowest + power);
            for (int i = from; i < from + WeightFormat.GROUP; i++) {
                indices[i] = (byte) indexOf(sign * row[i] / unit);
                if (indices[i] < 0) {
                    return 0;
                }
            }
            factors[g] = sign << power;
            sum += 1 << power;
        }
        if (sum > WeightFormat.INT4_E2M1.mostFactorSum()) {
            return 0;
        }
        WeightFormat.pack(indices, factors, packed);
        return Math.scalb(1f, lowest);
    }

    /** The first index of a code; -1 where there is none of that value. */
    private static int indexOf(float value) {
        byte[] codes = WeightFormat.INT4_E2M1.codes();
        for (int i = 0; i < codes.length; i++) {
            if (codes[i] == value) {
                return i;
            }
        }
        return -1;
    }

    /** The exponent of the lowest bit that is set in any of the values. */
    private static int lowestBit(float[] row, int from, int to) {
        int lowest = NONE;
        for (int i = from; i < to; i++) {
            float value = row[i];
            if (value == 0) {
                continue;
            }
            int exponent = Math.getExponent(value);
            if (exponent < Float.MIN_EXPONENT || exponent > Float.MAX_EXPONENT) {
                return UNFIT;
            }
            int mantissa = Float.floatToRawIntBits(value) & (1 << MANTISSA_BITS) - 1 | 1 << MANTISSA_BITS;
            lowest = Math.min(lowest, exponent - MANTISSA_BITS + Integer.numberOfTrailingZeros(mantissa));
        }
        return lowest;
    }
}
