package io.plumbline.verifier.model;

/** The function of the gate in a feed-forward part. */
public enum Activation {
    /** {@code x * sigmoid(x)}. */
    SILU("silu"),

    /** GELU in its tanh form. */
    GELU_TANH("gelu_tanh");

    private final String word;

    Activation(String word) {
        this.word = word;
    }

    /** As a manifest has it. */
    String word() {
        return word;
    }
}
