package io.plumbline.ledger.cluster;

import java.io.IOException;

/** A full node's key has signed a block that this process did not sign: another process has the same key. */
public final class SignedElsewhereException extends IOException {
    private static final long serialVersionUID = 1;

    SignedElsewhereException(long number) {
        super("The key of this full node has signed block " + number + ", which this process did not: another process"
                + " runs with the same key. This one signs nothing any more. Run one of the two.");
    }
}
