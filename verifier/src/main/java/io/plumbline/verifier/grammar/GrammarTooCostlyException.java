package io.plumbline.verifier.grammar;

/**
 * Following a grammar took more work than is given to it. Says nothing about a text, but where all of it is followed
 * as {@link GrammarWalk#isSpentBy} does: who looks at fewer tokens may get further.
 */
public final class GrammarTooCostlyException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    GrammarTooCostlyException(String message) {
        super(message);
    }
}
