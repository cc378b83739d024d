package io.plumbline.verifier.audit;

/**
 * The signed pieces of an opening in which a failure shows.
 *
 * @param seal by the node.
 * @param proof first piece of the opening; empty where the failure is the opening's size.
 * @param token whose piece is shown, or -1 where the proof alone shows the failure.
 * @param piece of that token; empty where there is none.
 */
public record Exhibit(Seal seal, byte[] proof, int token, byte[] piece) {
    static final byte[] NONE = new byte[0];
}
