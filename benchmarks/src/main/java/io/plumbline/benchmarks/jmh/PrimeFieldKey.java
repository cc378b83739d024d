package io.plumbline.benchmarks.jmh;

import java.util.SplittableRandom;

/**
 * The nearest published check of a matrix's products, as a peer on the same core: Freivalds' check in a prime field,
 * one round, as CommitLLM describes it (https://commitllm.com). Of a matrix W and secret r it keeps {@code v = r^T W},
 * and finds {@code v . x = r . y} for an input x and claimed products y, modulo {@code 2^32 - 5}: a false product
 * passes with 2^-32. Scalar as published, each sum reduced once.
 */
final class PrimeFieldKey {
    private static final long PRIME = (1L << 32) - 5;

    /** 2^32 modulo the prime. */
    private static final long TWO_32 = 5;

    private static final long LOW = (1L << 32) - 1;

    /** Numbers below the prime. */
    private final int[] v;

    private final int[] r;

    /** Not reduced yet: below 2^39 for each row. */
    private final long[] sums;

    /** Of an {@code n x k} matrix, at most 2^24 rows; they are added before use. */
    PrimeFieldKey(int n, int k, SplittableRandom random) {
        v = new int[k];
        sums = new long[k];
        r = random.longs(n, 0, PRIME).mapToInt(secret -> (int) secret).toArray();
    }

    void addRow(int n, byte[] row) {
        long secret = r[n] & LOW;
        for (int k = 0; k < row.length; k++) {
            sums[k] += secret * row[k];
            v[k] = (int) Math.floorMod(sums[k], PRIME);
        }
    }

    /** Whether all products are right, k inputs and n products that begin where they are said to. */
    boolean holds(byte[] x, int xOffset, int[] y, int yOffset) {
        long left = 0;
        for (int k = 0; k < v.length; k++) {
            left += (v[k] & LOW) * x[xOffset + k];
        }
        // Beyond 63 bits together, so the halves are added apart.
        long high = 0;
        long low = 0;
        for (int n = 0; n < r.length; n++) {
            long product = (r[n] & LOW) * y[yOffset + n];
            high += product >> 32;
            low += product & LOW;
        }
        return Math.floorMod(left, PRIME) == Math.floorMod(high * TWO_32 + low, PRIME);
    }
}
