package io.plumbline.verifier.numerics;

/**
 * Cosines and sines of rotary positions: StrictMath in double, rounded once to float, so that every host has the same bits.
 *
 * @param cos {@code positions * size / 2} values, position-major.
 * @param sin the same.
 * @param half pairs in a head.
 */
public record RopeTable(float[] cos, float[] sin, int half) {
    /**
     * @param positions tokens of the longest context.
     * @param size of one head.
     */
    public static RopeTable of(int positions, int size, Rope rope) {
        int half = size / 2;
        float[] cos = new float[positions * half];
        float[] sin = new float[positions * half];
        for (int i = 0; i < half; i++) {
            double frequency = rope.frequency(i, size);
            for (int p = 0; p < positions; p++) {
                cos[p * half + i] = (float) StrictMath.cos(p * frequency);
                sin[p * half + i] = (float) StrictMath.sin(p * frequency);
            }
        }
        return new RopeTable(cos, sin, half);
    }
}
