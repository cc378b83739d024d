package io.plumbline.verifier.blake3;

/**
 * Appends many subtrees to a {@link ChunkTree} at once. Neighbours are joined level by level, so that the compressions
 * of a level share the lanes of vectors; the tree is handed the few subtrees that are left.
 *
 * <p>A whole subtree that does not begin with chunk 0 is never the root, so it may be joined before it is known whether
 * anything follows.
 */
public final class SubtreeRun {
    /** Parents computed in one call: in and out lie in the first-level cache, and the call is short. */
    private static final int PAIRS = 256;

    private final ChunkTree tree;
    private final int[] cvs;

    /** Where each subtree's 8 words stand in {@link #cvs}. */
    private final int[] offsets;

    /** The chunk each subtree begins with; behind the last one, the chunk that follows the run. */
    private final long[] starts;

    private final int[] pairs;
    private final int[] pairOffsets;
    private int count;

    /**
     * A run that begins where {@code tree} ends, behind chunk 0.
     *
     * @param cvs of all subtrees that will be pushed, 8 words each, in no certain place; used up.
     * @param most subtrees that are joined at once: pushing more hands over those before. At least 1.
     */
    public SubtreeRun(ChunkTree tree, int[] cvs, int most) {
        if (tree.chunks() == 0) {
            throw new IllegalArgumentException("A subtree that begins with chunk 0 may be the root.");
        }
        this.tree = tree;
        this.cvs = cvs;
        this.offsets = new int[most];
        this.starts = new long[most + 1];
        int together = Math.clamp(most / 2, 1, PAIRS);
        this.pairs = new int[16 * together];
        this.pairOffsets = new int[together];
        starts[0] = tree.chunks();
    }

    /**
     * Appends the subtree whose 8 words stand at {@code offset}.
     *
     * @param level of the subtree, of {@code 1 << level} chunks; the chunks before it are a multiple of that.
     */
    public void push(int offset, int level) {
        if (count == offsets.length) {
            flush();
        }
        offsets[count] = offset;
        starts[count + 1] = starts[count] + (1L << level);
        count++;
    }

    /** Hands what was pushed to the tree. */
    public void flush() {
        for (long span = 1; 2 * span <= starts[count] - starts[0]; span *= 2) {
            join(span);
        }
        for (int i = 0; i < count; i++) {
            tree.push(cvs, offsets[i], Long.numberOfTrailingZeros(starts[i + 1] - starts[i]));
        }
        starts[0] = starts[count];
        count = 0;
    }

    /** Joins the subtrees of {@code span} chunks that are halves of one; smaller halves were joined before. */
    private void join(long span) {
        int kept = 0;
        int joined = 0;
        for (int i = 0; i < count; i++, kept++) {
            long start = starts[i];
            offsets[kept] = offsets[i];
            starts[kept] = start;
            boolean isLeft = (start & 2 * span - 1) == 0 && starts[i + 1] == start + span;
            if (isLeft && i + 1 < count && starts[i + 2] == start + 2 * span) {
                System.arraycopy(cvs, offsets[i], pairs, 16 * joined, 8);
                System.arraycopy(cvs, offsets[i + 1], pairs, 16 * joined + 8, 8);
                pairOffsets[joined++] = offsets[i];
                i++;
                if (joined == pairOffsets.length) {
                    compress(joined);
                    joined = 0;
                }
            }
        }
        compress(joined);
        starts[kept] = starts[count];
        count = kept;
    }

    private void compress(int joined) {
        tree.parents(pairs, joined);
        for (int p = 0; p < joined; p++) {
            System.arraycopy(pairs, 8 * p, cvs, pairOffsets[p], 8);
        }
    }
}
