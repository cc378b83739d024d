package io.plumbline.node.network;

/**
 * A node says that nothing on the ledger pays it for a request. To a client that has just been told that its escrow is
 * there, either it or the full node that was asked says what is not.
 */
public final class NoEscrowException extends RefusedException {
    /** By these words a client's process knows it again. */
    public static final String MESSAGE = "No escrow on the ledger pays this node for the request. Open one first.";

    private static final long serialVersionUID = 1;

    public NoEscrowException() {
        super(MESSAGE);
    }
}
