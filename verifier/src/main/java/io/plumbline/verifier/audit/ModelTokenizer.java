package io.plumbline.verifier.audit;

import io.plumbline.verifier.grammar.Vocabulary;
import java.util.List;

/**
 * A model's tokenizer and chat template, whose files are named in its manifest: what auditors need to tell whether
 * messages became the prompt, and tokens the text. Every implementation of one model's gives the same, on every host
 * and every day. May be called by any thread.
 */
public interface ModelTokenizer {
    /**
     * The prompt tokens of a conversation.
     *
     * @param messages JSON as {@link io.plumbline.verifier.receipt.Request#messages()} has it.
     * @param time of the request, in seconds since 1970 UTC, for templates that show the date.
     * @throws IllegalArgumentException where the model's template refuses them, or cannot render them within its
     *     bounds.
     * @throws IllegalStateException where this host is too slow to say: another's answer is not refuted by that.
     */
    int[] prompt(String messages, long time);

    /** The text of output tokens, special ones left out. */
    String decode(int[] tokens);

    /** The bytes that each token adds to a text, for answers in a grammar. Made when first asked for. */
    Vocabulary vocabulary();

    /**
     * After how many of {@code tokens} the first of {@code stopTexts} is complete in their text, as it grows token by
     * token; -1 where none ever is.
     */
    int stopsAfter(int[] tokens, List<String> stopTexts);
}
