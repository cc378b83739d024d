package io.plumbline.verifier.model;

/** The function of the gate in a feed-forward part. */
public enum Activation {
    /** {@code x * sigmoid(x)}. */
    SILU("silu"),

    /** GELU in its tanh form. */
    GELU_TANH("gelu_tanh"),

    /**
     * {@code x * sigmoid(1.702 x)} with x no more than a limit, times up plus 1 with up within the limit on both sides:
     * gpt-oss's.
     */
    CLAMPED_SWIGLU("clamped_swiglu");

    private final String word;

    Activation(String word) {
        this.word = word;
    }

    /** As a manifest has it. */
    String word() {
        return word;
    }
}
