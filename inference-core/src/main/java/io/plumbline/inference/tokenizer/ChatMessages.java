package io.plumbline.inference.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.tokenizer.ChatTokenizer.Message;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a conversation from JSON as OpenAI's API has it. The gateway that makes the prompt and the auditors that make
 * it again read it here, so that they cannot differ.
 */
public final class ChatMessages {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ChatMessages() {}

    /**
     * The messages of a conversation.
     *
     * @param json a list of objects with "role" and "content"; the content is a text, or a list of parts of type text.
     * @throws IllegalArgumentException saying which of it is missing or of another kind.
     */
    public static List<Message> parse(JsonNode json) {
        if (!json.isArray() || json.isEmpty()) {
            throw new IllegalArgumentException("\"messages\" must be a list of at least one message.");
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : json) {
            if (!message.path("role").isTextual()) {
                throw new IllegalArgumentException("Every message needs a \"role\".");
            }
            messages.add(new Message(message.get("role").asText(), content(message.path("content"))));
        }
        return messages;
    }

    /** The same from the JSON's text. */
    static List<Message> parse(String json) {
        try {
            return parse(MAPPER.readTree(json));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The messages are not JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** Text, or a list of parts that are all text. */
    private static String content(JsonNode content) {
        if (content.isTextual()) {
            return content.asText();
        }
        if (!content.isArray()) {
            throw new IllegalArgumentException("Every message needs a \"content\": a text, or a list of text parts.");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
                throw new IllegalArgumentException("Only parts of type text are supported in a message's \"content\".");
            }
            text.append(part.get("text").asText());
        }
        return text.toString();
    }
}
