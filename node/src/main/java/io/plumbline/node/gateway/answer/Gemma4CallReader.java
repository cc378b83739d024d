package io.plumbline.node.gateway.answer;

import java.util.List;

/** Reads Gemma 4's calls. See {@link Gemma4CallFormat}. */
final class Gemma4CallReader extends CallReader {
    /** The mark before a name. */
    private static final String CALL = "call:";

    /** Characters of a name. */
    private static final int MAX_NAME = 1024;

    private final boolean isSpelled;
    private final TagSearch opening = new TagSearch(Gemma4CallFormat.OPENING);
    private final StringBuilder name = new StringBuilder();
    private TagSearch quote;
    private Gemma4Arguments arguments;
    private State state;

    /** Characters of the mark behind the arguments that have come. */
    private int closed;

    private enum State {
        NAME,
        ARGUMENTS,
        AFTER
    }

    Gemma4CallReader(boolean isSpelled, ToolUse use) {
        super(use);
        this.isSpelled = isSpelled;
    }

    @Override
    String opening(char next, StringBuilder out) {
        if (!isSpelled) {
            out.append(next);
            return null;
        }
        return opening.take(next, out) ? Gemma4CallFormat.OPENING : null;
    }

    @Override
    void finishOpening(StringBuilder out) {
        opening.finish(out);
    }

    @Override
    void begin() {
        state = State.NAME;
        name.setLength(0);
        quote = new TagSearch(Gemma4CallFormat.QUOTE);
        closed = 0;
    }

    @Override
    void control(String control, List<AnswerPart> out) {
        if (!isInCall() && control.equals(ChannelReader.OPENING)) {
            // What has begun before a channel is told before its reasoning.
            endOpening();
        }
        boolean isQuote = !isSpelled && control.equals(Gemma4CallFormat.QUOTE);
        if (isInCall() && isQuote && !(state == State.ARGUMENTS && arguments.quote())) {
            cut(out);
        } else if (isInCall() && !isQuote) {
            // None other stands within a call.
            endOrCut(out);
        }
        if (!isSpelled && control.equals(Gemma4CallFormat.OPENING)) {
            enter("", out);
        }
    }

    private void endOrCut(List<AnswerPart> out) {
        if (finish(out)) {
            leave();
        } else {
            cut(out);
        }
    }

    @Override
    Step take(char next, List<AnswerPart> out) {
        return switch (state) {
            case NAME -> name(next, out) ? Step.GOES_ON : Step.FAILED;
            case ARGUMENTS -> arguments(next) ? Step.GOES_ON : Step.FAILED;
            case AFTER -> after(next, out);
        };
    }

    private boolean name(char next, List<AnswerPart> out) {
        if (next != '{') {
            name.append(next);
            return name.length() <= MAX_NAME;
        }
        String called = name.toString().strip();
        state = State.ARGUMENTS;
        arguments = new Gemma4Arguments(teller);
        return called.startsWith(CALL)
                && teller.begin(called.substring(CALL.length()).strip(), out)
                && arguments.take(next);
    }

    private boolean arguments(char next) {
        StringBuilder plain = new StringBuilder();
        boolean isQuote = isSpelled && quote.take(next, plain);
        if (!isSpelled) {
            plain.append(next);
        }
        for (int i = 0; i < plain.length(); i++) {
            if (!arguments.take(plain.charAt(i))) {
                return false;
            }
        }
        state = teller.isWhole() ? State.AFTER : state;
        return !isQuote || state == State.ARGUMENTS && arguments.quote();
    }

    private Step after(char next, List<AnswerPart> out) {
        if (closed == 0 && JsonScanner.isBlank(next)) {
            return Step.GOES_ON;
        }
        if (!isSpelled || Gemma4CallFormat.CLOSING.charAt(closed++) != next) {
            return Step.FAILED;
        }
        boolean isClosed = closed == Gemma4CallFormat.CLOSING.length();
        return !isClosed ? Step.GOES_ON : teller.end(out) ? Step.ENDED : Step.FAILED;
    }

    /** The answer's end closes a call that lacks nothing else. */
    @Override
    boolean finish(List<AnswerPart> out) {
        return state == State.AFTER && teller.end(out);
    }
}
