package io.plumbline.verifier.blake3;

/**
 * Runs of chunks as the fewest whole subtrees of their message's tree, from left to right, none larger than {@link
 * #MOST_CHUNKS}: what a device or a cache hands over in place of every chunk's value. Which subtrees they are follows
 * from the run alone.
 */
public final class Subtrees {
    /** Levels below the root of the largest subtree. */
    public static final int MOST_LEVEL = 6;

    /** Chunks of the largest. */
    public static final int MOST_CHUNKS = 1 << MOST_LEVEL;

    private Subtrees() {}

    /**
     * Level of the subtree that begins at chunk {@code at} of a run that ends before {@code to}: it spans {@code 1 <<
     * level} chunks.
     */
    public static int level(long at, long to) {
        int aligned = Math.min(MOST_LEVEL, Long.numberOfTrailingZeros(at));
        return Math.min(aligned, 63 - Long.numberOfLeadingZeros(to - at));
    }

    /** Most subtrees that a run of {@code chunks} chunks has, wherever it begins. */
    public static int most(int chunks) {
        return chunks / MOST_CHUNKS + 2 * MOST_LEVEL;
    }

    /** How many subtrees chunks {@code from} to {@code to} are. */
    public static int count(long from, long to) {
        int count = 0;
        for (long at = from; at < to; at += 1L << level(at, to)) {
            count++;
        }
        return count;
    }

    /**
     * Reduces {@code 1 << level} chaining values at {@code offset} to their subtree's, which takes the first one's
     * place.
     */
    static void reduce(ChunkCompressor compressor, int[] key, int flags, int[] cvs, int offset, int level) {
        for (int count = 1 << level; count > 1; count /= 2) {
            compressor.parents(key, flags, cvs, offset, count / 2, cvs, offset);
        }
    }
}
