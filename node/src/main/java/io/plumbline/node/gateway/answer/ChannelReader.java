package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads answers of Gemma 4, in which reasoning stands in channels, {@code <|channel>thought\n} to {@code <channel|>},
 * at any place of the answer. What stands outside is for another reader. Blanks around reasoning, and those between it
 * and what is said first, are part of neither.
 */
final class ChannelReader implements AnswerReader {
    static final String OPENING = "<|channel>";
    static final String CLOSING = "<channel|>";

    /** The channel's name, and the end of its line. */
    private static final String LABEL = "thought\n";

    /** Begins what a tool is to answer; a model ends its answer with it behind a call. */
    private static final String RESPONSE = "<|tool_response>";

    private final AnswerReader rest;

    private final boolean isSpelled;

    private final TagSearch opening = new TagSearch(OPENING);
    private final TagSearch closing = new TagSearch(CLOSING);
    private final TagSearch response = new TagSearch(RESPONSE);

    /** Whether that mark has come last, which is text where anything follows it. */
    private boolean isResponse;

    private State state = State.TEXT;

    /** Of the channel: what may be its name. */
    private final StringBuilder label = new StringBuilder();

    /** Reasoning that was not told. */
    private final StringBuilder reasoning = new StringBuilder();

    /** Blanks that more of the reasoning may follow. */
    private final StringBuilder blanks = new StringBuilder();

    /** Whether this channel has reasoned, or an earlier one. */
    private boolean isReasoned;

    private boolean hasReasoned;

    /** Whether anything was said. */
    private boolean hasText;

    private enum State {
        TEXT,
        /** Behind a channel, where blanks say nothing. */
        AFTER,
        /** A channel's name may come. */
        NAME,
        REASONING
    }

    /**
     * @param isSpelled whether marks are looked for in texts; where they are control tokens, what spells one is text.
     * @param rest reads what stands outside of channels.
     */
    ChannelReader(boolean isSpelled, AnswerReader rest) {
        this.isSpelled = isSpelled;
        this.rest = rest;
    }

    @Override
    public boolean isReasoning() {
        return state == State.NAME || state == State.REASONING;
    }

    @Override
    public boolean mayReason() {
        return true;
    }

    @Override
    public int calls() {
        return rest.calls();
    }

    @Override
    public List<AnswerPart> add(List<Piece> pieces) {
        List<AnswerPart> out = new ArrayList<>();
        StringBuilder said = new StringBuilder();
        for (Piece piece : pieces) {
            switch (piece) {
                case Piece.Text(String text) -> {
                    for (int i = 0; i < text.length(); i++) {
                        take(text.charAt(i), said, out);
                    }
                }
                case Piece.Control(String name) -> {
                    if (!isSpelled && name.equals(OPENING)) {
                        begin(said, out);
                    } else if (isReasoning()) {
                        endAt(name, out);
                    } else {
                        say(said, out);
                        state = State.TEXT;
                        out.addAll(rest.add(List.of(piece)));
                    }
                }
            }
        }
        say(said, out);
        tell(out);
        return out;
    }

    private void take(char next, StringBuilder said, List<AnswerPart> out) {
        if (isReasoning()) {
            StringBuilder inside = new StringBuilder();
            boolean isClosed = isSpelled && closing.take(next, inside);
            (isSpelled ? inside : inside.append(next)).chars().forEach(c -> inside((char) c));
            if (isClosed) {
                end(out);
            }
            return;
        }
        if (!isSpelled) {
            outside(next, said);
            return;
        }
        StringBuilder before = new StringBuilder();
        boolean isOpened = opening.take(next, before);
        spelled(before, isOpened, said);
        if (isOpened) {
            begin(said, out);
        }
    }

    /** @param isLast whether no more of the text comes before a channel or the end. */
    private void spelled(StringBuilder text, boolean isLast, StringBuilder said) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            // One that closes no channel says nothing.
            closing.take(text.charAt(i), plain);
        }
        if (isLast) {
            closing.finish(plain);
        }
        for (int i = 0; i < plain.length(); i++) {
            StringBuilder passed = new StringBuilder();
            boolean wasResponse = isResponse;
            isResponse = response.take(plain.charAt(i), passed);
            // What follows the mark, or the beginning of it anew.
            say(wasResponse ? RESPONSE : "", said);
            say(passed, said);
        }
        if (isLast) {
            StringBuilder passed = new StringBuilder();
            response.finish(passed);
            say(passed, said);
        }
    }

    private void say(CharSequence text, StringBuilder said) {
        for (int i = 0; i < text.length(); i++) {
            outside(text.charAt(i), said);
        }
    }

    private void outside(char next, StringBuilder said) {
        boolean isBlank = Character.isWhitespace(next);
        if (state == State.AFTER && isBlank && !hasText) {
            return;
        }
        state = State.TEXT;
        hasText |= !isBlank;
        said.append(next);
    }

    private void inside(char next) {
        if (state == State.NAME) {
            label.append(next);
            if (LABEL.contentEquals(label)) {
                label.setLength(0);
                state = State.REASONING;
            } else if (!LABEL.startsWith(label.toString())) {
                endName();
            }
        } else if (Character.isWhitespace(next)) {
            blanks.append(next);
        } else {
            reasoning.append(isReasoned ? blanks : hasReasoned ? "\n" : "").append(next);
            blanks.setLength(0);
            isReasoned = true;
            hasReasoned = true;
        }
    }

    /** The channel has no name, or another one: all of it is reasoning. */
    private void endName() {
        state = State.REASONING;
        String text = label.toString();
        label.setLength(0);
        text.chars().forEach(c -> inside((char) c));
    }

    private void begin(StringBuilder said, List<AnswerPart> out) {
        if (isReasoning()) {
            return;
        }
        say(isResponse ? RESPONSE : "", said);
        isResponse = false;
        say(said, out);
        // A call does not go on behind a channel.
        out.addAll(rest.add(List.of(new Piece.Control(OPENING))));
        state = State.NAME;
        isReasoned = false;
    }

    private void endAt(String control, List<AnswerPart> out) {
        if (!isSpelled && control.equals(CLOSING)) {
            end(out);
        }
    }

    /** Behind the mark that closes it. */
    private void end(List<AnswerPart> out) {
        if (state == State.NAME && !LABEL.strip().contentEquals(label)) {
            endName();
        }
        label.setLength(0);
        blanks.setLength(0);
        tell(out);
        state = State.AFTER;
    }

    private void say(StringBuilder said, List<AnswerPart> out) {
        if (!said.isEmpty()) {
            out.addAll(rest.add(List.of(new Piece.Text(said.toString()))));
            said.setLength(0);
        }
    }

    private void tell(List<AnswerPart> out) {
        if (!reasoning.isEmpty()) {
            out.add(new AnswerPart.Reasoning(reasoning.toString()));
            reasoning.setLength(0);
        }
    }

    @Override
    public List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        StringBuilder said = new StringBuilder();
        StringBuilder last = new StringBuilder();
        if (isReasoning()) {
            closing.finish(last);
            last.chars().forEach(c -> inside((char) c));
        } else {
            opening.finish(last);
            spelled(last, true, said);
        }
        tell(out);
        say(said, out);
        out.addAll(rest.finish());
        return out;
    }
}
