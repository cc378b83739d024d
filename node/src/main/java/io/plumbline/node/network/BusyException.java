package io.plumbline.node.network;

import java.io.IOException;

/** A node cannot take a request now; another may. */
public class BusyException extends IOException {
    private static final long serialVersionUID = 1;

    public BusyException(String message) {
        super(message);
    }
}
