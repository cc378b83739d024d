package io.plumbline.node.network;

/**
 * A node will not do what it was asked, and says why; asked the same again it will not either. What is wrong with a
 * request here, before or after a node was asked, is any other {@link IllegalArgumentException}.
 */
public class RefusedException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    public RefusedException(String message) {
        super(message);
    }
}
