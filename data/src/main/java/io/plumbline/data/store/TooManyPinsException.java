package io.plumbline.data.store;

import io.plumbline.verifier.encoding.Bytes32;

/** A blob is kept for as many things as it may be. */
public final class TooManyPinsException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    TooManyPinsException(Bytes32 id) {
        super("Blob " + id + " has " + BlobStat.MOST_PINS + " pins, the most.");
    }
}
