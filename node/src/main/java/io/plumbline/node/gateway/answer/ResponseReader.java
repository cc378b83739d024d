package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes {@code <response>} and {@code </response>} off what follows Granite 3.3's reasoning, with the blanks within
 * them. What begins otherwise is read as it stands.
 */
final class ResponseReader implements AnswerReader {
    static final String OPENING = "<response>";
    static final String CLOSING = "</response>";

    private final AnswerReader rest;
    private final TagSearch opening = new TagSearch(OPENING);
    private final TagSearch closing = new TagSearch(CLOSING);
    private State state = State.BEGINNING;

    /** Characters that may turn out to be the end: blanks, the closing tag, and blanks behind it. */
    private final StringBuilder held = new StringBuilder();

    private enum State {
        BEGINNING,
        /** Behind the opening tag, where blanks say nothing. */
        BEGUN,
        INSIDE,
        PLAIN
    }

    ResponseReader(AnswerReader rest) {
        this.rest = rest;
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
                        take(text.charAt(i), said);
                    }
                }
                case Piece.Control control -> {
                    say(said, out);
                    out.addAll(rest.add(List.of(control)));
                }
            }
        }
        say(said, out);
        return out;
    }

    private void take(char next, StringBuilder said) {
        switch (state) {
            case BEGINNING -> {
                int blank = held.length();
                if (opening.take(next, held)) {
                    held.setLength(0);
                    state = State.BEGUN;
                } else if (!held.substring(blank).isBlank()) {
                    plain(said);
                }
            }
            case BEGUN -> {
                if (!Character.isWhitespace(next)) {
                    state = State.INSIDE;
                    inside(next, said);
                }
            }
            case INSIDE -> inside(next, said);
            case PLAIN -> said.append(next);
        }
    }

    private void plain(StringBuilder said) {
        opening.finish(held);
        said.append(held);
        held.setLength(0);
        state = State.PLAIN;
    }

    private void inside(char next, StringBuilder said) {
        StringBuilder text = new StringBuilder();
        boolean isClosed = closing.take(next, text);
        for (int i = 0; i < text.length(); i++) {
            char one = text.charAt(i);
            if (!Character.isWhitespace(one)) {
                said.append(held);
                held.setLength(0);
                said.append(one);
            } else {
                held.append(one);
            }
        }
        held.append(isClosed ? CLOSING : "");
    }

    private void say(StringBuilder said, List<AnswerPart> out) {
        if (!said.isEmpty()) {
            out.addAll(rest.add(List.of(new Piece.Text(said.toString()))));
            said.setLength(0);
        }
    }

    @Override
    public List<AnswerPart> finish() {
        StringBuilder said = new StringBuilder();
        if (state == State.BEGINNING) {
            plain(said);
        } else if (state == State.INSIDE || state == State.BEGUN) {
            StringBuilder last = new StringBuilder();
            closing.finish(last);
            said.append(last.isEmpty() ? "" : held).append(last);
        }
        List<AnswerPart> out = new ArrayList<>();
        say(said, out);
        out.addAll(rest.finish());
        return out;
    }
}
