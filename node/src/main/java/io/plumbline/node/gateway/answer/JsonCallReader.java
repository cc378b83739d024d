package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Set;

/** Reads calls that are objects {@code {"name": ..., "arguments": {...}}}, or lists of them. */
final class JsonCallReader extends CallReader {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Models take one of these words for the other. */
    private static final Set<String> ARGUMENTS = Set.of("arguments", "parameters");

    /** Characters of a name that may be a tool's; a longer one is none. */
    private static final int MAX_NAME = 1024;

    private final JsonCallFormat format;

    /** Of formats that have one. */
    private final TagSearch opening;

    /** Whether what is said has begun, so that no call can be the whole answer any more. */
    private boolean hasText;

    /** Those that have come before anything is said. */
    private final StringBuilder blanks = new StringBuilder();

    private State state;

    /** Whether the calls stand in a list. */
    private boolean isList;

    /** Of what follows the calls. */
    private int closed;

    /** Of the object that is being read. */
    private JsonScanner scanner;

    /** The string that stands in the object itself, with its quotes. */
    private final StringBuilder string = new StringBuilder();

    private String key;
    private String name;
    private boolean isInArguments;
    private boolean hasArguments;

    /** Arguments that stand before the name. */
    private final StringBuilder early = new StringBuilder();

    private enum State {
        /** A list may begin, or an object. */
        BEGINNING,
        /** An object begins: one of a list. */
        ELEMENT,
        OBJECT,
        /** An object of a list has ended, and its call is told when that is followed as it should be. */
        AFTER_ELEMENT,
        /** The same of the only object. */
        AFTER_OBJECT,
        /** Behind the list. */
        AFTER_LIST
    }

    JsonCallReader(JsonCallFormat format, ToolUse use) {
        super(use);
        this.format = format;
        this.opening = format.isWhole() ? null : new TagSearch(format.opening());
    }

    @Override
    String opening(char next, StringBuilder out) {
        if (opening != null) {
            return opening.take(next, out) ? format.opening() : null;
        }
        boolean isBlank = !hasText && JsonScanner.isBlank(next);
        if (isBlank) {
            blanks.append(next);
            return null;
        }
        boolean isCall = !hasText && next == format.opening().charAt(0);
        hasText = true;
        if (isCall) {
            return blanks.toString() + next;
        }
        finishOpening(out);
        out.append(next);
        return null;
    }

    @Override
    void finishOpening(StringBuilder out) {
        if (opening != null) {
            opening.finish(out);
        }
        out.append(blanks);
        blanks.setLength(0);
    }

    @Override
    void begin() {
        state = State.BEGINNING;
        isList = false;
        closed = 0;
        blanks.setLength(0);
        if (format.isWhole()) {
            beginning(format.opening().charAt(0));
        }
    }

    @Override
    Step take(char next, List<AnswerPart> out) {
        if (state == State.AFTER_ELEMENT && !JsonScanner.isBlank(next)) {
            return afterElement(next, out) ? Step.TOLD : Step.FAILED;
        }
        boolean isWell = switch (state) {
            case BEGINNING -> JsonScanner.isBlank(next) || beginning(next);
            case ELEMENT -> JsonScanner.isBlank(next) || next == '{' && object();
            case OBJECT -> object(next, out);
            case AFTER_ELEMENT -> true;
            case AFTER_OBJECT, AFTER_LIST -> isClosing(next);
        };
        if (!isWell) {
            return Step.FAILED;
        }
        boolean isClosed = !format.isWhole() && closed == format.closing().length();
        if (isClosed && state == State.AFTER_OBJECT) {
            return teller.end(out) ? Step.ENDED : Step.FAILED;
        }
        return isClosed ? Step.ENDED : Step.GOES_ON;
    }

    private boolean beginning(char next) {
        if (next == '[') {
            isList = true;
            state = State.ELEMENT;
            return true;
        }
        return next == '{' && object();
    }

    private boolean afterElement(char next, List<AnswerPart> out) {
        if (next != ',' && next != ']' || !teller.end(out)) {
            return false;
        }
        state = next == ',' ? State.ELEMENT : State.AFTER_LIST;
        return true;
    }

    private boolean isClosing(char next) {
        if (closed == 0 && JsonScanner.isBlank(next)) {
            return true;
        }
        String closing = format.closing();
        return closed < closing.length() && closing.charAt(closed++) == next;
    }

    private boolean object() {
        state = State.OBJECT;
        scanner = new JsonScanner();
        scanner.take('{');
        key = null;
        name = null;
        isInArguments = false;
        hasArguments = false;
        early.setLength(0);
        return true;
    }

    private boolean object(char next, List<AnswerPart> out) {
        int depth = scanner.depth();
        boolean wasInString = scanner.isInString();
        if (!scanner.take(next)) {
            return false;
        }
        if (isInArguments) {
            isInArguments = scanner.depth() > 1;
            return argument(next);
        }
        if (depth == 1 && scanner.depth() == 2 && ARGUMENTS.contains(key)) {
            boolean isFirst = !hasArguments;
            hasArguments = true;
            isInArguments = true;
            return isFirst && next == '{' && (name == null || teller.begin(name, out)) && argument(next);
        }
        if (depth == 1 && (wasInString || scanner.isInString())) {
            return string(next, wasInString);
        }
        return !scanner.isDone() || objectEnded(out);
    }

    private boolean argument(char next) {
        if (name == null) {
            early.append(next);
            return true;
        }
        return teller.take(next);
    }

    /** A character of a string that stands in the object itself. */
    private boolean string(char next, boolean wasInString) {
        if (!wasInString) {
            string.setLength(0);
        }
        if (string.length() <= MAX_NAME) {
            string.append(next);
        }
        if (scanner.isInString()) {
            return true;
        }
        if (scanner.isKey()) {
            key = plain();
            return true;
        }
        boolean isName = "name".equals(key);
        boolean isFirst = name == null;
        name = isName ? plain() : name;
        return !isName || isFirst;
    }

    private String plain() {
        try {
            return string.length() > MAX_NAME ? "" : MAPPER.readValue(string.toString(), String.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("It was read as JSON before.", e);
        }
    }

    /** The object has ended; its call is told once it is followed as one should be. */
    private boolean objectEnded(List<AnswerPart> out) {
        state = isList ? State.AFTER_ELEMENT : State.AFTER_OBJECT;
        if (name == null || !hasArguments) {
            return false;
        }
        if (early.isEmpty()) {
            return true;
        }
        boolean isWell = teller.begin(name, out);
        for (int i = 0; i < early.length() && isWell; i++) {
            isWell = teller.take(early.charAt(i));
        }
        return isWell;
    }

    @Override
    boolean finish(List<AnswerPart> out) {
        // A call that the answer's end closed.
        return switch (state) {
            case AFTER_LIST -> true;
            case AFTER_OBJECT, AFTER_ELEMENT -> teller.end(out);
            default -> false;
        };
    }
}
