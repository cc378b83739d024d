package io.plumbline.inference.language.template;

import io.plumbline.inference.language.template.TemplateException.Kind;

/**
 * Ends parsing or rendering from any depth. {@link ChatTemplate} adds the line and makes a {@link TemplateException} of
 * it.
 */
final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Characters of a message that may come from a template or a conversation. */
    private static final int MAX_MESSAGE = 1000;

    private static final String CORRECT = " Correct chat_template.jinja, or chat_template in tokenizer_config.json.";

    private final Kind kind;
    private final int line;

    private Fault(Kind kind, int line, String what) {
        super(what.length() <= MAX_MESSAGE ? what : what.substring(0, MAX_MESSAGE) + "…", null, false, false);
        this.kind = kind;
        this.line = line;
    }

    static Fault syntax(int line, String what) {
        return new Fault(Kind.UNREADABLE, line, what);
    }

    /** What Python would raise as TypeError, ValueError, UndefinedError and the like. */
    static Fault value(String what) {
        return new Fault(Kind.UNRENDERABLE, 0, what);
    }

    static Fault limit(String what) {
        return new Fault(Kind.BEYOND_LIMITS, 0, what);
    }

    static Fault limit(int line, String what) {
        return new Fault(Kind.BEYOND_LIMITS, line, what);
    }

    static Fault time(String what) {
        return new Fault(Kind.TOO_SLOW, 0, what);
    }

    static Fault refused(String why) {
        return new Fault(Kind.REFUSED, 0, why);
    }

    /**
     * What the caller of the package gets to see.
     *
     * @param otherwise the line to name where the fault knows none; 0 for none.
     * @param reading whether the template was being read, and not rendered.
     */
    TemplateException exception(int otherwise, boolean reading) {
        int at = line > 0 ? line : otherwise;
        String where = "The model's chat template" + (at > 0 ? ", line " + at : "");
        return new TemplateException(
                kind,
                switch (kind) {
                    case UNREADABLE -> where + ", cannot be read: " + getMessage() + CORRECT;
                    case UNRENDERABLE ->
                        where + ", cannot be rendered with these messages: " + getMessage()
                                + " Check roles and contents, or correct the template.";
                    case BEYOND_LIMITS, TOO_SLOW ->
                        where + ", goes beyond its limits: " + getMessage()
                                + (reading ? CORRECT : " Shorten the conversation, or correct the template.");
                    case REFUSED -> "The model's chat template refuses these messages: " + getMessage();
                });
    }
}
