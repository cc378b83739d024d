package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads answers that begin with reasoning between two tags, {@code <think>} and {@code </think>} in most families. What
 * follows is for another reader; blanks around the reasoning are part of neither.
 */
final class ThinkReader implements AnswerReader {
    /**
     * The tags around reasoning.
     *
     * @param opening text, or the name of a control token.
     */
    record Tags(String opening, String closing) {}

    private final Tags tags;
    private final boolean isOpened;
    private final AnswerReader rest;
    private final TagSearch opening;
    private final TagSearch closing;
    private State state = State.BEGINNING;

    /** The text before the opening tag, or else the reasoning that was not told. */
    private final StringBuilder held = new StringBuilder();

    /** Blanks that more of the reasoning may follow. */
    private final StringBuilder blanks = new StringBuilder();

    private boolean hasReasoned;

    private enum State {
        /** Nothing but blanks has come, and perhaps the beginning of the opening tag. */
        BEGINNING,
        REASONING,
        /** Behind the closing tag, and nothing but blanks has come. */
        AFTER,
        REST
    }

    /**
     * @param isOpened whether the prompt has the opening tag; the answer may have it again.
     * @param rest reads what follows.
     */
    ThinkReader(Tags tags, boolean isOpened, AnswerReader rest) {
        this.tags = tags;
        this.isOpened = isOpened;
        this.rest = rest;
        this.opening = new TagSearch(tags.opening());
        this.closing = new TagSearch(tags.closing());
    }

    @Override
    public boolean isReasoning() {
        return state == State.REASONING || state == State.BEGINNING && isOpened;
    }

    @Override
    public boolean mayReason() {
        return state == State.REASONING || state == State.BEGINNING;
    }

    @Override
    public int calls() {
        return rest.calls();
    }

    @Override
    public List<AnswerPart> add(List<Piece> pieces) {
        List<AnswerPart> out = new ArrayList<>();
        List<Piece> left = new ArrayList<>();
        for (Piece piece : pieces) {
            switch (piece) {
                case Piece.Text(String text) -> text(text, left);
                case Piece.Control(String name) -> control(name, piece, left);
            }
        }
        tell(out);
        if (!left.isEmpty()) {
            out.addAll(rest.add(left));
        }
        return out;
    }

    private void text(String text, List<Piece> left) {
        for (int i = 0; i < text.length(); i++) {
            char next = text.charAt(i);
            switch (state) {
                case BEGINNING -> beginning(next, left);
                case REASONING -> reasoning(next);
                case AFTER -> {
                    if (!Character.isWhitespace(next)) {
                        state = State.REST;
                        left.add(new Piece.Text(text.substring(i)));
                        return;
                    }
                }
                case REST -> {
                    left.add(new Piece.Text(text.substring(i)));
                    return;
                }
            }
        }
    }

    private void beginning(char next, List<Piece> left) {
        int before = held.length();
        if (opening.take(next, held)) {
            held.setLength(0);
            state = State.REASONING;
            return;
        }
        for (int i = before; i < held.length(); i++) {
            if (!Character.isWhitespace(held.charAt(i))) {
                begun(left);
                return;
            }
        }
    }

    /** No opening tag comes any more. */
    private void begun(List<Piece> left) {
        opening.finish(held);
        String text = held.toString();
        held.setLength(0);
        state = isOpened ? State.REASONING : State.REST;
        if (isOpened) {
            for (int i = 0; i < text.length(); i++) {
                reasoning(text.charAt(i));
            }
        } else if (!text.isEmpty()) {
            left.add(new Piece.Text(text));
        }
    }

    private void reasoning(char next) {
        int before = held.length();
        boolean isClosed = closing.take(next, held);
        // Blanks move out of what can be told until something follows them.
        String added = held.substring(before);
        held.setLength(before);
        for (int i = 0; i < added.length(); i++) {
            char one = added.charAt(i);
            if (Character.isWhitespace(one)) {
                blanks.append(one);
            } else {
                held.append(hasReasoned ? blanks : "").append(one);
                hasReasoned = true;
                blanks.setLength(0);
            }
        }
        if (isClosed) {
            blanks.setLength(0);
            state = State.AFTER;
        }
    }

    private void control(String name, Piece piece, List<Piece> left) {
        if (state == State.BEGINNING && name.equals(tags.opening())) {
            held.setLength(0);
            state = State.REASONING;
        } else if (state == State.REASONING && name.equals(tags.closing())) {
            endReasoning();
        } else if (state != State.REASONING) {
            if (state == State.BEGINNING) {
                begun(left);
            }
            if (state == State.REASONING && name.equals(tags.closing())) {
                // Closed before a word of it.
                endReasoning();
                return;
            }
            state = state == State.REASONING ? state : State.REST;
            left.add(piece);
        }
    }

    /** Without the closing tag's text: what may have begun it is reasoning. */
    private void endReasoning() {
        StringBuilder last = new StringBuilder();
        closing.finish(last);
        held.append(last.isEmpty() || !hasReasoned ? "" : blanks).append(last);
        blanks.setLength(0);
        state = State.AFTER;
    }

    private void tell(List<AnswerPart> out) {
        boolean isReasoning = state != State.BEGINNING && !held.isEmpty();
        if (isReasoning) {
            out.add(new AnswerPart.Reasoning(held.toString()));
            held.setLength(0);
        }
    }

    @Override
    public List<AnswerPart> finish() {
        List<AnswerPart> out = new ArrayList<>();
        List<Piece> left = new ArrayList<>();
        if (state == State.BEGINNING) {
            begun(left);
        }
        if (state == State.REASONING) {
            endReasoning();
        }
        tell(out);
        out.addAll(rest.add(left));
        out.addAll(rest.finish());
        return out;
    }
}
