package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The body of a completion as OpenAI's older API has it: text that goes on, by which base models and benchmarks are
 * asked. Its requests are of bare tokens: which text they came of is between the client and this gateway.
 */
final class TextRequest {
    private static final int DEFAULT_MAX_TOKENS = 16;
    private static final int MAX_LOGPROBS = 5;

    private TextRequest() {}

    static ChatRequest parse(
            JsonNode body,
            String modelName,
            LoadedModel model,
            ChatTokenizer tokenizer,
            Bytes32 requester,
            Level otherwise) {
        RequestFields fields = new RequestFields(body);
        ChatRequest.requireModel(fields, modelName);
        ChatFields.checkText(fields);
        long maxTokens = fields.whole("max_tokens", DEFAULT_MAX_TOKENS, 1, Integer.MAX_VALUE);
        Sampling sampling = ChatRequest.sampling(fields, model.config().vocab());
        String grammar = AnswerForm.of(fields);
        List<String> stops = ChatRequest.stops(fields);
        int choices = (int) fields.whole("n", 1, 1, ChatRequest.MAX_CHOICES);
        JsonNode given = body.path("prompt");
        // Looked at before any is made tokens of.
        if (!isOne(given) && choices * (long) given.size() > ChatRequest.MAX_CHOICES) {
            throw RequestFields.invalid(
                    "n", "times the prompts must be at most " + ChatRequest.MAX_CHOICES + ". Ask more than once.");
        }
        List<int[]> prompts = prompts(given, model, tokenizer);
        long time = System.currentTimeMillis() / 1000;
        List<Request> requests = new ArrayList<>();
        for (int[] prompt : prompts) {
            ChatRequest.Asked asked =
                    new ChatRequest.Asked("", time, prompt, sampling, maxTokens, stops, grammar, requester);
            for (int i = 0; i < choices; i++) {
                requests.add(asked.request(model, i, "prompt"));
            }
        }
        RequestFields plumbline = fields.object("plumbline");
        return new ChatRequest(
                requests,
                NodeWish.of(plumbline, otherwise),
                fields.flag("stream", false),
                fields.object("stream_options").flag("include_usage", false),
                (int) fields.whole("logprobs", -1, 0, MAX_LOGPROBS),
                AnswerReading.text(),
                null,
                plumbline.flag("disclose", false));
    }

    private static boolean isOne(JsonNode prompt) {
        return prompt.isTextual() || prompt.isArray() && prompt.path(0).isInt();
    }

    /** A text, texts, tokens, or lists of tokens. */
    private static List<int[]> prompts(JsonNode given, LoadedModel model, ChatTokenizer tokenizer) {
        List<int[]> prompts = new ArrayList<>();
        for (JsonNode one : isOne(given) ? List.of(given) : given) {
            int[] prompt;
            if (one.isTextual()) {
                prompt = tokens(one.asText(), model, tokenizer);
            } else if (one.isArray()) {
                prompt = tokens(one);
            } else {
                throw wrong();
            }
            if (prompt.length == 0) {
                throw RequestFields.invalid("prompt", "is empty: there is nothing to go on from.");
            }
            prompts.add(prompt);
        }
        if (prompts.isEmpty()) {
            throw wrong();
        }
        return prompts;
    }

    private static ApiException wrong() {
        return RequestFields.invalid("prompt", "must be a text, a list of texts, or tokens.");
    }

    private static int[] tokens(JsonNode given) {
        int[] tokens = new int[given.size()];
        for (int i = 0; i < tokens.length; i++) {
            if (!given.get(i).isInt()) {
                throw wrong();
            }
            tokens[i] = given.get(i).asInt();
        }
        return tokens;
    }

    private static int[] tokens(String text, LoadedModel model, ChatTokenizer tokenizer) {
        long most = TextCheck.maxMessageBytes(model.config());
        if (text.length() > most || text.getBytes(StandardCharsets.UTF_8).length > most) {
            throw new ApiException(
                    400,
                    "context_length_exceeded",
                    "prompt",
                    "The prompt has more than " + most + " bytes, which no context of "
                            + model.config().maxPositions() + " tokens has. Shorten it.");
        }
        try {
            Utf8.length("prompt", text);
            return tokenizer.text(text);
        } catch (IllegalArgumentException e) {
            throw new ApiException(400, "invalid_value", "prompt", e.getMessage());
        }
    }
}
