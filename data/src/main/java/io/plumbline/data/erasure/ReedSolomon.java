package io.plumbline.data.erasure;

import java.util.Arrays;

/**
 * The Reed-Solomon code over bytes: k data shards and some parity shards, any k of which give all others back. The data
 * shards are the data itself. No kept library of it is on Maven Central; matrix and field are those of Backblaze's, so
 * that shards are theirs, byte for byte.
 */
public final class ReedSolomon {
    /** Bytes of each shard that are added up at once: the sum stays in the nearest cache. */
    private static final int BLOCK_BYTES = 16 << 10;

    /** Most shards: more would need a larger field. */
    public static final int MOST_SHARDS = 255;

    private final int k;
    private final int n;
    private final int[][] code;

    /**
     * @param k data shards, 1 or more.
     * @param n shards together, above {@code k}, at most {@link #MOST_SHARDS}.
     */
    public ReedSolomon(int k, int n) {
        if (k < 1 || n <= k || n > MOST_SHARDS) {
            throw new IllegalArgumentException("A code has 1 or more data shards and, with parity, more than those and "
                    + MOST_SHARDS + " at most; not " + k + " of " + n + ".");
        }
        this.k = k;
        this.n = n;
        this.code = FieldMatrix.code(k, n);
    }

    /**
     * Computes shards of others.
     *
     * @param have indices of k shards, each 0 to n, ascending.
     * @param shards bytes of those, in that order.
     * @param want index of the shard to compute.
     * @param out receives {@code length} bytes.
     */
    public void compute(int[] have, byte[][] shards, int want, byte[] out, int length) {
        if (have.length != k || shards.length != k || want < 0 || want >= n) {
            throw new IllegalArgumentException(
                    "A shard of " + n + " is computed of " + k + " others, not of " + have.length + ".");
        }
        int[] factors = factors(have, want);
        Arrays.fill(out, 0, length, (byte) 0);
        for (int from = 0; from < length; from += BLOCK_BYTES) {
            int to = Math.min(length, from + BLOCK_BYTES);
            for (int i = 0; i < k; i++) {
                FieldProduct.add(factors[i], shards[i], out, from, to);
            }
        }
    }

    /** Factors of the shards at hand. */
    private int[] factors(int[] have, int want) {
        int[][] rows = new int[k][];
        for (int i = 0; i < k; i++) {
            rows[i] = code[have[i]];
        }
        return FieldMatrix.multiply(new int[][] {code[want]}, FieldMatrix.invert(rows))[0];
    }

    public int dataShards() {
        return k;
    }

    public int shards() {
        return n;
    }
}
