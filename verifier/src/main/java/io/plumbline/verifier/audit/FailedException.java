package io.plumbline.verifier.audit;

/** Ends a check at its first failure. */
final class FailedException extends Exception {
    private static final long serialVersionUID = 1;

    private final transient Failure failure;
    private final transient Exhibit exhibit;

    private FailedException(Failure failure, Exhibit exhibit) {
        super(failure.toString(), null, false, false);
        this.failure = failure;
        this.exhibit = exhibit;
    }

    FailedException(Step step, int layer, int token, String detail) {
        this(new Failure(step, layer, token, detail), null);
    }

    /** The same, with what proves it. */
    FailedException with(Exhibit shown) {
        return new FailedException(failure, shown);
    }

    Failure failure() {
        return failure;
    }

    /** What proves it, or null. */
    Exhibit exhibit() {
        return exhibit;
    }
}
