package io.plumbline.benchmarks.compare;

import io.plumbline.benchmarks.report.Headline;

/**
 * One headline before and after.
 *
 * @param oldValue that is compared, and {@code nowValue} likewise: medians.
 * @param change of the value, above 1 for the better.
 * @param p that chance alone deals such readings; NaN where there are too few to tell.
 */
record Comparison(
        Headline before, Headline after, double oldValue, double nowValue, double change, double p, Verdict verdict) {
    /** A change by less is not worth a word, however quiet the host. */
    static final double LEAST_CHANGE = 0.02;

    private static final double MOST_P = 0.05;

    /** With fewer readings of each, no way to deal them is rare enough. */
    private static final int LEAST_READINGS = 4;

    /** The outcome. */
    enum Verdict {
        BETTER,
        WORSE,
        SAME,

        /** Two machines, or two computations, tell nothing of the code's speed. */
        UNCLEAR
    }

    /**
     * Compares two results by their own readings; where a file has too few, by whether their ranges overlap.
     *
     * @param floor share by which a value must change for a word.
     */
    static Comparison of(Headline before, Headline after, double floor) {
        return of(before, after, before.readings(), after.readings(), before.value(), after.value(), floor);
    }

    /** The same by other readings than those of the files, and other values. */
    static Comparison of(
            Headline before,
            Headline after,
            double[] old,
            double[] now,
            double oldValue,
            double nowValue,
            double floor) {
        double change = after.isLessBetter() ? oldValue / nowValue : nowValue / oldValue;
        boolean isEnough = Math.min(old.length, now.length) >= LEAST_READINGS;
        double p = isEnough ? PermutationTest.p(old, now) : Double.NaN;
        boolean differs = isEnough ? p <= MOST_P : !overlap(before.range(), after.range());
        Verdict verdict = Verdict.SAME;
        if (unclear(before, after) != null) {
            verdict = Verdict.UNCLEAR;
        } else if (differs && Math.abs(change - 1) >= floor) {
            verdict = change > 1 ? Verdict.BETTER : Verdict.WORSE;
        }
        return new Comparison(before, after, oldValue, nowValue, change, p, verdict);
    }

    private static boolean overlap(double[] one, double[] other) {
        return one[0] <= other[1] && other[0] <= one[1];
    }

    /** The same, of which nothing is to be said. */
    Comparison unconfirmed() {
        return new Comparison(before, after, oldValue, nowValue, change, p, Verdict.SAME);
    }

    /** Why the two cannot be compared; null where they can. */
    static String unclear(Headline before, Headline after) {
        if (!before.machine().equals(after.machine())) {
            return "of two machines";
        }
        boolean haveRoots = !before.traceRoot().isEmpty() && !after.traceRoot().isEmpty();
        return haveRoots && !before.traceRoot().equals(after.traceRoot()) ? "of two trace roots" : null;
    }
}
