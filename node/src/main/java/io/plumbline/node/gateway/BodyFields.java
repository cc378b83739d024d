package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Parts of turning other APIs' bodies into those of a chat completion. */
final class BodyFields {
    private BodyFields() {}

    /** Copies a field, where there is one. */
    static void copy(JsonNode from, String field, ObjectNode to, String as) {
        if (from.hasNonNull(field)) {
            to.set(as, from.get(field));
        }
    }

    /**
     * The text of a content that is a text, or a list of parts that are.
     *
     * @param types of such parts.
     */
    static String text(JsonNode content, String where, String... types) {
        if (content.isTextual()) {
            return content.asText();
        }
        StringBuilder text = new StringBuilder();
        if (!content.isArray()) {
            throw RequestFields.invalid(where, "needs a text, or a list of parts.");
        }
        for (JsonNode part : content) {
            boolean isText = false;
            for (String type : types) {
                isText |= part.path("type").asText().equals(type);
            }
            if (!isText || !part.path("text").isTextual()) {
                throw RequestFields.invalid(
                        where,
                        "has a part of type \"" + part.path("type").asText() + "\"; text alone is supported there.");
            }
            text.append(part.get("text").asText());
        }
        return text.toString();
    }

    /** The last of {@code messages}, where it is an assistant's; another one otherwise. */
    static ObjectNode assistant(ArrayNode messages) {
        if (!messages.isEmpty()
                && messages.get(messages.size() - 1).path("role").asText().equals("assistant")) {
            return (ObjectNode) messages.get(messages.size() - 1);
        }
        return messages.addObject().put("role", "assistant");
    }

    /** Adds the call of a tool to an assistant's message. */
    static void call(ObjectNode assistant, String id, String name, String arguments) {
        ObjectNode call =
                assistant.withArray("tool_calls").addObject().put("id", id).put("type", "function");
        call.putObject("function").put("name", name).put("arguments", arguments);
        if (!assistant.has("content")) {
            assistant.putNull("content");
        }
    }
}
