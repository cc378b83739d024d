package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The body of OpenAI's {@code /v1/responses} as that of a chat completion. Nothing is kept here: what a conversation
 * has said before comes with the request, and {@code previous_response_id} is refused.
 */
final class ResponsesRequest {
    private static final Set<String> HONOURED = Set.of(
            "model",
            "input",
            "instructions",
            "max_output_tokens",
            "temperature",
            "top_p",
            "stream",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "text",
            "reasoning",
            "plumbline");

    private static final Set<String> HARMLESS = Set.of(
            "user",
            "metadata",
            "store",
            "service_tier",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "stream_options",
            "max_tool_calls");

    private static final Map<String, List<JsonNode>> NEUTRAL = neutral();

    private ResponsesRequest() {}

    private static Map<String, List<JsonNode>> neutral() {
        Map<String, List<JsonNode>> neutral = new HashMap<>();
        neutral.put("truncation", List.of(TextNode.valueOf("disabled")));
        neutral.put("background", List.of(BooleanNode.FALSE));
        // Reasoning comes in the clear: a client that asks for it encrypted as well has all that it needs.
        neutral.put(
                "include",
                List.of(
                        Http.MAPPER.createArrayNode(),
                        Http.MAPPER.createArrayNode().add("reasoning.encrypted_content")));
        for (String name : List.of("previous_response_id", "conversation", "prompt", "top_logprobs")) {
            neutral.put(name, List.of());
        }
        return neutral;
    }

    /** The same, as a chat completion is asked for. */
    static ObjectNode chat(JsonNode body) {
        RequestFields fields = new RequestFields(body);
        fields.requireOnly(HONOURED, HARMLESS, NEUTRAL);
        ObjectNode chat = Http.MAPPER.createObjectNode();
        for (String same : List.of("model", "temperature", "top_p", "stream", "parallel_tool_calls", "plumbline")) {
            BodyFields.copy(body, same, chat, same);
        }
        BodyFields.copy(body, "max_output_tokens", chat, "max_completion_tokens");
        ArrayNode messages = chat.putArray("messages");
        if (fields.has("instructions")) {
            messages.addObject().put("role", "developer").put("content", fields.text("instructions", ""));
        }
        input(fields.json("input"), messages);
        tools(fields, chat);
        if (fields.has("reasoning")) {
            RequestFields reasoning = fields.object("reasoning");
            // Reasoning is told as it is; nothing makes summaries of it.
            reasoning.requireOnly(Set.of("effort"), Set.of("summary", "generate_summary"), Map.of());
            BodyFields.copy(body.path("reasoning"), "effort", chat, "reasoning_effort");
        }
        if (fields.has("text")) {
            format(fields.object("text"), chat);
        }
        return chat;
    }

    private static void input(JsonNode input, ArrayNode messages) {
        if (input.isTextual()) {
            messages.addObject().put("role", "user").put("content", input.asText());
            return;
        }
        if (!input.isArray() || input.isEmpty()) {
            throw RequestFields.invalid("input", "must be a text, or a list of items.");
        }
        StringBuilder reasoning = new StringBuilder();
        for (JsonNode item : input) {
            String type = item.path("type").asText("message");
            if (type.equals("reasoning")) {
                reasoning.append(reasoning(item));
                continue;
            }
            switch (type) {
                case "message" -> {
                    String content =
                            BodyFields.text(item.path("content"), "input", "input_text", "output_text", "text");
                    String role = item.path("role").asText();
                    ObjectNode message = role.equals("assistant")
                            ? assistant(messages, reasoning)
                            : messages.addObject().put("role", role);
                    message.put("content", content);
                }
                case "function_call" ->
                    BodyFields.call(
                            isAssistants(messages) && reasoning.isEmpty()
                                    ? BodyFields.assistant(messages)
                                    : assistant(messages, reasoning),
                            item.path("call_id").asText(),
                            item.path("name").asText(),
                            item.path("arguments").asText());
                case "function_call_output" ->
                    messages.addObject()
                            .put("role", "tool")
                            .put("tool_call_id", item.path("call_id").asText())
                            .put("content", BodyFields.text(item.path("output"), "input", "input_text", "output_text"));
                default ->
                    throw RequestFields.invalid(
                            "input", "has an item of type \"" + type + "\", which is not supported.");
            }
            reasoning.setLength(0);
        }
    }

    private static boolean isAssistants(ArrayNode messages) {
        return !messages.isEmpty()
                && messages.get(messages.size() - 1).path("role").asText().equals("assistant");
    }

    /** An assistant's new message, behind its reasoning. */
    private static ObjectNode assistant(ArrayNode messages, CharSequence reasoning) {
        ObjectNode message = messages.addObject().put("role", "assistant");
        if (!reasoning.isEmpty()) {
            message.put("reasoning_content", reasoning.toString());
        }
        return message;
    }

    /** The reasoning of an item of an earlier answer; a summary is of OpenAI's own making, and none of it. */
    private static String reasoning(JsonNode item) {
        JsonNode content = item.path("content");
        return content.isArray() ? BodyFields.text(content, "input", "reasoning_text", "text") : "";
    }

    private static void tools(RequestFields fields, ObjectNode chat) {
        if (fields.has("tools")) {
            ArrayNode tools = chat.putArray("tools");
            for (JsonNode tool : fields.json("tools")) {
                ObjectNode one = tools.addObject();
                BodyFields.copy(tool, "type", one, "type");
                ObjectNode function = one.putObject("function");
                for (String field : List.of("name", "description", "parameters", "strict")) {
                    BodyFields.copy(tool, field, function, field);
                }
            }
        }
        if (fields.has("tool_choice")) {
            JsonNode choice = fields.json("tool_choice");
            if (choice.isObject() && choice.path("name").isTextual()) {
                ObjectNode named = chat.putObject("tool_choice")
                        .put("type", choice.path("type").asText());
                named.putObject("function").set("name", choice.get("name"));
            } else {
                chat.set("tool_choice", choice);
            }
        }
    }

    private static void format(RequestFields text, ObjectNode chat) {
        text.requireOnly(Set.of("format"), Set.of(), Map.of("verbosity", List.of(TextNode.valueOf("medium"))));
        if (!text.has("format")) {
            return;
        }
        RequestFields format = text.object("format");
        ObjectNode response = chat.putObject("response_format").put("type", format.text("type", ""));
        if (format.text("type", "").equals("json_schema")) {
            format.requireOnly("type", "name", "description", "schema", "strict");
            ObjectNode schema = response.putObject("json_schema").put("name", format.text("name", ""));
            schema.set("schema", format.json("schema"));
        } else {
            format.requireOnly("type");
        }
    }
}
