package io.plumbline.node;

/** A refusal as the OpenAI API words it. */
final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;

    /** @param status of the HTTP response. */
    ApiException(int status, String message) {
        super(message);
        this.status = status;
    }

    int status() {
        return status;
    }
}
