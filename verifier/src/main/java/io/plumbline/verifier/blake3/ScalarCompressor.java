package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;

/** One chunk after the other, as the paper says: the reference that the vector form must equal. */
public final class ScalarCompressor implements ChunkCompressor {
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
        int[] words = new int[16];
        int[] out = new int[16];
        for (int c = 0; c < count; c++) {
            Node node = Node.chunk(
                    key,
                    flags,
                    in,
                    offset + (long) c * CHUNK_BYTES,
                    CHUNK_BYTES,
                    counters[countersOffset + c],
                    words,
                    out);
            node.chainingValue(cvs, cvsOffset + c * CV_WORDS, out);
        }
    }
}
