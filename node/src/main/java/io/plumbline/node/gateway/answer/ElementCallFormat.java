package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Calls whose arguments are elements, one a parameter. A value has the type that its schema says. */
enum ElementCallFormat implements CallFormat {
    /** Qwen3-Coder: {@code <function=NAME><parameter=KEY>\nVALUE\n</parameter></function>}. */
    FUNCTION {
        @Override
        Read read(String body, ToolUse use) {
            Cursor at = new Cursor(body.strip());
            String name = at.skip("<function=") ? at.to(">") : null;
            if (name == null) {
                return null;
            }
            Map<String, String> values = new LinkedHashMap<>();
            while (at.skipBlanks().skip("<parameter=")) {
                String key = at.to(">");
                String value = key == null ? null : at.toBefore("</parameter>", "<parameter=", "</function>");
                if (value == null) {
                    return null;
                }
                values.put(key.strip(), withoutLines(value));
            }
            return at.skip("</function>") && at.isAtEnd() ? Read.of(name.strip(), values, use) : null;
        }
    },

    /** GLM-4.5: {@code NAME\n<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>}. */
    KEY_AND_VALUE {
        @Override
        Read read(String body, ToolUse use) {
            int end = body.indexOf("<arg_key>");
            String name = end < 0 ? body : body.substring(0, end);
            Cursor at = new Cursor(end < 0 ? "" : body.substring(end).strip());
            Map<String, String> values = new LinkedHashMap<>();
            while (at.skipBlanks().skip("<arg_key>")) {
                String key = at.to("</arg_key>");
                String value = at.skipBlanks().skip("<arg_value>") ? at.toBefore("</arg_value>", "<arg_key>") : null;
                if (key == null || value == null) {
                    return null;
                }
                values.put(key.strip(), value);
            }
            return at.isAtEnd() ? Read.of(name.strip(), values, use) : null;
        }
    };

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** JSON's own words as templates write them, and models after them. */
    private static final Map<String, String> OF_PYTHON = Map.of("True", "true", "False", "false", "None", "null");

    /**
     * A call that was read.
     *
     * @param arguments a JSON object.
     */
    record Read(String name, String arguments) {
        private static Read of(String name, Map<String, String> values, ToolUse use) {
            JsonNode schema = use.tools().getOrDefault(name, TextNode.valueOf(""));
            return new Read(
                    name,
                    values.entrySet().stream()
                            .map(one -> TextNode.valueOf(one.getKey()) + ":"
                                    + json(one.getValue(), ParameterType.of(schema, one.getKey())))
                            .collect(Collectors.joining(",", "{", "}")));
        }
    }

    /**
     * Reads what stands in a call.
     *
     * @return null where it is of another form.
     */
    abstract Read read(String body, ToolUse use);

    /** A value as JSON: a text where that is what it is of, or where it is no JSON of its type. */
    private static String json(String value, ParameterType type) {
        if (type.mayBeOther()) {
            String plain = value.strip();
            String written = OF_PYTHON.getOrDefault(plain, plain);
            try {
                JsonNode json = MAPPER.readTree(written);
                if (type.takes(json)) {
                    return written;
                }
            } catch (JsonProcessingException e) {
                // A text then.
            }
        }
        return TextNode.valueOf(value).toString();
    }

    /** A value without the line ends that the template writes around it. */
    private static String withoutLines(String value) {
        int from = value.startsWith("\n") ? 1 : 0;
        int to = value.length() > from && value.endsWith("\n") ? value.length() - 1 : value.length();
        return value.substring(from, to);
    }

    @Override
    public AnswerReader reader(ToolUse use) {
        return new ElementCallReader(this, use);
    }

    /** Goes through a text once. */
    private static final class Cursor {
        private final String text;
        private int at;

        Cursor(String text) {
            this.text = text;
        }

        Cursor skipBlanks() {
            while (at < text.length() && JsonScanner.isBlank(text.charAt(at))) {
                at++;
            }
            return this;
        }

        boolean skip(String word) {
            boolean isNext = text.startsWith(word, at);
            at += isNext ? word.length() : 0;
            return isNext;
        }

        /** The text before {@code word}, which is skipped; null where it does not come. */
        String to(String word) {
            int end = text.indexOf(word, at);
            if (end < 0) {
                return null;
            }
            String before = text.substring(at, end);
            at = end + word.length();
            return before;
        }

        /** The same up to the first {@code word} that one of {@code next}, or the end, follows. */
        String toBefore(String word, String... next) {
            int from = at;
            while (to(word) != null) {
                int end = at - word.length();
                skipBlanks();
                boolean isFollowed = isAtEnd();
                for (String one : next) {
                    isFollowed |= text.startsWith(one, at);
                }
                if (isFollowed) {
                    return text.substring(from, end);
                }
            }
            return null;
        }

        boolean isAtEnd() {
            return at == text.length();
        }
    }
}
