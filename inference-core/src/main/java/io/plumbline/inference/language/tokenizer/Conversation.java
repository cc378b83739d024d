package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import java.util.List;

/**
 * The messages of a conversation, and the tools that the model may call.
 *
 * @param messages at least one.
 * @param tools each an object {@code {"type": "function", "function": {"name", "description", "parameters"}}}; empty
 *     for none.
 */
public record Conversation(List<Message> messages, List<JsonNode> tools) {
    public Conversation {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
    }

    /** One without tools. */
    public static Conversation of(List<Message> messages) {
        return new Conversation(messages, List.of());
    }

    /** Whether tools have answered in it. */
    boolean hasAnswers() {
        return messages.stream().anyMatch(message -> message.role().equals(ChatMessages.TOOL));
    }
}
