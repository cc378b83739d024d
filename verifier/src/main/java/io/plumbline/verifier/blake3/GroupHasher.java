package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Chaining values of groups and their parents; its memory is used again. Not for several threads at once. */
final class GroupHasher {
    /** Groups that are hashed together. */
    static final int MOST_GROUPS = 64;

    private static final int[] KEY = Compression.iv();

    private final ChunkCompressor compressor = ChunkCompressor.best();
    private final long[] counters = new long[MOST_GROUPS * ChunkGroups.CHUNKS];
    private final int[] cvs = new int[MOST_GROUPS * ChunkGroups.CHUNKS * ChunkCompressor.CV_WORDS];
    private final int[] words = new int[16];
    private final int[] scratch = new int[16];

    /**
     * Values of whole groups that follow each other.
     *
     * @param count at most {@link #MOST_GROUPS}.
     * @param target receives 8 words each from {@code targetOffset}.
     */
    void whole(MemorySegment in, long offset, int count, int firstGroup, int[] target, int targetOffset) {
        int chunks = count * ChunkGroups.CHUNKS;
        hash(in, offset, chunks, (long) firstGroup * ChunkGroups.CHUNKS);
        for (int left = chunks; left > count; left /= 2) {
            compressor.parents(KEY, 0, cvs, 0, left / 2, cvs, 0);
        }
        System.arraycopy(cvs, 0, target, targetOffset, 8 * count);
    }

    /** Value of a group of {@code bytes}, 1 to {@link ChunkGroups#BYTES}, of a message that has more than one. */
    void group(MemorySegment in, long offset, int bytes, int group, int[] target, int targetOffset) {
        chunkRun(in, offset, bytes, (long) group * ChunkGroups.CHUNKS, target, targetOffset);
    }

    /** Value of a node over the chunks in {@code bytes}, at most a group's, which is not the root. */
    void chunkRun(MemorySegment in, long offset, int bytes, long firstChunk, int[] target, int targetOffset) {
        int whole = bytes / ChunkCompressor.CHUNK_BYTES;
        int rest = bytes % ChunkCompressor.CHUNK_BYTES;
        hash(in, offset, whole, firstChunk);
        int left = whole;
        if (rest > 0) {
            Node.chunk(KEY, 0, in, offset + bytes - rest, rest, firstChunk + whole, words, scratch)
                    .chainingValue(cvs, 8 * whole, scratch);
            left++;
        }
        while (left > 1) {
            compressor.parents(KEY, 0, cvs, 0, left / 2, cvs, 0);
            if (left % 2 == 1) {
                // The last of an odd number goes up as it is.
                System.arraycopy(cvs, 8 * (left - 1), cvs, 8 * (left / 2), 8);
            }
            left = (left + 1) / 2;
        }
        System.arraycopy(cvs, 0, target, targetOffset, 8);
    }

    private void hash(MemorySegment in, long offset, int chunks, long firstChunk) {
        for (int i = 0; i < chunks; i++) {
            counters[i] = firstChunk + i;
        }
        compressor.chunks(KEY, 0, in, offset, chunks, counters, 0, cvs, 0);
    }

    /** Value of a parent, or the root's hash; {@code target} may be one of the children's. */
    void parent(int[] left, int leftOffset, int[] right, int rightOffset, boolean isRoot, int[] target, int offset) {
        System.arraycopy(left, leftOffset, words, 0, 8);
        System.arraycopy(right, rightOffset, words, 8, 8);
        int flags = Compression.PARENT | (isRoot ? Compression.ROOT : 0);
        Compression.compress(KEY, 0, words, 0, 0, Compression.BLOCK_BYTES, flags, scratch);
        System.arraycopy(scratch, 0, target, offset, 8);
    }

    /** Whether 8 words are the same. */
    static boolean equal(int[] a, int aOffset, int[] b, int bOffset) {
        return Arrays.equals(a, aOffset, aOffset + 8, b, bOffset, bOffset + 8);
    }
}
