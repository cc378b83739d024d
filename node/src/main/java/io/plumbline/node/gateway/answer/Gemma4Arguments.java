package io.plumbline.node.gateway.answer;

import java.util.BitSet;
import java.util.Map;
import java.util.regex.Pattern;

/** Writes the arguments of one of Gemma 4's calls as JSON, character by character. */
final class Gemma4Arguments {
    /** Characters of a member's name, or of a value that is no string. */
    private static final int MAX_WORD = 1024;

    /** JSON's own words as templates write them, and models after them. */
    private static final Map<String, String> OF_PYTHON = Map.of("True", "true", "False", "false", "None", "null");

    private static final Pattern BARE =
            Pattern.compile("true|false|null|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?");

    private enum State {
        /** The first brace. */
        BEGINNING,
        /** A name, or the end of the object. */
        FIRST_NAME,
        NAME,
        BARE_NAME,
        QUOTED_NAME,
        COLON,
        /** A value, or the end of the list. */
        FIRST_VALUE,
        VALUE,
        BARE_VALUE,
        STRING,
        AFTER_VALUE
    }

    /** Takes the JSON, and refuses what is too deep. */
    private final CallTeller teller;

    private final BitSet isObject = new BitSet();
    private int depth;
    private State state = State.BEGINNING;

    /** The name, or value, that stands bare. */
    private final StringBuilder word = new StringBuilder();

    Gemma4Arguments(CallTeller teller) {
        this.teller = teller;
    }

    /**
     * Takes the next character.
     *
     * @return false where no arguments go on so.
     */
    boolean take(char next) {
        return switch (state) {
            case STRING, QUOTED_NAME -> escaped(next);
            case BARE_NAME -> bareName(next);
            case BARE_VALUE -> bareValue(next);
            default -> JsonScanner.isBlank(next) || structure(next);
        };
    }

    /**
     * Takes a mark that a string begins or ends with.
     *
     * @return false where none may stand.
     */
    boolean quote() {
        State after = switch (state) {
            case FIRST_NAME, NAME -> State.QUOTED_NAME;
            case QUOTED_NAME -> State.COLON;
            case FIRST_VALUE, VALUE -> State.STRING;
            case STRING -> State.AFTER_VALUE;
            default -> null;
        };
        state = after;
        return after != null && teller.take('"');
    }

    private boolean structure(char next) {
        return switch (state) {
            case BEGINNING -> next == '{' && open(true);
            case FIRST_NAME -> next == '}' ? close(true) : begin(next, State.BARE_NAME);
            case NAME -> begin(next, State.BARE_NAME);
            case COLON -> {
                state = State.VALUE;
                yield next == ':' && teller.take(':');
            }
            case FIRST_VALUE -> next == ']' ? close(false) : value(next);
            case VALUE -> value(next);
            default -> afterValue(next);
        };
    }

    private boolean value(char next) {
        return next == '{' || next == '[' ? open(next == '{') : begin(next, State.BARE_VALUE);
    }

    private boolean begin(char next, State bare) {
        word.setLength(0);
        state = bare;
        return take(next);
    }

    private boolean bareName(char next) {
        if (next != ':') {
            word.append(next);
            return "{}[],".indexOf(next) < 0 && word.length() <= MAX_WORD;
        }
        String name = word.toString().strip();
        state = State.VALUE;
        boolean isWell = !name.isEmpty() && teller.take('"');
        for (int i = 0; i < name.length() && isWell; i++) {
            isWell = escaped(name.charAt(i));
        }
        return isWell && teller.take('"') && teller.take(':');
    }

    private boolean bareValue(char next) {
        if (",}]".indexOf(next) < 0) {
            word.append(next);
            return word.length() <= MAX_WORD;
        }
        String plain = word.toString().strip();
        String json = OF_PYTHON.getOrDefault(plain, plain);
        state = State.AFTER_VALUE;
        return BARE.matcher(json).matches() && all(json) && afterValue(next);
    }

    private boolean afterValue(char next) {
        boolean isInObject = isObject.get(depth);
        if (next == ',') {
            state = isInObject ? State.NAME : State.VALUE;
            return teller.take(next);
        }
        return (next == '}' || next == ']') && close(next == '}');
    }

    private boolean open(boolean object) {
        isObject.set(++depth, object);
        state = object ? State.FIRST_NAME : State.FIRST_VALUE;
        return teller.take(object ? '{' : '[');
    }

    private boolean close(boolean object) {
        depth--;
        state = State.AFTER_VALUE;
        return teller.take(object ? '}' : ']');
    }

    /** A character of a string, as JSON has it. */
    private boolean escaped(char next) {
        return switch (next) {
            case '"', '\\' -> teller.take('\\') && teller.take(next);
            case '\n' -> all("\\n");
            case '\r' -> all("\\r");
            case '\t' -> all("\\t");
            default -> next < ' ' ? all(String.format("\\u%04x", (int) next)) : teller.take(next);
        };
    }

    private boolean all(String json) {
        boolean isWell = true;
        for (int i = 0; i < json.length() && isWell; i++) {
            isWell = teller.take(json.charAt(i));
        }
        return isWell;
    }
}
