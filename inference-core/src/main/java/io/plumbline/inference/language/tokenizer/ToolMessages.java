package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.json.FiniteNumbers;
import io.plumbline.inference.json.JsonValues;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads tools, and the calls of them in a conversation, from JSON as OpenAI's API has it. */
final class ToolMessages {
    private static final ObjectMapper MAPPER = FiniteNumbers.mapper();
    private static final int MAX_TOOLS = 128;
    private static final String NAME = "[A-Za-z0-9_-]{1,64}";

    private static final JsonNode NO_PARAMETERS = JsonNodeFactory.instance
            .objectNode()
            .put("type", "object")
            .set("properties", JsonNodeFactory.instance.objectNode());

    private final Map<String, String> names = new HashMap<>();
    private final JsonValues values;

    /** @param values counts those of arguments, which are JSON within a text. */
    ToolMessages(JsonValues values) {
        this.values = values;
    }

    /**
     * The tools that a model may call, as chat templates take them.
     *
     * @throws IllegalArgumentException saying what of them is missing, of another kind, or not supported.
     */
    static List<JsonNode> tools(JsonNode json) {
        if (!json.isArray() || json.size() > MAX_TOOLS) {
            throw new IllegalArgumentException("\"tools\" must be a list of at most " + MAX_TOOLS + " tools.");
        }
        List<JsonNode> tools = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (JsonNode tool : json) {
            String where = "tools[" + tools.size() + "]";
            JsonNode function = tool.path("function");
            requireOnly(tool, where, "type", "function");
            if (!tool.path("type").asText().equals("function") || !function.isObject()) {
                throw new IllegalArgumentException(where + " is no function, which alone is supported.");
            }
            requireOnly(function, where + ".function", "name", "description", "parameters", "strict");
            if (!names.add(name(function, where + ".function"))) {
                throw new IllegalArgumentException(where + " has the name of another tool.");
            }
            JsonNode description = function.path("description");
            JsonNode parameters = function.path("parameters");
            boolean isWell =
                    (isNone(description) || description.isTextual()) && (isNone(parameters) || parameters.isObject());
            if (!isWell) {
                throw new IllegalArgumentException(
                        where + " has a \"description\" that is no text, or \"parameters\" that are no JSON schema.");
            }
            ChatMessages.requireTexts(tool, where);
            ObjectNode plain = JsonNodeFactory.instance.objectNode().put("type", "function");
            ObjectNode one =
                    plain.putObject("function").put("name", function.get("name").asText());
            if (!isNone(description)) {
                one.set("description", description);
            }
            // Templates go through them whether there are any or not.
            one.set("parameters", isNone(parameters) ? NO_PARAMETERS : parameters);
            tools.add(plain);
        }
        return tools;
    }

    /**
     * The calls of an assistant's message, their arguments as objects.
     *
     * @throws IllegalArgumentException as {@link #tools}.
     */
    List<JsonNode> calls(JsonNode json, String message) {
        if (!json.isArray() || json.size() > MAX_TOOLS) {
            throw new IllegalArgumentException(
                    message + " needs \"tool_calls\" that are a list of at most " + MAX_TOOLS + ".");
        }
        List<JsonNode> calls = new ArrayList<>();
        for (JsonNode call : json) {
            String where = message + ".tool_calls[" + calls.size() + "]";
            requireOnly(call, where, "id", "type", "function", "index");
            JsonNode function = call.path("function");
            if (!call.path("type").asText("function").equals("function") || !function.isObject()) {
                throw new IllegalArgumentException(where + " is no call of a function, which alone is supported.");
            }
            requireOnly(function, where + ".function", "name", "arguments");
            String name = name(function, where + ".function");
            String id = call.path("id").asText("");
            names.put(id, name);
            ChatMessages.requireTexts(call, where);
            ObjectNode plain =
                    JsonNodeFactory.instance.objectNode().put("id", id).put("type", "function");
            ObjectNode one = plain.putObject("function").put("name", name);
            one.set("arguments", arguments(function.path("arguments"), where));
            calls.add(plain);
        }
        return calls;
    }

    /** The tool that was called by this id; null where none of the messages before did. */
    String nameOf(String id) {
        return names.get(id);
    }

    private JsonNode arguments(JsonNode given, String where) {
        JsonNode arguments = given;
        if (given.isTextual()) {
            try {
                arguments = given.asText().isBlank()
                        ? JsonNodeFactory.instance.objectNode()
                        : values.read(MAPPER, given.asText());
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException(
                        where + " has \"arguments\" that are not JSON: " + e.getOriginalMessage(), e);
            }
        }
        if (!arguments.isObject()) {
            throw new IllegalArgumentException(where + " needs \"arguments\": a JSON object, as text.");
        }
        ChatMessages.requireTexts(arguments, where);
        return arguments;
    }

    private static String name(JsonNode function, String where) {
        String name = function.path("name").asText();
        if (!name.matches(NAME)) {
            throw new IllegalArgumentException(where + " needs a \"name\" of letters, digits, _ and -, of at most 64.");
        }
        return name;
    }

    private static boolean isNone(JsonNode json) {
        return json.isMissingNode() || json.isNull();
    }

    private static void requireOnly(JsonNode json, String where, String... known) {
        for (Map.Entry<String, JsonNode> field : json.properties()) {
            if (!List.of(known).contains(field.getKey()) && !field.getValue().isNull()) {
                throw new IllegalArgumentException(
                        where + " has \"" + field.getKey() + "\", which is not supported. Leave it out.");
            }
        }
    }
}
