package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import java.util.List;

/**
 * An answer with its receipt, whose signature holds.
 *
 * @param id by the server.
 * @param model by the server's name for it.
 * @param message as OpenAI's API has it: {@code content}, {@code tool_calls} where the model calls functions, and
 *     {@code reasoning_content} where it reasons before it answers.
 * @param finishReason {@code stop}, {@code length} or {@code tool_calls}.
 * @param usage tokens.
 * @param receipt signed by the node that answered.
 * @param facts that the model was told, in the order in which they were asked for: each certified by a quorum of the
 *     network's full nodes, and fresh when the request was sent. Empty where none was asked for, or the client does not
 *     know the network.
 */
public record ChatAnswer(
        String id,
        String model,
        JsonNode message,
        String finishReason,
        Usage usage,
        AnswerReceipt receipt,
        List<CertifiedFeed> facts) {
    /** The text of the message; empty where the model only calls functions. */
    public String text() {
        return message.path("content").asText("");
    }

    /** The reasoning before the answer; empty for none. */
    public String reasoning() {
        return message.path("reasoning_content").asText("");
    }
}
