package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** An answer as a test writes it, control tokens in ⟦⟧, read in pieces that end anywhere. */
record ReadAnswer(List<AnswerPart> told, List<AnswerPart> message, int calls) {
    private static final Pattern PIECES = Pattern.compile("⟦([^⟧]*)⟧|[^⟦]+");

    static ReadAnswer of(AnswerReader reader, String answer, Random random) {
        List<AnswerPart> told = new ArrayList<>();
        List<Piece> together = new ArrayList<>();
        for (MatchResult found : PIECES.matcher(answer).results().toList()) {
            if (found.group(1) != null) {
                together.add(new Piece.Control(found.group(1)));
                continue;
            }
            String text = found.group();
            for (int at = 0; at < text.length(); ) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(6));
                together.add(new Piece.Text(text.substring(at, end)));
                at = end;
                if (random.nextInt(3) > 0) {
                    told.addAll(reader.add(List.copyOf(together)));
                    together.clear();
                }
            }
        }
        told.addAll(reader.add(together));
        told.addAll(reader.finish());
        AnswerMessage message = new AnswerMessage();
        message.add(told);
        return new ReadAnswer(told, message.parts(), reader.calls());
    }

    /** The message in one line, its parts in brackets. */
    @Override
    public String toString() {
        StringBuilder line = new StringBuilder();
        for (AnswerPart part : message) {
            line.append(
                    switch (part) {
                        case AnswerPart.Reasoning thought -> "[R " + thought.text() + "]";
                        case AnswerPart.Text said -> "[T " + said.text() + "]";
                        case AnswerPart.Call call -> "[C " + call.name() + call.arguments() + "]";
                        default -> throw new AssertionError(part);
                    });
        }
        return line.toString();
    }
}
