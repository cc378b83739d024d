package io.plumbline.node.gateway.answer;

import java.util.BitSet;

/**
 * Reads a JSON object (RFC 8259) character by character, and says at once where a text stops being one. It keeps
 * nothing of the text but how deep it stands.
 */
final class JsonScanner {
    /** Objects and lists within each other: what clients' parsers take, and more than arguments have. */
    private static final int MAX_DEPTH = 256;

    private enum State {
        BEGINNING,
        /** After a brace: a key, or the end. */
        FIRST_KEY,
        KEY,
        COLON,
        /** After a bracket: a value, or the end. */
        FIRST_VALUE,
        VALUE,
        /** After a value. */
        COMMA,
        STRING,
        ESCAPE,
        HEX,
        LITERAL,
        NUMBER,
        DONE
    }

    /** The part of a number that stands at its end so far. */
    private enum Digits {
        SIGN(false),
        ZERO(true),
        WHOLE(true),
        POINT(false),
        FRACTION(true),
        EXPONENT(false),
        EXPONENT_SIGN(false),
        EXPONENT_DIGITS(true);

        private final boolean mayEnd;

        Digits(boolean mayEnd) {
            this.mayEnd = mayEnd;
        }
    }

    private final BitSet isObject = new BitSet();
    private State state = State.BEGINNING;
    private int depth;
    private boolean isKey;

    /** Of an escape: digits to come. */
    private int hex;

    /** Of {@code true}, {@code false} or {@code null}: what is to come. */
    private String literal = "";

    private Digits digits;

    /**
     * Takes the next character.
     *
     * @return false where no JSON object goes on so; the scanner is of no use then.
     */
    boolean take(char next) {
        if (state == State.NUMBER) {
            Digits more = more(next);
            if (more != null) {
                digits = more;
                return true;
            }
            if (!digits.mayEnd) {
                return false;
            }
            state = State.COMMA;
        }
        return switch (state) {
            case STRING -> string(next);
            case ESCAPE -> escape(next);
            case HEX -> {
                hex--;
                state = hex == 0 ? State.STRING : State.HEX;
                yield Character.digit(next, 16) >= 0 && next < 0x80;
            }
            case LITERAL -> literal(next);
            default -> isBlank(next) ? state != State.BEGINNING : structure(next);
        };
    }

    static boolean isBlank(char next) {
        return next == ' ' || next == '\n' || next == '\r' || next == '\t';
    }

    private boolean string(char next) {
        if (next == '"') {
            state = isKey ? State.COLON : State.COMMA;
        } else if (next == '\\') {
            state = State.ESCAPE;
        }
        return next >= ' ';
    }

    private boolean escape(char next) {
        hex = 4;
        state = next == 'u' ? State.HEX : State.STRING;
        return "\"\\/bfnrtu".indexOf(next) >= 0;
    }

    private boolean literal(char next) {
        boolean isNext = literal.charAt(0) == next;
        literal = literal.substring(1);
        state = literal.isEmpty() ? State.COMMA : State.LITERAL;
        return isNext;
    }

    private boolean structure(char next) {
        return switch (state) {
            case BEGINNING -> next == '{' && open(true);
            case FIRST_KEY -> next == '}' ? close(true) : key(next);
            case KEY -> key(next);
            case COLON -> {
                state = State.VALUE;
                yield next == ':';
            }
            case FIRST_VALUE -> next == ']' ? close(false) : value(next);
            case VALUE -> value(next);
            case COMMA ->
                switch (next) {
                    case ',' -> {
                        state = isObject.get(depth) ? State.KEY : State.VALUE;
                        yield true;
                    }
                    case '}' -> close(true);
                    case ']' -> close(false);
                    default -> false;
                };
            default -> false;
        };
    }

    private boolean key(char next) {
        isKey = true;
        state = State.STRING;
        return next == '"';
    }

    private boolean value(char next) {
        switch (next) {
            case '"' -> {
                isKey = false;
                state = State.STRING;
            }
            case '{', '[' -> {
                return open(next == '{');
            }
            case 't' -> begin("rue");
            case 'f' -> begin("alse");
            case 'n' -> begin("ull");
            default -> {
                state = State.NUMBER;
                digits = next == '-' ? Digits.SIGN : next == '0' ? Digits.ZERO : Digits.WHOLE;
                return next == '-' || isDigit(next);
            }
        }
        return true;
    }

    private void begin(String rest) {
        literal = rest;
        state = State.LITERAL;
    }

    private boolean open(boolean object) {
        depth++;
        isObject.set(depth, object);
        state = object ? State.FIRST_KEY : State.FIRST_VALUE;
        return depth <= MAX_DEPTH;
    }

    private boolean close(boolean object) {
        boolean isOpen = isObject.get(depth) == object;
        depth--;
        state = depth == 0 ? State.DONE : State.COMMA;
        return isOpen;
    }

    private static boolean isDigit(char next) {
        return next >= '0' && next <= '9';
    }

    /** The same with one more character; null where that is none of the number. */
    private Digits more(char next) {
        boolean isDigit = isDigit(next);
        boolean isExponent = next == 'e' || next == 'E';
        return switch (digits) {
            case SIGN -> isDigit ? next == '0' ? Digits.ZERO : Digits.WHOLE : null;
            case ZERO -> next == '.' ? Digits.POINT : isExponent ? Digits.EXPONENT : null;
            case WHOLE -> isDigit ? Digits.WHOLE : next == '.' ? Digits.POINT : isExponent ? Digits.EXPONENT : null;
            case POINT -> isDigit ? Digits.FRACTION : null;
            case FRACTION -> isDigit ? Digits.FRACTION : isExponent ? Digits.EXPONENT : null;
            case EXPONENT ->
                isDigit ? Digits.EXPONENT_DIGITS : next == '+' || next == '-' ? Digits.EXPONENT_SIGN : null;
            case EXPONENT_SIGN, EXPONENT_DIGITS -> isDigit ? Digits.EXPONENT_DIGITS : null;
        };
    }

    /** Objects and lists that are open. */
    int depth() {
        return depth;
    }

    /** Whether a string is open. */
    boolean isInString() {
        return state == State.STRING || state == State.ESCAPE || state == State.HEX;
    }

    /** Whether the last string is, or was, the name of a member. */
    boolean isKey() {
        return isKey;
    }

    /** Whether the object is whole. */
    boolean isDone() {
        return state == State.DONE;
    }
}
