package io.plumbline.inference.language.template;

/**
 * A piece of a template's source.
 *
 * @param text the data between tags, a name, a string's value, a number's digits, or a symbol's sign.
 * @param symbol of a token of that kind; else null.
 * @param line from 1.
 */
record Token(Kind kind, String text, Symbol symbol, int line) {
    Token(Kind kind, String text, int line) {
        this(kind, text, null, line);
    }

    enum Kind {
        DATA("text"),
        PRINT_BEGIN("'{{'"),
        PRINT_END("'}}'"),
        BLOCK_BEGIN("'{%'"),
        BLOCK_END("'%}'"),
        NAME("a name"),
        STRING("a string"),
        INTEGER("a whole number"),
        FLOAT("a number"),
        SYMBOL("a sign"),
        END("the end of the template");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    boolean is(Kind other) {
        return kind == other;
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    boolean is(Symbol other) {
        return symbol == other;
    }

    /** For messages. */
    String describe() {
        return switch (kind) {
            case NAME, INTEGER, FLOAT, SYMBOL -> "'" + text + "'";
            default -> kind.toString();
        };
    }
}
