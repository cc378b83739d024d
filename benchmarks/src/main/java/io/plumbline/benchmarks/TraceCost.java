package io.plumbline.benchmarks;

/** What committing to a trace costs: readings with it and without, in turn. A small difference needs many. */
final class TraceCost {
    /** CommitLLM's own figure: 12 to 14 % of decode. */
    static final double PUBLISHED = 13;

    private final double[] traced;
    private final double[] bare;

    /** One reading, in tokens a second. */
    interface Reading {
        double take(boolean withTrace);
    }

    /** Takes {@code pairs} pairs of readings, after one that warms up. */
    TraceCost(int pairs, Reading reading) {
        traced = new double[pairs];
        bare = new double[pairs];
        reading.take(true);
        reading.take(false);
        for (int i = 0; i < pairs; i++) {
            // Which comes first alternates, so that a machine that slows down or speeds up harms both alike.
            for (boolean withTrace : new boolean[] {i % 2 == 0, i % 2 != 0}) {
                (withTrace ? traced : bare)[i] = reading.take(withTrace);
            }
        }
    }

    Readings traced() {
        return new Readings(traced);
    }

    Readings bare() {
        return new Readings(bare);
    }

    /** What the trace adds to the time, in %. */
    Readings percent() {
        double[] cost = new double[traced.length];
        for (int i = 0; i < cost.length; i++) {
            cost[i] = 100 * (bare[i] / traced[i] - 1);
        }
        return new Readings(cost);
    }
}
