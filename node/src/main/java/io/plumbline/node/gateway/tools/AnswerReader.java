package io.plumbline.node.gateway.tools;

import java.util.List;

/** Parts an answer's text, as it comes, into what is said and the calls of tools in it. */
public interface AnswerReader {
    /** Takes the next piece of the text; returns what can be told now, perhaps nothing. */
    List<AnswerPart> add(String piece);

    /** No more of the text comes: what was held back. */
    List<AnswerPart> finish();

    /** How many calls have been told, or begun to be. */
    int calls();
}
