package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;

/** Hashes runs of whole chunks under one key, for callers that keep chaining values themselves. */
public final class Hashing {
    private final int[] key;
    private final int flags;
    private long[] counters = new long[16];

    /** @param key 32 bytes, or null for the plain hash. */
    public Hashing(byte[] key) {
        this.key = ChunkTree.keyWords(key);
        this.flags = ChunkTree.keyFlags(key);
    }

    /**
     * Chaining values of all of {@code in}, whole chunks of which the first is chunk {@code firstChunk} of its message.
     *
     * @param cvs receives 8 words a chunk from {@code cvsOffset}.
     */
    public void chunks(MemorySegment in, long firstChunk, int[] cvs, int cvsOffset) {
        int count = Math.toIntExact(in.byteSize() / ChunkCompressor.CHUNK_BYTES);
        if (count * (long) ChunkCompressor.CHUNK_BYTES != in.byteSize()) {
            throw new IllegalArgumentException(in.byteSize() + " bytes are not whole chunks.");
        }
        if (counters.length < count) {
            counters = new long[count];
        }
        for (int i = 0; i < count; i++) {
            counters[i] = firstChunk + i;
        }
        ChunkCompressor.best().chunks(key, flags, in, 0, count, counters, 0, cvs, cvsOffset);
    }

    /**
     * Chaining values of the first {@code count} chunks of {@code in}, which need not be neighbours: each says its
     * own index.
     */
    public void chunks(MemorySegment in, int count, long[] indices, int[] cvs) {
        ChunkCompressor.best().chunks(key, flags, in, 0, count, indices, 0, cvs, 0);
    }

    /**
     * Reduces chunks {@code from} to {@code to} of a message to their {@link Subtrees}.
     *
     * @param cvs 8 words a chunk from {@code offset}; the values are used up.
     * @param out receives 8 words a subtree from {@code outOffset}.
     */
    public void reduce(int[] cvs, int offset, long from, long to, int[] out, int outOffset) {
        int target = outOffset;
        for (long at = from; at < to; ) {
            int level = Subtrees.level(at, to);
            int base = offset + (int) (at - from) * 8;
            Subtrees.reduce(ChunkCompressor.best(), key, flags, cvs, base, level);
            System.arraycopy(cvs, base, out, target, 8);
            target += 8;
            at += 1L << level;
        }
    }
}
