package io.plumbline.data.store;

import java.io.IOException;

/** A store has no room for a blob: its quota or the disk has not so many bytes left. Nothing was kept of the blob. */
public final class NoRoomException extends IOException {
    private static final long serialVersionUID = 1;

    public NoRoomException(String message) {
        super(message);
    }
}
