package io.plumbline.inference.language.importer;

/** Rows whose values are few whole numbers times a power of two, as those of four bits are: int8 holds them exactly. */
final class ExactRow {
    private static final int MOST = 127;
    private static final int MANTISSA_BITS = 23;

    private ExactRow() {}

    /**
     * The row as int8 without any loss.
     *
     * @param q receives its integers, of -127 to 127.
     * @return their scale; 0 where there is no such form, and {@code q} is not changed.
     */
    static float quantize(float[] row, byte[] q) {
        int lowest = Integer.MAX_VALUE;
        float most = 0;
        for (float value : row) {
            if (value == 0) {
                continue;
            }
            int exponent = Math.getExponent(value);
            if (exponent < Float.MIN_EXPONENT || exponent > Float.MAX_EXPONENT) {
                return 0;
            }
            int mantissa = Float.floatToRawIntBits(value) & (1 << MANTISSA_BITS) - 1 | 1 << MANTISSA_BITS;
            lowest = Math.min(lowest, exponent - MANTISSA_BITS + Integer.numberOfTrailingZeros(mantissa));
            most = Math.max(most, Math.abs(value));
        }
        // A unit below the least normal number would be no factor that every machine multiplies alike.
        if (most == 0 || lowest < Float.MIN_EXPONENT) {
            return 0;
        }
        float unit = Math.scalb(1f, lowest);
        if (most / unit > MOST) {
            return 0;
        }
        for (int i = 0; i < row.length; i++) {
            q[i] = (byte) (row[i] / unit);
        }
        return unit;
    }
}
