package io.plumbline.node;

import java.io.IOException;

/** The session with a node has ended before the node had answered. It may be begun anew. */
final class LostException extends IOException {
    private static final long serialVersionUID = 1;

    LostException(String message) {
        super(message);
    }

    /** The same, as whoever waits on another thread throws it. */
    LostException(LostException other) {
        super(other.getMessage(), other);
    }
}
