package io.plumbline.verifier.grammar;

import java.util.BitSet;

/** The tokens that may come next. To be asked before the next token is taken, and not after. */
public interface PermittedTokens {
    /** Whether one of them may: quicker than all of them, where few are asked about. */
    boolean contains(int token);

    /** All of them; not to be changed. */
    BitSet all();
}
