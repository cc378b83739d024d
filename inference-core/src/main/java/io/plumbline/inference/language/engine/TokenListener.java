package io.plumbline.inference.language.engine;

/** Hears an answer grow. */
public interface TokenListener {
    /**
     * A token was chosen.
     *
     * @param logits of all tokens, from {@code offset}, where they are wanted; valid during the call only.
     * @return whether the answer ends here, by the text it stands for.
     */
    boolean onToken(int token, float[] logits, int offset);

    /** Whether logits are wanted with every token: a device keeps them otherwise. */
    default boolean wantsLogits() {
        return false;
    }
}
