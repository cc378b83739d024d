package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.ArrayList;
import java.util.List;

/** Reads answers that are text and nothing else. */
final class TextReader implements AnswerReader {
    @Override
    public List<AnswerPart> add(List<Piece> pieces) {
        List<AnswerPart> out = new ArrayList<>();
        for (Piece piece : pieces) {
            if (piece instanceof Piece.Text(String text)) {
                out.add(new AnswerPart.Text(text));
            }
        }
        return out;
    }

    @Override
    public List<AnswerPart> finish() {
        return List.of();
    }

    @Override
    public int calls() {
        return 0;
    }
}
