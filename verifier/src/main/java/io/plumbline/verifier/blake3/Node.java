package io.plumbline.verifier.blake3;

import java.lang.foreign.MemorySegment;

/**
 * The last compression of a chunk or a parent, not yet done: only when it is known whether the node is the root can
 * its flags be set. A root may give any number of output bytes.
 */
record Node(int[] cv, int[] words, long counter, int length, int flags) {
    /**
     * All blocks of one chunk (0 to 1024 bytes) but the last one. {@code words} and {@code out} are scratch of 16
     * words.
     */
    static Node chunk(
            int[] key, int flags, MemorySegment in, long offset, int bytes, long counter, int[] words, int[] out) {
        int[] cv = key.clone();
        int start = Compression.CHUNK_START;
        int at = 0;
        while (bytes - at > Compression.BLOCK_BYTES) {
            Compression.loadBlock(in, offset + at, Compression.BLOCK_BYTES, words);
            Compression.compress(cv, 0, words, 0, counter, Compression.BLOCK_BYTES, flags | start, out);
            System.arraycopy(out, 0, cv, 0, 8);
            start = 0;
            at += Compression.BLOCK_BYTES;
        }
        int[] last = new int[16];
        Compression.loadBlock(in, offset + at, bytes - at, last);
        return new Node(cv, last, counter, bytes - at, flags | start | Compression.CHUNK_END);
    }

    static Node parent(int[] key, int flags, int[] left, int leftOffset, int[] right, int rightOffset) {
        int[] words = new int[16];
        System.arraycopy(left, leftOffset, words, 0, 8);
        System.arraycopy(right, rightOffset, words, 8, 8);
        return new Node(key, words, 0, Compression.BLOCK_BYTES, flags | Compression.PARENT);
    }

    /** Writes the 8 words of this node's chaining value; {@code scratch} has 16 words. */
    void chainingValue(int[] target, int offset, int[] scratch) {
        Compression.compress(cv, 0, words, 0, counter, length, flags, scratch);
        System.arraycopy(scratch, 0, target, offset, 8);
    }

    /** Writes the 8 words of the root's hash; {@code scratch} has 16 words. */
    void rootWords(int[] target, int offset, int[] scratch) {
        Compression.compress(cv, 0, words, 0, 0, length, flags | Compression.ROOT, scratch);
        System.arraycopy(scratch, 0, target, offset, 8);
    }

    /** Root output: {@code length} bytes of the extendable output from its beginning. */
    byte[] rootBytes(int outputBytes) {
        byte[] result = new byte[outputBytes];
        int[] out = new int[16];
        byte[] block = new byte[64];
        for (int at = 0; at < outputBytes; at += 64) {
            Compression.compress(cv, 0, words, 0, at / 64, length, flags | Compression.ROOT, out);
            Compression.toBytes(out, 0, 16, block, 0);
            System.arraycopy(block, 0, result, at, Math.min(64, outputBytes - at));
        }
        return result;
    }
}
