package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;

/**
 * The whole hash tree of one message: every chunk's chaining value and every parent's, level by level. From it slices are cut
 * without hashing again. 32 bytes are kept per KiB of message, twice with the parents.
 */
public final class ChainingValues {
    private final int[][] levels;
    private final byte[] root;
    private final long messageBytes;

    private ChainingValues(int[][] levels, byte[] root, long messageBytes) {
        this.levels = levels;
        this.root = root;
        this.messageBytes = messageBytes;
    }

    /** The tree of a message in memory or mapped; {@code key} of 32 bytes, or null for the plain hash. */
    public static ChainingValues of(byte[] key, MemorySegment message) {
        return of(key, leaves(key, message), message);
    }

    /**
     * The tree over chunk values computed before. {@code message} is read only when it is a single chunk, whose root is its own.
     */
    public static ChainingValues of(byte[] key, int[] leaves, MemorySegment message) {
        int[] words = ChunkTree.keyWords(key);
        int flags = ChunkTree.keyFlags(key);
        int[] scratch = new int[16];
        int count = leaves.length / 8;
        if (count == 1) {
            Node only = Node.chunk(words, flags, message, 0, (int) message.byteSize(), 0, new int[16], scratch);
            return new ChainingValues(new int[][] {leaves}, only.rootBytes(32), message.byteSize());
        }
        int depth = 32 - Integer.numberOfLeadingZeros(count - 1);
        int[][] levels = new int[depth][];
        levels[0] = leaves;
        for (int level = 1; level < depth; level++) {
            int[] below = levels[level - 1];
            int belowCount = below.length / 8;
            int[] here = new int[(belowCount + 1) / 2 * 8];
            ChunkCompressor.best().parents(words, flags, below, 0, belowCount / 2, here, 0);
            if (belowCount % 2 == 1) {
                System.arraycopy(below, (belowCount - 1) * 8, here, here.length - 8, 8);
            }
            levels[level] = here;
        }
        int[] top = levels[depth - 1];
        byte[] root = Node.parent(words, flags, top, 0, top, 8).rootBytes(32);
        return new ChainingValues(levels, root, message == null ? (long) count * 1024 : message.byteSize());
    }

    private static int[] leaves(byte[] key, MemorySegment message) {
        int[] words = ChunkTree.keyWords(key);
        int flags = ChunkTree.keyFlags(key);
        long size = message.byteSize();
        int count = Math.toIntExact(Math.max(1, (size + 1023) / 1024));
        int whole = (int) (size / 1024);
        long[] counters = new long[count];
        for (int i = 0; i < count; i++) {
            counters[i] = i;
        }
        int[] cvs = new int[count * 8];
        ChunkCompressor.best().chunks(words, flags, message, 0, whole, counters, 0, cvs, 0);
        if (whole < count) {
            Node tail = Node.chunk(
                    words,
                    flags,
                    message,
                    whole * 1024L,
                    (int) (size - whole * 1024L),
                    whole,
                    new int[16],
                    new int[16]);
            tail.chainingValue(cvs, whole * 8, new int[16]);
        }
        return cvs;
    }

    public byte[] root() {
        return root.clone();
    }

    public long messageBytes() {
        return messageBytes;
    }

    int chunks() {
        return levels[0].length / 8;
    }

    /** Words of the node that spans chunks {@code index * 2^level} and on, up to {@code 2^level} of them. */
    void copy(int level, int index, int[] target, int offset) {
        System.arraycopy(levels[level], index * 8, target, offset, 8);
    }
}
