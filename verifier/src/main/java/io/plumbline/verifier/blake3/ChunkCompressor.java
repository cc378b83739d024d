package io.plumbline.verifier.blake3;

import io.plumbline.verifier.numerics.Simd;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Hashes many whole 1 KiB chunks at once: the part of BLAKE3 that is worth vectorizing, because chunks do not depend
 * on each other. Every implementation gives the bits of {@link ScalarCompressor}.
 */
public interface ChunkCompressor {
    /** Bytes in a chunk, the leaf of the hash tree. */
    int CHUNK_BYTES = 1024;

    /** 32-bit words in a chaining value. */
    int CV_WORDS = 8;

    /**
     * Chaining values of {@code count} whole chunks that lie one after the other in {@code in}.
     *
     * @param key 8 words: the standard initial value, or the key.
     * @param flags domain flags that every block carries (0 or {@code KEYED_HASH}).
     * @param in source of {@code count * 1024} bytes.
     * @param offset of the first byte in {@code in}.
     * @param count of chunks, 0 or more.
     * @param counters each chunk's index in the hashed message.
     * @param countersOffset of the first chunk's index.
     * @param cvs receives {@code count * 8} words.
     * @param cvsOffset of the first word written.
     */
    void chunks(
            int[] key,
            int flags,
            MemorySegment in,
            long offset,
            int count,
            long[] counters,
            int countersOffset,
            int[] cvs,
            int cvsOffset);

    /**
     * Chaining values of {@code count} parents, none of them the root.
     *
     * @param in 16 words each, the left child's and the right one's, from {@code inOffset}.
     * @param out receives 8 words each; may be {@code in}.
     */
    default void parents(int[] key, int flags, int[] in, int inOffset, int count, int[] out, int outOffset) {
        int[] words = new int[16];
        int[] scratch = new int[16];
        for (int i = 0; i < count; i++) {
            System.arraycopy(in, inOffset + 16 * i, words, 0, 16);
            Compression.compress(key, 0, words, 0, 0, Compression.BLOCK_BYTES, flags | Compression.PARENT, scratch);
            System.arraycopy(scratch, 0, out, outOffset + 8 * i, 8);
        }
    }

    /**
     * Hashes of {@code count} messages of as many bytes each, one after the other.
     *
     * @param bytes of each, at most {@link #CHUNK_BYTES}.
     * @param hashes receives 8 words each.
     */
    default void messages(int[] key, int flags, MemorySegment in, long offset, int count, int bytes, int[] hashes) {
        int[] words = new int[16];
        int[] out = new int[16];
        for (int i = 0; i < count; i++) {
            Node.chunk(key, flags, in, offset + (long) i * bytes, bytes, 0, words, out)
                    .rootWords(hashes, i * CV_WORDS, out);
        }
    }

    /** The fastest implementation on this host. */
    static ChunkCompressor best() {
        return Holder.BEST;
    }

    /** Decided once, when first asked. */
    final class Holder {
        private static final ChunkCompressor BEST = choose();

        private Holder() {}

        private static ChunkCompressor choose() {
            List<ChunkCompressor> compiled = NativeCompressor.all();
            if (!compiled.isEmpty()) {
                return compiled.getFirst();
            }
            return Simd.enabled() ? new VectorCompressor() : new ScalarCompressor();
        }
    }
}
