package io.plumbline.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.DoubleConsumer;
import java.util.function.DoubleUnaryOperator;

/** Several readings of one quantity. */
public final class Readings {
    private final double[] sorted;

    public Readings(double... readings) {
        this.sorted = readings.clone();
        Arrays.sort(sorted);
    }

    /** The i-th smallest. */
    public double reading(int i) {
        return sorted[i];
    }

    public double median() {
        int n = sorted.length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /** Hands over each, smallest first. */
    public void forEach(DoubleConsumer taker) {
        Arrays.stream(sorted).forEach(taker);
    }

    /** Each reading put through {@code change}. */
    public Readings map(DoubleUnaryOperator change) {
        return new Readings(Arrays.stream(sorted).map(change).toArray());
    }

    /** Lowest and highest reading. */
    public String spread() {
        return String.format(Locale.ROOT, "%.4g to %.4g", sorted[0], sorted[sorted.length - 1]);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.4g (%s)", median(), spread());
    }
}
