package io.plumbline.data.store;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;

/** A blob that was asked for is not here, or not whole. */
public final class NoSuchBlobException extends IOException {
    private static final long serialVersionUID = 1;

    public NoSuchBlobException(Bytes32 id, String where) {
        super("Blob " + id + " is not in " + where + ".");
    }
}
