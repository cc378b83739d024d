package io.plumbline.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/** Several readings of one quantity. */
final class Sample {
    private final double[] sorted;

    Sample(double... readings) {
        this.sorted = readings.clone();
        Arrays.sort(sorted);
    }

    /** The i-th smallest. */
    double reading(int i) {
        return sorted[i];
    }

    double median() {
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /** Lowest and highest reading. */
    String spread() {
        return String.format(Locale.ROOT, "%.4g to %.4g", sorted[0], sorted[sorted.length - 1]);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.4g (%s)", median(), spread());
    }
}
