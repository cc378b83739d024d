package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * The types that a parameter's JSON schema lets its value have, for formats that write a text and the JSON of a number
 * alike.
 *
 * @param names as JSON Schema has them; empty where it says nothing.
 */
record ParameterType(Set<String> names) {
    /** Schemas that are looked at for one parameter: those of real tools have some, and may refer to themselves. */
    private static final int MAX_SCHEMAS = 256;

    /** @param schema of all parameters: an object's. */
    static ParameterType of(JsonNode schema, String parameter) {
        Set<String> names = new HashSet<>();
        Set<JsonNode> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        collect(schema.path("properties").path(parameter), schema, names, seen);
        return new ParameterType(names);
    }

    private static void collect(JsonNode schema, JsonNode root, Set<String> names, Set<JsonNode> seen) {
        if (seen.size() == MAX_SCHEMAS || !seen.add(schema)) {
            return;
        }
        JsonNode type = schema.path("type");
        if (type.isTextual()) {
            names.add(type.asText());
        }
        type.forEach(one -> names.add(one.asText()));
        schema.path("enum").forEach(one -> names.add(nameOf(one)));
        if (schema.has("const")) {
            names.add(nameOf(schema.get("const")));
        }
        for (String several : new String[] {"anyOf", "oneOf", "allOf"}) {
            schema.path(several).forEach(one -> collect(one, root, names, seen));
        }
        String reference = schema.path("$ref").asText();
        if (reference.startsWith("#/")) {
            collect(root.at(reference.substring(1)), root, names, seen);
        }
    }

    private static String nameOf(JsonNode value) {
        return switch (value.getNodeType()) {
            case STRING -> "string";
            case NUMBER -> value.isIntegralNumber() ? "integer" : "number";
            case BOOLEAN -> "boolean";
            case ARRAY -> "array";
            case OBJECT -> "object";
            default -> "null";
        };
    }

    /** Whether a value may be anything but a text. */
    boolean mayBeOther() {
        return names.isEmpty() || names.size() > 1 || !names.contains("string");
    }

    /** Whether a value that reads as this JSON is meant as it, and not as a text. */
    boolean takes(JsonNode json) {
        if (json.isMissingNode()) {
            return false;
        }
        String name = nameOf(json);
        // A text stands bare in these formats: in quotes it is JSON where no text may come.
        return !names.contains("string")
                || names.contains(name) && !name.equals("string")
                || name.equals("integer") && names.contains("number");
    }
}
