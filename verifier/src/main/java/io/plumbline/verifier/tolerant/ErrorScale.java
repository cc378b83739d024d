package io.plumbline.verifier.tolerant;

import java.util.Arrays;

/**
 * How large an honest rounding error is on each element of one output of one request: measured by runs that round
 * otherwise. A few runs estimate one element's error badly, so it is drawn towards what elements of about its size
 * have; what is of quite another size, such as the huge constants that stand for masked scores, has no part in it.
 */
final class ErrorScale {
    /** Exponents on either side that count as about the same size. */
    private static final int NEAR = 3;

    /** Share of the elements of about one size whose errors are no larger than what they lend each other. */
    private static final double LENT = 0.9;

    /** The same among all elements on which the runs' errors show, for every element. */
    private static final double TYPICAL = 0.25;

    /** Elements of a size that are looked at, at most: enough for a quantile. */
    private static final int MOST = 4096;

    private static final int EXPONENTS = Double.MAX_EXPONENT - Double.MIN_EXPONENT + 2;

    private ErrorScale() {}

    /**
     * The scale by element: 0 only where no run differs, in an output on which no run's error shows.
     *
     * @param center elements that an answer is compared with.
     * @param others the same elements of other runs; those that are not finite say nothing.
     * @param step one unit in the last place, relative: no error is taken for smaller.
     */
    static double[] of(double[] center, double[][] others, double step) {
        double[] own = own(center, others);
        double[] lent = lent(center, own);
        double[] scale = new double[center.length];
        boolean[] shows = new boolean[center.length];
        for (int i = 0; i < scale.length; i++) {
            double size = Math.abs(center[i]);
            if (size <= Double.MAX_VALUE) {
                double pooled = size == 0 ? 0 : lent[bucket(size)];
                scale[i] = Math.sqrt((own[i] * own[i] + pooled * pooled) / 2);
                // What a huge constant swallows is its own last bit, and no error of what was added to it.
                shows[i] = own[i] > step * size;
            }
        }
        double typical = typical(scale, shows);
        for (int i = 0; i < scale.length; i++) {
            // What is left of a difference has the error of what was subtracted.
            scale[i] = Math.max(scale[i], typical);
            if (scale[i] > 0 && !Double.isNaN(center[i])) {
                scale[i] = Math.max(scale[i], step * Math.min(Math.abs(center[i]), Double.MAX_VALUE));
            }
        }
        return scale;
    }

    private static double typical(double[] scale, boolean[] shows) {
        double[] shown = new double[scale.length];
        int count = 0;
        for (int i = 0; i < scale.length; i++) {
            if (shows[i]) {
                shown[count++] = scale[i];
            }
        }
        return quantile(Arrays.copyOf(shown, count), TYPICAL);
    }

    private static double[] own(double[] center, double[][] others) {
        double[] own = new double[center.length];
        for (int i = 0; i < own.length; i++) {
            double squares = 0;
            int runs = 0;
            for (double[] other : others) {
                double difference = other[i] - center[i];
                if (Double.isFinite(difference)) {
                    squares += difference * difference;
                    runs++;
                }
            }
            own[i] = runs == 0 ? 0 : Math.sqrt(squares / runs);
        }
        return own;
    }

    private static int bucket(double size) {
        return Math.getExponent(size) - Double.MIN_EXPONENT + 1;
    }

    /** By bucket. */
    private static double[] lent(double[] center, double[] own) {
        int[] members = new int[EXPONENTS];
        for (double value : center) {
            if (value != 0 && Double.isFinite(value)) {
                members[bucket(Math.abs(value))]++;
            }
        }
        double[][] errors = new double[EXPONENTS][];
        int[] seen = new int[EXPONENTS];
        for (int i = 0; i < center.length; i++) {
            if (center[i] != 0 && Double.isFinite(center[i])) {
                int bucket = bucket(Math.abs(center[i]));
                int stride = (members[bucket] + MOST - 1) / MOST;
                if (errors[bucket] == null) {
                    errors[bucket] = new double[(members[bucket] + stride - 1) / stride];
                }
                int at = seen[bucket]++;
                if (at % stride == 0) {
                    errors[bucket][at / stride] = own[i];
                }
            }
        }
        double[] lent = new double[EXPONENTS];
        for (int bucket = 0; bucket < EXPONENTS; bucket++) {
            if (errors[bucket] != null) {
                double[] near = new double[0];
                for (int i = Math.max(0, bucket - NEAR); i <= Math.min(EXPONENTS - 1, bucket + NEAR); i++) {
                    if (errors[i] != null) {
                        int length = near.length;
                        near = Arrays.copyOf(near, length + errors[i].length);
                        System.arraycopy(errors[i], 0, near, length, errors[i].length);
                    }
                }
                lent[bucket] = quantile(near, LENT);
            }
        }
        return lent;
    }

    /** Sorts {@code values}. */
    private static double quantile(double[] values, double share) {
        if (values.length == 0) {
            return 0;
        }
        Arrays.sort(values);
        return values[(int) Math.ceil(share * values.length) - 1];
    }
}
