package io.plumbline.verifier.model;

/** Where a layer's RMSNorms stand: before attention and feed-forward part, after them, or both. */
public enum NormPlacement {
    /** On the input of each part, as most models have it. */
    BEFORE("before"),

    /** On the output of each part, before it joins the residual. */
    AFTER("after"),

    /** On both. */
    BOTH("both");

    private final String word;

    NormPlacement(String word) {
        this.word = word;
    }

    /** As a manifest has it. */
    String word() {
        return word;
    }

    /** Whether a part's input is normed. */
    public boolean isBefore() {
        return this != AFTER;
    }

    /** Whether a part's output is normed. */
    public boolean isAfter() {
        return this != BEFORE;
    }
}
