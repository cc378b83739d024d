package io.plumbline.benchmarks.load;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/** When requests are due, as an open loop has it: answers do not move it. Used by one thread. */
public interface Arrivals {
    /** Nanoseconds from the start to the next request; never less than the last time. */
    long nextNs();

    /**
     * Evenly spaced.
     *
     * @param rate requests a second, above 0.
     */
    static Arrivals constant(double rate) {
        return new Arrivals() {
            private long count;

            @Override
            public long nextNs() {
                return Math.round(count++ * (double) TimeUnit.SECONDS.toNanos(1) / rate);
            }
        };
    }

    /**
     * As many independent clients ask: gaps are distributed exponentially.
     *
     * @param rate requests a second on average, above 0.
     * @param seed the same one gives the same times.
     */
    static Arrivals poisson(double rate, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return new Arrivals() {
            private double atNs;

            @Override
            public long nextNs() {
                atNs += -Math.log1p(-random.nextDouble()) * (TimeUnit.SECONDS.toNanos(1) / rate);
                return (long) atNs;
            }
        };
    }
}
