package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fields of a request's body, read strictly: a field of another kind, a number out of range and a field that
 * nobody honours are refused by name. A null field is one left out, as with OpenAI.
 *
 * @param body an object.
 */
record RequestFields(JsonNode body) {
    RequestFields {
        if (!body.isObject()) {
            throw new ApiException(400, "The request body must be a JSON object.");
        }
    }

    /**
     * Refuses what is in the body and not honoured.
     *
     * @param honoured names of fields that are read.
     * @param harmless names of fields that change nothing about an answer.
     * @param neutral fields that are not honoured, with the values that ask for nothing.
     */
    void requireOnly(Set<String> honoured, Set<String> harmless, Map<String, List<JsonNode>> neutral) {
        for (Map.Entry<String, JsonNode> field : body.properties()) {
            String name = field.getKey();
            if (field.getValue().isNull() || honoured.contains(name) || harmless.contains(name)) {
                continue;
            }
            List<JsonNode> values = neutral.get(name);
            if (values == null) {
                throw new ApiException(
                        400,
                        "unknown_parameter",
                        name,
                        "\"" + name + "\" is not a field that this gateway knows. Leave it out, or correct its name.");
            }
            if (values.stream().noneMatch(value -> isSame(value, field.getValue()))) {
                throw new ApiException(
                        400,
                        "unsupported_parameter",
                        name,
                        "\"" + name + "\" is not supported. Leave it out"
                                + (values.isEmpty() ? "." : ", or " + values.getFirst() + "."));
            }
        }
    }

    /** As {@link #requireOnly(Set, Set, Map)}, where all that is known is honoured. */
    void requireOnly(String... honoured) {
        requireOnly(Set.of(honoured), Set.of(), Map.of());
    }

    /** Whether two values are the same; 0 and 0.0 are. */
    private static boolean isSame(JsonNode one, JsonNode other) {
        return one.isNumber() && other.isNumber() ? one.doubleValue() == other.doubleValue() : one.equals(other);
    }

    boolean has(String field) {
        return body.hasNonNull(field);
    }

    String text(String field, String otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        if (!body.get(field).isTextual()) {
            throw invalid(field, "must be a text.");
        }
        return body.get(field).asText();
    }

    boolean flag(String field, boolean otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        if (!body.get(field).isBoolean()) {
            throw invalid(field, "must be true or false.");
        }
        return body.get(field).asBoolean();
    }

    /** The fields of an object within this one; none where it is left out. */
    RequestFields object(String field) {
        if (!has(field)) {
            return new RequestFields(Http.MAPPER.createObjectNode());
        }
        if (!body.get(field).isObject()) {
            throw invalid(field, "must be an object.");
        }
        return new RequestFields(body.get(field));
    }

    double number(String field, double otherwise, double least, double most) {
        if (!has(field)) {
            return otherwise;
        }
        JsonNode value = body.get(field);
        if (!value.isNumber() || !(value.asDouble() >= least && value.asDouble() <= most)) {
            throw invalid(field, "must be a number from " + plain(least) + " to " + plain(most) + ".");
        }
        return value.asDouble();
    }

    private static String plain(double number) {
        return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
    }

    /** A whole number; {@code 3.0} is one, as JSON has it. */
    long whole(String field, long otherwise, long least, long most) {
        if (!has(field)) {
            return otherwise;
        }
        JsonNode value = body.get(field);
        boolean isWhole = value.isNumber()
                && (value.isIntegralNumber() || value.asDouble() == Math.rint(value.asDouble()))
                && value.canConvertToLong();
        if (!isWhole || value.asLong() < least || value.asLong() > most) {
            boolean isBounded = most < Integer.MAX_VALUE;
            throw invalid(
                    field,
                    most == Long.MAX_VALUE
                            ? "must be a whole number of 64 bits."
                            : "must be a whole number of at least " + least
                                    + (isBounded ? " and at most " + most + "." : "."));
        }
        return value.asLong();
    }

    /** A value that there must be, of any type. */
    JsonNode json(String field) {
        if (!has(field)) {
            throw invalid(field, "is missing.");
        }
        return body.get(field);
    }

    /** A text, or a list of texts. */
    List<String> texts(String field) {
        List<String> texts = new ArrayList<>();
        if (has(field)) {
            JsonNode value = body.get(field);
            for (JsonNode one : value.isArray() ? value : List.of(value)) {
                if (!one.isTextual()) {
                    throw invalid(field, "must be a text or a list of texts.");
                }
                texts.add(one.asText());
            }
        }
        return texts;
    }

    static ApiException invalid(String field, String why) {
        return new ApiException(400, "invalid_value", field, "\"" + field + "\" " + why);
    }
}
