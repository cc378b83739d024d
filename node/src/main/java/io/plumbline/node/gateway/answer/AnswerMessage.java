package io.plumbline.node.gateway.answer;

import java.util.ArrayList;
import java.util.List;

/** An answer as it is when it is whole, put together from its parts. */
public final class AnswerMessage {
    private final List<AnswerPart> parts = new ArrayList<>();

    /** Of the reasoning or the text that goes on. */
    private final StringBuilder open = new StringBuilder();

    private boolean isReasoning;
    private boolean isCut;

    /** Takes what a reader has told. */
    public void add(List<AnswerPart> more) {
        for (AnswerPart part : more) {
            switch (part) {
                case AnswerPart.Reasoning(String text) -> goOn(text, true);
                case AnswerPart.Text(String text) -> goOn(text, false);
                case AnswerPart.Cut cut -> {
                    isCut = true;
                    goOn(cut.source(), false);
                }
                case AnswerPart.Call call -> {
                    close();
                    parts.add(call);
                }
                case AnswerPart.Begun _, AnswerPart.Arguments _ -> {
                    // The whole call is what counts.
                }
            }
        }
    }

    private void goOn(String text, boolean reasoning) {
        if (reasoning != isReasoning) {
            close();
            isReasoning = reasoning;
        }
        open.append(text);
    }

    private void close() {
        if (!open.isEmpty()) {
            parts.add(isReasoning ? new AnswerPart.Reasoning(open.toString()) : new AnswerPart.Text(open.toString()));
            open.setLength(0);
        }
    }

    /** Reasoning, texts and whole calls, in their order; no two texts stand next to each other. */
    public List<AnswerPart> parts() {
        close();
        return List.copyOf(parts);
    }

    /** All that is said. */
    public String text() {
        StringBuilder text = new StringBuilder();
        for (AnswerPart part : parts()) {
            if (part instanceof AnswerPart.Text(String more)) {
                text.append(more);
            }
        }
        return text.toString();
    }

    /** All of the reasoning; empty for none. */
    public String reasoning() {
        StringBuilder text = new StringBuilder();
        for (AnswerPart part : parts()) {
            if (part instanceof AnswerPart.Reasoning(String more)) {
                text.append(more);
            }
        }
        return text.toString();
    }

    /** The calls in it. */
    public List<AnswerPart.Call> calls() {
        return parts().stream()
                .filter(AnswerPart.Call.class::isInstance)
                .map(AnswerPart.Call.class::cast)
                .toList();
    }

    /** Whether it is this text, told as text and in no other way. */
    public boolean isOnly(String text) {
        return !isCut && calls().isEmpty() && text().equals(text);
    }
}
