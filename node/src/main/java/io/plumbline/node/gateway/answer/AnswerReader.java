package io.plumbline.node.gateway.answer;

import io.plumbline.inference.language.tokenizer.TextStream.Piece;
import java.util.List;

/**
 * Parts an answer, as it comes, into reasoning, what is said and the calls of tools in it. Wherever the pieces end, the
 * parts together are the same. What is kept is bounded by the answer, and each character costs the same.
 */
public interface AnswerReader {
    /** Takes what comes next; returns what can be told now, perhaps nothing. */
    List<AnswerPart> add(List<Piece> pieces);

    /** No more comes: what was held back. */
    List<AnswerPart> finish();

    /** Whether what comes next is reasoning, as far as can be said; its tokens are counted by this. */
    default boolean isReasoning() {
        return false;
    }

    /** Whether reasoning may come yet. */
    default boolean mayReason() {
        return false;
    }

    /** How many calls have been told as a whole. */
    int calls();
}
