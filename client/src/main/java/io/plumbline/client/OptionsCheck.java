package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Whether a signed request chooses its answer by what a chat completion's body says, and by the defaults of docs/api.md
 * where it says nothing: another temperature, bias, limit or stop text would have the model say something else, and
 * node and auditors would find nothing wrong with it.
 */
final class OptionsCheck {
    private static final int DEFAULT_MAX_TOKENS = 256;
    private static final double DEFAULT_TEMPERATURE = 1;
    private static final double MILLION = LogitAdjustments.MILLION;

    private final JsonNode sent;
    private final Request signed;

    private OptionsCheck(JsonNode sent, Request signed) {
        this.sent = sent;
        this.signed = signed;
    }

    /**
     * Compares all of them.
     *
     * @param sent the body, as it was sent.
     * @param context most tokens of the model's prompt and answer; 0 where that is not known.
     * @throws VerificationException named {@code OPTIONS}.
     */
    static void verify(JsonNode sent, Request signed, int context) {
        OptionsCheck check = new OptionsCheck(sent, signed);
        check.sampling();
        check.adjustments();
        check.maxTokens(context);
        check.require("stop", signed.stopTexts(), texts(sent.path("stop")));
    }

    /** @param asked as a sentence goes on: a value, and where it is from. */
    static VerificationException other(String field, Object signed, String asked) {
        return new VerificationException(
                "OPTIONS", "The receipt is for a request with " + field + " " + signed + ", and " + asked + ".", null);
    }

    private void require(String field, Object found, Object asked) {
        if (!found.equals(asked)) {
            throw other(field, found, asked + (sent.hasNonNull(field) ? " was sent" : " is the default"));
        }
    }

    private void sampling() {
        Sampling sampling = signed.sampling();
        require("temperature", sampling.temperature(), (float) number("temperature", DEFAULT_TEMPERATURE));
        require("top_k", (long) sampling.topK(), whole("top_k", 0));
        require("top_p", sampling.topPMillionths() / MILLION, Math.round(number("top_p", 1) * MILLION) / MILLION);
        requireMillionths("min_p", sampling.minPMillionths(), 0);
        // Drawn by the server where none is sent.
        require("seed", sampling.seed(), whole("seed", sampling.seed()));
    }

    private void adjustments() {
        LogitAdjustments adjustments = signed.sampling().adjustments();
        requireMillionths("presence_penalty", adjustments.presence(), 0);
        requireMillionths("frequency_penalty", adjustments.frequency(), 0);
        requireMillionths("repetition_penalty", adjustments.repetition(), 1);
        SortedMap<Integer, Double> found = new TreeMap<>();
        for (int i = 0; i < adjustments.biased().length; i++) {
            found.put(adjustments.biased()[i], adjustments.biases()[i] / MILLION);
        }
        SortedMap<Integer, Double> asked = new TreeMap<>();
        for (Map.Entry<String, JsonNode> one : sent.path("logit_bias").properties()) {
            // The server refuses a name that is no token.
            int token = one.getKey().matches("[0-9]{1,9}") ? Integer.parseInt(one.getKey()) : -1;
            asked.put(token, nearest(one.getValue().asDouble()));
        }
        require("logit_bias", found, asked);
    }

    private void requireMillionths(String field, int millionths, double otherwise) {
        require(field, millionths / MILLION, nearest(number(field, otherwise)));
    }

    /** A number as it is when it is kept in millionths; 0 has no sign. */
    private static double nearest(double number) {
        return (int) Math.rint(number * MILLION) / MILLION;
    }

    /** The model's context may leave fewer tokens than were asked for. */
    private void maxTokens(int context) {
        String field = sent.hasNonNull("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        long asked = whole(field, DEFAULT_MAX_TOKENS);
        if (context > 0) {
            asked = Math.min(asked, context - signed.promptTokens().length + 1L);
        }
        if (context > 0 || signed.maxTokens() > asked) {
            require(field, (long) signed.maxTokens(), asked);
        }
    }

    private double number(String field, double otherwise) {
        return sent.hasNonNull(field) ? sent.get(field).asDouble() : otherwise;
    }

    private long whole(String field, long otherwise) {
        return sent.hasNonNull(field) ? sent.get(field).asLong() : otherwise;
    }

    /** A text, or a list of texts; none where it is left out. */
    static List<String> texts(JsonNode json) {
        List<String> texts = new ArrayList<>();
        if (json.isTextual()) {
            texts.add(json.asText());
        }
        json.forEach(one -> texts.add(one.asText()));
        return texts;
    }
}
