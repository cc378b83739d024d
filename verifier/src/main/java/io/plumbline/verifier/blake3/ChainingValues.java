package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The hash tree of one message, from which slices are cut: chaining values level by level, from the chunks up, or for
 * a long message from the level up that has no more than a bound of them. What is below is computed again from the
 * message where a slice needs it.
 */
public final class ChainingValues implements TreeValues {
    /** Values of the lowest level that is kept: with those above 32 MiB. */
    static final int MOST_KEPT = 1 << 19;

    /** Chunks that are hashed together: whole subtrees of the lowest level kept. */
    private static final int LEAST_HASHED = 1 << 10;

    private final int[] key;
    private final int flags;
    private final MemorySegment message;
    private final int chunks;

    /** Level of the first of {@code levels}. */
    private final int lowest;

    private final int[][] levels;
    private final byte[] root;

    private ChainingValues(byte[] key, MemorySegment message, int mostKept) {
        this.key = ChunkTree.keyWords(key);
        this.flags = ChunkTree.keyFlags(key);
        this.message = message;
        this.chunks = Math.toIntExact(Math.max(1, (message.byteSize() + 1023) / 1024));
        int level = 0;
        while ((chunks - 1 >> level) + 1 > mostKept) {
            level++;
        }
        this.lowest = level;
        if (chunks == 1) {
            Node only = Node.chunk(this.key, flags, message, 0, (int) message.byteSize(), 0, new int[16], new int[16]);
            this.levels = new int[][] {new int[8]};
            this.root = only.rootBytes(32);
            return;
        }
        int depth = 32 - Integer.numberOfLeadingZeros(chunks - 1);
        this.levels = new int[depth - lowest][];
        levels[0] = lowest();
        for (int i = 1; i < levels.length; i++) {
            levels[i] = Arrays.copyOf(levels[i - 1], levels[i - 1].length);
            levels[i] = Arrays.copyOf(levels[i], 8 * parents(levels[i], levels[i].length / 8));
        }
        int[] top = levels[levels.length - 1];
        this.root = Node.parent(this.key, flags, top, 0, top, 8).rootBytes(32);
    }

    /**
     * The tree of a message.
     *
     * @param key 32 bytes, or null for the plain hash.
     * @param message in memory or mapped; must stay as it is while slices are cut.
     */
    public static ChainingValues of(byte[] key, MemorySegment message) {
        return of(key, message, MOST_KEPT);
    }

    /** With another bound. */
    static ChainingValues of(byte[] key, MemorySegment message, int mostKept) {
        return new ChainingValues(key, message, mostKept);
    }

    private int[] lowest() {
        int span = 1 << lowest;
        int together = Math.max(span, LEAST_HASHED);
        int[] kept = new int[(chunks - 1 >> lowest) + 1 << 3];
        int[] cvs = new int[8 * Math.min(together, chunks)];
        for (int at = 0; at < chunks; at += Math.min(together, chunks - at)) {
            int count = Math.min(together, chunks - at);
            reduce(at, count, lowest, cvs);
            System.arraycopy(cvs, 0, kept, at >> lowest << 3, 8 * ((count - 1 >> lowest) + 1));
        }
        return kept;
    }

    /**
     * Hashes a run of chunks that begins where a subtree does, and leaves their ancestors of a level in the first
     * places of {@code cvs}.
     */
    private void reduce(int first, int count, int level, int[] cvs) {
        long size = message.byteSize();
        int whole = (int) Math.min(count, size / 1024 - first);
        long[] counters = new long[count];
        for (int i = 0; i < count; i++) {
            counters[i] = first + i;
        }
        MemorySegment run = message.asSlice(first * 1024L, Math.min(count * 1024L, size - first * 1024L));
        ChunkCompressor.best().chunks(key, flags, run, 0, whole, counters, 0, cvs, 0);
        if (whole < count) {
            int bytes = (int) (run.byteSize() - whole * 1024L);
            Node.chunk(key, flags, run, whole * 1024L, bytes, first + whole, new int[16], new int[16])
                    .chainingValue(cvs, whole * 8, new int[16]);
        }
        int left = count;
        for (int i = 0; i < level; i++) {
            left = parents(cvs, left);
        }
    }

    /** Puts the parents of {@code count} nodes in their place; the last of an odd number goes up as it is. */
    private int parents(int[] cvs, int count) {
        ChunkCompressor.best().parents(key, flags, cvs, 0, count / 2, cvs, 0);
        if (count % 2 == 1) {
            System.arraycopy(cvs, (count - 1) * 8, cvs, count / 2 * 8, 8);
        }
        return (count + 1) / 2;
    }

    public byte[] root() {
        return root.clone();
    }

    @Override
    public long messageBytes() {
        return message.byteSize();
    }

    /** Memory that its values take. */
    public long keptBytes() {
        long words = 0;
        for (int[] level : levels) {
            words += level.length;
        }
        return 4 * words;
    }

    @Override
    public void copy(int level, int index, int[] target, int offset) {
        if (level >= lowest) {
            System.arraycopy(levels[level - lowest], index * 8, target, offset, 8);
            return;
        }
        int first = index << level;
        int count = Math.min(1 << level, chunks - first);
        int[] cvs = new int[8 * count];
        reduce(first, count, level, cvs);
        System.arraycopy(cvs, 0, target, offset, 8);
    }
}
