package io.plumbline.inference.language.template;

/**
 * A chat template that cannot be read or rendered, or that refuses a conversation. The message says which, where, and
 * what to do.
 */
public final class TemplateException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    /** Whose fault it is. */
    public enum Kind {
        /** The template's source is not what transformers would compile. */
        UNREADABLE,
        /** The template met a value that its expressions cannot take. */
        UNRENDERABLE,
        /** The template costs more than {@link Limits} allow. */
        BEYOND_LIMITS,
        /** The template took longer than {@link Limits} allow on this host; on another it might not. */
        TOO_SLOW,
        /**
         * The template called {@code raise_exception}: the conversation has a form that the model was not trained on.
         */
        REFUSED
    }

    private final Kind kind;

    TemplateException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
