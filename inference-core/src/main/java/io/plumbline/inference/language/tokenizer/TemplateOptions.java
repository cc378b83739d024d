package io.plumbline.inference.language.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Variables that a request gives the model's chat template beside the conversation, as whether the model is to reason:
 * templates ask for them by names of their own.
 *
 * @param values by name: Booleans, whole numbers and texts.
 */
public record TemplateOptions(SortedMap<String, JsonNode> values) {
    /** None. */
    public static final TemplateOptions NONE = new TemplateOptions(new TreeMap<>());

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9_]{0,63}");

    /** Variables that every template is given, and functions that templates call. */
    private static final Set<String> RESERVED = Set.of(
            "messages",
            "tools",
            "documents",
            "add_generation_prompt",
            "raise_exception",
            "strftime_now",
            "namespace",
            "range",
            "dict",
            "cycler",
            "joiner",
            "lipsum");

    private static final int MOST = 16;
    private static final int MOST_CHARACTERS = 1024;

    /**
     * Reads them.
     *
     * @param json an object.
     * @throws IllegalArgumentException naming what is of another kind, reserved, or too much.
     */
    public static TemplateOptions parse(JsonNode json) {
        if (!json.isObject() || json.size() > MOST) {
            throw new IllegalArgumentException(
                    "What a chat template is told must be an object of at most " + MOST + " values.");
        }
        SortedMap<String, JsonNode> values = new TreeMap<>();
        for (Map.Entry<String, JsonNode> option : json.properties()) {
            String name = option.getKey();
            JsonNode value = option.getValue();
            if (!NAME.matcher(name).matches() || RESERVED.contains(name) || name.endsWith("_token")) {
                throw new IllegalArgumentException("A chat template is not told \""
                        + name.substring(0, Math.min(name.length(), 64)) + "\" by requests. Leave it out.");
            }
            boolean isText = value.isTextual() && value.asText().length() <= MOST_CHARACTERS;
            if (!value.isBoolean() && !value.isInt() && !isText) {
                throw new IllegalArgumentException("\"" + name + "\", which a chat template is told, must be true or"
                        + " false, a whole number, or a text of at most " + MOST_CHARACTERS + " characters.");
            }
            ChatMessages.requireTexts(value, "\"" + name + "\"");
            values.put(name, value);
        }
        return new TemplateOptions(values);
    }
}
