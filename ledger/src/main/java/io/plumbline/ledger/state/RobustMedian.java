package io.plumbline.ledger.state;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The median of values without their outliers, exact in integers over the whole range of a long. Of an even number of
 * values the median is the lower of the two middle ones, so it is always one that was reported.
 *
 * @param value median of the values that are no outliers.
 * @param spread median of the distances of these from {@code value}, 0 or more.
 * @param isOutlier for each value, in the order in which they were given.
 */
record RobustMedian(long value, long spread, boolean[] isOutlier) {
    /**
     * Three times 1.4826, which makes of a median absolute deviation the standard deviation of a normal distribution,
     * rounded up to thousandths.
     */
    private static final BigInteger TOLERATED_THOUSANDTHS = BigInteger.valueOf(4448);

    private static final BigInteger THOUSAND = BigInteger.valueOf(1000);

    /**
     * A value is an outlier where it is further from the median of all than 4.448 times the median distance of all
     * from it, and further than 1: one unit of the last decimal is never too far, though the others agree exactly.
     *
     * @param values 1 or more.
     */
    static RobustMedian of(long[] values) {
        BigInteger[] distances = distances(values, median(values));
        BigInteger tolerated = TOLERATED_THOUSANDTHS.multiply(median(distances)).max(THOUSAND);
        boolean[] isOutlier = new boolean[values.length];
        for (int i = 0; i < values.length; i++) {
            isOutlier[i] = distances[i].multiply(THOUSAND).compareTo(tolerated) > 0;
        }
        // At least half of all are as near to the median as the median distance: some always stay.
        long[] kept = IntStream.range(0, values.length)
                .filter(i -> !isOutlier[i])
                .mapToLong(i -> values[i])
                .toArray();
        long value = median(kept);
        // Half of all lie on each side of a median, so the median distance is below 2^63 wherever it is.
        return new RobustMedian(value, median(distances(kept, value)).longValueExact(), isOutlier);
    }

    /** Differences of two longs have up to 65 bits. */
    private static BigInteger[] distances(long[] values, long from) {
        BigInteger center = BigInteger.valueOf(from);
        return Arrays.stream(values)
                .mapToObj(value -> BigInteger.valueOf(value).subtract(center).abs())
                .toArray(BigInteger[]::new);
    }

    private static long median(long[] values) {
        long[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[(sorted.length - 1) / 2];
    }

    private static BigInteger median(BigInteger[] values) {
        BigInteger[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[(sorted.length - 1) / 2];
    }
}
