package io.plumbline.node.gateway.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads answers that a grammar holds to their format: what begins as a call is one, so its arguments are told while
 * they are written. Of a free model's answer that is known at a call's end, see {@link ToolCallReader}.
 */
final class HeldCallReader implements AnswerReader {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Characters up to a call's arguments, at most: a name has fewer. */
    private static final int MOST_HEAD = 4096;

    private final ToolFormat format;

    /** A call up to its arguments, of which it ends with the brace. */
    private final Pattern head;

    /** The text that has come and not been told. */
    private final StringBuilder held = new StringBuilder();

    private State state;
    private int calls;
    private String name;
    private final StringBuilder arguments = new StringBuilder();

    /** Of the arguments: braces and brackets that are open. */
    private int depth;

    private boolean isInString;

    /** Whether the next character of a string is escaped. */
    private boolean isEscaped;

    private enum State {
        /** Nothing but blanks has come, and a call may be the whole answer. */
        BEGINNING,
        /** Text, which a tag may end. */
        TEXT,
        /** From a call's first character to its arguments. */
        HEAD,
        ARGUMENTS,
        /** From a call's arguments to what follows the call. */
        TAIL
    }

    HeldCallReader(ToolUse use) {
        this.format = use.format();
        this.state = format.isWhole() ? State.BEGINNING : State.TEXT;
        this.head = Pattern.compile("[\\[,\\s]*\\{\\s*\"name\"\\s*:\\s*(\"(?:[^\"\\\\]|\\\\.)*\")\\s*,\\s*\""
                + format.argumentsName() + "\"\\s*:\\s*\\{");
    }

    @Override
    public int calls() {
        return calls;
    }

    @Override
    public List<AnswerPart> add(String piece) {
        List<AnswerPart> out = new ArrayList<>();
        held.append(piece);
        while (goesOn(out)) {
            // The next state may have enough to go on with.
        }
        return out;
    }

    /** Does what the state says with what has come; whether another state follows that may do more. */
    private boolean goesOn(List<AnswerPart> out) {
        return switch (state) {
            case BEGINNING -> begin();
            case TEXT -> text(out);
            case HEAD -> head(out);
            case ARGUMENTS -> arguments(out);
            case TAIL -> tail();
        };
    }

    private boolean begin() {
        String first = held.toString().stripLeading();
        if (first.isEmpty()) {
            return false;
        }
        state = first.startsWith(format.opening()) ? State.HEAD : State.TEXT;
        return true;
    }

    private boolean text(List<AnswerPart> out) {
        if (format.isWhole()) {
            say(held.length(), out);
            return false;
        }
        int at = held.indexOf(format.opening());
        if (at < 0) {
            say(held.length() - begunOpening(), out);
            return false;
        }
        say(at, out);
        held.delete(0, held.indexOf(format.opening()) + format.opening().length());
        state = State.HEAD;
        return true;
    }

    /** How many characters at the end may begin a call's opening. */
    private int begunOpening() {
        String opening = format.opening();
        int most = Math.min(opening.length() - 1, held.length());
        while (most > 0 && !opening.startsWith(held.substring(held.length() - most))) {
            most--;
        }
        return most;
    }

    /** Says what stands before {@code to}; blanks between calls, and behind the last, are not said. */
    private void say(int to, List<AnswerPart> out) {
        String text = held.substring(0, to);
        if (calls > 0 && text.isBlank()) {
            return;
        }
        held.delete(0, to);
        if (!text.isEmpty()) {
            out.add(new AnswerPart.Text(text));
        }
    }

    private boolean head(List<AnswerPart> out) {
        Matcher matcher = head.matcher(held);
        if (!matcher.lookingAt()) {
            if (held.length() > MOST_HEAD) {
                throw new IllegalStateException("The answer is held to calls of tools, and has one of another form.");
            }
            return false;
        }
        try {
            name = MAPPER.readValue(matcher.group(1), String.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("The answer is held to calls of tools, and has none by a name.", e);
        }
        held.delete(0, matcher.end() - 1);
        arguments.setLength(0);
        depth = 0;
        out.add(new AnswerPart.Begun(calls++, name));
        state = State.ARGUMENTS;
        return true;
    }

    private boolean arguments(List<AnswerPart> out) {
        StringBuilder piece = new StringBuilder();
        int to = 0;
        boolean isOver = false;
        while (to < held.length() && !isOver) {
            char next = held.charAt(to++);
            // Compact, as calls are that are told at once.
            if (isInString || !Character.isWhitespace(next)) {
                piece.append(next);
            }
            isOver = isLast(next);
        }
        held.delete(0, to);
        if (!piece.isEmpty()) {
            arguments.append(piece);
            out.add(new AnswerPart.Arguments(calls - 1, piece.toString()));
        }
        if (isOver) {
            out.add(new AnswerPart.Call(calls - 1, name, arguments.toString()));
            state = State.TAIL;
        }
        return isOver;
    }

    /** Whether the arguments end with this character. */
    private boolean isLast(char next) {
        if (isInString) {
            isInString = isEscaped || next != '"';
            isEscaped = !isEscaped && next == '\\';
        } else if (next == '"') {
            isInString = true;
        } else if (next == '{' || next == '[') {
            depth++;
        } else if (next == '}' || next == ']') {
            depth--;
        }
        return depth == 0;
    }

    private boolean tail() {
        String closing = format.isWhole() ? "," : format.closing();
        int at = held.indexOf(closing);
        if (at < 0) {
            return false;
        }
        held.delete(0, at + closing.length());
        state = format.isWhole() ? State.HEAD : State.TEXT;
        return true;
    }

    @Override
    public List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        switch (state) {
            case BEGINNING, TEXT -> say(held.length(), out);
            // The answer was cut short before the call had a name.
            case HEAD -> held.insert(0, format.isWhole() || calls > 0 ? "" : format.opening());
            case ARGUMENTS -> out.add(new AnswerPart.Cut(calls - 1, name, arguments.toString()));
            case TAIL -> held.setLength(0);
        }
        if (state == State.HEAD && calls == 0) {
            say(held.length(), out);
        }
        return out;
    }
}
