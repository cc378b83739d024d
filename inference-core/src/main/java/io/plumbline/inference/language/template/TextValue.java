package io.plumbline.inference.language.template;

/** A text. Its length and its places count code points, as Python's do. */
final class TextValue implements Value {
    static final TextValue EMPTY = new TextValue("", false);

    private final String text;
    private final boolean safe;

    /** Code points, or -1 before they are counted. Counting twice is harmless. */
    private int length = -1;

    private TextValue(String text, boolean safe) {
        this.text = text;
        this.safe = safe;
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

    /** Without marks: what the text is compared by. */
    String plain() {
        return MarkedText.plain(text);
    }

    boolean isSafe() {
        return safe;
    }

    int length() {
        if (length < 0) {
            length = text.codePointCount(0, text.length());
        }
        return length;
    }

    /** Where the code point at {@code index}, 0 to {@link #length()}, begins in {@link #text()}. */
    int offset(int index) {
        return length() == text.length() ? index : text.offsetByCodePoints(0, index);
    }

    /** The index of the code point that begins at {@code offset} of {@link #text()}. */
    int index(int offset) {
        return length() == text.length() ? offset : text.codePointCount(0, offset);
    }

    @Override
    public String type() {
        return safe ? "Markup" : "str";
    }
}
