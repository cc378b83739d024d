package io.plumbline.node.network;

/** A node takes on nothing new, since it is about to end; another may. */
public final class DrainingException extends BusyException {
    private static final long serialVersionUID = 1;

    public DrainingException() {
        this("This node is about to end, and takes on nothing new. Ask another one.");
    }

    public DrainingException(String message) {
        super(message);
    }
}
