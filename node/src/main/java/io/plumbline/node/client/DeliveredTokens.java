package io.plumbline.node.client;

import java.util.Arrays;

/**
 * The tokens that a node has streamed of one answer, as the client reads them before anything is signed. Bounded by
 * what was asked for, and compared with the signed answer at its end. Written by the transport's thread, read by any.
 */
public final class DeliveredTokens {
    private final int most;
    private final int vocab;
    private int[] tokens = new int[16];
    private int count;
    private boolean isSealed;

    /**
     * @param most tokens that the answer may have.
     * @param vocab number of token ids of the model.
     */
    public DeliveredTokens(int most, int vocab) {
        this.most = most;
        this.vocab = vocab;
    }

    /**
     * Takes the next token, where the answer has not ended.
     *
     * @param then tells the client of it; not called for what comes after the end.
     * @throws IllegalStateException where it is no token of the model, or one more than was asked for.
     */
    public synchronized void add(int token, Runnable then) {
        if (isSealed) {
            return;
        }
        if (count == most) {
            throw new IllegalStateException("it streams more than the " + most + " tokens that were asked for");
        }
        if (token < 0 || token >= vocab) {
            throw new IllegalStateException("it streams token " + token + ", which the model does not have");
        }
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        then.run();
    }

    /** Ends the answer: the client is told of no token from now on. Returns how many there were. */
    public synchronized int seal() {
        isSealed = true;
        return count;
    }

    public synchronized int count() {
        return count;
    }

    /** Where these and the signed tokens first differ, a missing token included; -1 where they are the same. */
    public synchronized int mismatch(int[] signed) {
        return Arrays.mismatch(tokens, 0, count, signed, 0, signed.length);
    }
}
