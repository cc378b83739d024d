package io.plumbline.verifier.receipt;

import java.util.Arrays;

/**
 * Changes to a token's logit before the choice: by whether, and how often, the token has come before, and by
 * the request's own word. All of it is in millionths, so that it is summed as integers.
 *
 * @param presence taken off a token that stands in the answer so far; from -2,000,000 to 2,000,000.
 * @param frequency taken off for each time that it stands there; from -2,000,000 to 2,000,000.
 * @param repetition divides a positive logit of a token that stands in prompt or answer so far, and multiplies a
 *     negative one (Keskar et al. 2019); from 10,000 to 100,000,000, and 1,000,000 for none.
 * @param biased tokens, ascending, at most {@value #MAX_BIASED}.
 * @param biases what is added to each of them; from -100,000,000 to 100,000,000.
 */
public record LogitAdjustments(int presence, int frequency, int repetition, int[] biased, int[] biases) {
    public static final int MILLION = 1_000_000;
    public static final int MAX_PENALTY = 2 * MILLION;
    public static final int MIN_REPETITION = MILLION / 100;
    public static final int MAX_REPETITION = 100 * MILLION;
    public static final int MAX_BIAS = 100 * MILLION;
    public static final int MAX_BIASED = 1_024;

    public static final LogitAdjustments NONE = new LogitAdjustments(0, 0, MILLION, new int[0], new int[0]);

    public LogitAdjustments {
        requireWithin("presence_penalty", presence, -MAX_PENALTY, MAX_PENALTY);
        requireWithin("frequency_penalty", frequency, -MAX_PENALTY, MAX_PENALTY);
        requireWithin("repetition_penalty", repetition, MIN_REPETITION, MAX_REPETITION);
        if (biased.length != biases.length || biased.length > MAX_BIASED) {
            throw new IllegalArgumentException("logit_bias has at most " + MAX_BIASED + " tokens, each with its bias.");
        }
        for (int i = 0; i < biased.length; i++) {
            if (biased[i] < 0 || i > 0 && biased[i] <= biased[i - 1]) {
                throw new IllegalArgumentException("The tokens of logit_bias must be ascending, and not below 0.");
            }
            requireWithin("logit_bias", biases[i], -MAX_BIAS, MAX_BIAS);
        }
        biased = biased.clone();
        biases = biases.clone();
    }

    private static void requireWithin(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " must be in " + (double) least / MILLION + " to "
                    + (double) most / MILLION + ", not " + (double) value / MILLION + ".");
        }
    }

    /** Whether all logits stay as they are. */
    public boolean isNone() {
        return presence == 0 && frequency == 0 && repetition == MILLION && biased.length == 0;
    }

    /** Whether what has come before matters. */
    public boolean dependOnTokens() {
        return presence != 0 || frequency != 0 || repetition != MILLION;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LogitAdjustments o
                && presence == o.presence
                && frequency == o.frequency
                && repetition == o.repetition
                && Arrays.equals(biased, o.biased)
                && Arrays.equals(biases, o.biases);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(
                new int[] {presence, frequency, repetition, Arrays.hashCode(biased), Arrays.hashCode(biases)});
    }
}
