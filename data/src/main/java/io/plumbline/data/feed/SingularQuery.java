package io.plumbline.data.feed;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A JSONPath query that selects one place: names and indices, as RFC 9535 (2.3.5.1) calls singular queries. Wildcards,
 * slices and filters are refused: they select many, or take time without bound.
 */
final class SingularQuery {
    private static final Pattern SEGMENT =
            Pattern.compile("\\.([A-Za-z_\\x{80}-\\x{10FFFF}][A-Za-z0-9_\\x{80}-\\x{10FFFF}]*)"
                    + "|\\[(-?\\d{1,9})]|\\['([^'\\\\]*)']|\\[\"([^\"\\\\]*)\"]");
    private static final int MOST_SEGMENTS = 64;

    /** A name, or an index from the front or, below 0, from the end. */
    private sealed interface Step {
        JsonNode in(JsonNode node);
    }

    private record Name(String name) implements Step {
        @Override
        public JsonNode in(JsonNode node) {
            return node.isObject() ? node.get(name) : null;
        }
    }

    private record Index(int index) implements Step {
        @Override
        public JsonNode in(JsonNode node) {
            return node.isArray() ? node.get(index < 0 ? node.size() + index : index) : null;
        }
    }

    private final String text;
    private final List<Step> steps;

    private SingularQuery(String text, List<Step> steps) {
        this.text = text;
        this.steps = steps;
    }

    /** @throws IllegalArgumentException where it is no singular query. */
    static SingularQuery parse(String text) {
        List<Step> steps = new ArrayList<>();
        Matcher segment = SEGMENT.matcher(text);
        int at = 1;
        while (text.startsWith("$") && at < text.length() && steps.size() < MOST_SEGMENTS) {
            if (!segment.find(at) || segment.start() != at) {
                break;
            }
            if (segment.group(2) != null) {
                steps.add(new Index(Integer.parseInt(segment.group(2))));
            } else {
                String name = segment.group(1) != null
                        ? segment.group(1)
                        : segment.group(3) != null ? segment.group(3) : segment.group(4);
                steps.add(new Name(name));
            }
            at = segment.end();
        }
        if (!text.startsWith("$") || at < text.length()) {
            throw new IllegalArgumentException("\"" + text + "\" is no JSONPath query of one place, such as"
                    + " $.stations[0].level or $['water level'].");
        }
        return new SingularQuery(text, steps);
    }

    /** The value at the place; null where there is none. */
    JsonNode find(JsonNode root) {
        JsonNode at = root;
        for (Step step : steps) {
            at = at == null ? null : step.in(at);
        }
        return at;
    }

    @Override
    public String toString() {
        return text;
    }
}
