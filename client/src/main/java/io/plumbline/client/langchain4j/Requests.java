package io.plumbline.client.langchain4j;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.Message;
import java.util.Locale;
import java.util.Map;

/** LangChain4j's requests as the API has them. */
final class Requests {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Requests() {}

    /** @throws UnsupportedFeatureException for messages that are not text. */
    static ChatRequest of(dev.langchain4j.model.chat.request.ChatRequest request) {
        ChatRequest.Builder asked = ChatRequest.builder();
        request.messages().forEach(message -> asked.message(new Message(message(message))));
        ChatRequestParameters parameters = request.parameters();
        if (parameters.modelName() != null) {
            asked.model(parameters.modelName());
        }
        if (parameters.temperature() != null) {
            asked.temperature(parameters.temperature());
        }
        if (parameters.topP() != null) {
            asked.topP(parameters.topP());
        }
        if (parameters.topK() != null) {
            asked.topK(parameters.topK());
        }
        if (parameters.frequencyPenalty() != null) {
            asked.field("frequency_penalty", DoubleNode.valueOf(parameters.frequencyPenalty()));
        }
        if (parameters.presencePenalty() != null) {
            asked.field("presence_penalty", DoubleNode.valueOf(parameters.presencePenalty()));
        }
        if (parameters.maxOutputTokens() != null) {
            asked.maxTokens(parameters.maxOutputTokens());
        }
        if (!parameters.stopSequences().isEmpty()) {
            asked.stop(parameters.stopSequences().toArray(String[]::new));
        }
        if (!parameters.toolSpecifications().isEmpty()) {
            ArrayNode tools = MAPPER.createArrayNode();
            parameters.toolSpecifications().forEach(tool -> tools.add(tool(tool)));
            asked.tools(tools);
        }
        if (parameters.toolChoice() != null) {
            String choice = parameters.toolChoice().name().toLowerCase(Locale.ROOT);
            asked.field("tool_choice", TextNode.valueOf(choice));
        }
        ResponseFormat format = parameters.responseFormat();
        if (format != null && format.type() == ResponseFormatType.JSON) {
            asked.responseFormat(format(format.jsonSchema()));
        }
        return asked.build();
    }

    private static ObjectNode message(ChatMessage message) {
        return switch (message) {
            case SystemMessage system -> role("system").put("content", system.text());
            case UserMessage user when user.hasSingleText() -> role("user").put("content", user.singleText());
            case AiMessage assistant -> assistant(assistant);
            case ToolExecutionResultMessage result
            when result.hasSingleText() ->
                role("tool").put("tool_call_id", result.id()).put("content", result.text());
            default -> throw new UnsupportedFeatureException("Messages are text here, not " + message + ".");
        };
    }

    private static ObjectNode role(String role) {
        return MAPPER.createObjectNode().put("role", role);
    }

    private static ObjectNode assistant(AiMessage message) {
        ObjectNode json = role("assistant").put("content", message.text());
        if (message.thinking() != null) {
            json.put("reasoning_content", message.thinking());
        }
        for (ToolExecutionRequest call : message.toolExecutionRequests()) {
            json.withArray("tool_calls")
                    .addObject()
                    .put("id", call.id())
                    .put("type", "function")
                    .putObject("function")
                    .put("name", call.name())
                    .put("arguments", call.arguments());
        }
        return json;
    }

    private static ObjectNode tool(ToolSpecification tool) {
        ObjectNode json = MAPPER.createObjectNode().put("type", "function");
        ObjectNode function = json.putObject("function").put("name", tool.name());
        if (tool.description() != null) {
            function.put("description", tool.description());
        }
        Map<String, Object> parameters = tool.parameters() == null
                ? Map.of("type", "object", "properties", Map.of())
                : JsonSchemaElementUtils.toMap(tool.parameters());
        function.set("parameters", MAPPER.valueToTree(parameters));
        return json;
    }

    /** @param schema null for any JSON. */
    private static ObjectNode format(JsonSchema schema) {
        if (schema == null) {
            return MAPPER.createObjectNode().put("type", "json_object");
        }
        ObjectNode json = MAPPER.createObjectNode().put("type", "json_schema");
        json.putObject("json_schema")
                .put("name", schema.name())
                .put("strict", true)
                .set("schema", MAPPER.valueToTree(JsonSchemaElementUtils.toMap(schema.rootElement(), true)));
        return json;
    }
}
