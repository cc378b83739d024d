package io.plumbline.client;

/** Why a call gave no answer. Its message says what was wrong, in a sentence. */
public abstract sealed class PlumblineException extends RuntimeException
        permits ApiException, UnreachableException, VerificationException {
    private static final long serialVersionUID = 1;

    PlumblineException(String message, Throwable cause) {
        super(message, cause);
    }
}
