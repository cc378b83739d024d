package io.plumbline.verifier.tensor;

import java.util.Arrays;

/** An answer would be larger than a message may be. The same request is no smaller elsewhere. */
public final class AnswerTooLargeException extends IllegalArgumentException {
    /**
     * Most bytes of a request and its answer together, as an auditor is shown them: a message of 64 MiB, less what
     * stands around them.
     */
    public static final long MAX_BYTES = (64 << 20) - 1024;

    /**
     * Elements of all outputs of an answer: an auditor that runs it again compares each of them with those of several
     * runs, and that takes some 160 bytes an element.
     */
    public static final int MAX_ELEMENTS = 16 << 20;

    private static final long serialVersionUID = 1;

    /** @param message for who asked. */
    public AnswerTooLargeException(String message) {
        super(message);
    }

    /**
     * An output that is too large.
     *
     * @param bytes that it has, or would have.
     * @param left bytes that are left for it beside the request and other outputs.
     */
    public AnswerTooLargeException(String output, long[] shape, String bytes, long left) {
        super("Output \"" + output + "\" of shape " + Arrays.toString(shape) + " has " + bytes + " bytes; "
                + Math.max(0, left) + " are left for it of the " + MAX_BYTES
                + " that a request and its answer have at most. Ask for fewer rows or outputs at once.");
    }
}
