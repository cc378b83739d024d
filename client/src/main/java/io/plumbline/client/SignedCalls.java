package io.plumbline.client;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;

/**
 * Calls of functions, as a server has read them out of the text that a node signed. What a call's name and arguments
 * are stands in that text, one call after the other: arguments as JSON, whatever blanks the model has written into it,
 * or an element for each.
 */
final class SignedCalls {
    /**
     * A way in which models write arguments as elements: what stands before and behind the function's name, before and
     * behind an argument's, before and behind its value, and behind all of them.
     */
    private record Form(
            String function, String named, String before, String behind, String opening, String closing, String end) {}

    private static final List<Form> FORMS = List.of(
            new Form("<function=", ">", "<parameter=", ">", "", "</parameter>", "</function>"),
            new Form("", "", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", ""));

    /** Characters that are compared, a character of the text: no model writes one in which it takes more. */
    private static final int STEPS_A_CHARACTER = 32;

    private final String text;
    private long steps;

    private SignedCalls(String text) {
        this.text = text;
    }

    /**
     * Whether all calls stand in a text.
     *
     * @param signed the text that the receipt is for.
     * @param calls of a message: each with its function's name and arguments.
     */
    static boolean areIn(String signed, JsonNode calls) {
        SignedCalls in = new SignedCalls(signed);
        int from = 0;
        for (JsonNode call : calls) {
            JsonNode function = call.path("function");
            JsonNode arguments = function.path("arguments");
            // A call that was cut may have none yet.
            String name = function.path("name").asText();
            boolean isCall =
                    !name.isEmpty() && signed.contains(name) && (arguments.isTextual() || arguments.isMissingNode());
            from = isCall ? in.endOf(name, arguments.asText(), from) : -1;
            if (from < 0) {
                return false;
            }
        }
        return true;
    }

    /** Where the arguments end that stand in the text from a place on; -1 where they do not. */
    private int endOf(String name, String arguments, int from) {
        if (arguments.isEmpty()) {
            return from;
        }
        for (int at = text.indexOf('{', from); at >= 0; at = text.indexOf('{', at + 1)) {
            int end = endOfJson(arguments, at);
            if (end >= 0) {
                return end;
            }
        }
        for (Form form : FORMS) {
            for (int at = text.indexOf(name, from); at >= 0; at = text.indexOf(name, at + 1)) {
                int end = isNamed(name, form, at) ? endOfElements(arguments, form, at + name.length()) : -1;
                if (end >= 0) {
                    return end;
                }
            }
        }
        return -1;
    }

    /** Whether a name at a place is a function's: as the form marks it, or it begins there what it is in. */
    private boolean isNamed(String name, Form form, int at) {
        int before = at;
        while (before > 0 && text.charAt(before - 1) == ' ') {
            before--;
        }
        if (!form.function.isEmpty()) {
            return text.startsWith(form.function, before - form.function.length());
        }
        return before == 0 || text.charAt(before - 1) == '\n' || text.charAt(before - 1) == '>';
    }

    /** The same of JSON that begins at a place, whatever blanks stand between its parts there. */
    private int endOfJson(String json, int begin) {
        boolean isInString = false;
        int at = begin;
        for (int i = 0; i < json.length(); i++) {
            char next = json.charAt(i);
            while (!isInString && at < text.length() && isBlank(text.charAt(at))) {
                at++;
                steps++;
            }
            if (at == text.length() || text.charAt(at) != next || ++steps > STEPS_A_CHARACTER * (text.length() + 1L)) {
                return -1;
            }
            at++;
            if (isInString && next == '\\' && i + 1 < json.length()) {
                i++;
                if (at == text.length() || text.charAt(at++) != json.charAt(i)) {
                    return -1;
                }
            } else if (next == '"') {
                isInString = !isInString;
            }
        }
        return at;
    }

    /** The same of an element for each argument behind the function's name, in their order, and no others. */
    private int endOfElements(String arguments, Form form, int from) {
        int at = endOf(form.named, from);
        try (JsonParser json = HttpCalls.MAPPER.createParser(arguments)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return -1;
            }
            while (at >= 0 && json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                boolean isText = json.nextToken() == JsonToken.VALUE_STRING;
                String string = isText ? json.getText() : null;
                int begin = (int) json.currentTokenLocation().getCharOffset();
                json.skipChildren();
                String written =
                        arguments.substring(begin, (int) json.currentLocation().getCharOffset());
                at = endOfElement(name, string, written, form, at);
            }
        } catch (IOException e) {
            return -1;
        }
        int end = at < 0 ? -1 : endOf(form.end, at);
        // Without a mark behind them, what follows must be no argument, nor a word.
        boolean isOver = end >= 0 && (!form.end.isEmpty() || end == text.length() || text.charAt(end) == '<');
        return isOver && !text.startsWith(form.before, end) ? end : -1;
    }

    /** Where a word ends that stands at a place, behind blanks; -1 where it does not. */
    private int endOf(String word, int from) {
        int at = skipBlanks(from);
        return text.startsWith(word, at) ? at + word.length() : -1;
    }

    /**
     * @param string the value, where it is a string.
     * @param written the value's JSON.
     */
    private int endOfElement(String name, String string, String written, Form form, int from) {
        int at = from;
        for (String word : List.of(form.before, name, form.behind)) {
            at = at < 0 ? -1 : endOf(word, at);
        }
        if (at >= 0 && !form.opening.isEmpty()) {
            at = endOf(form.opening, at);
        }
        if (at < 0) {
            return -1;
        }
        int end = string == null ? -1 : endOfText(string, at, form.closing);
        return end >= 0 ? end : endOfOther(written, at, form.closing);
    }

    /** A text stands bare; the lines that a template writes around it are no part of it. */
    private int endOfText(String string, int begin, String closing) {
        for (String line : List.of("", "\n")) {
            int value = begin + line.length();
            if (text.startsWith(line + string, begin)) {
                int end = value + string.length();
                for (String last : List.of("", "\n")) {
                    if (text.startsWith(last + closing, end)) {
                        return end + last.length() + closing.length();
                    }
                }
            }
        }
        return -1;
    }

    /** Another value stands as its JSON, or by its name in Python. */
    private int endOfOther(String written, int begin, String closing) {
        String python = switch (written) {
            case "true" -> "True";
            case "false" -> "False";
            case "null" -> "None";
            default -> written;
        };
        int value = skipBlanks(begin);
        for (String form : List.of(written, python)) {
            if (text.startsWith(form, value)) {
                int end = skipBlanks(value + form.length());
                if (text.startsWith(closing, end)) {
                    return end + closing.length();
                }
            }
        }
        return -1;
    }

    private int skipBlanks(int from) {
        int at = from;
        while (at < text.length() && isBlank(text.charAt(at))) {
            at++;
        }
        return at;
    }

    private static boolean isBlank(char one) {
        return one == ' ' || one == '\n' || one == '\t' || one == '\r';
    }
}
