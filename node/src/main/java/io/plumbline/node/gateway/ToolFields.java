package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.node.gateway.answer.AnswerFormat;
import io.plumbline.node.gateway.answer.CallFormat;
import io.plumbline.node.gateway.answer.ToolUse;
import io.plumbline.verifier.grammar.Gbnf;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A chat body's tools and the choice among them. Where a call is asked for, a tool is strict, or the answer has a form,
 * it is held to that by a grammar; otherwise the model is free, and what it writes is read.
 */
final class ToolFields {
    private static final String TOOLS = "tools";
    private static final String CHOICE = "tool_choice";

    private static final ToolFields NONE = new ToolFields(null, null, null);

    private final JsonNode json;
    private final ToolUse use;
    private final Calls calls;

    private ToolFields(JsonNode json, ToolUse use, Calls calls) {
        this.json = json;
        this.use = use;
        this.calls = calls;
    }

    /**
     * Reads them.
     *
     * @throws ApiException where they are none, or the model cannot be held to them.
     */
    static ToolFields of(RequestFields fields, ChatTokenizer tokenizer, AnswerFormat answers) {
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
        CallFormat format = answers.calls();
        if (format == null) {
            throw new ApiException(
                    400,
                    "unsupported_parameter",
                    TOOLS,
                    "\"tools\" are not supported for this model: the way in which it writes calls is not known here.");
        }
        ToolUse use = use(fields, tools, format);
        Calls calls = Calls.of(fields, tools, choice);
        return new ToolFields(tools, use, calls);
    }

    private static void requireNoChoice(RequestFields fields) {
        if (fields.has(CHOICE)
                && !Set.of("none", "auto").contains(fields.json(CHOICE).asText())) {
            throw RequestFields.invalid(CHOICE, "asks for a call, and there are no \"tools\".");
        }
    }

    private static ToolUse use(RequestFields fields, JsonNode tools, CallFormat format) {
        Map<String, JsonNode> schemas = new HashMap<>();
        for (JsonNode tool : tools) {
            JsonNode function = tool.path("function");
            schemas.put(function.path("name").asText(), function.path("parameters"));
        }
        return new ToolUse(format, Map.copyOf(schemas), fields.flag("parallel_tool_calls", true));
    }

    /**
     * The calls that an answer may have, or must.
     *
     * @param callable tools.
     * @param strict names of those whose arguments keep to their schemas in any case.
     */
    private record Calls(List<JsonNode> callable, Set<String> strict, boolean isNeeded, boolean maySeveral) {
        static Calls of(RequestFields fields, JsonNode tools, String choice) {
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
            boolean maySeveral = !isNamed && fields.flag("parallel_tool_calls", true);
            return new Calls(callable, strict, !choice.equals("auto"), maySeveral);
        }
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
     * The grammar that the answer is held to; "" for none. Beside a form it is a call or of the form, unless it must be
     * a call.
     *
     * @param form the one that the body asks for beside; "" for none.
     */
    String grammar(String form) {
        if (!isGiven()) {
            return form;
        }
        if (calls.isNeeded()) {
            return grammar(true);
        }
        if (form.isEmpty()) {
            return calls.strict().isEmpty() ? "" : grammar(false);
        }
        return AnswerForm.checked(TOOLS, () -> Gbnf.either(form, grammar(true)));
    }

    private String grammar(boolean isCallNeeded) {
        return AnswerForm.checked(
                TOOLS, () -> use.format().grammar(calls.callable(), calls.strict(), isCallNeeded, calls.maySeveral()));
    }
}
