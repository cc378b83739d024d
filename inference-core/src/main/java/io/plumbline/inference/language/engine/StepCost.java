package io.plumbline.inference.language.engine;

/**
 * What a row more costs in a step that only decodes, as measured while serving: the slope of a straight line through
 * the steps of late. Where weights are read from memory further rows are nearly free; in a small model each costs
 * nearly what the first does.
 */
final class StepCost implements DraftPlan.Worth {
    /** What a further row costs, as a share of a step of one row, until that was measured. */
    private static final double ASSUMED = 0.25;

    /** Weight of what is assumed, in squared rows: one step with drafts outweighs it. */
    private static final double ASSUMED_WEIGHT = 0.05;

    /** Weight of the newest step. What is not tried again is forgotten in some hundred steps, and then tried. */
    private static final double NEWEST = 1.0 / 64;

    /** A step that took more than so many times what was expected met something else, such as a collection. */
    private static final double MOST_SURPRISE = 3;

    /** A row is never free. */
    private static final double LEAST_SHARE = 0.01;

    /** By how much more a guess must bring than it costs: both are estimates. */
    private static final double MARGIN = 1.2;

    private long steps;
    private double meanRows;
    private double meanNanos;
    private double variance;
    private double covariance;

    @Override
    public void ran(int rows, long nanos) {
        double took = steps == 0 ? nanos : Math.min(nanos, MOST_SURPRISE * nanos(rows));
        double weight = Math.max(NEWEST, 1.0 / ++steps);
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
