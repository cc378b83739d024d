package io.plumbline.inference.language.engine;

/**
 * Guesses how one sequence goes on, for speculative decoding: guesses that come true save steps, and no guess changes
 * what is chosen. One for each sequence; one caller at a time.
 */
interface Drafter {
    /**
     * Guesses the next tokens.
     *
     * @param tokens the prompt and the answer so far, {@code length} of them; the guesses go behind these.
     * @param most guesses that are wanted; there is room for them.
     * @return how many there are, 0 to {@code most}.
     */
    int draft(int[] tokens, int length, int most);

    /**
     * How likely the last draft's guesses up to {@code index} are all right, 0 to 1; no more than for a lower index.
     */
    double confidence(int index);

    /** The answer has a token more, which is {@code tokens[length - 1]}, whatever was guessed. */
    void accepted(int[] tokens, int length);

    /** Begins a sequence. */
    interface Factory {
        /** @param tokens the prompt's, {@code length} of them, and room for the answer's. */
        Drafter begin(int[] tokens, int length);
    }
}
