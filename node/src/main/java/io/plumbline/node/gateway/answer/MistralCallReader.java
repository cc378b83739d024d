package io.plumbline.node.gateway.answer;

import java.util.List;

/** Reads calls as Mistral's models write them since 2024's end: control tokens stand before names and arguments. */
final class MistralCallReader extends CallReader {
    /** Characters of a name and an id. */
    private static final int MAX_HEAD = 1024;

    private final StringBuilder name = new StringBuilder();
    private State state;

    private enum State {
        NAME,
        ID,
        ARGUMENTS
    }

    MistralCallReader(ToolUse use) {
        super(use);
    }

    /** No text opens a call. */
    @Override
    String opening(char next, StringBuilder out) {
        out.append(next);
        return null;
    }

    @Override
    void finishOpening(StringBuilder out) {
        // Nothing was kept.
    }

    @Override
    void begin() {
        state = State.NAME;
        name.setLength(0);
    }

    @Override
    void control(String control, List<AnswerPart> out) {
        switch (control) {
            case "[TOOL_CALLS]" -> {
                if (isInCall()) {
                    cut(out);
                }
                enter("", out);
            }
            case "[CALL_ID]" -> state = state == State.NAME ? State.ID : state;
            case "[ARGS]" -> {
                if (isInCall() && state != State.ARGUMENTS && !arguments(out)) {
                    cut(out);
                }
            }
            default -> {
                // It says nothing here.
            }
        }
    }

    private boolean arguments(List<AnswerPart> out) {
        state = State.ARGUMENTS;
        return teller.begin(name.toString().strip(), out);
    }

    @Override
    Step take(char next, List<AnswerPart> out) {
        // Some models leave out the token before the arguments, and no name has a brace.
        if (state == State.NAME && next == '{' && !arguments(out)) {
            return Step.FAILED;
        }
        if (state == State.ARGUMENTS) {
            if (!teller.take(next)) {
                return Step.FAILED;
            }
            return !teller.isWhole() ? Step.GOES_ON : teller.end(out) ? Step.ENDED : Step.FAILED;
        }
        if (source.length() >= MAX_HEAD) {
            return Step.FAILED;
        }
        if (state == State.NAME) {
            name.append(next);
        }
        return Step.GOES_ON;
    }

    @Override
    boolean finish(List<AnswerPart> out) {
        return false;
    }
}
