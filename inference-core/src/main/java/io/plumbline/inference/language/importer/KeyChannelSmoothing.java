package io.plumbline.inference.language.importer;

import java.util.Arrays;

/**
 * Evens out keys with a few huge channels, as some families have them, by an exact equivalence: the two key rows of a
 * rope pair are divided by a power of two and the query rows that meet them multiplied by it. Powers of two move no
 * bit of any weight, only scales, biases and gains. Measured in docs/quality.md.
 */
final class KeyChannelSmoothing {
    /** No pair is moved by more: enough for biases a million times the rest. */
    private static final int MOST = 20;

    private final int headDim;
    private final int[] exponents;

    private KeyChannelSmoothing(int headDim, int[] exponents) {
        this.headDim = headDim;
        this.exponents = exponents;
    }

    /**
     * From what each key channel reaches: {@code |bias| + norm of its row}, or its gain where keys are normed.
     *
     * @param reach one number a channel, whole heads of {@code headDim}.
     */
    static KeyChannelSmoothing of(double[] reach, int headDim) {
        int half = headDim / 2;
        int[] exponents = new int[reach.length];
        double[] pairs = new double[half];
        for (int head = 0; head < reach.length; head += headDim) {
            for (int i = 0; i < half; i++) {
                pairs[i] = Math.max(reach[head + i], reach[head + half + i]);
            }
            double[] sorted = pairs.clone();
            Arrays.sort(sorted);
            double median = sorted[half / 2];
            for (int i = 0; i < half; i++) {
                int exponent = nearestPowerOfRoot(pairs[i], median);
                exponents[head + i] = exponent;
                exponents[head + half + i] = exponent;
            }
        }
        return new KeyChannelSmoothing(headDim, exponents);
    }

    /** e >= 0 with 2^e nearest to sqrt(m / median) in the logarithm. */
    private static int nearestPowerOfRoot(double m, double median) {
        if (!(median > 0) || !(m > median)) {
            return 0;
        }
        return Math.min(MOST, Math.getExponent(m / median) + 1 >> 1);
    }

    /** What key channel {@code i} is multiplied by. */
    float key(int i) {
        return Math.scalb(1f, -exponents[i]);
    }

    /** What query channel {@code i}, of {@code heads} heads, is multiplied by; heads in groups share a key head. */
    float query(int i, int heads) {
        int head = i / headDim * (exponents.length / headDim) / heads;
        return Math.scalb(1f, exponents[head * headDim + i % headDim]);
    }

    /** What a query gain, shared by all heads, is multiplied by. */
    float queryGain(int i) {
        return Math.scalb(1f, exponents[i]);
    }

    /** Whether it moves anything. */
    boolean isNeeded() {
        return Arrays.stream(exponents).anyMatch(e -> e != 0);
    }
}
