package io.plumbline.node.network;

/** A node was not asked at all, and no money was put up for it; another may be, by the same request. */
public final class NotAskedException extends BusyException {
    private static final long serialVersionUID = 1;

    public NotAskedException(String message) {
        super(message);
    }
}
