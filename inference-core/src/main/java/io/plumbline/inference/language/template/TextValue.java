package io.plumbline.inference.language.template;

/** A text. Its length and its places count code points, as Python's do. */
final class TextValue implements Value {
    static final TextValue EMPTY = new TextValue("", false);

    private final String text;
    private final boolean safe;

    /** Code points, or -1 before they are counted. */
    private int length;

    private TextValue(String text, boolean safe) {
        this.text = text;
        this.safe = safe;
        this.length = text.isEmpty() ? 0 : -1;
    }

    static TextValue of(String text) {
        return text.isEmpty() ? EMPTY : new TextValue(text, false);
    }

    /** What Jinja2 calls Markup: other texts that are added to it have their HTML escaped. */
    static TextValue safe(String text) {
        return new TextValue(text, true);
    }

    /** A text of the same kind as this one. */
    TextValue alike(String other) {
        return safe ? safe(other) : of(other);
    }

    String text() {
        return text;
    }

    /**
     * This text, its characters counted: for one that stands in a template, whose renderings share it. Each must be
     * charged the same, whether another one counted before it or not.
     */
    TextValue counted() {
        length = text.codePointCount(0, text.length());
        return this;
    }

    /** Without marks: what the text is compared by. */
    String plain(Budget budget) {
        return MarkedText.plain(budget, text);
    }

    boolean isSafe() {
        return safe;
    }

    /** Code points; to count them is charged. */
    int length(Budget budget) {
        if (length < 0) {
            budget.reads(text.length());
            length = text.codePointCount(0, text.length());
        }
        return length;
    }

    /** Where the code point at {@code index}, 0 to {@link #length}, begins in {@link #text()}. */
    int offset(Budget budget, int index) {
        if (length(budget) == text.length()) {
            return index;
        }
        budget.reads(index);
        return text.offsetByCodePoints(0, index);
    }

    /** The index of the code point that begins at {@code offset} of {@link #text()}. */
    int index(Budget budget, int offset) {
        if (length(budget) == text.length()) {
            return offset;
        }
        budget.reads(offset);
        return text.codePointCount(0, offset);
    }

    @Override
    public String type() {
        return safe ? "Markup" : "str";
    }
}
