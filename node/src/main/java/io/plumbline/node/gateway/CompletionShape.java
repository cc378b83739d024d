package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** How OpenAI's two APIs for text word the same answer. */
enum CompletionShape {
    /** {@code /v1/chat/completions}: messages. */
    CHAT("chatcmpl-", "chat.completion", "chat.completion.chunk") {
        @Override
        void whole(ObjectNode choice, String text, String reasoning, List<ObjectNode> calls) {
            ObjectNode message = choice.putObject("message").put("role", "assistant");
            if (!reasoning.isEmpty()) {
                message.put(REASONING, reasoning);
            }
            if (calls.isEmpty()) {
                message.put("content", text);
            } else {
                message.put("content", text.isEmpty() ? null : text);
                message.putArray("tool_calls").addAll(calls);
            }
        }

        @Override
        void begin(ObjectNode choice) {
            choice.putObject("delta").put("role", "assistant").put("content", "");
        }

        @Override
        void piece(ObjectNode choice, String text) {
            ObjectNode delta = choice.putObject("delta");
            if (!text.isEmpty()) {
                delta.put("content", text);
            }
        }

        @Override
        void logprobs(ObjectNode choice, ArrayNode named) {
            choice.putObject("logprobs").set("content", named);
        }
    },

    /** {@code /v1/completions}: text that goes on. */
    TEXT("cmpl-", "text_completion", "text_completion") {
        @Override
        void whole(ObjectNode choice, String text, String reasoning, List<ObjectNode> calls) {
            choice.put("text", text);
        }

        @Override
        void begin(ObjectNode choice) {
            choice.put("text", "");
        }

        @Override
        void piece(ObjectNode choice, String text) {
            choice.put("text", text);
        }

        @Override
        void logprobs(ObjectNode choice, ArrayNode named) {
            ObjectNode json = choice.putObject("logprobs");
            ArrayNode tokens = json.putArray("tokens");
            ArrayNode values = json.putArray("token_logprobs");
            ArrayNode tops = json.putArray("top_logprobs");
            ArrayNode offsets = json.putArray("text_offset");
            int at = 0;
            for (JsonNode one : named) {
                String token = one.path("token").asText();
                tokens.add(token);
                values.add(one.path("logprob"));
                offsets.add(at);
                at += token.length();
                ObjectNode top = tops.addObject();
                one.path("top_logprobs")
                        .forEach(other -> top.set(other.path("token").asText(), other.path("logprob")));
            }
        }
    };

    /** The field of reasoning in a message or a delta, as DeepSeek, vLLM and llama.cpp name it. */
    static final String REASONING = "reasoning_content";

    private final String prefix;
    private final String object;
    private final String chunk;

    CompletionShape(String prefix, String object, String chunk) {
        this.prefix = prefix;
        this.object = object;
        this.chunk = chunk;
    }

    /** What an answer's id begins with. */
    String prefix() {
        return prefix;
    }

    /** The kind of a whole answer. */
    String object() {
        return object;
    }

    /** The kind of an event of a stream. */
    String chunk() {
        return chunk;
    }

    /**
     * Puts a whole answer into its choice.
     *
     * @param reasoning empty for none, as but in a chat.
     * @param calls of tools; none but in a chat.
     */
    abstract void whole(ObjectNode choice, String text, String reasoning, List<ObjectNode> calls);

    /** Begins a choice's part of a stream. */
    abstract void begin(ObjectNode choice);

    /** Puts the next piece of a stream into its choice; empty at its end. */
    abstract void piece(ObjectNode choice, String text);

    /** @param named log probabilities as the chat API has them, a token each. */
    abstract void logprobs(ObjectNode choice, ArrayNode named);
}
