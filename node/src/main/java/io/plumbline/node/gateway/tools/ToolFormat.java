package io.plumbline.node.gateway.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.gateway.grammar.Gbnf;
import io.plumbline.node.gateway.grammar.JsonSchemaGrammar;
import java.util.List;
import java.util.Set;

/** How a family of models writes calls of tools. */
public enum ToolFormat {
    /** Hermes, Qwen 2.5 and 3: {@code <tool_call>{"name": ..., "arguments": {...}}</tool_call>}, behind a text. */
    TAGGED("<tool_call>", "</tool_call>", "arguments") {
        @Override
        String calls(String call, int more) {
            String tagged = "\"<tool_call>\\n\" " + call + " \"\\n</tool_call>\"";
            return tagged + " " + Gbnf.repeated("\"\\n\" " + tagged, 0, more);
        }

        @Override
        String orCalls(String calls) {
            return Gbnf.without("<tool_call>") + " (" + calls + ")?";
        }
    },

    /** Llama 3: an answer that is {@code {"name": ..., "parameters": {...}}} and nothing else. */
    BARE("{", "", "parameters") {
        @Override
        String calls(String call, int more) {
            return call;
        }

        @Override
        String orCalls(String calls) {
            return "([ \\n]* ([^{ \\n] .*)? | " + calls + ")";
        }
    },

    /** Mistral: an answer that is a list of {@code {"name": ..., "arguments": {...}}} and nothing else. */
    LISTED("[", "", "arguments") {
        @Override
        String calls(String call, int more) {
            return "\"[\" " + call + " " + Gbnf.repeated("\", \" " + call, 0, more) + " \"]\"";
        }

        @Override
        String orCalls(String calls) {
            return "([ \\n]* ([^\\[ \\n] .*)? | " + calls + ")";
        }
    };

    /** Calls in one answer that a grammar lets come. */
    private static final int MOST_CALLS = 8;

    private final String opening;
    private final String closing;
    private final String argumentsName;

    ToolFormat(String opening, String closing, String argumentsName) {
        this.opening = opening;
        this.closing = closing;
        this.argumentsName = argumentsName;
    }

    /**
     * The format that a model's chat template teaches.
     *
     * @param template its source.
     * @return null where it is none of these.
     */
    public static ToolFormat of(String template) {
        if (template.contains("<tool_call>") && !template.contains("<function=") && template.contains("arguments")) {
            return TAGGED;
        }
        if (template.contains("[TOOL_CALLS]") && !template.contains("[ARGS]")) {
            return LISTED;
        }
        return template.contains("{\"name\": function name, \"parameters\": ") ? BARE : null;
    }

    /** The text that calls begin with. */
    String opening() {
        return opening;
    }

    /** The text that they end with; empty where that is the answer's end. */
    String closing() {
        return closing;
    }

    /** Whether a call is the whole answer. */
    boolean isWhole() {
        return closing.isEmpty();
    }

    String argumentsName() {
        return argumentsName;
    }

    /** The id of a call, as the family's chat templates take it back: of hexadecimal digits that are the call's own. */
    public String callId(String digits) {
        return this == LISTED ? digits.substring(0, 9) : "call_" + digits.substring(0, 24);
    }

    /** Expression of one call and at most {@code more}. */
    abstract String calls(String call, int more);

    /** Expression of any text that holds no call, or of calls. */
    abstract String orCalls(String calls);

    /**
     * The grammar of answers that call a tool.
     *
     * @param tools those that may be called.
     * @param strict names of those whose arguments must keep to their schemas. Those of the others do where a grammar
     *     can say it, and are any object where none can.
     * @param isCallNeeded whether there is a call in any case; a text that holds none otherwise.
     * @param mayCallSeveral whether more than one call may come.
     * @throws IllegalArgumentException naming what of a schema cannot be held to.
     */
    public String grammar(List<JsonNode> tools, Set<String> strict, boolean isCallNeeded, boolean mayCallSeveral) {
        ObjectNode all = JsonNodeFactory.instance.objectNode();
        ArrayNode kinds = all.putArray("anyOf");
        boolean[] canSay = JsonSchemaGrammar.canSay(tools.stream()
                .map(tool -> tool.path("function").path("parameters"))
                .toList());
        for (JsonNode tool : tools) {
            JsonNode function = tool.path("function");
            String name = function.path("name").asText();
            ObjectNode kind = kinds.addObject().put("type", "object");
            ObjectNode properties = kind.putObject("properties");
            properties.putObject("name").put("const", name);
            JsonNode parameters = function.path("parameters");
            if (parameters.isObject() && (strict.contains(name) || canSay[kinds.size() - 1])) {
                String place = "#/anyOf/" + (kinds.size() - 1) + "/properties/" + argumentsName;
                properties.set(argumentsName, moved(parameters, place));
            } else {
                properties.putObject(argumentsName).put("type", "object");
            }
            kind.putArray("required").add("name").add(argumentsName);
        }
        int more = mayCallSeveral ? MOST_CALLS - 1 : 0;
        String calls = calls("call", more);
        return JsonSchemaGrammar.within(isCallNeeded ? calls : orCalls(calls), "call", all);
    }

    /** A schema whose references are to itself, moved to another place of a larger one. */
    private static JsonNode moved(JsonNode schema, String place) {
        if (schema.isArray()) {
            ArrayNode list = JsonNodeFactory.instance.arrayNode();
            schema.forEach(one -> list.add(moved(one, place)));
            return list;
        }
        if (!schema.isObject()) {
            return schema;
        }
        ObjectNode copy = JsonNodeFactory.instance.objectNode();
        schema.properties().forEach(one -> {
            boolean isReference = one.getKey().equals("$ref")
                    && one.getValue().isTextual()
                    && one.getValue().asText().startsWith("#");
            if (isReference) {
                copy.put("$ref", place + one.getValue().asText().substring(1));
            } else {
                copy.set(one.getKey(), moved(one.getValue(), place));
            }
        });
        return copy;
    }
}
