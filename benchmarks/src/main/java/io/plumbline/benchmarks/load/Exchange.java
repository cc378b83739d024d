package io.plumbline.benchmarks.load;

/**
 * One request and its answer. Times are {@link System#nanoTime}; 0 where there was none.
 *
 * @param intendedNs when it was due.
 * @param sentNs when it was handed to the connection.
 * @param pieceNs when each piece of the answer came that has text in it; one for an answer that came whole.
 * @param endNs when the answer was whole, was left or had failed.
 * @param receiptNs when its receipt came.
 * @param promptTokens as the endpoint counts them; 0 where it does not say, {@code answerTokens} likewise.
 * @param requestHash that a receipt can be looked up by; null where the endpoint gives none.
 * @param why it failed; null where it did not.
 */
record Exchange(
        Outcome outcome,
        long intendedNs,
        long sentNs,
        long[] pieceNs,
        long endNs,
        long receiptNs,
        long promptTokens,
        long answerTokens,
        String requestHash,
        String why) {
    /** How it ended. */
    enum Outcome {
        ANSWERED,

        /** Its client left before the end, as it was told to. */
        CANCELLED,

        /** The endpoint said that it had too much to do: 429 or 503. */
        REFUSED,
        FAILED
    }

    /** From when it was due to the first piece. */
    long firstNs() {
        return pieceNs[0] - intendedNs;
    }

    /** From the first piece to the last, over the tokens that came between; 0 where there was one token only. */
    long perTokenNs() {
        long tokens = Math.max(answerTokens, pieceNs.length);
        return tokens < 2 ? 0 : (pieceNs[pieceNs.length - 1] - pieceNs[0]) / (tokens - 1);
    }
}
