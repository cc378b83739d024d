package io.plumbline.node.gateway;

import io.plumbline.node.gateway.grammar.JsonSchemaGrammar;
import io.plumbline.node.gateway.grammar.RegexGrammar;
import io.plumbline.verifier.grammar.Gbnf;
import io.plumbline.verifier.grammar.Grammar;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The form that a client asks an answer in, as the grammar that the request holds: OpenAI's {@code response_format}
 * (JSON objects and JSON schemas), vLLM's {@code structured_outputs} (a schema, a regular expression, a choice of texts
 * or a grammar; {@code guided_json} and its kin before it), and llama.cpp's {@code grammar} and {@code json_schema}.
 */
final class AnswerForm {
    private static final String FORMAT = "response_format";
    private static final String STRUCTURED = "structured_outputs";
    private static final String GRAMMAR = "grammar";

    private static final String SCHEMA = "json_schema";
    private static final String GUIDED = "guided_";

    /** The fields of a body that this reads. */
    static final List<String> FIELDS = List.of(
            FORMAT,
            STRUCTURED,
            GRAMMAR,
            SCHEMA,
            GUIDED + "json",
            GUIDED + "regex",
            GUIDED + "choice",
            GUIDED + "grammar");

    private AnswerForm() {}

    /**
     * The grammar that a body asks for; "" for none.
     *
     * @throws ApiException naming the field that cannot be held to.
     */
    static String of(RequestFields fields) {
        String format = checked(FORMAT, () -> format(fields.object(FORMAT)));
        RequestFields structured = fields.object(STRUCTURED);
        structured.requireOnly("json", "regex", "choice", "grammar", "json_object");
        List<String> asked = new ArrayList<>(List.of(
                format,
                checked(STRUCTURED, () -> structured(structured, "", STRUCTURED)),
                checked(GUIDED + "json", () -> structured(fields, GUIDED, GUIDED + "json")),
                checked(SCHEMA, () -> fields.has(SCHEMA) ? JsonSchemaGrammar.of(fields.json(SCHEMA)) : ""),
                checked(GRAMMAR, () -> fields.text(GRAMMAR, ""))));
        asked.removeIf(String::isEmpty);
        if (asked.size() > 1) {
            throw RequestFields.invalid(FORMAT, "and others of " + FIELDS + " ask for a form each. Keep one of them.");
        }
        return asked.isEmpty() ? "" : asked.getFirst();
    }

    /** A grammar that can be followed, or a refusal that names the field it comes of. */
    static String checked(String field, Supplier<String> maker) {
        try {
            String grammar = maker.get();
            if (!grammar.isEmpty()) {
                Grammar.parse(grammar);
            }
            return grammar;
        } catch (IllegalArgumentException e) {
            throw new ApiException(400, "invalid_value", field, "\"" + field + "\": " + e.getMessage());
        }
    }

    private static String format(RequestFields format) {
        String type = format.text("type", "text");
        return switch (type) {
            case "text" -> {
                format.requireOnly("type");
                yield "";
            }
            case "json_object" -> {
                format.requireOnly("type");
                yield JsonSchemaGrammar.anyObject();
            }
            case "json_schema" -> {
                format.requireOnly("type", "json_schema");
                RequestFields named = format.object("json_schema");
                named.requireOnly(Set.of("schema"), Set.of("name", "description", "strict"), Map.of());
                yield JsonSchemaGrammar.of(named.json("schema"));
            }
            default ->
                throw RequestFields.invalid(
                        FORMAT, "has the type \"" + type + "\"; those known are text, json_object and json_schema.");
        };
    }

    /** @param prefix of the names of its fields. */
    private static String structured(RequestFields structured, String prefix, String field) {
        List<String> asked = new ArrayList<>();
        if (structured.has(prefix + "json")) {
            asked.add(JsonSchemaGrammar.of(structured.json(prefix + "json")));
        }
        if (structured.flag(prefix + "json_object", false)) {
            asked.add(JsonSchemaGrammar.anyObject());
        }
        if (structured.has(prefix + "regex")) {
            asked.add(RegexGrammar.of(structured.text(prefix + "regex", "")));
        }
        if (structured.has(prefix + "choice")) {
            List<String> texts = structured.texts(prefix + "choice").stream()
                    .map(Gbnf::literal)
                    .toList();
            if (texts.isEmpty()) {
                throw RequestFields.invalid(field, "has a choice of no texts.");
            }
            asked.add("root ::= " + String.join(" | ", texts) + "\n");
        }
        if (structured.has(prefix + "grammar")) {
            asked.add(structured.text(prefix + "grammar", ""));
        }
        if (asked.size() > 1) {
            throw RequestFields.invalid(field, "asks for several forms. Keep one of them.");
        }
        return asked.isEmpty() ? "" : asked.getFirst();
    }
}
