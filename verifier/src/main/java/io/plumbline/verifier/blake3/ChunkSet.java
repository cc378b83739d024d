package io.plumbline.verifier.blake3;

import java.util.BitSet;

/** Which chunks of a message a slice holds. Byte ranges are widened to whole chunks. */
public final class ChunkSet {
    private final BitSet bits = new BitSet();

    /** Adds the chunks that bytes {@code from} (inclusive) to {@code to} (exclusive) touch. */
    public ChunkSet addBytes(long from, long to) {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("Not a byte range: " + from + " to " + to + ".");
        }
        if (to > from) {
            bits.set(Math.toIntExact(from / 1024), Math.toIntExact((to + 1023) / 1024));
        }
        return this;
    }

    /** Number of chunks in the set. */
    public int size() {
        return bits.cardinality();
    }

    boolean any(int from, int to) {
        int next = bits.nextSetBit(from);
        return next >= 0 && next < to;
    }

    boolean contains(int chunk) {
        return bits.get(chunk);
    }

    int next(int from) {
        return bits.nextSetBit(from);
    }

    int last() {
        return bits.length() - 1;
    }
}
