package io.plumbline.node.network;

import java.io.IOException;

/** The session with a node has ended before the node had answered. It may be begun anew. */
public final class LostException extends IOException {
    private static final long serialVersionUID = 1;

    public LostException(String message) {
        super(message);
    }

    /** The same, as whoever waits on another thread throws it. */
    public LostException(LostException other) {
        super(other.getMessage(), other);
    }
}
