package io.plumbline.verifier.numerics;

/**
 * Cosines and sines of rotary positions: StrictMath in double, rounded once to float, so that every host has the same
 * bits.
 *
 * @param first position that the table begins with.
 * @param cos {@code size / 2} values a position, position-major.
 * @param sin the same.
 * @param half pairs in a head.
 */
public record RopeTable(int first, float[] cos, float[] sin, int half) {
    /**
     * Of all positions from 0.
     *
     * @param positions tokens of the longest context.
     * @param size elements of a head that are rotated.
     */
    public static RopeTable of(int positions, int size, Rope rope) {
        return of(0, positions, size, rope);
    }

    /**
     * Of {@code positions} positions from {@code first}: the same values as in the table of all.
     *
     * @param first 0 or more.
     * @param positions 0 or more.
     * @param size elements of a head that are rotated.
     */
    public static RopeTable of(int first, int positions, int size, Rope rope) {
        int half = size / 2;
        float[] cos = new float[positions * half];
        float[] sin = new float[positions * half];
        double magnitude = rope.scaling().magnitude();
        for (int i = 0; i < half; i++) {
            double frequency = rope.frequency(i, size);
            for (int p = 0; p < positions; p++) {
                cos[p * half + i] = (float) (StrictMath.cos((first + p) * frequency) * magnitude);
                sin[p * half + i] = (float) (StrictMath.sin((first + p) * frequency) * magnitude);
            }
        }
        return new RopeTable(first, cos, sin, half);
    }
}
