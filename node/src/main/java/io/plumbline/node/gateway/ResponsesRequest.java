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
        neutral.put("include", List.of(Http.MAPPER.createArrayNode()));
        for (String name : List.of("previous_response_id", "conversation", "reasoning", "prompt", "top_logprobs")) {
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
        for (JsonNode item : input) {
            switch (item.path("type").asText("message")) {
                case "message" -> {
                    String content =
                            BodyFields.text(item.path("content"), "input", "input_text", "output_text", "text");
                    messages.addObject().put("role", item.path("role").asText()).put("content", content);
                }
                case "function_call" ->
                    BodyFields.call(
                            BodyFields.assistant(messages),
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
                            "input",
                            "has an item of type \"" + item.path("type").asText() + "\", which is not supported.");
            }
        }
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
