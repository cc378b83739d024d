package io.plumbline.inference.language.engine;

import java.util.Arrays;

/**
 * Drafts by prompt lookup: where the last tokens stood before in the prompt or the answer, what followed them there is
 * the guess (Saxena, Prompt Lookup Decoding, 2023). The place is followed as long as it guesses right, and looked up
 * again when it does not: by three tokens, or by two where three are new.
 *
 * <p>Every guess is compared with what was chosen, also where nobody computed on it, so that how often guesses are
 * right is known before a row is spent on one.
 */
final class PromptLookup implements Drafter {
    /** Tokens that a place is found by, longest first. */
    private static final int[] NGRAMS = {3, 2};

    /** How a guess came about: by an n-gram of {@link #NGRAMS}, or by following a place that guessed right before. */
    private static final int FOLLOWED = NGRAMS.length;

    /** Shares of right guesses that are assumed at first, in that order: low, since a wrong guess costs a row. */
    private static final double[] ASSUMED = {0.25, 0.1, 0.6};

    /** Weight of the newest guess in a share. */
    private static final double NEWEST = 1.0 / 8;

    /** Entries in the table at most: in a longer context n-grams give way to others. */
    private static final int MOST_ENTRIES = 1 << 16;

    /** Entries that an n-gram may have, beginning with its hash. */
    private static final int PROBES = 4;

    /** By an n-gram's hash: the index of the token that followed it last; 0 for none. */
    private final int[] table;

    private final int shift;
    private final double[] shares = ASSUMED.clone();

    /** Index of the token that is the guess; 0 where there is none. */
    private int place;

    private int kind;

    /** @param tokens the prompt's, {@code length} of them; its array is as long as the sequence can become. */
    PromptLookup(int[] tokens, int length) {
        int bits = 32 - Integer.numberOfLeadingZeros(Math.min(MOST_ENTRIES, 4 * tokens.length) - 1);
        this.table = new int[1 << bits];
        this.shift = 32 - bits;
        for (int i = 1; i < length; i++) {
            remember(tokens, i);
        }
        look(tokens, length);
        remember(tokens, length);
    }

    @Override
    public int draft(int[] tokens, int length, int most) {
        if (place == 0) {
            return 0;
        }
        // Behind the end the guesses themselves go on: a text that repeats itself is guessed for more than a period.
        for (int i = 0; i < most; i++) {
            tokens[length + i] = tokens[place + i];
        }
        return most;
    }

    @Override
    public double confidence(int index) {
        return shares[kind] * Math.pow(shares[FOLLOWED], index);
    }

    @Override
    public void accepted(int[] tokens, int length) {
        if (place > 0) {
            boolean isRight = tokens[place] == tokens[length - 1];
            shares[kind] += NEWEST * ((isRight ? 1 : 0) - shares[kind]);
            place = isRight ? place + 1 : 0;
            kind = FOLLOWED;
        }
        if (place == 0) {
            look(tokens, length);
        }
        remember(tokens, length);
    }

    private void look(int[] tokens, int length) {
        for (int i = 0; i < NGRAMS.length; i++) {
            int n = NGRAMS[i];
            int found = length < n ? 0 : table[entry(tokens, length, n)];
            if (isSame(tokens, found, length, n)) {
                place = found;
                kind = i;
                return;
            }
        }
    }

    /** The tokens before {@code next} were followed by what stands there, or will. */
    private void remember(int[] tokens, int next) {
        for (int n : NGRAMS) {
            if (next >= n) {
                table[entry(tokens, next, n)] = next;
            }
        }
    }

    /** The entry of the n-gram before {@code end}, or one that it may take. */
    private int entry(int[] tokens, int end, int n) {
        int hash = n;
        for (int i = end - n; i < end; i++) {
            hash = (hash ^ tokens[i]) * 0x9E3779B1;
            hash ^= hash >>> 15;
        }
        int first = hash * 0x85EBCA6B >>> shift;
        for (int i = 0; i < PROBES; i++) {
            int entry = (first + i) & (table.length - 1);
            if (table[entry] == 0 || isSame(tokens, table[entry], end, n)) {
                return entry;
            }
        }
        return first;
    }

    /** Whether the {@code n} tokens before index {@code found} are those before {@code end}. */
    private static boolean isSame(int[] tokens, int found, int end, int n) {
        return found >= n && Arrays.equals(tokens, found - n, found, tokens, end - n, end);
    }
}
