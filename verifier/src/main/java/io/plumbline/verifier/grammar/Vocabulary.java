package io.plumbline.verifier.grammar;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The bytes that each token of a model adds to a text, in the order of the bytes, so that tokens with one beginning
 * stand together. Immutable.
 */
public final class Vocabulary {
    private final byte[][] bytes;
    private final boolean dropsFirstSpace;

    /** Tokens that add to a text, by their bytes. */
    private final int[] order;

    /** How many bytes each of these begins with that the one before it begins with too. */
    private final int[] shared;

    /**
     * @param bytes of each token by its id; empty for one that adds nothing to a text. Not copied.
     * @param dropsFirstSpace whether a space is left out that a text would begin with.
     */
    public Vocabulary(List<byte[]> bytes, boolean dropsFirstSpace) {
        this.bytes = bytes.toArray(new byte[0][]);
        this.dropsFirstSpace = dropsFirstSpace;
        Integer[] sorted = IntStream.range(0, this.bytes.length)
                .filter(token -> this.bytes[token].length > 0)
                .boxed()
                .toArray(Integer[]::new);
        Arrays.sort(sorted, Comparator.comparing((Integer token) -> this.bytes[token], Arrays::compareUnsigned));
        this.order = Arrays.stream(sorted).mapToInt(Integer::intValue).toArray();
        this.shared = new int[order.length];
        for (int i = 1; i < order.length; i++) {
            byte[] one = this.bytes[order[i]];
            int mismatch = Arrays.mismatch(this.bytes[order[i - 1]], one);
            shared[i] = mismatch < 0 ? one.length : mismatch;
        }
    }

    /** Ids are below it. */
    public int size() {
        return bytes.length;
    }

    /** The bytes that {@code token} adds to a text; none for one that is not of the vocabulary. */
    byte[] bytes(int token) {
        return token < bytes.length ? bytes[token] : new byte[0];
    }

    boolean dropsFirstSpace() {
        return dropsFirstSpace;
    }

    /** How many tokens add to a text. */
    int count() {
        return order.length;
    }

    /** The {@code i}-th token by its bytes. */
    int token(int i) {
        return order[i];
    }

    /** Bytes that the {@code i}-th shares with the one before it. */
    int shared(int i) {
        return shared[i];
    }
}
