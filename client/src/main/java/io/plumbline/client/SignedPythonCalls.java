package io.plumbline.client;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Map;
import java.util.regex.Pattern;

/** Arguments of calls that are written as Python has them: {@code NAME(KEY=VALUE, ...)}, as OLMo 3 does. */
final class SignedPythonCalls {
    private static final Map<String, String> WORDS = Map.of("true", "True", "false", "False", "null", "None");

    /** Of an argument. A name of other characters could be several arguments, values and all. */
    private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}_-]+");

    private static final String ESCAPES = "\"'\\/bfnrt";
    private static final String ESCAPED = "\"'\\/\b\f\n\r\t";

    private final String text;
    private int at;

    private SignedPythonCalls(String text, int at) {
        this.text = text;
        this.at = at;
    }

    /**
     * Where arguments end that stand in a text from behind a function's name on; -1 where they do not.
     *
     * @param arguments a JSON object.
     */
    static int endOf(String text, String arguments, int begin) {
        SignedPythonCalls in = new SignedPythonCalls(text, begin);
        try (JsonParser json = HttpCalls.MAPPER.createParser(arguments)) {
            boolean isWell = json.nextToken() == JsonToken.START_OBJECT && in.members(json, '(', ')', '=');
            return isWell ? in.at : -1;
        } catch (IOException e) {
            return -1;
        }
    }

    private boolean skip(String word) {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
        boolean isNext = text.startsWith(word, at);
        at += isNext ? word.length() : 0;
        return isNext;
    }

    private boolean members(JsonParser json, char begin, char end, char between) throws IOException {
        boolean isWell = skip(String.valueOf(begin));
        for (boolean isFirst = true; isWell && json.nextToken() == JsonToken.FIELD_NAME; isFirst = false) {
            String name = json.currentName();
            isWell = (isFirst || skip(","))
                    && (between == '=' ? NAME.matcher(name).matches() && skip(name) : string(name))
                    && skip(String.valueOf(between))
                    && value(json, json.nextToken());
        }
        // A comma may stand behind the last.
        return isWell && (skip(String.valueOf(end)) || skip(",") && skip(String.valueOf(end)));
    }

    private boolean list(JsonParser json) throws IOException {
        boolean isWell = skip("[");
        JsonToken next = json.nextToken();
        for (boolean isFirst = true; isWell && next != JsonToken.END_ARRAY; isFirst = false) {
            isWell = (isFirst || skip(",")) && value(json, next);
            next = json.nextToken();
        }
        return isWell && (skip("]") || skip(",") && skip("]"));
    }

    private boolean value(JsonParser json, JsonToken token) throws IOException {
        return switch (token) {
            case START_OBJECT -> members(json, '{', '}', ':');
            case START_ARRAY -> list(json);
            case VALUE_STRING -> string(json.getText());
            default -> skip(json.getText()) || WORDS.containsKey(json.getText()) && skip(WORDS.get(json.getText()));
        };
    }

    /** A string between two marks of a kind, whatever of it is escaped. */
    private boolean string(String expected) {
        if (!skip("\"") && !skip("'")) {
            return false;
        }
        char mark = text.charAt(at - 1);
        int compared = 0;
        while (at < text.length() && text.charAt(at) != mark) {
            int next = character();
            if (next < 0 || compared == expected.length() || expected.charAt(compared++) != next) {
                return false;
            }
        }
        return at++ < text.length() && compared == expected.length();
    }

    /** The next character of a string; -1 for an escape that is none. */
    private int character() {
        char next = text.charAt(at++);
        if (next != '\\') {
            return next;
        }
        if (at == text.length()) {
            return -1;
        }
        char escape = text.charAt(at++);
        if (escape == 'u' && at + 4 <= text.length()) {
            int code = 0;
            for (int i = 0; i < 4; i++) {
                int digit = Character.digit(text.charAt(at++), 16);
                code = digit < 0 || code < 0 ? -1 : 16 * code + digit;
            }
            return code;
        }
        int index = ESCAPES.indexOf(escape);
        return index < 0 ? -1 : ESCAPED.charAt(index);
    }
}
