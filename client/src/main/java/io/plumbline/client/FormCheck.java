package io.plumbline.client;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.grammar.Gbnf;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Whether a signed request holds its answer to a grammar where a chat completion's body asks for one, and to none where
 * it does not: a grammar of the server's own could leave the model one thing to say.
 *
 * <p>A grammar that is sent, and a choice of texts, are compared by the letter. How a server words a schema, a regular
 * expression or calls of tools as a grammar is not known here: there must be one.
 */
final class FormCheck {
    /** A form, but not how it is worded. */
    private static final String ANY = "any";

    private static final String NONE = "";
    private static final Set<String> JSON_TYPES = Set.of("json_object", "json_schema");

    /** Behind the first of these a form begins, where the prompt has begun the reasoning. */
    private static final List<String> REASONING_ENDS = List.of("</think>", "[/THINK]");

    private FormCheck() {}

    /**
     * Compares them.
     *
     * @param sent the body, as it was sent.
     * @param tools that the model is told; empty for none.
     * @param grammar of the signed request; "" for none.
     * @throws VerificationException named {@code OPTIONS}.
     */
    static void verify(JsonNode sent, JsonNode tools, String grammar) {
        String form = form(sent);
        if (!tools.isEmpty() && (!form.equals(NONE) || areHeld(sent, tools))) {
            // Of calls, or of either.
            form = ANY;
        }
        if (form.equals(NONE) && !grammar.isEmpty()) {
            throw OptionsCheck.other("the grammar", shown(grammar), "none was asked for");
        }
        if (!form.equals(NONE) && grammar.isEmpty()) {
            throw OptionsCheck.other("no", "grammar", "a form was asked for");
        }
        if (!form.equals(NONE) && !form.equals(ANY) && !isOf(form, grammar)) {
            throw OptionsCheck.other("the grammar", shown(grammar), shown(form) + " was sent");
        }
    }

    private static String shown(String grammar) {
        int end = grammar.offsetByCodePoints(0, Math.min(200, grammar.codePointCount(0, grammar.length())));
        return "\"" + grammar.substring(0, end) + (end < grammar.length() ? "..." : "") + "\"";
    }

    private static boolean isOf(String form, String grammar) {
        return grammar.equals(form) || REASONING_ENDS.stream().anyMatch(end -> grammar.equals(Gbnf.behind(end, form)));
    }

    /** Whether an answer must be a call, or keep to a grammar where it is one. */
    private static boolean areHeld(JsonNode sent, JsonNode tools) {
        boolean isNeeded = sent.hasNonNull("tool_choice")
                && !sent.get("tool_choice").asText().equals("auto");
        for (JsonNode tool : tools) {
            isNeeded |= tool.path("function").path("strict").asBoolean();
        }
        return isNeeded;
    }

    /** The grammar of the form that is asked for by a field; {@link #ANY} where it is not known how that is worded. */
    private static String form(JsonNode sent) {
        JsonNode structured = sent.path("structured_outputs");
        boolean isAny =
                JSON_TYPES.contains(sent.path("response_format").path("type").asText())
                        || structured.hasNonNull("json")
                        || structured.path("json_object").asBoolean()
                        || structured.hasNonNull("regex")
                        || sent.hasNonNull("json_schema")
                        || sent.hasNonNull("guided_json")
                        || sent.hasNonNull("guided_regex");
        if (isAny) {
            return ANY;
        }
        for (JsonNode choice : List.of(structured.path("choice"), sent.path("guided_choice"))) {
            List<String> texts = OptionsCheck.texts(choice);
            if (!texts.isEmpty()) {
                return texts.stream().map(Gbnf::literal).collect(Collectors.joining(" | ", "root ::= ", "\n"));
            }
        }
        String grammar = structured.path("grammar").asText("")
                + sent.path("guided_grammar").asText("");
        // The server takes one form alone: at most one of these says anything.
        return grammar + sent.path("grammar").asText("");
    }
}
