package io.plumbline.node;

import java.io.IOException;

/** A node cannot take a request now; another may. */
final class BusyException extends IOException {
    private static final long serialVersionUID = 1;

    BusyException(String message) {
        super(message);
    }
}
