package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The body of Anthropic's {@code /v1/messages} as that of a chat completion. */
final class MessagesRequest {
    private static final Set<String> HONOURED = Set.of(
            "model",
            "messages",
            "system",
            "max_tokens",
            "temperature",
            "top_p",
            "top_k",
            "stop_sequences",
            "stream",
            "tools",
            "tool_choice",
            "output_format",
            "plumbline");

    private static final Set<String> HARMLESS = Set.of("metadata", "service_tier", "cache_control", "inference_geo");

    private MessagesRequest() {}

    /**
     * The same, as a chat completion is asked for.
     *
     * @param isCounted whether its tokens are counted alone: then it needs no "max_tokens".
     */
    static ObjectNode chat(JsonNode body, boolean isCounted) {
        RequestFields fields = new RequestFields(body);
        JsonNode disabled = Http.MAPPER.createObjectNode().put("type", "disabled");
        fields.requireOnly(
                HONOURED,
                HARMLESS,
                Map.of(
                        "thinking",
                        List.of(disabled),
                        "container",
                        List.of(),
                        "mcp_servers",
                        List.of(Http.MAPPER.createArrayNode()),
                        "context_management",
                        List.of()));
        ObjectNode chat = Http.MAPPER.createObjectNode();
        for (String same : List.of("model", "temperature", "top_p", "top_k", "stream", "plumbline")) {
            BodyFields.copy(body, same, chat, same);
        }
        if (!isCounted && !fields.has("max_tokens")) {
            throw RequestFields.invalid("max_tokens", "is missing: say how many tokens an answer may have.");
        }
        BodyFields.copy(body, "max_tokens", chat, "max_tokens");
        BodyFields.copy(body, "stop_sequences", chat, "stop");
        chat.set("messages", messages(body));
        tools(fields, chat);
        if (fields.has("output_format")) {
            RequestFields format = fields.object("output_format");
            format.requireOnly("type", "schema");
            ObjectNode schema = chat.putObject("response_format").put("type", format.text("type", ""));
            schema.putObject("json_schema").set("schema", format.json("schema"));
        }
        return chat;
    }

    private static ArrayNode messages(JsonNode body) {
        ArrayNode messages = Http.MAPPER.createArrayNode();
        if (body.hasNonNull("system")) {
            messages.addObject()
                    .put("role", "system")
                    .put("content", BodyFields.text(body.get("system"), "system", "text"));
        }
        JsonNode given = body.path("messages");
        if (!given.isArray() || given.isEmpty()) {
            throw RequestFields.invalid("messages", "must be a list of at least one message.");
        }
        for (JsonNode message : given) {
            String role = message.path("role").asText();
            switch (role) {
                case "user" -> user(message.path("content"), messages);
                case "assistant" -> assistant(message.path("content"), messages);
                default -> throw RequestFields.invalid("messages", "has a role that is neither user nor assistant.");
            }
        }
        if (messages.get(messages.size() - 1).path("role").asText().equals("assistant")) {
            throw RequestFields.invalid(
                    "messages",
                    "ends with the assistant's own words, which are not gone on from. End with the user's.");
        }
        return messages;
    }

    private static void user(JsonNode content, ArrayNode messages) {
        StringBuilder text = new StringBuilder();
        boolean hasText = content.isTextual();
        if (content.isTextual()) {
            text.append(content.asText());
        }
        for (JsonNode block : content.isArray() ? content : List.<JsonNode>of()) {
            if (block.path("type").asText().equals("tool_result")) {
                messages.addObject()
                        .put("role", "tool")
                        .put("tool_call_id", block.path("tool_use_id").asText())
                        .put("content", result(block));
            } else {
                text.append(BodyFields.text(Http.MAPPER.createArrayNode().add(block), "messages", "text"));
                hasText = true;
            }
        }
        if (hasText) {
            messages.addObject().put("role", "user").put("content", text.toString());
        } else if (content.isEmpty()) {
            throw RequestFields.invalid("messages", "has one without content.");
        }
    }

    private static String result(JsonNode block) {
        JsonNode content = block.path("content");
        return content.isMissingNode() || content.isNull() ? "" : BodyFields.text(content, "messages", "text");
    }

    private static void assistant(JsonNode content, ArrayNode messages) {
        ObjectNode message = messages.addObject().put("role", "assistant");
        if (content.isTextual()) {
            message.put("content", content.asText());
            return;
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode block : content) {
            if (block.path("type").asText().equals("tool_use")) {
                BodyFields.call(
                        message,
                        block.path("id").asText(),
                        block.path("name").asText(),
                        block.path("input").toString());
            } else {
                text.append(BodyFields.text(Http.MAPPER.createArrayNode().add(block), "messages", "text"));
            }
        }
        message.put("content", text.toString());
    }

    private static void tools(RequestFields fields, ObjectNode chat) {
        if (fields.has("tools")) {
            ArrayNode tools = chat.putArray("tools");
            for (JsonNode tool : fields.json("tools")) {
                if (!tool.path("type").asText("custom").equals("custom")) {
                    throw RequestFields.invalid(
                            "tools",
                            "has one of type \"" + tool.path("type").asText()
                                    + "\": a client's own alone are supported.");
                }
                ObjectNode function = tools.addObject().put("type", "function").putObject("function");
                BodyFields.copy(tool, "name", function, "name");
                BodyFields.copy(tool, "description", function, "description");
                BodyFields.copy(tool, "input_schema", function, "parameters");
                BodyFields.copy(tool, "strict", function, "strict");
            }
        }
        if (fields.has("tool_choice")) {
            RequestFields choice = fields.object("tool_choice");
            choice.requireOnly("type", "name", "disable_parallel_tool_use");
            switch (choice.text("type", "")) {
                case "auto" -> chat.put("tool_choice", "auto");
                case "any" -> chat.put("tool_choice", "required");
                case "none" -> chat.put("tool_choice", "none");
                case "tool" ->
                    chat.putObject("tool_choice")
                            .put("type", "function")
                            .putObject("function")
                            .put("name", choice.text("name", ""));
                default -> throw RequestFields.invalid("tool_choice", "must be of type auto, any, tool or none.");
            }
            if (choice.flag("disable_parallel_tool_use", false)) {
                chat.put("parallel_tool_calls", false);
            }
        }
    }
}
