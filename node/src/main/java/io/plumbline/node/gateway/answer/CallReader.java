package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;

/**
 * Parts an answer into text and calls. What begins as a call and is none of a tool that was offered is text: no
 * character is lost. Formats say where calls begin, and read them.
 */
abstract class CallReader implements AnswerReader {
    /** The state of a call after its next character. */
    enum Step {
        /** The call goes on. */
        GOES_ON,
        /** All up to this character is told, and the call's format goes on. */
        TOLD,
        /** It has ended with this character. */
        ENDED,
        /** It is none, or has ended before this character. */
        FAILED
    }

    /** Tells the calls. */
    final CallTeller teller;

    /** Of the call that is being read, from its opening on. */
    final StringBuilder source = new StringBuilder();

    /** The text that has come and not been told. */
    private final StringBuilder text = new StringBuilder();

    /** Whether there is more in it than blanks. */
    private boolean isSaying;

    private boolean isInCall;

    /** Whether nothing but blanks has come after a call; they are not told where nothing else comes. */
    private boolean isAfterCall;

    CallReader(ToolUse use) {
        this.teller = new CallTeller(use);
    }

    /**
     * Looks at a character of the text.
     *
     * @param out gets the characters that are text for certain.
     * @return the text with which a call has begun; null where none has.
     */
    abstract String opening(char next, StringBuilder out);

    /** The answer ends in text, and no call began: the characters that {@link #opening} has kept. */
    abstract void finishOpening(StringBuilder out);

    /** A call has begun. */
    abstract void begin();

    /** Takes the next character of a call. */
    abstract Step take(char next, List<AnswerPart> out);

    /** A control token: in most formats none says anything. */
    void control(String name, List<AnswerPart> out) {
        // Passed over.
    }

    /** The answer ends within a call; whether the call has ended with it. */
    abstract boolean finish(List<AnswerPart> out);

    @Override
    public final int calls() {
        return teller.calls();
    }

    @Override
    public final List<AnswerPart> add(List<Piece> pieces) {
        List<AnswerPart> out = new ArrayList<>();
        for (Piece piece : pieces) {
            switch (piece) {
                case Piece.Text(String more) -> {
                    for (int i = 0; i < more.length(); i++) {
                        takeAny(more.charAt(i), out);
                    }
                }
                case Piece.Control(String name) -> control(name, out);
            }
        }
        teller.flush(out);
        say(out);
        return out;
    }

    private void takeAny(char next, List<AnswerPart> out) {
        if (isInCall) {
            switch (take(next, out)) {
                case GOES_ON -> {
                    source.append(next);
                    return;
                }
                case TOLD -> {
                    source.setLength(0);
                    return;
                }
                case ENDED -> {
                    leave();
                    return;
                }
                case FAILED -> cut(out);
            }
        }
        int before = text.length();
        String opening = opening(next, text);
        for (int i = before; i < text.length() && !isSaying; i++) {
            isSaying = !JsonScanner.isBlank(text.charAt(i));
        }
        if (opening != null) {
            enter(opening, out);
        }
    }

    /** Whether a call is being read. */
    final boolean isInCall() {
        return isInCall;
    }

    /** Reads a call from here on. */
    final void enter(String opening, List<AnswerPart> out) {
        say(out);
        // Blanks between calls are not told, but where this is none.
        source.setLength(0);
        source.append(text).append(opening);
        text.setLength(0);
        isInCall = true;
        begin();
    }

    /** The call has ended. */
    final void leave() {
        isInCall = false;
        isAfterCall = true;
        source.setLength(0);
    }

    /** No call after all: the characters so far are text, and more of it comes. */
    final void cut(List<AnswerPart> out) {
        teller.cut(source.toString(), out);
        isInCall = false;
        isAfterCall = false;
        source.setLength(0);
    }

    /** A mark that has begun does not go on: its characters are text. */
    final void endOpening() {
        finishOpening(text);
        isSaying |= !text.toString().isBlank();
    }

    private void say(List<AnswerPart> out) {
        if (!text.isEmpty() && (isSaying || !isAfterCall)) {
            out.add(new AnswerPart.Text(text.toString()));
            text.setLength(0);
            isSaying = false;
            isAfterCall = false;
        }
    }

    @Override
    public final List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        if (isInCall) {
            if (finish(out)) {
                leave();
            } else {
                cut(out);
            }
        } else {
            endOpening();
        }
        say(out);
        return out;
    }
}
