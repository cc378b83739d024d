package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.plumbline.verifier.audit.Level;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * A question, and how it is to be answered and audited. Immutable. A field that is left out has the server's default,
 * which is OpenAI's: temperature 1, another answer each time.
 */
public final class ChatRequest {
    private final ObjectNode body;

    private ChatRequest(ObjectNode body) {
        this.body = body;
    }

    /** A question of one message. */
    public static ChatRequest of(String userMessage) {
        return builder().user(userMessage).build();
    }

    /** A request to fill in. */
    public static Builder builder() {
        return new Builder();
    }

    /** The body as it is sent, but for the client's default model. The caller's to change. */
    ObjectNode body() {
        return body.deepCopy();
    }

    /** The body as it is sent, but for the client's default model. */
    @Override
    public String toString() {
        return body.toString();
    }

    /** Fills in a request. Not for several threads at once. */
    public static final class Builder {
        private final ObjectNode body = JsonNodeFactory.instance.objectNode();
        private final ArrayNode messages = body.putArray("messages");

        private Builder() {}

        /** Adds a message; the order is that of the conversation. */
        public Builder message(Message message) {
            messages.add(message.json().deepCopy());
            return this;
        }

        /** Adds what a person says. */
        public Builder user(String content) {
            return message(Message.user(content));
        }

        /** Adds how the model is to behave. */
        public Builder system(String content) {
            return message(Message.system(content));
        }

        /** The model by the server's name for it; left out, the client's default, and else the server's only one. */
        public Builder model(String name) {
            return field("model", TextNode.valueOf(name));
        }

        /** 0 to 100; 0 takes the likeliest token each time. */
        public Builder temperature(double temperature) {
            body.put("temperature", temperature);
            return this;
        }

        /** Share of the weight to draw from: above 0, at most 1. */
        public Builder topP(double share) {
            body.put("top_p", share);
            return this;
        }

        /** Most tokens to draw from; 0 for all. */
        public Builder topK(int tokens) {
            body.put("top_k", tokens);
            return this;
        }

        /** Of the draws: the same seed gives the same answer. */
        public Builder seed(long seed) {
            body.put("seed", seed);
            return this;
        }

        /** Most tokens of the answer, 1 or more. */
        public Builder maxTokens(int tokens) {
            body.put("max_tokens", tokens);
            return this;
        }

        /** Texts that end the answer and do not stand in it: at most 16, of 1 to 256 characters each. */
        public Builder stop(String... texts) {
            ArrayNode stop = body.putArray("stop");
            for (String text : texts) {
                stop.add(text);
            }
            return this;
        }

        /**
         * How the answer is audited.
         *
         * @throws IllegalArgumentException for {@code REPLAYED}, at which full nodes do not audit.
         */
        public Builder level(Level level) {
            if (level == Level.REPLAYED) {
                throw new IllegalArgumentException("Answers are audited at SIGNED, AUDITED or FULL.");
            }
            body.withObject("/plumbline").put("level", level.name().toLowerCase(Locale.ROOT));
            return this;
        }

        /**
         * The inference node that is to answer; a receipt of another one does not hold then.
         *
         * @param key its public key, 64 hexadecimal digits.
         */
        public Builder node(String key) {
            body.withObject("/plumbline").put("node", Objects.requireNonNull(key, "key"));
            return this;
        }

        /**
         * A fact that the model is told: the latest value of a feed of the network's ledger. What facts and files
         * become stands before the last message of the user.
         *
         * @param feed id of it, 64 hexadecimal digits.
         */
        public Builder fact(String feed) {
            body.withObject("/plumbline").withArray("facts").add(Objects.requireNonNull(feed, "feed"));
            return this;
        }

        /**
         * A file that the model is told, from the network's data nodes: UTF-8 text.
         *
         * @param blob id of it, 64 hexadecimal digits.
         * @param name by which the prompt names it.
         */
        public Builder file(String blob, String name) {
            body.withObject("/plumbline")
                    .withArray("files")
                    .addObject()
                    .put("blob", Objects.requireNonNull(blob, "blob"))
                    .put("name", Objects.requireNonNull(name, "name"));
            return this;
        }

        /** The form of the answer, as OpenAI's field {@code response_format} has it. */
        public Builder responseFormat(JsonNode format) {
            return field("response_format", format);
        }

        /** A grammar in GBNF that the answer is held to. */
        public Builder grammar(String gbnf) {
            return field("grammar", TextNode.valueOf(gbnf));
        }

        /**
         * How much the model is to reason, where its chat template asks for that: none, minimal, low, medium, high or
         * xhigh.
         */
        public Builder reasoningEffort(String effort) {
            return field("reasoning_effort", TextNode.valueOf(effort));
        }

        /** Functions that the model may call, as OpenAI's field {@code tools} has them. */
        public Builder tools(JsonNode tools) {
            return field("tools", tools);
        }

        /**
         * Any other field of the API's. The server refuses by name what it does not honour.
         *
         * @throws IllegalArgumentException for {@code messages}, {@code stream} and {@code n}, which are not the
         *     caller's to set.
         */
        public Builder field(String name, JsonNode value) {
            if (List.of("messages", "stream", "stream_options", "n").contains(name)) {
                throw new IllegalArgumentException("\"" + name + "\" is set by the client.");
            }
            body.set(name, Objects.requireNonNull(value, name).deepCopy());
            return this;
        }

        /** @throws IllegalArgumentException where there is no message. */
        public ChatRequest build() {
            if (messages.isEmpty()) {
                throw new IllegalArgumentException("A request has at least one message.");
            }
            return new ChatRequest(body.deepCopy());
        }
    }
}
