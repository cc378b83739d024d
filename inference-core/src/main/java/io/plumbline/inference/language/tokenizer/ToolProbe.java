package io.plumbline.inference.language.tokenizer;

import io.plumbline.inference.language.template.ChatTemplate;
import io.plumbline.inference.language.template.TemplateException;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The use that a chat template makes of tools, by what it writes of some: it may mention tools and take them by another
 * name than {@code tools}.
 *
 * @param showsTools whether the model is told the tools that it may call.
 * @param showsAnswers whether it is told what a tool has answered. Some templates leave out the call before it.
 * @param takesResponses whether it is to be told that beside the call, as {@link ToolResponses} has it.
 */
record ToolProbe(boolean showsTools, boolean showsAnswers, boolean takesResponses) {
    private static final String NAME = "probe_of_tools";
    private static final String ANSWER = "answer_of_a_tool";

    private static final Map<String, Object> PARAMETERS =
            Map.of("type", "object", "properties", Map.of("x", Map.of("type", "string", "description", "x")));

    private static final Map<String, Object> TOOL =
            Map.of("type", "function", "function", Map.of("name", NAME, "description", "x", "parameters", PARAMETERS));

    /** With the nine characters that Mistral's templates ask of an id. */
    private static final String ID = "a1b2c3d4e";

    private static final Map<String, Object> USER = Map.of("role", "user", "content", "x");

    private static final Map<String, Object> CALL = Map.of(
            "role",
            "assistant",
            "content",
            "",
            "tool_calls",
            List.of(Map.of(
                    "id", ID, "type", "function", "function", Map.of("name", NAME, "arguments", Map.of("x", "y")))));

    private static final Map<String, Object> ANSWERED =
            Map.of("role", "tool", "content", ANSWER, "tool_call_id", ID, "name", NAME);

    /**
     * Looks at a template.
     *
     * @param template null for none.
     * @param source of it.
     * @param specials the model's special tokens by their names in templates.
     * @throws TemplateException where this host is too slow to say.
     */
    static ToolProbe of(ChatTemplate template, String source, Map<String, Object> specials, Clock clock) {
        if (template == null) {
            return new ToolProbe(false, false, false);
        }
        String withTools = rendered(template, specials, List.of(USER), clock);
        String withCalls = rendered(template, specials, List.of(USER, CALL, ANSWERED), clock);
        boolean takesResponses = source.contains(ToolResponses.FIELD) && !withCalls.contains(ToolResponses.MARK);
        return new ToolProbe(withTools.contains(NAME), withCalls.contains(ANSWER), takesResponses);
    }

    /** Empty where the template refuses it. */
    private static String rendered(ChatTemplate template, Map<String, Object> specials, List<?> messages, Clock clock) {
        Map<String, Object> variables = new HashMap<>(specials);
        variables.put("messages", messages);
        variables.put("add_generation_prompt", true);
        variables.put("tools", List.of(TOOL));
        try {
            return template.render(variables, clock);
        } catch (TemplateException e) {
            // A host that is slow must not come to another answer.
            if (e.kind() == TemplateException.Kind.TOO_SLOW) {
                throw e;
            }
            return "";
        }
    }
}
