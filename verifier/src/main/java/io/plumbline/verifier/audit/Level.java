package io.plumbline.verifier.audit;

/** How much of an answer is checked. */
public enum Level {
    /** Signature, hashes, stop rule: what anyone can check from receipt, request and answer. */
    SIGNED,
    /** And randomly drawn cells and positions. */
    AUDITED,
    /** And every cell, every head, every position. */
    FULL,
    /** Re-execution with the weights; one hash is compared. */
    REPLAYED
}
