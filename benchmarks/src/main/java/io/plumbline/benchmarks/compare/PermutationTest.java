package io.plumbline.benchmarks.compare;

import java.util.SplittableRandom;

/**
 * How likely two sets of readings are to differ as much as they do where nothing but chance has dealt them: the share
 * of all ways to deal them whose means are as far apart. It supposes nothing of how readings are distributed.
 */
final class PermutationTest {
    /** With more ways to deal, so many are drawn. */
    private static final int MOST_WAYS = 20_000;

    private static final long SEED = 1;

    /** Of the order in which numbers are summed. */
    private static final double ROUNDING = 1e-9;

    private PermutationTest() {}

    /** From 0, exclusive, to 1: two-sided. Neither is empty. */
    static double p(double[] one, double[] other) {
        int n = one.length + other.length;
        double[] all = new double[n];
        System.arraycopy(one, 0, all, 0, one.length);
        System.arraycopy(other, 0, all, one.length, other.length);
        double apart = apart(all, one.length) * (1 - ROUNDING);
        return ways(n, one.length) <= MOST_WAYS ? exact(all, one.length, apart) : drawn(all, one.length, apart);
    }

    /** How far the mean of the first {@code k} is from that of the others. */
    private static double apart(double[] all, int k) {
        double first = 0;
        double rest = 0;
        for (int i = 0; i < all.length; i++) {
            if (i < k) {
                first += all[i];
            } else {
                rest += all[i];
            }
        }
        return Math.abs(first / k - rest / (all.length - k));
    }

    private static double ways(int n, int k) {
        double ways = 1;
        for (int i = 1; i <= k; i++) {
            ways = ways * (n - k + i) / i;
        }
        return ways;
    }

    private static double exact(double[] all, int k, double apart) {
        int[] chosen = new int[k];
        for (int i = 0; i < k; i++) {
            chosen[i] = i;
        }
        double sum = 0;
        for (double value : all) {
            sum += value;
        }
        long count = 0;
        long far = 0;
        int n = all.length;
        while (true) {
            double first = 0;
            for (int i : chosen) {
                first += all[i];
            }
            count++;
            far += Math.abs(first / k - (sum - first) / (n - k)) >= apart ? 1 : 0;
            int last = k - 1;
            while (last >= 0 && chosen[last] == n - k + last) {
                last--;
            }
            if (last < 0) {
                return (double) far / count;
            }
            chosen[last]++;
            for (int i = last + 1; i < k; i++) {
                chosen[i] = chosen[i - 1] + 1;
            }
        }
    }

    private static double drawn(double[] all, int k, double apart) {
        SplittableRandom random = new SplittableRandom(SEED);
        double[] dealt = all.clone();
        long far = 1;
        for (int draw = 0; draw < MOST_WAYS; draw++) {
            for (int i = dealt.length - 1; i > 0; i--) {
                int j = random.nextInt(i + 1);
                double swapped = dealt[i];
                dealt[i] = dealt[j];
                dealt[j] = swapped;
            }
            far += apart(dealt, k) >= apart ? 1 : 0;
        }
        return (double) far / (MOST_WAYS + 1);
    }
}
