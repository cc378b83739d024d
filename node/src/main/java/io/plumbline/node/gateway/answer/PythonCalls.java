package io.plumbline.node.gateway.answer;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Calls of functions as Python has them, whose arguments are named and values of JSON or Python's own. */
final class PythonCalls {
    /** Lists and dictionaries within each other. */
    private static final int MAX_DEPTH = 64;

    /** Characters of a name or a number: readers of JSON take no more of a number. */
    private static final int MAX_WORD = 1_000;

    private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}_-]+");
    private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?");

    private static final Map<String, String> WORDS =
            Map.of("True", "true", "true", "true", "False", "false", "false", "false", "None", "null", "null", "null");

    private static final String ESCAPES = "\"'\\/bfnrt";
    private static final String ESCAPED = "\"'\\/\b\f\n\r\t";

    private final String text;
    private int at;

    private PythonCalls(String text) {
        this.text = text;
    }

    /** @param arguments a JSON object. */
    record Call(String name, String arguments) {}

    /**
     * Reads calls, which blanks or commas part.
     *
     * @return none where the text is not this.
     */
    static List<Call> read(String text) {
        PythonCalls in = new PythonCalls(text);
        List<Call> calls = new ArrayList<>();
        in.blanks();
        while (in.at < text.length()) {
            String name = in.match(NAME);
            String arguments = name != null && in.skip('(') ? in.members(')', '=', 0) : null;
            if (arguments == null) {
                return List.of();
            }
            calls.add(new Call(name, arguments));
            in.blanks();
            if (in.skip(',')) {
                in.blanks();
            }
        }
        return calls;
    }

    private void blanks() {
        while (at < text.length() && JsonScanner.isBlank(text.charAt(at))) {
            at++;
        }
    }

    private boolean skip(char next) {
        boolean isNext = at < text.length() && text.charAt(at) == next;
        at += isNext ? 1 : 0;
        return isNext;
    }

    private String match(Pattern pattern) {
        Matcher found = pattern.matcher(text).region(at, text.length());
        if (!found.lookingAt() || found.end() - at > MAX_WORD) {
            return null;
        }
        at = found.end();
        return found.group();
    }

    /** Names and values up to a mark, as a JSON object; null where they are none, or a name stands twice. */
    private String members(char end, char between, int depth) {
        StringBuilder json = new StringBuilder("{");
        Set<String> names = new HashSet<>();
        blanks();
        while (!skip(end)) {
            String name = between == '=' ? match(NAME) : string();
            blanks();
            boolean isNamed = name != null && isTaken(name) && names.add(name) && skip(between);
            String value = isNamed ? value(depth + 1) : null;
            if (value == null || !isParted(end)) {
                return null;
            }
            json.append(json.length() > 1 ? "," : "")
                    .append(json(name))
                    .append(':')
                    .append(value);
        }
        return json.append('}').toString();
    }

    /** Whether a value is followed by another one's comma, or by the end. */
    private boolean isParted(char end) {
        blanks();
        boolean isParted = skip(',');
        blanks();
        return isParted || at < text.length() && text.charAt(at) == end;
    }

    private String list(int depth) {
        StringBuilder json = new StringBuilder("[");
        blanks();
        while (!skip(']')) {
            String value = value(depth + 1);
            if (value == null || !isParted(']')) {
                return null;
            }
            json.append(json.length() > 1 ? "," : "").append(value);
        }
        return json.append(']').toString();
    }

    private String value(int depth) {
        blanks();
        if (depth > MAX_DEPTH || at == text.length()) {
            return null;
        }
        if (skip('{')) {
            return members('}', ':', depth);
        }
        if (skip('[')) {
            return list(depth);
        }
        char next = text.charAt(at);
        if (next == '"' || next == '\'') {
            String string = string();
            return string == null ? null : json(string);
        }
        String number = match(NUMBER);
        return number != null ? number : WORDS.get(String.valueOf(match(NAME)));
    }

    /** Whether readers of JSON take a name: none that is long, or has half a character. */
    private static boolean isTaken(String name) {
        return name.length() <= MAX_WORD
                && name.codePoints().noneMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }

    /** A string's JSON. Half a character, which an escape may be, has no bytes: it stays one. */
    private static String json(String string) {
        StringBuilder json = new StringBuilder();
        TextNode.valueOf(string).toString().codePoints().forEach(c -> {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                json.append(String.format("\\u%04x", c));
            } else {
                json.appendCodePoint(c);
            }
        });
        return json.toString();
    }

    /** A string between two marks of a kind; null where it has no end, or an escape that is none. */
    private String string() {
        char mark = at < text.length() ? text.charAt(at) : 0;
        if (mark != '"' && mark != '\'') {
            return null;
        }
        at++;
        StringBuilder string = new StringBuilder();
        while (!skip(mark)) {
            if (at == text.length()) {
                return null;
            }
            char next = text.charAt(at++);
            if (next != '\\') {
                string.append(next);
            } else if (!escape(string)) {
                return null;
            }
        }
        return string.toString();
    }

    private boolean escape(StringBuilder string) {
        if (at == text.length()) {
            return false;
        }
        char next = text.charAt(at++);
        int index = ESCAPES.indexOf(next);
        if (index >= 0) {
            string.append(ESCAPED.charAt(index));
            return true;
        }
        if (next != 'u' || at + 4 > text.length()) {
            return false;
        }
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(text.charAt(at++), 16);
            if (digit < 0) {
                return false;
            }
            code = 16 * code + digit;
        }
        string.append((char) code);
        return true;
    }
}
