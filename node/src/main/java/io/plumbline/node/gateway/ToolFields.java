package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.gateway.tools.ToolFormat;
import io.plumbline.node.gateway.tools.ToolUse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A chat body's tools and the choice among them. Where a call is asked for, or a tool is strict, the answer is held to
 * it by a grammar; otherwise the model is free, and what it writes is read.
 */
final class ToolFields {
    private static final String TOOLS = "tools";
    private static final String CHOICE = "tool_choice";

    private static final ToolFields NONE = new ToolFields(null, null, "");

    private final JsonNode json;
    private final ToolUse use;
    private final String grammar;

    private ToolFields(JsonNode json, ToolUse use, String grammar) {
        this.json = json;
        this.use = use;
        this.grammar = grammar;
    }

    /**
     * Reads them.
     *
     * @throws ApiException where they are none, or the model cannot be held to them.
     */
    static ToolFields of(RequestFields fields, ChatTokenizer tokenizer) {
        JsonNode tools = fields.has(TOOLS) ? fields.json(TOOLS) : null;
        if (tools == null || tools.isArray() && tools.isEmpty()) {
            requireNoChoice(fields);
            return NONE;
        }
        if (!tools.isArray()) {
            throw RequestFields.invalid(TOOLS, "must be a list.");
        }
        String choice = choice(fields);
        if (choice.equals("none")) {
            return NONE;
        }
        if (!tokenizer.knowsTools()) {
            throw new ApiException(
                    400,
                    "unsupported_parameter",
                    TOOLS,
                    "\"tools\" are not supported: this model's chat template knows none. Leave them out, or ask a model"
                            + " that was made for them.");
        }
        ToolFormat format = ToolFormat.of(tokenizer.templateSource());
        if (format == null) {
            throw new ApiException(
                    400,
                    "unsupported_parameter",
                    TOOLS,
                    "\"tools\" are not supported for this model: the way in which it writes calls is not known here.");
        }
        String grammar = grammar(fields, tools, format, choice);
        return new ToolFields(tools, use(fields, tools, format, !grammar.isEmpty()), grammar);
    }

    private static void requireNoChoice(RequestFields fields) {
        if (fields.has(CHOICE)
                && !Set.of("none", "auto").contains(fields.json(CHOICE).asText())) {
            throw RequestFields.invalid(CHOICE, "asks for a call, and there are no \"tools\".");
        }
    }

    private static ToolUse use(RequestFields fields, JsonNode tools, ToolFormat format, boolean isHeld) {
        Set<String> names = new HashSet<>();
        tools.forEach(tool -> names.add(tool.path("function").path("name").asText()));
        return new ToolUse(format, Set.copyOf(names), fields.flag("parallel_tool_calls", true), isHeld);
    }

    private static String grammar(RequestFields fields, JsonNode tools, ToolFormat format, String choice) {
        List<JsonNode> callable = new ArrayList<>();
        Set<String> strict = new HashSet<>();
        boolean isNamed = !Set.of("auto", "required").contains(choice);
        for (JsonNode tool : tools) {
            String name = tool.path("function").path("name").asText();
            if (!isNamed || name.equals(choice)) {
                callable.add(tool);
            }
            if (tool.path("function").path("strict").asBoolean()) {
                strict.add(name);
            }
        }
        if (callable.isEmpty()) {
            throw RequestFields.invalid(CHOICE, "names \"" + choice + "\", which is none of the \"tools\".");
        }
        boolean isCallNeeded = !choice.equals("auto");
        if (!isCallNeeded && strict.isEmpty()) {
            return "";
        }
        boolean maySeveral = !isNamed && fields.flag("parallel_tool_calls", true);
        return AnswerForm.checked(TOOLS, () -> format.grammar(callable, strict, isCallNeeded, maySeveral));
    }

    /** "none", "auto", "required", or the name of the tool to call. */
    private static String choice(RequestFields fields) {
        if (!fields.has(CHOICE)) {
            return "auto";
        }
        JsonNode choice = fields.json(CHOICE);
        if (choice.isTextual() && Set.of("none", "auto", "required").contains(choice.asText())) {
            return choice.asText();
        }
        JsonNode name = choice.path("function").path("name");
        if (!choice.path("type").asText().equals("function") || !name.isTextual()) {
            throw RequestFields.invalid(
                    CHOICE,
                    "must be none, auto, required, or {\"type\": \"function\", \"function\": {\"name\": ...}}.");
        }
        return name.asText();
    }

    /** Whether the model is shown tools. */
    boolean isGiven() {
        return json != null;
    }

    /** The tools, as they were sent. */
    JsonNode json() {
        return json;
    }

    /** How calls are read; null where there are no tools. */
    ToolUse use() {
        return use;
    }

    /**
     * The grammar that the answer is held to.
     *
     * @param form the one that the body asks for beside; "" for none.
     */
    String grammar(String form) {
        if (isGiven() && !form.isEmpty()) {
            throw RequestFields.invalid(
                    TOOLS, "and a form of the answer are not supported together. Keep one of them.");
        }
        return isGiven() ? grammar : form;
    }
}
