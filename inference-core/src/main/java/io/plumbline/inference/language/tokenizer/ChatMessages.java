package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.plumbline.inference.json.FiniteNumbers;
import io.plumbline.inference.json.JsonValues;
import io.plumbline.inference.language.sources.PromptSources;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads a conversation from JSON as OpenAI's API has it. The gateway that makes the prompt and the auditors that make
 * it again read it here, so that they cannot differ.
 */
public final class ChatMessages {
    private static final ObjectMapper MAPPER = FiniteNumbers.mapper();

    /**
     * Names and values of a conversation, and of the arguments in it: of fifty thousand messages. Auditors read those
     * of anybody, and each takes some hundred bytes of memory.
     */
    private static final long MOST_VALUES = 1 << 18;

    /** The role of what a tool answered. */
    static final String TOOL = "tool";

    /** The role of who asks. */
    static final String USER = "user";

    /** Roles that are spelled into prompts; any other would be a client's own words in a template's place. */
    private static final Set<String> ROLES = Set.of("system", "developer", USER, "assistant", TOOL);

    /** The reasoning of an assistant before it answered. */
    static final String REASONING = "reasoning_content";

    /** Fields that some templates ask for. */
    private static final Set<String> MORE = Set.of("name", REASONING);

    /** What clients send back of an answer that says nothing to a model. */
    private static final Set<String> HARMLESS = Set.of("annotations", "plumbline", "id", "type", "status");

    private ChatMessages() {}

    /**
     * A conversation.
     *
     * @param json a list of messages, or an object of "messages" with "tools", "sources" ({@link PromptSources}),
     *     "template" ({@link TemplateOptions}) or several of them beside it. A message is an object with "role" and
     *     "content"; the content is a text, or a list of parts of type text. An assistant's may be null: it said
     *     nothing, or called a tool.
     * @throws IllegalArgumentException saying which of it is missing, of another kind, or not supported.
     */
    public static Conversation parse(JsonNode json) {
        return parse(json, values());
    }

    private static JsonValues values() {
        return new JsonValues("The messages", MOST_VALUES);
    }

    private static Conversation parse(JsonNode json, JsonValues values) {
        JsonNode list = json.isObject() ? json.path("messages") : json;
        if (!list.isArray() || list.isEmpty()) {
            throw new IllegalArgumentException("\"messages\" must be a list of at least one message.");
        }
        int known = 1 + (json.has("tools") ? 1 : 0) + (json.has("sources") ? 1 : 0) + (json.has("template") ? 1 : 0);
        if (json.isObject() && json.size() != known) {
            throw new IllegalArgumentException(
                    "A conversation has \"messages\", \"tools\", \"sources\" and \"template\", and nothing else.");
        }
        ToolMessages calls = new ToolMessages(values);
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : list) {
            messages.add(message(message, messages.size(), calls));
        }
        return new Conversation(
                messages,
                json.has("tools") ? ToolMessages.tools(json.get("tools")) : List.of(),
                json.has("sources") ? PromptSources.parse(json.get("sources")) : null,
                json.has("template") ? TemplateOptions.parse(json.get("template")) : TemplateOptions.NONE);
    }

    /** The same from the JSON's text. */
    static Conversation parse(String json) {
        JsonValues values = values();
        try {
            return parse(values.read(MAPPER, json), values);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The messages are not JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static Message message(JsonNode message, int index, ToolMessages calls) {
        String where = "messages[" + index + "]";
        if (!message.path("role").isTextual()) {
            throw new IllegalArgumentException(where + " needs a \"role\".");
        }
        String role = message.get("role").asText();
        if (!ROLES.contains(role)) {
            throw new IllegalArgumentException(
                    where + " has another \"role\" than system, developer, user, assistant and tool.");
        }
        SortedMap<String, String> more = new TreeMap<>();
        List<JsonNode> called = List.of();
        for (Map.Entry<String, JsonNode> field : message.properties()) {
            String name = field.getKey();
            JsonNode value = field.getValue();
            boolean isEmpty = value.isNull() || value.isContainerNode() && value.isEmpty();
            if (name.equals("role") || name.equals("content") || isEmpty || HARMLESS.contains(name)) {
                continue;
            }
            if (name.equals("tool_calls") && role.equals("assistant")) {
                called = calls.calls(value, where);
                continue;
            }
            boolean isKnown = MORE.contains(name) || name.equals("tool_call_id") && role.equals(TOOL);
            if (!isKnown || !value.isTextual()) {
                throw new IllegalArgumentException(
                        where + " has \"" + name + "\", which is not supported. Leave it out.");
            }
            more.put(name, text(value, where));
            if (name.equals("name") && !value.asText().matches("[A-Za-z0-9_-]{1,64}")) {
                throw new IllegalArgumentException(where
                        + " has a \"name\" of other characters than letters, digits, _ and -, or of more than 64.");
            }
        }
        String tool = calls.nameOf(more.getOrDefault("tool_call_id", ""));
        if (role.equals(TOOL) && tool != null) {
            // Some templates say whose answer it is.
            more.putIfAbsent("name", tool);
        }
        return new Message(role, content(message.path("content"), role, where), more, called);
    }

    /** Refuses texts within {@code json}, names of members among them, that messages may not hold. */
    static void requireTexts(JsonNode json, String where) {
        if (json.isTextual()) {
            text(json, where);
        }
        json.forEach(one -> requireTexts(one, where));
        json.fieldNames().forEachRemaining(name -> text(JsonNodeFactory.instance.textNode(name), where));
    }

    /** Text, or a list of parts that are all text. */
    private static String content(JsonNode content, String role, String where) {
        if (content.isTextual()) {
            return text(content, where);
        }
        if (role.equals("assistant") && (content.isNull() || content.isMissingNode())) {
            return "";
        }
        if (!content.isArray()) {
            throw new IllegalArgumentException(where + " needs a \"content\": a text, or a list of text parts.");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
                throw new IllegalArgumentException(
                        where + " has a part of its \"content\" that is not of type text, which alone is supported.");
            }
            text.append(text(part.get("text"), where));
        }
        return text.toString();
    }

    /** A text of characters: half of one has no bytes, and what Unicode keeps for programs' own use stays ours. */
    private static String text(JsonNode json, String where) {
        String text = json.asText();
        requireCharacters(text, where);
        return text;
    }

    /** @throws IllegalArgumentException naming what is no character. */
    static void requireCharacters(String text, String where) {
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE || c >= 0xFDD0 && c <= 0xFDEF) {
                throw new IllegalArgumentException(
                        where + String.format(" holds U+%04X, which is no character. Leave it out.", c));
            }
            i += Character.charCount(c);
        }
    }
}
