package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** The hash of a large message on all processors: whole subtrees of it are reduced apart, and joined in order. */
public final class ParallelHash {
    /** Subtrees of 1,024 chunks: a mebibyte of message each. */
    private static final int LEVEL = 10;

    private static final int CHUNKS = 1 << LEVEL;
    private static final long BYTES = (long) CHUNKS * ChunkCompressor.CHUNK_BYTES;

    /** Subtrees that are worked on at once: bounds what is kept of them. */
    private static final int AT_ONCE = 256;

    private ParallelHash() {}

    /** The 32-byte hash of all bytes of {@code in}, off the heap or mapped. */
    public static byte[] hash(MemorySegment in) {
        // The last byte of all must stay back: its chunk, and so its subtree, is not finished like the others.
        long whole = Math.max(0, (in.byteSize() - 1) / BYTES);
        Blake3 rest = Blake3.plain();
        int[] values = new int[(int) Math.min(AT_ONCE, whole) * ChunkCompressor.CV_WORDS];
        for (long first = 0; first < whole; first += AT_ONCE) {
            int count = (int) Math.min(AT_ONCE, whole - first);
            long from = first;
            IntStream.range(0, count).parallel().forEach(i -> reduce(in, from + i, values, i));
            for (int i = 0; i < count; i++) {
                rest.append(values, i * ChunkCompressor.CV_WORDS, LEVEL);
            }
        }
        return rest.update(in.asSlice(whole * BYTES)).digest();
    }

    private static void reduce(MemorySegment in, long subtree, int[] values, int at) {
        int[] key = ChunkTree.keyWords(null);
        int[] cvs = new int[CHUNKS * ChunkCompressor.CV_WORDS];
        long[] counters = new long[CHUNKS];
        for (int c = 0; c < CHUNKS; c++) {
            counters[c] = subtree * CHUNKS + c;
        }
        ChunkCompressor compressor = ChunkCompressor.best();
        compressor.chunks(key, 0, in, subtree * BYTES, CHUNKS, counters, 0, cvs, 0);
        Subtrees.reduce(compressor, key, 0, cvs, 0, LEVEL);
        System.arraycopy(cvs, 0, values, at * ChunkCompressor.CV_WORDS, ChunkCompressor.CV_WORDS);
    }
}
