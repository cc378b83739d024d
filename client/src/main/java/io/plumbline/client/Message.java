package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Objects;

/**
 * One message of a conversation.
 *
 * @param json as OpenAI's API has it, with at least a {@code role}.
 */
public record Message(JsonNode json) {
    public Message {
        Objects.requireNonNull(json, "json");
    }

    private static Message of(String role, String content) {
        return new Message(JsonNodeFactory.instance
                .objectNode()
                .put("role", role)
                .put("content", Objects.requireNonNull(content, "content")));
    }

    /** How the model is to behave. */
    public static Message system(String content) {
        return of("system", content);
    }

    /** The words of a person. */
    public static Message user(String content) {
        return of("user", content);
    }

    /** An earlier answer of the model. */
    public static Message assistant(String content) {
        return of("assistant", content);
    }
}
