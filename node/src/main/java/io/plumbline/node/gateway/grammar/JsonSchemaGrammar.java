package io.plumbline.node.gateway.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.grammar.Gbnf;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A JSON schema as a grammar of the JSON that it describes. Properties come in the schema's order; where a schema says
 * nothing of other properties than those it names, there are none, as in OpenAI's strict mode; a pattern holds for the
 * whole text; of {@code oneOf} one at least holds. What of a schema cannot be held to is refused by its name and place.
 */
public final class JsonSchemaGrammar {
    private static final int MAX_NESTING = 60;
    private static final int MAX_COUNT = 10_000;

    /** Values looked at and characters written, about: several times what the largest grammar takes. */
    private static final long MAX_WORK = 1 << 21;

    /** Keywords that say nothing about the JSON. */
    private static final Set<String> ANNOTATIONS = Set.of(
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions",
            "title",
            "description",
            "default",
            "examples",
            "example",
            "deprecated",
            "readOnly",
            "writeOnly",
            "strict",
            "discriminator",
            "nullable");

    private static final Set<String> KEYWORDS = Set.of(
            "$ref",
            "type",
            "enum",
            "const",
            "anyOf",
            "oneOf",
            "allOf",
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "minLength",
            "maxLength",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum");

    /** The rules that every grammar of JSON is made of. */
    private static final Map<String, String> BASE = base();

    private final JsonNode root;

    /** Places of the schemas in it whose references are to themselves. */
    private final Set<String> roots;

    private final int longestRoot;
    private final Map<String, String> rules = new LinkedHashMap<>();
    private final Map<String, String> references = new HashMap<>();
    private int nesting;
    private long work;

    private JsonSchemaGrammar(JsonNode root) {
        this(root, Set.of());
    }

    private JsonSchemaGrammar(JsonNode root, Set<String> roots) {
        this.root = root;
        this.roots = roots;
        this.longestRoot = roots.stream().mapToInt(String::length).max().orElse(0);
    }

    private static Map<String, String> base() {
        Map<String, String> base = new LinkedHashMap<>();
        // At most one blank, or one line end and what indents the next line: a model may not go on with blanks for
        // ever.
        base.put("ws", "(\" \" | \"\\n\" [ \\t]{0,32})?");
        base.put("hex", "[0-9a-fA-F]");
        base.put(
                "char",
                "[^\"\\\\\\x00-\\x1F\\x7F] | \"\\\\\" ([\\x22\\\\/bfnrt] | \"u\" ([0-9a-cA-CefEF] hex{3}"
                        + " | [dD] [0-7] hex{2} | [dD] [89abAB] hex{2} \"\\\\u\" [dD] [c-fC-F] hex{2}))");
        base.put("string", "\"\\\"\" char* \"\\\"\"");
        base.put("number", "\"-\"? (\"0\" | [1-9] [0-9]{0,15}) (\".\" [0-9]{1,24})? ([eE] [-+]? [0-9]{1,2})?");
        base.put("boolean", "\"true\" | \"false\"");
        base.put("null", "\"null\"");
        base.put("pair", "string \":\" ws value");
        base.put("object", "\"{\" ws (pair ws (\",\" ws pair ws)*)? \"}\"");
        base.put("array", "\"[\" ws (value ws (\",\" ws value ws)*)? \"]\"");
        base.put("value", "object | array | string | number | boolean | null");
        return base;
    }

    /** The grammar of every JSON object. */
    public static String anyObject() {
        return new JsonSchemaGrammar(JsonNodeFactory.instance.objectNode()).text("object");
    }

    /**
     * The grammar of the JSON that a schema describes.
     *
     * @throws IllegalArgumentException naming what of it cannot be held to, and where it stands.
     */
    public static String of(JsonNode schema) {
        JsonSchemaGrammar grammar = new JsonSchemaGrammar(schema);
        return grammar.text(grammar.expression(schema, "#"));
    }

    /**
     * As {@link #of}, of a text that holds such JSON.
     *
     * @param text expression of the whole text, in which {@code name} stands for the JSON.
     * @param roots places in the schema, none within another, of schemas whose references are to themselves.
     */
    public static String within(String text, String name, JsonNode schema, Set<String> roots) {
        JsonSchemaGrammar grammar = new JsonSchemaGrammar(schema, roots);
        String json = grammar.expression(schema, "#");
        grammar.rules.put(name, json);
        return grammar.text(text);
    }

    /**
     * Whether a grammar can say each of some schemas. Together they may take what one may take: those that come when
     * that is spent are said to be none that it can.
     */
    public static boolean[] canSay(List<JsonNode> schemas) {
        boolean[] can = new boolean[schemas.size()];
        long work = 0;
        for (int i = 0; i < can.length; i++) {
            JsonSchemaGrammar grammar = new JsonSchemaGrammar(schemas.get(i));
            grammar.work = work;
            try {
                grammar.expression(schemas.get(i), "#");
                can[i] = true;
            } catch (IllegalArgumentException e) {
                // It cannot.
            }
            work = grammar.work;
        }
        return can;
    }

    private String text(String rootExpression) {
        StringBuilder out =
                new StringBuilder("root ::= ").append(rootExpression).append('\n');
        rules.forEach(
                (name, body) -> out.append(name).append(" ::= ").append(body).append('\n'));
        BASE.forEach(
                (name, body) -> out.append(name).append(" ::= ").append(body).append('\n'));
        return out.toString();
    }

    /** Refuses a schema that takes more to turn into a grammar than one is worth. */
    private void spend(long more, String where) {
        work += more;
        if (work > MAX_WORK) {
            throw wrong(where, "and those around it make too large a grammar. Ask for less at once");
        }
    }

    private static long values(JsonNode json) {
        long values = 1;
        for (JsonNode one : json) {
            values += values(one);
        }
        return values;
    }

    /** Takes what was written, where it is not too much with all that was written before. */
    private String written(String expression, String where) {
        spend(expression.length(), where);
        return expression;
    }

    private String rule(String body) {
        String name = "r" + rules.size();
        rules.put(name, written(body, "#"));
        return name;
    }

    private String expression(JsonNode schema, String where) {
        if (++nesting > MAX_NESTING) {
            throw wrong(where, "stands more than " + MAX_NESTING + " schemas deep");
        }
        spend(1 + schema.size() + where.length(), where);
        try {
            return written(described(schema, where), where);
        } finally {
            nesting--;
        }
    }

    private String described(JsonNode schema, String where) {
        if (schema.isBoolean() && schema.asBoolean()) {
            return "value";
        }
        if (!schema.isObject()) {
            throw wrong(where, "is no schema that anything keeps to");
        }
        for (Map.Entry<String, JsonNode> field : schema.properties()) {
            if (!KEYWORDS.contains(field.getKey()) && !ANNOTATIONS.contains(field.getKey())) {
                throw wrong(where, "has \"" + field.getKey() + "\", which answers cannot be held to. Leave it out");
            }
        }
        if (schema.has("$ref")) {
            return saysMore(schema, Set.of("$ref"))
                    ? expression(resolved(schema, where), where)
                    : reference(schema, where);
        }
        if (schema.has("const") || schema.has("enum")) {
            return oneOfValues(schema, where);
        }
        if (schema.has("allOf")) {
            // Each copy is paid for before it is made.
            spend(values(schema), where);
            JsonNode merged = without(schema, "allOf");
            for (JsonNode part : schema.get("allOf")) {
                merged = merged(merged, resolved(part, where), where);
            }
            return expression(merged, where);
        }
        for (String either : List.of("anyOf", "oneOf")) {
            if (schema.has(either)) {
                List<String> parts = new ArrayList<>();
                spend(values(schema), where);
                JsonNode others = without(schema, either);
                boolean isAlone = !saysMore(others, Set.of());
                for (JsonNode part : schema.get(either)) {
                    JsonNode one = isAlone && (part.has("type") || part.has("$ref"))
                            ? part
                            : merged(others, resolved(part, where), where);
                    parts.add(expression(one, where + "/" + either + "/" + parts.size()));
                }
                if (parts.isEmpty()) {
                    throw wrong(where, "has \"" + either + "\" of no schemas");
                }
                return "(" + String.join(" | ", parts) + ")";
            }
        }
        return typed(schema, where);
    }

    /** Whether a schema has keywords that are held to, beside some. */
    private static boolean saysMore(JsonNode schema, Set<String> beside) {
        return schema.properties().stream()
                .anyMatch(field -> !ANNOTATIONS.contains(field.getKey()) && !beside.contains(field.getKey()));
    }

    /** Of the values that a schema names, those of its type. */
    private String oneOfValues(JsonNode schema, String where) {
        if (saysMore(schema, Set.of("const", "enum", "type"))) {
            throw wrong(
                    where,
                    "names its values and has other keywords beside \"type\". Leave those out, and the values that"
                            + " they forbid");
        }
        List<JsonNode> values = new ArrayList<>();
        if (schema.has("const")) {
            JsonNode only = schema.get("const");
            if (!schema.has("enum") || iterable(schema.get("enum")).contains(only)) {
                values.add(only);
            }
        } else {
            schema.get("enum").forEach(values::add);
        }
        if (schema.has("type")) {
            Set<String> types = typeNames(schema.get("type"));
            values.removeIf(value -> Collections.disjoint(typesOf(value), types));
        }
        if (values.isEmpty()) {
            throw wrong(where, "has an \"enum\" or a \"const\" that leaves no value");
        }
        return values.stream()
                .map(value -> Gbnf.literal(value.toString()))
                .collect(Collectors.joining(" | ", "(", ")"));
    }

    /** The types that a value is of, one or two, so that it need not be held against each that a schema names. */
    private static List<String> typesOf(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> List.of("object");
            case ARRAY -> List.of("array");
            case STRING -> List.of("string");
            case BOOLEAN -> List.of("boolean");
            case NULL -> List.of("null");
            case NUMBER ->
                value.isIntegralNumber()
                                || value.decimalValue().stripTrailingZeros().scale() <= 0
                        ? List.of("integer", "number")
                        : List.of("number");
            default -> List.of();
        };
    }

    /** Each of the types that a schema names once: a list may be as long as a request. */
    private static Set<String> typeNames(JsonNode type) {
        Set<String> names = new LinkedHashSet<>();
        for (JsonNode one : type.isArray() ? type : List.of(type)) {
            names.add(one.asText());
        }
        return names;
    }

    private String typed(JsonNode schema, String where) {
        JsonNode type = schema.path("type");
        if (type.isArray()) {
            List<String> parts = new ArrayList<>();
            for (JsonNode one : type) {
                parts.add(written(ofType(one.asText(), schema, where), where));
            }
            if (parts.isEmpty()) {
                throw wrong(where, "has no \"type\" that anything has");
            }
            return "(" + String.join(" | ", parts) + ")";
        }
        return ofType(type.isMissingNode() ? implied(schema) : type.asText(), schema, where);
    }

    /** The type whose keywords a schema uses that names none. */
    private static String implied(JsonNode schema) {
        Map<String, List<String>> keywords = new TreeMap<>(Map.of(
                "object", List.of("properties", "additionalProperties", "required", "minProperties", "maxProperties"),
                "array", List.of("items", "prefixItems", "minItems", "maxItems"),
                "string", List.of("pattern", "format", "minLength", "maxLength"),
                "number", List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")));
        for (Map.Entry<String, List<String>> one : keywords.entrySet()) {
            if (one.getValue().stream().anyMatch(schema::has)) {
                return one.getKey();
            }
        }
        return "any";
    }

    private String ofType(String type, JsonNode schema, String where) {
        return switch (type) {
            case "any" -> "value";
            case "object" -> object(schema, where);
            case "array" -> array(schema, where);
            case "string" -> string(schema, where);
            case "integer" -> number(schema, where, true);
            case "number" -> number(schema, where, false);
            case "boolean", "null" -> type;
            default -> throw wrong(where, "has the \"type\" \"" + type + "\", which JSON does not have");
        };
    }

    private String reference(JsonNode schema, String where) {
        String pointer = place(schema, where);
        String known = references.get(pointer);
        if (known == null) {
            // Named before it is written: it may hold itself.
            known = "ref" + references.size();
            references.put(pointer, known);
            rules.put(known, "");
            String body = expression(resolved(schema, where), pointer);
            rules.put(known, body);
        }
        return known;
    }

    private static boolean isPlace(String pointer) {
        return pointer.equals("#") || pointer.startsWith("#/");
    }

    /** Where a reference in the schema at {@code where} leads to, from the root of all. */
    private String place(JsonNode schema, String where) {
        String pointer = schema.get("$ref").asText();
        return isPlace(pointer) ? rootOf(where) + pointer.substring(1) : pointer;
    }

    private String rootOf(String where) {
        // There may be thousands of roots, and as many references: it is looked up by each beginning of the place.
        for (int end = 1; end >= 0 && end <= longestRoot; end = where.indexOf('/', end + 1)) {
            if (roots.contains(where.substring(0, end))) {
                return where.substring(0, end);
            }
        }
        return roots.contains(where) ? where : "#";
    }

    private JsonNode resolved(JsonNode schema, String where) {
        JsonNode at = schema;
        for (int steps = 0; at.has("$ref"); steps++) {
            String named = at.get("$ref").asText();
            spend(named.length(), where);
            if (!isPlace(named) || steps > MAX_NESTING) {
                throw wrong(where, "refers to \"" + named + "\", which is not in this schema");
            }
            String pointer = place(at, where);
            String path = URLDecoder.decode(pointer.substring(1).replace("+", "%2B"), StandardCharsets.UTF_8);
            JsonNode target = root.at(path);
            if (target.isMissingNode()) {
                throw wrong(where, "refers to \"" + named + "\", which is not in this schema");
            }
            // Keywords beside a reference hold too.
            if (saysMore(at, Set.of("$ref"))) {
                spend(values(at), where);
                at = merged(without(at, "$ref"), target, where);
            } else {
                at = target;
            }
        }
        return at;
    }

    private static ObjectNode without(JsonNode schema, String keyword) {
        ObjectNode copy = schema.deepCopy();
        copy.remove(keyword);
        return copy;
    }

    /** A schema that keeps to both. */
    private JsonNode merged(JsonNode one, JsonNode other, String where) {
        if (other.isBoolean() && other.asBoolean()) {
            return one;
        }
        if (one.isBoolean() && one.asBoolean()) {
            return other;
        }
        if (!one.isObject() || !other.isObject()) {
            throw wrong(where, "joins schemas one of which is no object");
        }
        spend(values(one) + values(other), where);
        ObjectNode all = one.deepCopy();
        for (Map.Entry<String, JsonNode> field : other.properties()) {
            String name = field.getKey();
            JsonNode mine = all.get(name);
            if (mine == null || mine.equals(field.getValue()) || ANNOTATIONS.contains(name)) {
                all.set(name, field.getValue());
            } else if (name.equals("properties") && mine.isObject()) {
                ObjectNode properties = mine.deepCopy();
                for (Map.Entry<String, JsonNode> property : field.getValue().properties()) {
                    JsonNode before = properties.get(property.getKey());
                    properties.set(
                            property.getKey(),
                            before == null ? property.getValue() : merged(before, property.getValue(), where));
                }
                all.set(name, properties);
            } else if (name.equals("required") && mine.isArray()) {
                ((ArrayNode) mine).addAll(iterable(field.getValue()));
            } else if (name.equals("type")) {
                all.set(name, commonType(mine, field.getValue(), where));
            } else {
                throw wrong(where, "joins schemas that say \"" + name + "\" differently");
            }
        }
        return all;
    }

    /** The types that both name; an integer is a number too. */
    private static JsonNode commonType(JsonNode one, JsonNode other, String where) {
        Set<String> types = typeNames(one);
        Set<String> others = typeNames(other);
        boolean isInteger = types.contains("integer") && others.contains("number")
                || types.contains("number") && others.contains("integer");
        types.retainAll(others);
        if (isInteger) {
            types.add("integer");
        }
        if (types.isEmpty()) {
            throw wrong(where, "joins schemas that say \"type\" differently");
        }
        ArrayNode common = JsonNodeFactory.instance.arrayNode();
        types.forEach(common::add);
        return common.size() == 1 ? common.get(0) : common;
    }

    private static List<JsonNode> iterable(JsonNode list) {
        List<JsonNode> all = new ArrayList<>();
        list.forEach(all::add);
        return all;
    }

    private String object(JsonNode schema, String where) {
        Set<String> required = new LinkedHashSet<>();
        schema.path("required").forEach(name -> required.add(name.asText()));
        JsonNode properties = schema.path("properties");
        JsonNode additional = schema.path("additionalProperties");
        boolean hasNamed = !properties.isEmpty();
        boolean mayHaveOthers =
                additional.isMissingNode() ? !hasNamed : !additional.isBoolean() || additional.asBoolean();
        for (String name : required) {
            if (!properties.has(name)) {
                throw wrong(where, "requires \"" + name + "\" and does not describe it");
            }
        }
        if (!hasNamed) {
            String value = additional.isMissingNode()
                    ? "value"
                    : mayHaveOthers ? expression(additional, where + "/additionalProperties") : null;
            String pair = value == null ? null : "string \":\" ws " + value + " ws";
            return list(
                    "{",
                    pair,
                    "}",
                    count(schema, "minProperties", 0, where),
                    count(schema, "maxProperties", -1, where));
        }
        if (schema.has("minProperties") || schema.has("maxProperties")) {
            throw wrong(where, "has counts of its properties beside their names. Leave the counts out");
        }
        String others = null;
        if (mayHaveOthers) {
            List<String> names = new ArrayList<>();
            properties.fieldNames().forEachRemaining(names::add);
            String value = additional.isMissingNode() || additional.isBoolean()
                    ? "value"
                    : expression(additional, where + "/additionalProperties");
            String other = OtherNames.than(names);
            if (other == null) {
                throw wrong(where, "has long names beside others. Give it \"additionalProperties\": false");
            }
            others = rule(other + " \":\" ws " + value + " ws");
        }
        return "\"{\" ws " + members(properties, required, others, where) + " \"}\"";
    }

    /** The members of an object in their order, those that are not required or left out. */
    private String members(JsonNode properties, Set<String> required, String others, String where) {
        // The text behind the members so far: where one of them stands already, and where none does.
        String afterSome = others == null ? "" : "(\",\" ws " + others + ")*";
        String afterNone = others == null ? "" : "(" + others + " (\",\" ws " + others + ")*)?";
        List<Map.Entry<String, JsonNode>> all = new ArrayList<>(properties.properties());
        for (Map.Entry<String, JsonNode> property : all.reversed()) {
            String name = property.getKey();
            String value = expression(property.getValue(), where + "/properties/" + name);
            spend(value.length() + name.length() + afterSome.length() / 8 + afterNone.length() / 8, where);
            String member =
                    Gbnf.literal(JsonNodeFactory.instance.textNode(name).toString()) + " \":\" ws " + value + " ws ";
            if (required.contains(name)) {
                afterNone = member + afterSome;
                afterSome = "\",\" ws " + member + afterSome;
            } else {
                String some = afterSome.isEmpty() ? "" : rule(afterSome);
                String none = afterNone.isEmpty() ? "" : rule(afterNone);
                String part = rule(member);
                afterSome = "(\",\" ws " + part + ")? " + some;
                afterNone = "(" + part + " " + some + (none.isEmpty() ? ")?" : " | " + none + ")");
            }
        }
        return afterNone;
    }

    private String array(JsonNode schema, String where) {
        long least = count(schema, "minItems", 0, where);
        long most = count(schema, "maxItems", -1, where);
        JsonNode items = schema.path("items");
        JsonNode first = schema.path("prefixItems");
        boolean isClosed = items.isBoolean() && !items.asBoolean();
        if (first.isArray() && !first.isEmpty()) {
            boolean isWhole = isClosed || most == first.size() || items.isMissingNode();
            if (!isWhole || least != 0 && least != first.size() || most >= 0 && most != first.size()) {
                throw wrong(where, "has \"prefixItems\" and others behind them. Give it \"items\": false");
            }
            List<String> parts = new ArrayList<>();
            for (JsonNode one : first) {
                parts.add(expression(one, where + "/prefixItems/" + parts.size()) + " ws");
            }
            return "\"[\" ws " + String.join(" \",\" ws ", parts) + " \"]\"";
        }
        String item =
                isClosed ? null : items.isMissingNode() ? "value ws" : expression(items, where + "/items") + " ws";
        return list("[", item, "]", least, most);
    }

    /** Between brackets, {@code least} to {@code most} parts, apart by commas; {@code part} null for none ever. */
    private String list(String open, String part, String close, long least, long most) {
        String begin = "\"" + open + "\" ws ";
        String end = "\"" + close + "\"";
        if (part == null || most == 0) {
            return begin + end;
        }
        String one = rule(part);
        String more = Gbnf.repeated("\",\" ws " + one, Math.max(0, least - 1), most < 0 ? -1 : most - 1);
        return begin + "(" + one + " " + more + ")" + (least == 0 ? "? " : " ") + end;
    }

    private String string(JsonNode schema, String where) {
        long least = count(schema, "minLength", 0, where);
        long most = count(schema, "maxLength", -1, where);
        String pattern = schema.has("pattern") ? schema.get("pattern").asText() : null;
        if (schema.has("format")) {
            String format = schema.get("format").asText();
            String known = StringFormats.PATTERNS.get(format);
            if (known == null) {
                throw wrong(
                        where,
                        "has the \"format\" \"" + format + "\"; those known are "
                                + String.join(", ", StringFormats.PATTERNS.keySet()));
            }
            if (pattern != null) {
                throw wrong(where, "has a \"format\" and a \"pattern\". Leave one out");
            }
            pattern = known;
        }
        if (pattern == null) {
            return least == 0 && most < 0 ? "string" : "\"\\\"\" " + Gbnf.repeated("char", least, most) + " \"\\\"\"";
        }
        if (least > 0 || most >= 0) {
            throw wrong(where, "has a pattern and a length. Leave one out");
        }
        try {
            return "\"\\\"\" " + RegexGrammar.expression(pattern, JsonSchemaGrammar::inString) + " \"\\\"\"";
        } catch (IllegalArgumentException e) {
            throw wrong(where, "has a \"pattern\" that is not supported. " + e.getMessage());
        }
    }

    /** One character of a set as a JSON text spells it. */
    private static String inString(CharacterSet set) {
        List<int[]> special =
                List.of(new int[] {0, 0x1F}, new int[] {'"', '"'}, new int[] {'\\', '\\'}, new int[] {0x7F, 0x7F});
        List<String> all = new ArrayList<>();
        CharacterSet plain = set.minus(special);
        if (!plain.isEmpty()) {
            all.add(plain.gbnf());
        }
        Map<Integer, String> escapes = new TreeMap<>(Map.of(
                (int) '"',
                "\\\"",
                (int) '\\',
                "\\\\",
                (int) '\n',
                "\\n",
                (int) '\r',
                "\\r",
                (int) '\t',
                "\\t",
                (int) '\f',
                "\\f",
                (int) '\b',
                "\\b"));
        escapes.forEach((c, escape) -> {
            if (set.contains(c)) {
                all.add(Gbnf.literal(escape));
            }
        });
        return all.isEmpty() ? null : "(" + String.join(" | ", all) + ")";
    }

    private String number(JsonNode schema, String where, boolean isWhole) {
        Long least = bound(schema, "minimum", where);
        Long most = bound(schema, "maximum", where);
        Long above = bound(schema, "exclusiveMinimum", where);
        Long below = bound(schema, "exclusiveMaximum", where);
        if (least == null && most == null && above == null && below == null) {
            return isWhole ? "\"-\"? " + NumberGrammar.whole(0, null) : "number";
        }
        boolean excludesLeast = above != null && (least == null || above >= least);
        boolean excludesMost = below != null && (most == null || below <= most);
        Long from = excludesLeast ? above : least;
        Long to = excludesMost ? below : most;
        if (isWhole) {
            from = excludesLeast ? Long.valueOf(from + 1) : from;
            to = excludesMost ? Long.valueOf(to - 1) : to;
        }
        String all = NumberGrammar.of(from, to, isWhole, !isWhole && excludesLeast, !isWhole && excludesMost);
        if (all == null) {
            throw wrong(where, "leaves no number between its bounds");
        }
        return all;
    }

    private static Long bound(JsonNode schema, String keyword, String where) {
        JsonNode bound = schema.path(keyword);
        if (bound.isMissingNode()) {
            return null;
        }
        double value = bound.asDouble(Double.NaN);
        if (!bound.isNumber() || value != Math.rint(value) || Math.abs(value) > 1e15) {
            throw wrong(where, "has a \"" + keyword + "\" that is no whole number of at most 15 digits");
        }
        return (long) value;
    }

    private static long count(JsonNode schema, String keyword, long otherwise, String where) {
        JsonNode count = schema.path(keyword);
        if (count.isMissingNode()) {
            return otherwise;
        }
        if (!count.isIntegralNumber() || count.asLong() < 0 || count.asLong() > MAX_COUNT) {
            throw wrong(where, "has a \"" + keyword + "\" that is no whole number up to " + MAX_COUNT);
        }
        return count.asLong();
    }

    private static IllegalArgumentException wrong(String where, String what) {
        return new IllegalArgumentException("The schema at " + where + " " + what + ".");
    }
}
