package io.plumbline.ledger.cluster;

import java.io.IOException;

/** The signer of a full node is not reached: no signature is known here, and the same may be asked again. */
public final class SignerAwayException extends IOException {
    private static final long serialVersionUID = 1;

    public SignerAwayException(String message, IOException cause) {
        super(message, cause);
    }
}
