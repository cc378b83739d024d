package io.plumbline.verifier.choice;

import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.grammar.GrammarWalk;
import io.plumbline.verifier.grammar.Vocabulary;
import io.plumbline.verifier.receipt.Request;
import java.util.function.Supplier;

/** How the tokens of one request's answer are chosen. Immutable; any thread. */
public final class ChoiceRule {
    private final Request request;
    private final Grammar grammar;
    private final Supplier<Vocabulary> vocabulary;

    private ChoiceRule(Request request, Grammar grammar, Supplier<Vocabulary> vocabulary) {
        this.request = request;
        this.grammar = grammar;
        this.vocabulary = vocabulary;
    }

    /**
     * Reads a request's rule.
     *
     * @param vocabulary of the model; asked for where the request has a grammar. May be null: then such a request's
     *     choices cannot be said, see {@link #isKnown}.
     * @throws IllegalArgumentException where the request's grammar cannot be used.
     */
    public static ChoiceRule of(Request request, Supplier<Vocabulary> vocabulary) {
        Grammar grammar = request.grammar().isEmpty() ? null : Grammar.parse(request.grammar());
        return new ChoiceRule(request, grammar, vocabulary);
    }

    /** Whether choices can be said: not of an answer in a grammar without the model's vocabulary. */
    public boolean isKnown() {
        return grammar == null || vocabulary != null;
    }

    /** Whether the choice is the largest logit, and nothing else. */
    public boolean isGreedy() {
        return request.sampling().temperature() == 0
                && request.sampling().adjustments().isNone()
                && grammar == null;
    }

    public Request request() {
        return request;
    }

    /**
     * Whether an answer of these tokens may end because its grammar takes too much work to follow. Costs up to half
     * a second, so it is asked where nothing else has ended the answer.
     *
     * @param answer tokens, none of which is a stop token of the request.
     */
    public boolean isSpentBy(int[] answer) {
        return grammar != null && GrammarWalk.isSpentBy(grammar, vocabulary.get(), answer);
    }

    /** Follows an answer from its beginning. */
    public TokenChooser begin() {
        return new TokenChooser(request, grammar, grammar == null ? null : vocabulary.get());
    }
}
