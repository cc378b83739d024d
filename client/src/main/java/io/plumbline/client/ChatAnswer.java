package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * An answer with its receipt, whose signature holds.
 *
 * @param id by the server.
 * @param model by the server's name for it.
 * @param message as OpenAI's API has it: {@code content}, and {@code tool_calls} where the model calls functions.
 * @param finishReason {@code stop}, {@code length} or {@code tool_calls}.
 * @param usage tokens.
 * @param receipt signed by the node that answered.
 */
public record ChatAnswer(
        String id, String model, JsonNode message, String finishReason, Usage usage, AnswerReceipt receipt) {
    /** The text of the message; empty where the model only calls functions. */
    public String text() {
        return message.path("content").asText("");
    }
}
