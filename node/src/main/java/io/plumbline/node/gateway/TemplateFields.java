package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.TemplateOptions;
import java.util.Set;

/** Reads what a chat body has for the model's chat template: {@code chat_template_kwargs}, {@code reasoning_effort}. */
final class TemplateFields {
    private static final String KWARGS = "chat_template_kwargs";
    private static final String EFFORT = "reasoning_effort";
    private static final String THINKING = "enable_thinking";
    private static final Set<String> EFFORTS = Set.of("none", "minimal", "low", "medium", "high", "xhigh");

    private TemplateFields() {}

    /**
     * Reads them. No effort of a model that knows none is no thinking, where it knows that.
     *
     * @return as {@link TemplateOptions} has them; null for none.
     * @throws ApiException where the template does not ask for one of them.
     */
    static JsonNode of(RequestFields fields, ChatTokenizer tokenizer) {
        ObjectNode options = Http.MAPPER.createObjectNode();
        if (fields.has(KWARGS)) {
            JsonNode given = fields.json(KWARGS);
            try {
                options = Http.MAPPER.valueToTree(TemplateOptions.parse(given).values());
            } catch (IllegalArgumentException e) {
                throw RequestFields.invalid(KWARGS, "is not taken: " + e.getMessage());
            }
            options.fieldNames().forEachRemaining(name -> require(tokenizer, name, KWARGS));
        }
        String effort = fields.text(EFFORT, null);
        if (effort != null) {
            if (!EFFORTS.contains(effort)) {
                throw RequestFields.invalid(EFFORT, "must be none, minimal, low, medium, high or xhigh.");
            }
            boolean isNone = effort.equals("none") && !tokenizer.templateAsksFor(EFFORT);
            String name = isNone && tokenizer.templateAsksFor(THINKING) ? THINKING : EFFORT;
            require(tokenizer, name, EFFORT);
            if (options.has(name)) {
                throw RequestFields.invalid(EFFORT, "says again what \"" + KWARGS + "\" says. Leave one out.");
            }
            if (name.equals(THINKING)) {
                options.put(name, false);
            } else {
                options.put(name, effort);
            }
        }
        return options.isEmpty() ? null : options;
    }

    private static void require(ChatTokenizer tokenizer, String name, String field) {
        if (!tokenizer.templateAsksFor(name)) {
            throw new ApiException(
                    400,
                    "unsupported_parameter",
                    field,
                    "\"" + field + "\" is not supported: this model's chat template does not ask for \"" + name
                            + "\". Leave it out.");
        }
    }
}
