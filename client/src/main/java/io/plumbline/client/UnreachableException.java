package io.plumbline.client;

/**
 * No whole answer came: the server was not reached, did not answer in time, broke off, or said what is no answer of the
 * API or longer than the client reads. Nothing is known of what it computed meanwhile.
 */
public final class UnreachableException extends PlumblineException {
    private static final long serialVersionUID = 1;

    UnreachableException(String message, Throwable cause) {
        super(message, cause);
    }
}
