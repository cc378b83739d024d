package io.plumbline.client;

/** A receipt or a settlement does not hold. What came with it must not be relied on. */
public final class VerificationException extends PlumblineException {
    private static final long serialVersionUID = 1;

    private final String failure;

    VerificationException(String failure, String message, Throwable cause) {
        super(message, cause);
        this.failure = failure;
    }

    /** The first check that does not hold, by its name in docs/receipt.md or docs/api.md: {@code SIGNATURE}, ... */
    public String failure() {
        return failure;
    }
}
