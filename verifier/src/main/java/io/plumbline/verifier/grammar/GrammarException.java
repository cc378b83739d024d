package io.plumbline.verifier.grammar;

/** A grammar that cannot be used, with what is wrong and where. */
public final class GrammarException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    GrammarException(String message) {
        super(message);
    }
}
