package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatMessages;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The body of a chat completion as the OpenAI API has it. What cannot be honoured is refused by name: an answer to
 * another question than the one asked would be worse than none.
 *
 * @param requests one for each choice asked for; they differ in seed and nonce.
 * @param stream whether the answer comes in pieces.
 * @param usage whether a stream ends with the token counts.
 * @param level at which the answers are to be audited.
 * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
 */
record ChatRequest(List<Request> requests, Level level, boolean stream, boolean usage, int topLogprobs) {
    private static final int DEFAULT_MAX_TOKENS = 256;
    private static final int MAX_CHOICES = 16;
    private static final int MAX_TOP_LOGPROBS = 20;
    private static final SecureRandom RANDOM = new SecureRandom();

    static ChatRequest parse(
            JsonNode body,
            String modelName,
            LoadedModel model,
            ChatTokenizer tokenizer,
            byte[] requester,
            Level otherwise) {
        String wanted = body.path("model").asText(modelName);
        if (!wanted.equals(modelName)) {
            throw new ApiException(
                    404, "The model \"" + wanted + "\" does not exist; this gateway serves \"" + modelName + "\".");
        }
        refuseUnsupported(body);
        // Says what is wrong before anything is looked at.
        ChatMessages.parse(body.path("messages"));
        String text = body.get("messages").toString();
        requireModest(text, model);
        long time = System.currentTimeMillis() / 1000;
        // As everybody does who checks it: from the same text, by the same clock.
        int[] prompt = prompt(tokenizer, text, time);
        if (prompt.length == 0) {
            throw new ApiException(400, "The messages are empty.");
        }
        int room = Math.max(1, model.config().maxPositions() - prompt.length + 1);
        String most = body.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        int maxTokens = Math.min(room, whole(body, most, DEFAULT_MAX_TOKENS, 1, Integer.MAX_VALUE));
        int choices = whole(body, "n", 1, 1, MAX_CHOICES);
        boolean logprobs = body.path("logprobs").asBoolean(false);
        int top = whole(body, "top_logprobs", 0, 0, MAX_TOP_LOGPROBS);
        // A client that names no seed wants another answer each time; the one drawn for it is in the request all the
        // same.
        long seed = body.path("seed").isIntegralNumber() ? body.get("seed").asLong() : RANDOM.nextLong();
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < choices; i++) {
            byte[] nonce = new byte[16];
            RANDOM.nextBytes(nonce);
            Sampling sampling = new Sampling(
                    (float) number(body, "temperature", 0),
                    whole(body, "top_k", 0, 0, Integer.MAX_VALUE),
                    (int) Math.round(number(body, "top_p", 1) * 1_000_000),
                    seed + i);
            Request request = new Request(
                    model.id(),
                    text,
                    time,
                    prompt,
                    sampling,
                    maxTokens,
                    model.stopTokens(),
                    stops(body.path("stop")),
                    requester,
                    nonce);
            Generator.check(request, model.config());
            requests.add(request);
        }
        boolean stream = body.path("stream").asBoolean(false);
        boolean usage = body.path("stream_options").path("include_usage").asBoolean(false);
        return new ChatRequest(requests, level(body, otherwise), stream, usage, logprobs ? top : -1);
    }

    /** Before anything is computed for it. */
    private static int[] prompt(ChatTokenizer tokenizer, String messages, long time) {
        try {
            return tokenizer.prompt(messages, time);
        } catch (IllegalStateException e) {
            throw new ApiException(400, e.getMessage());
        }
    }

    private static void requireModest(String messages, LoadedModel model) {
        long most = TextCheck.maxMessageBytes(model.config());
        if (messages.length() > most || messages.getBytes(StandardCharsets.UTF_8).length > most) {
            throw new ApiException(
                    400,
                    "The messages have more than " + most + " bytes, which no prompt of this model's context of "
                            + model.config().maxPositions() + " tokens has. Shorten them.");
        }
    }

    private static Level level(JsonNode body, Level otherwise) {
        JsonNode wanted = body.path("plumbline").path("level");
        if (wanted.isMissingNode() || wanted.isNull()) {
            return otherwise;
        }
        return switch (wanted.asText().toLowerCase(Locale.ROOT)) {
            case "signed" -> Level.SIGNED;
            case "audited" -> Level.AUDITED;
            case "full" -> Level.FULL;
            default -> throw new ApiException(400, "\"plumbline.level\" must be \"signed\", \"audited\" or \"full\".");
        };
    }

    private static void refuseUnsupported(JsonNode body) {
        for (String field : List.of("tools", "functions", "logit_bias")) {
            if (body.path(field).size() > 0) {
                throw new ApiException(400, "\"" + field + "\" is not supported.");
            }
        }
        for (String field : List.of("presence_penalty", "frequency_penalty")) {
            if (number(body, field, 0) != 0) {
                throw new ApiException(400, "\"" + field + "\" is not supported; leave it out or 0.");
            }
        }
        if (!body.path("response_format").path("type").asText("text").equals("text")) {
            throw new ApiException(400, "\"response_format\" other than text is not supported.");
        }
    }

    private static double number(JsonNode body, String field, double otherwise) {
        JsonNode value = body.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isNumber()) {
            throw new ApiException(400, "\"" + field + "\" must be a number.");
        }
        return value.asDouble();
    }

    private static int whole(JsonNode body, String field, int otherwise, int least, int most) {
        JsonNode value = body.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isIntegralNumber() || value.asLong() < least || value.asLong() > most) {
            throw new ApiException(
                    400,
                    "\"" + field + "\" must be a whole number of at least " + least
                            + (most == Integer.MAX_VALUE ? "." : " and at most " + most + "."));
        }
        return value.asInt();
    }

    private static List<String> stops(JsonNode stop) {
        if (stop.isMissingNode() || stop.isNull()) {
            return List.of();
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode one : stop.isArray() ? stop : List.of(stop)) {
            if (!one.isTextual()) {
                throw new ApiException(400, "\"stop\" must be a text or a list of texts.");
            }
            texts.add(one.asText());
        }
        return texts;
    }
}
