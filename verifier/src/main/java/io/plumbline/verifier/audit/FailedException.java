package io.plumbline.verifier.audit;

/** Ends a check at its first failure. */
final class FailedException extends Exception {
    private static final long serialVersionUID = 1;

    private final transient Failure failure;

    FailedException(Failure failure) {
        super(failure.toString(), null, false, false);
        this.failure = failure;
    }

    FailedException(Step step, int layer, int token, String detail) {
        this(new Failure(step, layer, token, detail));
    }

    Failure failure() {
        return failure;
    }
}
