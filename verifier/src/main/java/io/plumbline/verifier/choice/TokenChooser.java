package io.plumbline.verifier.choice;

import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.grammar.GrammarTooCostlyException;
import io.plumbline.verifier.grammar.GrammarWalk;
import io.plumbline.verifier.grammar.PermittedTokens;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Chooses the tokens of one answer, one after the other. In this order: logits are adjusted by the tokens so far, the
 * grammar says which tokens may come next (stop tokens where its text is whole, or where nothing else may), and the
 * sampling rule chooses of these. Stop tokens end the text and are no part of it. One thread at a time.
 */
public final class TokenChooser {
    private static final float MILLION = LogitAdjustments.MILLION;

    private final Request request;
    private final Sampling sampling;
    private final LogitAdjustments adjustments;
    private final GrammarWalk walk;

    /** How often each token stands in the answer so far. */
    private final Map<Integer, Integer> counts = new HashMap<>();

    /** Tokens of the prompt, where they matter. */
    private final Set<Integer> prompted = new HashSet<>();

    private float[] adjusted = new float[0];

    TokenChooser(Request request, Grammar grammar, Vocabulary vocabulary) {
        this.request = request;
        this.sampling = request.sampling();
        this.adjustments = sampling.adjustments();
        this.walk = grammar == null ? null : new GrammarWalk(grammar, vocabulary);
        if (adjustments.repetition() != LogitAdjustments.MILLION) {
            for (int token : request.promptTokens()) {
                prompted.add(token);
            }
        }
    }

    /**
     * The token that follows.
     *
     * @param logits of all {@code n} tokens, from {@code offset}; not changed.
     * @param position of the token that it follows, in prompt and answer together.
     * @throws ArithmeticException when a logit is infinite or not a number, before adjustments or after.
     * @throws GrammarTooCostlyException where following the grammar takes too much work.
     */
    public int choose(float[] logits, int offset, int n, int position) {
        Sampling.requireFinite(logits, offset, n);
        PermittedTokens permitted = walk == null ? null : new GrammarTokens(walk, request, n);
        if (adjustments.isNone()) {
            return sampling.choose(logits, offset, n, position, permitted);
        }
        if (adjusted.length < n) {
            adjusted = new float[n];
        }
        System.arraycopy(logits, offset, adjusted, 0, n);
        adjust(n);
        Sampling.requireFinite(adjusted, 0, n);
        return sampling.choose(adjusted, 0, n, position, permitted);
    }

    private void adjust(int n) {
        if (adjustments.repetition() != LogitAdjustments.MILLION) {
            float repetition = adjustments.repetition() / MILLION;
            for (int token : prompted) {
                repeat(token, n, repetition);
            }
            for (int token : counts.keySet()) {
                if (!prompted.contains(token)) {
                    repeat(token, n, repetition);
                }
            }
        }
        int[] biased = adjustments.biased();
        Map<Integer, Long> sums = new HashMap<>();
        for (int i = 0; i < biased.length; i++) {
            sums.put(biased[i], (long) adjustments.biases()[i]);
        }
        if (adjustments.presence() != 0 || adjustments.frequency() != 0) {
            counts.forEach((token, count) ->
                    sums.merge(token, -adjustments.presence() - (long) count * adjustments.frequency(), Long::sum));
        }
        sums.forEach((token, sum) -> {
            if (token < n) {
                adjusted[token] += sum / MILLION;
            }
        });
    }

    private void repeat(int token, int n, float repetition) {
        if (token < n) {
            float logit = adjusted[token];
            adjusted[token] = logit > 0 ? logit / repetition : logit * repetition;
        }
    }

    /**
     * Takes the token that the answer goes on with, whether it is the one that was chosen or not.
     *
     * @throws GrammarTooCostlyException where following the grammar takes too much work.
     */
    public void accept(int token) {
        if (adjustments.dependOnTokens()) {
            counts.merge(token, 1, Integer::sum);
        }
        if (walk != null && !request.stopsAt(token)) {
            walk.accept(token);
        }
    }
}
