package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;

/** One chunk after the other, as the paper says: the reference that the vector form must equal. */
public final class ScalarCompressor implements ChunkCompressor {
    private static final int BLOCKS = CHUNK_BYTES / Compression.BLOCK_BYTES;

    @Override
    public void chunks(
            int[] key,
            int flags,
            MemorySegment in,
            long offset,
            int count,
            long[] counters,
            int countersOffset,
            int[] cvs,
            int cvsOffset) {
        int[] cv = new int[CV_WORDS];
        int[] words = new int[16];
        int[] out = new int[16];
        for (int c = 0; c < count; c++) {
            System.arraycopy(key, 0, cv, 0, CV_WORDS);
            long at = offset + (long) c * CHUNK_BYTES;
            for (int block = 0; block < BLOCKS; block++) {
                int start = block == 0 ? Compression.CHUNK_START : 0;
                int end = block == BLOCKS - 1 ? Compression.CHUNK_END : 0;
                Compression.loadBlock(in, at + (long) block * Compression.BLOCK_BYTES, Compression.BLOCK_BYTES, words);
                Compression.compress(
                        cv,
                        0,
                        words,
                        0,
                        counters[countersOffset + c],
                        Compression.BLOCK_BYTES,
                        flags | start | end,
                        out);
                System.arraycopy(out, 0, cv, 0, CV_WORDS);
            }
            System.arraycopy(cv, 0, cvs, cvsOffset + c * CV_WORDS, CV_WORDS);
        }
    }
}
