package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.node.gateway.grammar.JsonSchemaGrammar;
import io.plumbline.verifier.grammar.Gbnf;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Calls that are JSON objects of a name and arguments. A grammar can hold an answer to them. */
enum JsonCallFormat implements CallFormat {
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

    /** Mistral, Granite 3: an answer that is a list of {@code {"name": ..., "arguments": {...}}} and nothing else. */
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

    JsonCallFormat(String opening, String closing, String argumentsName) {
        this.opening = opening;
        this.closing = closing;
        this.argumentsName = argumentsName;
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

    @Override
    public String callId(String digits) {
        return this == LISTED ? MistralCallFormat.shortId(digits) : CallFormat.super.callId(digits);
    }

    @Override
    public AnswerReader reader(ToolUse use) {
        return new JsonCallReader(this, use);
    }

    @Override
    public JsonCallFormat held() {
        return this;
    }

    /** Expression of one call and at most {@code more}. */
    abstract String calls(String call, int more);

    /** Expression of any text that holds no call, or of calls. */
    abstract String orCalls(String calls);

    @Override
    public String grammar(List<JsonNode> tools, Set<String> strict, boolean isCallNeeded, boolean mayCallSeveral) {
        ObjectNode all = JsonNodeFactory.instance.objectNode();
        ArrayNode kinds = all.putArray("anyOf");
        Set<String> roots = new HashSet<>();
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
                roots.add("#/anyOf/" + (kinds.size() - 1) + "/properties/" + argumentsName);
                properties.set(argumentsName, parameters);
            } else {
                properties.putObject(argumentsName).put("type", "object");
            }
            kind.putArray("required").add("name").add(argumentsName);
        }
        int more = mayCallSeveral ? MOST_CALLS - 1 : 0;
        String calls = calls("call", more);
        return JsonSchemaGrammar.within(isCallNeeded ? calls : orCalls(calls), "call", all, roots);
    }
}
