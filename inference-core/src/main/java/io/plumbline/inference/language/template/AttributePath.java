package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.List;

/** The attribute that a filter such as {@code map} is told: {@code "a.b.0"} is the first item of b of a. */
final class AttributePath {
    private final Attributes attributes;
    private final List<Value> parts;

    private AttributePath(Attributes attributes, List<Value> parts) {
        this.attributes = attributes;
        this.parts = parts;
    }

    /** @param attribute a text, a number, or none, which is the value itself. */
    static AttributePath of(Interpreter run, Value attribute) {
        List<Value> parts = new ArrayList<>();
        if (attribute instanceof TextValue text) {
            run.budget().characters(2L * text.text().length());
            run.budget()
                    .objects(2 * (1 + text.text().chars().filter(c -> c == '.').count()));
            for (String part : text.text().split("\\.", -1)) {
                parts.add(isIndex(part) ? IntValue.of(Long.parseLong(part)) : TextValue.of(part));
            }
        } else if (attribute != null && attribute != NoneValue.NONE) {
            parts.add(attribute);
        }
        return new AttributePath(run.attributes(), parts);
    }

    private static boolean isIndex(String part) {
        return !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> Characters.isDigit((char) c));
    }

    /** @param otherwise what stands for an attribute that is not there; null for undefined. */
    Value get(Value object, Value otherwise) {
        Value value = object;
        for (Value part : parts) {
            value = attributes.item(value, part);
            if (otherwise != null && value instanceof Undefined) {
                value = otherwise;
            }
        }
        return value;
    }

    Value get(Value object) {
        return get(object, null);
    }
}
