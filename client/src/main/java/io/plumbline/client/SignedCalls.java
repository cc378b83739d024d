package io.plumbline.client;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.StringReader;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Calls of functions, as a server has read them out of the text that a node signed. What a call's name and arguments
 * are stands in that text, one call after the other: arguments as JSON, whatever blanks the model has written into it,
 * an element for each, or as Gemma 4 or OLMo 3 write them.
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

    /** Behind the elements of a call. */
    private static final String END = "</tool_call>";

    /** The mark before a name that Gemma 4 calls. */
    private static final String CALL = "call:";

    /** Before that, where the marks are text and no control tokens. */
    private static final String CALL_OPENING = "<|tool_call>";

    /** Characters that end a member's name which stands bare. */
    private static final String NO_NAME = ":,{}[]";

    /** The mark around its strings, where that is text and no control token. */
    private static final String QUOTE = "<|\"|>";

    private static final Map<Character, String> OF_PYTHON = Map.of('t', "True", 'f', "False", 'n', "None");

    /** Characters that are compared, a character of the text: no model writes one in which it takes more. */
    private static final int STEPS_A_CHARACTER = 32;

    /** Members of a call that is an object, by which its arguments are known. */
    private static final Set<String> ARGUMENTS = Set.of("arguments", "parameters");

    /** Between a function's name and arguments that follow it: of gpt-oss's headers, and Mistral's ids. */
    private static final Pattern BETWEEN = Pattern.compile(
            "[A-Za-z0-9]{9}|(?: ?(?:analysis|commentary|final))?(?: ?(?:json|code|text))?\\s*(?:\\[ARGS\\])?\\s*");

    /** Characters of {@link #BETWEEN}, at most. */
    private static final int MOST_BETWEEN = 64;

    private final String text;
    private final Set<String> offered;
    private long steps;

    private SignedCalls(String text, Set<String> offered) {
        this.text = text;
        this.offered = offered;
    }

    /**
     * Whether all calls stand in a text.
     *
     * @param signed the text that the receipt is for.
     * @param calls of a message: each with its function's name and arguments.
     * @param offered names of all functions that the model was told.
     * @param isCut whether the answer is shown as one that ended in its middle: its last call may have no arguments
     *     yet.
     */
    static boolean areIn(String signed, JsonNode calls, Set<String> offered, boolean isCut) {
        SignedCalls in = new SignedCalls(signed, offered);
        int from = 0;
        for (int i = 0; i < calls.size(); i++) {
            JsonNode function = calls.get(i).path("function");
            JsonNode arguments = function.path("arguments");
            String name = function.path("name").asText();
            boolean mayBeEmpty = isCut && i == calls.size() - 1;
            if (name.isEmpty() || !arguments.isTextual() && !arguments.isMissingNode()) {
                return false;
            }
            if (!isOne(arguments.asText())) {
                return false;
            }
            if (arguments.asText().isEmpty()) {
                from = mayBeEmpty ? signed.indexOf(name, from) : -1;
            } else {
                from = in.endOf(name, arguments.asText(), from);
            }
            if (from < 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether nothing stands behind arguments that are whole. */
    private static boolean isOne(String arguments) {
        boolean isWhole = false;
        try (JsonParser json = HttpCalls.MAPPER.createParser(arguments)) {
            json.nextToken();
            json.skipChildren();
            isWhole = true;
            return json.nextToken() == null;
        } catch (IOException e) {
            // They are cut.
            return !isWhole;
        }
    }

    private boolean isTooMuch() {
        return steps > STEPS_A_CHARACTER * (text.length() + 1L);
    }

    /** Where the arguments of a function end that stand in the text from a place on; -1 where they do not. */
    private int endOf(String name, String arguments, int from) {
        for (int at = text.indexOf('{', from); at >= 0; at = text.indexOf('{', at + 1)) {
            int end = endOfJson(arguments, at);
            if (isTooMuch()) {
                return -1;
            }
            if (end >= 0 && (isBehind(name, from, at) || isMember(name, from, at))) {
                return end;
            }
        }
        for (Form form : FORMS) {
            for (int at = text.indexOf(name, from); at >= 0; at = text.indexOf(name, at + 1)) {
                int end = isNamed(name, form, at) ? endOfElements(arguments, form, at + name.length()) : -1;
                if (isTooMuch()) {
                    return -1;
                }
                if (end >= 0) {
                    return end;
                }
            }
        }
        int end = endOfCall(CALL + name, arguments, from);
        return end >= 0 ? end : endOfPython(name, arguments, from);
    }

    /** The same as OLMo 3 writes it. */
    private int endOfPython(String name, String arguments, int from) {
        for (int at = text.indexOf(name + "(", from); at >= 0; at = text.indexOf(name + "(", at + 1)) {
            boolean isName = at == 0 || !isInName(text.charAt(at - 1));
            int end = isName ? SignedPythonCalls.endOf(text, arguments, at + name.length()) : -1;
            if (end >= 0) {
                return end;
            }
            steps += arguments.length();
            if (isTooMuch()) {
                return -1;
            }
        }
        return -1;
    }

    private static boolean isInName(char one) {
        return Character.isLetterOrDigit(one) || one == '_' || one == '-';
    }

    /** The same as Gemma 4 writes it: no name of a member stands in quotes, and strings stand between other marks. */
    private int endOfCall(String called, String arguments, int from) {
        for (int at = text.indexOf(called, from); at >= 0; at = text.indexOf(called, at + 1)) {
            int end = endOfWords(arguments, at + called.length(), isSpelled(at));
            if (end >= 0) {
                return end;
            }
        }
        return -1;
    }

    private boolean isSpelled(int call) {
        int before = call;
        while (before > 0 && isBlank(text.charAt(before - 1))) {
            before--;
        }
        return text.startsWith(CALL_OPENING, before - CALL_OPENING.length());
    }

    /** @param isSpelled whether all marks are text: then each string stands between two. */
    private int endOfWords(String json, int begin, boolean isSpelled) {
        int at = begin;
        boolean isInString = false;
        boolean isMarked = false;
        BitSet isObject = new BitSet();
        int depth = 0;
        boolean isName = false;
        for (int i = 0; i < json.length() && at >= 0; i++) {
            char next = json.charAt(i);
            steps++;
            if (isTooMuch()) {
                return -1;
            }
            if (next == '"' && isInString) {
                at = !isMarked ? at : text.startsWith(QUOTE, at) ? at + QUOTE.length() : -1;
                isInString = false;
            } else if (next == '"') {
                boolean isHere = i + 1 < json.length() && text.startsWith(json.substring(i + 1, i + 2), at);
                int word = isHere && !text.startsWith(QUOTE, at) ? at : skipBlanks(at);
                isMarked = text.startsWith(QUOTE, word);
                at = isMarked ? word + QUOTE.length() : word;
                isInString = true;
                if (isSpelled && !isMarked && !isName) {
                    return -1;
                }
            } else if (isInString) {
                String character = next == '\\' ? escape(json, i) : "";
                i += character.length() - (character.isEmpty() ? 0 : 1);
                String plain = character.isEmpty() ? String.valueOf(next) : unescaped(character);
                if (isName && !isMarked && plain != null && NO_NAME.contains(plain)) {
                    // One name could be several members, values and all.
                    return -1;
                }
                at = plain != null && text.startsWith(plain, at) ? at + plain.length() : -1;
            } else {
                String python = OF_PYTHON.get(next);
                int word = skipBlanks(at);
                if (python != null && text.startsWith(python, word)) {
                    i += wordAt(json, i) - 1;
                    at = word + python.length();
                } else {
                    at = skip(String.valueOf(next), at);
                }
                boolean isOpened = next == '{' || next == '[';
                if (isOpened) {
                    isObject.set(++depth, next == '{');
                } else if (next == '}' || next == ']') {
                    depth = Math.max(0, depth - 1);
                }
                isName = next == '{' || next == ',' && isObject.get(depth) || isName && isBlank(next);
            }
        }
        return at;
    }

    /** Letters of JSON's own word at a place. */
    private static int wordAt(String json, int place) {
        int end = place;
        while (end < json.length() && Character.isLetter(json.charAt(end))) {
            end++;
        }
        return end - place;
    }

    /** A backslash and what belongs to it, as far as it is there. */
    private static String escape(String json, int place) {
        boolean isCode = json.startsWith("u", place + 1);
        return json.substring(place, Math.min(json.length(), place + (isCode ? 6 : 2)));
    }

    /** The character that is meant; null for none. */
    private static String unescaped(String escape) {
        try {
            return HttpCalls.MAPPER.readValue('"' + escape + '"', String.class);
        } catch (IOException e) {
            return null;
        }
    }

    /** Whether the function's name stands before a place, and is the longest of those offered that does. */
    private boolean isBehind(String name, int from, int place) {
        return offered.stream()
                .filter(one -> standsBehind(one, from, place))
                .max(Comparator.comparingInt(String::length))
                .filter(name::equals)
                .isPresent();
    }

    private boolean standsBehind(String name, int from, int place) {
        for (int end = place; end >= Math.max(from + name.length(), place - MOST_BETWEEN); end--) {
            if (text.startsWith(name, end - name.length())
                    && BETWEEN.matcher(text).region(end, place).matches()) {
                return true;
            }
        }
        return false;
    }

    /** Whether a place is where the arguments are of an object that has the function's name. */
    private boolean isMember(String name, int from, int place) {
        int begin = text.lastIndexOf('{', place - 1);
        if (begin < from) {
            return false;
        }
        String found = null;
        boolean isHere = false;
        StringReader rest = new StringReader(text);
        long read = 0;
        try (JsonParser json = HttpCalls.MAPPER.createParser(rest)) {
            rest.skip(begin);
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String member = json.currentName();
                JsonToken value = json.nextToken();
                if (member.equals("name") && value == JsonToken.VALUE_STRING && found == null) {
                    found = json.getText();
                }
                isHere |= ARGUMENTS.contains(member)
                        && begin + json.currentTokenLocation().getCharOffset() == place;
                json.skipChildren();
                read = json.currentLocation().getCharOffset();
            }
        } catch (IOException e) {
            // The answer has ended within it.
        }
        steps += read;
        return isHere && name.equals(found);
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
        int at = skip(form.named, from);
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
                steps += name.length() + written.length();
                at = endOfElement(name, string, written, form, at);
            }
        } catch (IOException e) {
            return -1;
        }
        int end = at < 0 ? -1 : skip(form.end, at);
        // Without a mark behind them, what follows must be no argument, nor a word.
        boolean isOver = end >= 0 && (!form.end.isEmpty() || end == text.length() || text.charAt(end) == '<');
        return isOver && !text.startsWith(form.before, end) ? end : -1;
    }

    /** Where a word ends that stands at a place, behind blanks; -1 where it does not. */
    private int skip(String word, int from) {
        int at = skipBlanks(from);
        return text.startsWith(word, at) ? at + word.length() : -1;
    }

    /**
     * @param string the value, where it is a string.
     * @param written the value's JSON.
     */
    private int endOfElement(String name, String string, String written, Form form, int from) {
        if (name.contains(form.behind) || isSeveral(string == null ? written : string, form)) {
            return -1;
        }
        int at = from;
        for (String word : List.of(form.before, name, form.behind)) {
            at = at < 0 ? -1 : skip(word, at);
        }
        if (at >= 0 && !form.opening.isEmpty()) {
            at = skip(form.opening, at);
        }
        if (at < 0) {
            return -1;
        }
        int end = string == null ? -1 : endOfText(string, at, form.closing);
        return end >= 0 ? end : endOfOther(written, at, form.closing);
    }

    /** Whether a value has its own end in it, as a server reads it: the first that an element or the end follows. */
    private static boolean isSeveral(String value, Form form) {
        boolean isSeveral = value.contains(END);
        for (int at = value.indexOf(form.closing); at >= 0 && !isSeveral; at = value.indexOf(form.closing, at + 1)) {
            int next = at + form.closing.length();
            while (next < value.length() && isBlank(value.charAt(next))) {
                next++;
            }
            isSeveral = value.startsWith(form.before, next) || !form.end.isEmpty() && value.startsWith(form.end, next);
        }
        return isSeveral;
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
