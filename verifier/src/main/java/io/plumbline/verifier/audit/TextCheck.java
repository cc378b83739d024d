package io.plumbline.verifier.audit;

import io.plumbline.verifier.choice.ChoiceRule;
import io.plumbline.verifier.grammar.Grammar;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.Request;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What ties a receipt's texts to its tokens: the prompt follows from the messages, the text and its end from the
 * output tokens.
 */
public final class TextCheck {
    /**
     * Bytes of messages for each position of a model's context, and on top of those: longer messages fit in no
     * prompt.
     */
    private static final int BYTES_A_POSITION = 64;

    private static final int MORE_BYTES = 64 << 10;

    /** Bytes of the text of a token: the longest of vocabularies in use, runs of blanks, have half as many. */
    private static final int BYTES_OF_A_TOKEN = 1 << 10;

    /** Of an answer beside its tokens and their text: lengths, and who has ended it. */
    private static final int ANSWER_BYTES = 1 << 10;

    private TextCheck() {}

    /**
     * Most bytes that a request's messages may have, in UTF-8. Whoever tokenizes looks at this first: it bounds the
     * work.
     */
    public static long maxMessageBytes(ModelConfig config) {
        return (long) BYTES_A_POSITION * config.maxPositions() + MORE_BYTES;
    }

    /**
     * Most bytes that a request and its answer have together, encoded: who audits is shown no more, and who answers
     * signs no more.
     *
     * @param prompt tokens, and {@code output} tokens, as the receipt has them.
     */
    public static long maxDisclosedBytes(ModelConfig config, int prompt, int output) {
        return maxMessageBytes(config)
                + (long) Integer.BYTES * (prompt + (long) output)
                + (long) BYTES_OF_A_TOKEN * output
                + Grammar.MAX_BYTES
                + MORE_BYTES;
    }

    /**
     * Most bytes of a request, encoded, to which every answer of this model's is within {@link #maxDisclosedBytes}:
     * looked at before anything is computed, since what cannot be shown is not signed, and not paid.
     *
     * @param prompt tokens of the request.
     */
    public static long maxRequestBytes(ModelConfig config, int prompt) {
        return maxDisclosedBytes(config, prompt, 0) - ANSWER_BYTES;
    }

    /** Whether the messages are short enough to be looked at, which costs nothing; null where they are. */
    public static Failure size(Request request, ModelConfig config) {
        int bytes = request.messages().getBytes(StandardCharsets.UTF_8).length;
        return bytes <= maxMessageBytes(config)
                ? null
                : Failure.of(
                        Step.PROMPT,
                        "the messages have " + bytes + " bytes; at most " + maxMessageBytes(config) + " do");
    }

    /**
     * Whether the prompt tokens are what the request's messages become.
     *
     * <p>A request without messages ("") is of bare tokens: whoever pays for it has said them, and nothing is to be
     * compared.
     *
     * @return what does not hold, or null.
     * @throws IllegalStateException where this host cannot say, see {@link ModelTokenizer#prompt}.
     */
    public static Failure prompt(Request request, ModelConfig config, ModelTokenizer tokenizer) {
        if (request.messages().isEmpty()) {
            return null;
        }
        Failure tooLong = size(request, config);
        if (tooLong != null) {
            return tooLong;
        }
        int[] expected;
        try {
            expected = tokenizer.prompt(request.messages(), request.time());
        } catch (IllegalArgumentException e) {
            return Failure.of(Step.PROMPT, "the messages become no prompt: " + e.getMessage());
        }
        int at = Arrays.mismatch(expected, request.promptTokens());
        return at < 0
                ? null
                : Failure.of(
                        Step.PROMPT,
                        "the messages become " + expected.length + " tokens that differ from the prompt's at " + at);
    }

    /**
     * Whether text and end of an answer are those of its tokens. Call it on what {@link ReceiptCheck} found nothing
     * wrong with.
     *
     * @return what does not hold, or null.
     */
    public static Failure answer(Request request, Answer answer, ModelConfig config, ModelTokenizer tokenizer) {
        int[] tokens = answer.tokens();
        if (!tokenizer.decode(tokens).equals(answer.text())) {
            return Failure.of(Step.TEXT, "the text is not that of the answer's " + tokens.length + " tokens");
        }
        int end = request.stopTexts().isEmpty() ? -1 : tokenizer.stopsAfter(tokens, request.stopTexts());
        if (end >= 0 && end < tokens.length) {
            return Failure.of(Step.STOP, "the answer goes on after token " + end + ", which completes a stop text");
        }
        boolean isEnded = request.stopsAt(tokens[tokens.length - 1])
                || tokens.length == ReceiptCheck.most(request, config)
                || answer.isCancelled()
                || end >= 0;
        if (!isEnded && !ChoiceRule.of(request, tokenizer::vocabulary).isSpentBy(tokens)) {
            return Failure.of(Step.STOP, tokens.length + " tokens, and nothing has ended the answer after them");
        }
        return null;
    }
}
