package io.plumbline.verifier.grammar;

/** How much work of following a grammar one is given, as a multiple of what the contract gives. */
public enum Patience {
    /** With more than this an answer may end: what all count alike, see {@link GrammarWalk#isSpentBy}. */
    CONTRACT(1),

    /**
     * A node's: it looks at no more tokens than the choice needs, so that what is too much for it is so for the
     * contract's count, which looks at all of them.
     */
    NODE(2),

    /** An auditor may spend more on a grammar than any node does, so that none can shake it off by one. */
    AUDITOR(8);

    private final int times;

    Patience(int times) {
        this.times = times;
    }

    long times() {
        return times;
    }
}
