package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatMessages;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.gateway.answer.AnswerFormat;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.LogitAdjustments;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/**
 * The body of a chat completion as the OpenAI API has it. What cannot be honoured is refused by name: an answer to
 * another question than the one asked would be worse than none.
 *
 * @param requests one for each choice asked for; they differ in seed and nonce.
 * @param wish what is said of the node that is to answer.
 * @param stream whether the answer comes in pieces.
 * @param usage whether a stream ends with the token counts.
 * @param topLogprobs how many log probabilities to name beside each token's own; -1 for none at all.
 * @param reading how the answers are read.
 * @param sources facts and files that the prompt has; null for none.
 * @param discloses whether the client is told the bytes of requests and answers, by which it can check their hashes.
 */
public record ChatRequest(
        List<Request> requests,
        NodeWish wish,
        boolean stream,
        boolean usage,
        int topLogprobs,
        AnswerReading reading,
        NamedSources sources,
        boolean discloses) {
    private static final int DEFAULT_MAX_TOKENS = 256;

    /** OpenAI's. */
    private static final double DEFAULT_TEMPERATURE = 1;

    /** Names and values of a body, at most: those of the most messages that a context holds, and more. */
    static final int MAX_VALUES = 1 << 19;

    /** Bytes that JSON may take for one byte of a text: a letter written as its number. */
    private static final int JSON_BYTES_A_BYTE = 6;

    /** For all but the messages. */
    private static final int OTHER_BYTES = 1 << 20;

    /** Tokens at a prompt's end that have a tag and some blanks, however they are parted. */
    private static final int END_TOKENS = 16;

    static final int MAX_CHOICES = 16;
    private static final int MAX_TOP_LOGPROBS = 20;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** Bytes that a body may have; one with more has more messages than this model's context has room for. */
    static int maxBodyBytes(ModelConfig config) {
        return Math.toIntExact(JSON_BYTES_A_BYTE * TextCheck.maxMessageBytes(config) + OTHER_BYTES);
    }

    public static ChatRequest parse(
            JsonNode body,
            String modelName,
            LoadedModel model,
            ChatTokenizer tokenizer,
            RequestSources from,
            Bytes32 requester,
            Level otherwise)
            throws IOException {
        RequestFields fields = new RequestFields(body);
        requireModel(fields, modelName);
        ChatFields.check(fields);
        AnswerFormat format = AnswerFormat.of(tokenizer.templateSource(), tokenizer::isControl);
        ToolFields tools = ToolFields.of(fields, tokenizer, format);
        JsonNode template = TemplateFields.of(fields, tokenizer);
        String text = messages(body, tools, template, null);
        requireModest(text, model);
        String most = fields.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
        long maxTokens = fields.whole(most, DEFAULT_MAX_TOKENS, 1, Integer.MAX_VALUE);
        int choices = (int) fields.whole("n", 1, 1, MAX_CHOICES);
        boolean logprobs = fields.flag("logprobs", false);
        int top = (int) fields.whole("top_logprobs", 0, 0, MAX_TOP_LOGPROBS);
        if (top > 0 && !logprobs) {
            throw RequestFields.invalid("top_logprobs", "needs \"logprobs\": true beside it.");
        }
        Sampling sampling = sampling(fields, model.config().vocab());
        String grammar = tools.grammar(AnswerForm.of(fields));
        List<String> stops = stops(fields);
        long time = System.currentTimeMillis() / 1000;
        NamedSources sources =
                NamedSources.of(fields.object("plumbline"), from, time, TextCheck.maxMessageBytes(model.config()));
        if (sources != null) {
            text = messages(body, tools, template, sources);
            requireModest(text, model);
        }
        // As everybody does who checks it: from the same text, by the same clock.
        int[] prompt = prompt(tokenizer, text, time);
        if (prompt.length == 0) {
            throw new ApiException(400, "invalid_value", "messages", "The messages are empty.");
        }
        String promptEnd = promptEnd(tokenizer, prompt);
        Asked asked = new Asked(
                text, time, prompt, sampling, maxTokens, stops, held(tools, format, grammar, promptEnd), requester);
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < choices; i++) {
            requests.add(asked.request(model, i, "messages"));
        }
        boolean stream = fields.flag("stream", false);
        boolean usage = fields.object("stream_options").flag("include_usage", false);
        return new ChatRequest(
                requests,
                NodeWish.of(fields.object("plumbline"), otherwise),
                stream,
                usage,
                logprobs ? top : -1,
                new AnswerReading(format, tools.use(), !grammar.isEmpty(), promptEnd),
                sources,
                fields.object("plumbline").flag("disclose", false));
    }

    /** The grammar, behind reasoning where the prompt has begun it. */
    private static String held(ToolFields tools, AnswerFormat format, String grammar, String promptEnd) {
        return AnswerForm.checked(
                tools.isGiven() ? "tools" : "response_format", () -> format.behindReasoning(grammar, promptEnd));
    }

    /** Its last tokens, control tokens by their names. */
    private static String promptEnd(ChatTokenizer tokenizer, int[] prompt) {
        StringBuilder end = new StringBuilder();
        for (int i = Math.max(0, prompt.length - END_TOKENS); i < prompt.length; i++) {
            end.append(tokenizer.name(prompt[i]));
        }
        return end.toString();
    }

    /**
     * What one prompt is asked with.
     *
     * @param messages "" for a prompt of bare tokens.
     * @param prompt its tokens.
     */
    record Asked(
            String messages,
            long time,
            int[] prompt,
            Sampling sampling,
            long maxTokens,
            List<String> stops,
            String grammar,
            Bytes32 requester) {
        /**
         * The request for a choice, of which each has another seed and nonce.
         *
         * @param field that the prompt came by, for errors.
         */
        Request request(LoadedModel model, int choice, String field) {
            int room = model.config().maxPositions() - prompt.length + 1;
            if (room < 1) {
                throw new ApiException(
                        400,
                        "context_length_exceeded",
                        field,
                        "The prompt has " + prompt.length + " tokens; this model's context is "
                                + model.config().maxPositions() + ". Shorten it.");
            }
            byte[] nonce = new byte[16];
            RANDOM.nextBytes(nonce);
            Request request = new Request(
                    model.id(),
                    messages,
                    time,
                    prompt,
                    sampling.withSeed(sampling.seed() + choice),
                    (int) Math.min(room, maxTokens),
                    model.stopTokens(),
                    stops,
                    grammar,
                    requester,
                    nonce);
            Generator.check(request, model.config());
            return request;
        }
    }

    static void requireModel(RequestFields fields, String modelName) {
        String wanted = fields.text("model", modelName);
        if (!wanted.equals(modelName)) {
            throw new ApiException(
                    404,
                    "model_not_found",
                    "model",
                    "The model \"" + wanted + "\" does not exist; this gateway serves \"" + modelName + "\".");
        }
    }

    /** @param vocab ids of the model's tokens are below it. */
    static Sampling sampling(RequestFields fields, int vocab) {
        // A client that names no seed wants another answer each time; the one drawn for it is in the request all the
        // same.
        long seed = fields.has("seed") ? fields.whole("seed", 0, Long.MIN_VALUE, Long.MAX_VALUE) : RANDOM.nextLong();
        return new Sampling(
                (float) fields.number("temperature", DEFAULT_TEMPERATURE, 0, Sampling.MAX_TEMPERATURE),
                (int) fields.whole("top_k", 0, 0, Integer.MAX_VALUE),
                topP(fields),
                millionths(fields, "min_p", 0, 0, 1),
                seed,
                LogitFields.adjustments(fields, vocab));
    }

    /** A number in millionths, to the nearest. */
    static int millionths(RequestFields fields, String field, double otherwise, double least, double most) {
        return (int) Math.rint(fields.number(field, otherwise, least, most) * LogitAdjustments.MILLION);
    }

    private static int topP(RequestFields fields) {
        int millionths = (int) Math.round(fields.number("top_p", 1, 0, 1) * 1_000_000);
        if (millionths == 0) {
            throw RequestFields.invalid("top_p", "must be above 0, by a millionth at least.");
        }
        return millionths;
    }

    static List<String> stops(RequestFields fields) {
        List<String> stops = fields.texts("stop");
        try {
            Request.requireStopTexts(stops);
        } catch (IllegalArgumentException e) {
            throw new ApiException(400, "invalid_value", "stop", e.getMessage());
        }
        return stops;
    }

    private static ApiException tooLong(String why) {
        return new ApiException(400, "context_length_exceeded", "messages", why);
    }

    /** Says what is wrong with the messages before anything is made of them. */
    private static String messages(JsonNode body, ToolFields tools, JsonNode template, NamedSources sources) {
        JsonNode messages = body.path("messages");
        if (tools.isGiven() || template != null || sources != null) {
            ObjectNode whole = Http.MAPPER.createObjectNode().set("messages", messages);
            if (tools.isGiven()) {
                whole.set("tools", tools.json());
            }
            if (sources != null) {
                whole.set("sources", sources.sources().toJson());
            }
            if (template != null) {
                whole.set("template", template);
            }
            messages = whole;
        }
        try {
            ChatMessages.parse(messages);
            String text = messages.toString();
            // Fields that say nothing to a model are in the request too.
            Utf8.length("messages", text);
            return text;
        } catch (IllegalArgumentException e) {
            throw new ApiException(400, "invalid_value", "messages", e.getMessage());
        }
    }

    /** Before anything is computed for it. */
    private static int[] prompt(ChatTokenizer tokenizer, String messages, long time) {
        try {
            return tokenizer.prompt(messages, time);
        } catch (IllegalArgumentException | IllegalStateException e) {
            throw new ApiException(400, "invalid_value", "messages", e.getMessage());
        }
    }

    private static void requireModest(String messages, LoadedModel model) {
        long most = TextCheck.maxMessageBytes(model.config());
        if (messages.length() > most || messages.getBytes(StandardCharsets.UTF_8).length > most) {
            throw tooLong("The messages have more than " + most + " bytes, which no prompt of this model's context of "
                    + model.config().maxPositions() + " tokens has. Shorten them.");
        }
    }
}
