package io.plumbline.verifier.choice;

import io.plumbline.verifier.grammar.GrammarWalk;
import io.plumbline.verifier.grammar.PermittedTokens;
import io.plumbline.verifier.receipt.Request;
import java.util.BitSet;

/**
 * The tokens that may come next of an answer in a grammar: those whose text the grammar goes on with, and the stop
 * tokens where the text is whole or cannot go on. A stop token ends the answer wherever it comes, also one that has a
 * text.
 */
final class GrammarTokens implements PermittedTokens {
    private final GrammarWalk walk;
    private final Request request;
    private final int vocab;
    private BitSet all;

    /** @param vocab ids to choose of are below it. */
    GrammarTokens(GrammarWalk walk, Request request, int vocab) {
        this.walk = walk;
        this.request = request;
        this.vocab = vocab;
    }

    @Override
    public boolean contains(int token) {
        if (all != null) {
            return all.get(token);
        }
        if (request.stopsAt(token)) {
            // Where the text is not whole it depends on whether another token may come.
            return walk.isComplete() || all().get(token);
        }
        // Where nothing but stop tokens is left, this is none of them.
        return walk.contains(token);
    }

    @Override
    public BitSet all() {
        if (all == null) {
            BitSet found = new BitSet(vocab);
            found.or(walk.all());
            found.clear(vocab, Math.max(vocab, found.length()));
            boolean hasNext = !found.isEmpty();
            for (int stop : request.stopTokens()) {
                if (stop >= 0 && stop < vocab) {
                    found.set(stop, walk.isComplete() || !hasNext);
                }
            }
            if (found.isEmpty()) {
                // Not even a stop token is left: the model has none of the request's.
                found.set(0, vocab);
            }
            all = found;
        }
        return all;
    }
}
