package io.plumbline.data.store;

import java.io.IOException;

/** This host's disk did not take what was to be written: it is full, or failing. */
public final class DiskFailedException extends IOException {
    private static final long serialVersionUID = 1;

    public DiskFailedException(String message, IOException cause) {
        super(message, cause);
    }
}
