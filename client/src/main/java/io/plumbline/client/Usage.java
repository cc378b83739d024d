package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Tokens of a request and its answer, as the server counts them; the receipt has the signed counts.
 *
 * @param promptTokens count.
 * @param completionTokens count; 0 for embeddings.
 */
public record Usage(int promptTokens, int completionTokens) {
    static Usage of(JsonNode json) {
        return new Usage(
                json.path("prompt_tokens").asInt(),
                json.path("completion_tokens").asInt());
    }
}
