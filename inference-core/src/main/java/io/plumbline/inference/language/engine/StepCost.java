package io.plumbline.inference.language.engine;

/**
 * The cost of a row more in a step that only decodes, as measured while serving: the slope of a straight line through
 * the steps of late, by least squares in which slow steps weigh less, since what else a host does makes steps slower,
 * never faster. Where weights are read from memory further rows are nearly free; in a small model each costs nearly
 * what the first does.
 *
 * <p>The figures below were chosen by simulation, so that text that does not repeat itself is decoded at 0.97 of its
 * speed at least, on hosts of all kinds: see SpeculationCostTest.
 */
final class StepCost implements DraftPlan.Worth {
    /** The cost of a further row, as a share of a step of one row, until that was measured. */
    private static final double ASSUMED = 0.3;

    /** Weight of what is assumed, in squared rows: one step with drafts outweighs it. */
    private static final double ASSUMED_WEIGHT = 0.01;

    /** Weight of the newest step. What is not tried again is forgotten in a thousand steps or two, and then tried. */
    private static final double NEWEST = 1.0 / 128;

    /** Share of that weight that a step has which took longer than expected. */
    private static final double SLOWER = 0.25;

    /** The first steps all weigh the same: there is nothing to expect yet. */
    private static final int FIRST_STEPS = 8;

    /** A step that took more than so many times what was expected met something else, such as a collection. */
    private static final double MOST_SURPRISE = 3;

    /** A row is never free: it costs so much of the average row at least. */
    private static final double LEAST_SHARE = 0.04;

    /** By how much more a guess must bring than it costs: both are estimates. */
    private static final double MARGIN = 1.4;

    private long steps;
    private double meanRows;
    private double meanNanos;
    private double variance;
    private double covariance;

    @Override
    public void ran(int rows, long nanos) {
        double expected = steps == 0 ? nanos : nanos(rows);
        double took = Math.min(nanos, MOST_SURPRISE * expected);
        double weight = Math.max(NEWEST, 1.0 / ++steps);
        if (steps > FIRST_STEPS && took > expected) {
            weight *= SLOWER;
        }
        double moreRows = rows - meanRows;
        double moreNanos = took - meanNanos;
        meanRows += weight * moreRows;
        meanNanos += weight * moreNanos;
        variance = (1 - weight) * (variance + weight * moreRows * moreRows);
        covariance = (1 - weight) * (covariance + weight * moreRows * moreNanos);
    }

    /** Expected time of a row more, in ns. */
    double rowNanos() {
        double assumed = meanNanos * ASSUMED / (1 + ASSUMED * (meanRows - 1));
        double slope = (covariance + ASSUMED_WEIGHT * assumed) / (variance + ASSUMED_WEIGHT);
        double most = meanNanos / meanRows;
        return Math.clamp(slope, LEAST_SHARE * most, most);
    }

    /** Expected time of a step of {@code rows} rows, in ns. */
    double nanos(int rows) {
        return meanNanos + (rows - meanRows) * rowNanos();
    }

    /** Whether tokens come faster with the row than without it. */
    @Override
    public boolean pays(double confidence, double tokens, int rows) {
        return steps > 0 && confidence * nanos(rows) > MARGIN * tokens * rowNanos();
    }
}
