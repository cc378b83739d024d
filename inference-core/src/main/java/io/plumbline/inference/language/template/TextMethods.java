package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Methods of texts, as Python's {@code str} has them. */
final class TextMethods {
    /** A method, which may have several names and be another one under each. */
    @FunctionalInterface
    private interface Method {
        Value call(TextMethods text, String name, Arguments arguments);
    }

    /** All of {@code str}; those that make bytes or translate are there, but cannot be called. */
    private static final Map<String, Method> ALL = new HashMap<>();

    static {
        add(TextMethods::strip, "strip", "lstrip", "rstrip");
        add(TextMethods::split, "split", "rsplit");
        add(TextMethods::lines, "splitlines");
        add(TextMethods::partition, "partition", "rpartition");
        add((text, name, arguments) -> BoolValue.of(text.affix(name, arguments)), "startswith", "endswith");
        add(TextMethods::withoutPrefix, "removeprefix");
        add(TextMethods::withoutSuffix, "removesuffix");
        add((text, name, arguments) -> IntValue.of(text.find(name, arguments)), "find", "rfind", "index", "rindex");
        add((text, name, arguments) -> IntValue.of(text.count(arguments)), "count");
        add(TextMethods::replace, "replace");
        add((text, name, arguments) -> text.join(arguments), "join");
        add(TextMethods::format, "format", "format_map");
        add(TextMethods::pad, "center", "ljust", "rjust");
        add(TextMethods::zeroFill, "zfill");
        add(TextMethods::expandTabs, "expandtabs");
        change("upper", TextCase::upper);
        change("lower", TextCase::lower);
        change("casefold", text -> TextCase.lower(TextCase.upper(text)));
        change("capitalize", TextCase::capitalize);
        change("title", TextCase::title);
        change("swapcase", TextCase::swap);
        ask("isalpha", text -> TextCase.all(text, Character::isLetter));
        ask("isalnum", text -> TextCase.all(text, c -> Character.isLetter(c) || Characters.isNumeric(c)));
        ask("isascii", text -> text.chars().allMatch(c -> c < 128));
        ask("isdecimal", text -> TextCase.all(text, Character::isDigit));
        ask("isdigit", text -> TextCase.all(text, Characters::isDigitLike));
        ask("isnumeric", text -> TextCase.all(text, Characters::isNumeric));
        ask("isidentifier", TextMethods::isIdentifier);
        ask("islower", TextCase::isLower);
        ask("isupper", TextCase::isUpper);
        ask("istitle", TextCase::isTitle);
        ask("isspace", text -> TextCase.all(text, Characters::isSpace));
        ask("isprintable", text -> text.codePoints().allMatch(Characters::isPrintable));
        add(
                (text, name, arguments) -> {
                    throw Fault.value("'" + name + "' of a text is not supported.");
                },
                "encode",
                "translate",
                "maketrans");
    }

    private final Interpreter interpreter;
    private final Budget budget;
    private final TextValue receiver;
    private final String text;

    TextMethods(Interpreter interpreter, TextValue receiver) {
        this.interpreter = interpreter;
        this.budget = interpreter.budget();
        this.receiver = receiver;
        this.text = receiver.text();
    }

    private static void add(Method method, String... names) {
        for (String name : names) {
            ALL.put(name, method);
        }
    }

    /** Adds a method that takes no arguments and makes another text. */
    private static void change(String name, UnaryOperator<String> change) {
        add(
                (text, called, arguments) -> {
                    arguments.bindUnnamed(called, 0, 0);
                    // Some characters become two: those are charged when they are known.
                    text.budget.characters(2L * text.text.length());
                    return text.made(change.apply(text.text));
                },
                name);
    }

    /** Adds a method that takes no arguments and answers yes or no. */
    private static void ask(String name, Predicate<String> question) {
        add(
                (text, called, arguments) -> {
                    arguments.bindUnnamed(called, 0, 0);
                    text.budget.reads(text.text.length());
                    return BoolValue.of(question.test(text.receiver.plain(text.budget)));
                },
                name);
    }

    private static boolean isIdentifier(String text) {
        return TextCase.all(text, Characters::isNamePart) && Characters.isNameStart(text.codePointAt(0));
    }

    static Set<String> names() {
        return ALL.keySet();
    }

    static boolean has(String name) {
        return ALL.containsKey(name);
    }

    /** @param name one that texts have. */
    Value call(String name, Arguments arguments) {
        return ALL.get(name).call(this, name, arguments);
    }

    private Value lines(String name, Arguments arguments) {
        Value keep = arguments.bind(name, 0, "keepends")[0];
        return splitting().lines(receiver, keep != null && Sequences.isTrue(keep));
    }

    private Value partition(String name, Arguments arguments) {
        String separator = string(arguments.bindUnnamed(name, 1, 1)[0], name);
        return splitting().partition(receiver, separator, name.equals("rpartition"));
    }

    private Value withoutPrefix(String name, Arguments arguments) {
        String prefix = MarkedText.plain(budget, string(arguments.bindUnnamed(name, 1, 1)[0], name));
        return MarkedText.standsAt(text, 0, prefix) ? made(text.substring(prefix.length())) : receiver;
    }

    private Value withoutSuffix(String name, Arguments arguments) {
        String suffix = MarkedText.plain(budget, string(arguments.bindUnnamed(name, 1, 1)[0], name));
        return MarkedText.standsAt(text, text.length() - suffix.length(), suffix)
                ? made(text.substring(0, text.length() - suffix.length()))
                : receiver;
    }

    private Value replace(String name, Arguments arguments) {
        Value[] given = arguments.bindUnnamed(name, 2, 3);
        String other = string(given[1], name);
        boolean escapes = receiver.isSafe() && !((TextValue) given[1]).isSafe();
        int most = Numbers.index(given[2], "the count of 'replace'", -1);
        String old = string(given[0], name);
        return receiver.alike(
                TextSearch.replace(budget, text, old, escapes ? Html.escape(budget, other) : other, most));
    }

    private Value format(String name, Arguments arguments) {
        BraceFormat format = new BraceFormat(interpreter);
        return name.equals("format")
                ? format.format(receiver, arguments)
                : format.formatMap(receiver, arguments.bindUnnamed(name, 1, 1)[0]);
    }

    private TextSplitting splitting() {
        return new TextSplitting(budget);
    }

    private TextValue made(String result) {
        budget.characters(result.length());
        return receiver.alike(result);
    }

    private static String string(Value value, String method) {
        if (value instanceof TextValue given) {
            return given.text();
        }
        throw Fault.value("'" + method + "' takes a text, not a " + value.type() + ".");
    }

    private Value strip(String name, Arguments arguments) {
        Value characters = arguments.bindUnnamed(name, 0, 1)[0];
        return strip(characters, !name.equals("rstrip"), !name.equals("lstrip"));
    }

    /** @param characters that are taken off; white space where it is null or none. */
    TextValue strip(Value characters, boolean left, boolean right) {
        String taken = characters == null || characters == NoneValue.NONE
                ? null
                : MarkedText.plain(budget, string(characters, "strip"));
        int from = 0;
        int to = text.length();
        while (left && from < to && isTaken(text.codePointAt(from), taken)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (right && to > from && isTaken(text.codePointBefore(to), taken)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        budget.reads(text.length() - (to - from));
        return from == 0 && to == text.length() ? receiver : made(text.substring(from, to));
    }

    /** @param found may be a mark. */
    private boolean isTaken(int found, String taken) {
        int c = found <= Character.MAX_VALUE ? MarkedText.plain((char) found) : found;
        if (taken == null) {
            return Characters.isSpace(c);
        }
        budget.reads(taken.length());
        return taken.indexOf(c) >= 0;
    }

    private Value split(String name, Arguments arguments) {
        Value[] given = arguments.bind(name, 0, "sep", "maxsplit");
        int most = Numbers.index(given[1], "'maxsplit'", -1);
        boolean fromRight = name.equals("rsplit");
        if (given[0] == null || given[0] == NoneValue.NONE) {
            return fromRight
                    ? splitting().wordsFromRight(receiver, most)
                    : splitting().words(receiver, most);
        }
        String separator = string(given[0], name);
        return fromRight
                ? splitting().splitFromRight(receiver, separator, most)
                : splitting().split(receiver, separator, most);
    }

    /**
     * The part of the text that arguments {@code start} and {@code end} mean, as offsets; null where it starts after
     * the end.
     */
    private int[] part(Value start, Value end) {
        int length = receiver.length(budget);
        int from = bound(start, length, 0);
        int to = Math.min(bound(end, length, length), length);
        return from > to ? null : new int[] {receiver.offset(budget, from), receiver.offset(budget, to)};
    }

    private static int bound(Value value, int length, int otherwise) {
        if (value == NoneValue.NONE) {
            return otherwise;
        }
        int bound = Numbers.index(value, "a bound", otherwise);
        return bound < 0 ? Math.max(0, bound + length) : bound;
    }

    private boolean affix(String name, Arguments arguments) {
        Value[] given = arguments.bindUnnamed(name, 1, 3);
        int[] part = part(given[1], given[2]);
        List<Value> affixes = given[0] instanceof TupleValue tuple ? tuple.items() : List.of(given[0]);
        for (Value value : affixes) {
            String affix = MarkedText.plain(budget, string(value, name));
            boolean fits = part != null && affix.length() <= part[1] - part[0];
            if (fits
                    && MarkedText.standsAt(
                            text, name.equals("startswith") ? part[0] : part[1] - affix.length(), affix)) {
                return true;
            }
        }
        return false;
    }

    private int find(String name, Arguments arguments) {
        Value[] given = arguments.bindUnnamed(name, 1, 3);
        String wanted = string(given[0], name);
        int[] part = part(given[1], given[2]);
        int found = -1;
        if (part != null) {
            String within = within(part);
            found = name.startsWith("r")
                    ? TextSearch.findLast(budget, within, wanted, within.length())
                    : TextSearch.find(budget, within, wanted, 0);
        }
        if (found < 0 && name.endsWith("index")) {
            throw Fault.value("the text that '" + name + "' looks for is not there.");
        }
        return found < 0 ? -1 : receiver.index(budget, part[0] + found);
    }

    private String within(int[] part) {
        budget.characters(part[1] - part[0]);
        return text.substring(part[0], part[1]);
    }

    private int count(Arguments arguments) {
        Value[] given = arguments.bindUnnamed("count", 1, 3);
        String wanted = string(given[0], "count");
        int[] part = part(given[1], given[2]);
        if (part == null) {
            return 0;
        }
        String within = within(part);
        return wanted.isEmpty()
                ? TextValue.of(within).length(budget) + 1
                : TextSearch.all(budget, within, wanted, Integer.MAX_VALUE).length;
    }

    private Value join(Arguments arguments) {
        Value items = arguments.bindUnnamed("join", 1, 1)[0];
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (Iterator<Value> all = interpreter.sequences().iterate(items); all.hasNext(); first = false) {
            Value item = all.next();
            String part = string(item, "join");
            String shown = receiver.isSafe() && !((TextValue) item).isSafe() ? Html.escape(budget, part) : part;
            budget.characters(shown.length() + (first ? 0L : text.length()));
            out.append(first ? "" : text).append(shown);
        }
        return receiver.alike(out.toString());
    }

    private Value pad(String name, Arguments arguments) {
        Value[] given = arguments.bindUnnamed(name, 1, 2);
        TextValue fill = given[1] == null ? TextValue.of(" ") : TextValue.of(string(given[1], name));
        if (fill.length(budget) != 1) {
            throw Fault.value("the fill of '" + name + "' must be one character.");
        }
        int width = Numbers.index(given[0], "a width", 0);
        return center(name, width, fill.text());
    }

    private Value center(String name, int width, String fill) {
        // Not above, where a width is far below zero.
        int missing = Math.max(0, width) - receiver.length(budget);
        if (missing <= 0) {
            return receiver;
        }
        // An odd blank goes to the left where the width is odd: so Python has it.
        int left = switch (name) {
            case "ljust" -> 0;
            case "rjust" -> missing;
            default -> missing / 2 + (missing & width & 1);
        };
        budget.characters(text.length() + 2L * missing);
        return receiver.alike(fill.repeat(left) + text + fill.repeat(missing - left));
    }

    /** The text in the middle of so many characters. */
    Value centered(int width) {
        return center("center", width, " ");
    }

    private Value zeroFill(String name, Arguments arguments) {
        int width = Numbers.index(arguments.bindUnnamed(name, 1, 1)[0], "a width", 0);
        // Not above, where a width is far below zero.
        int missing = Math.max(0, width) - receiver.length(budget);
        if (missing <= 0) {
            return receiver;
        }
        budget.characters((long) text.length() + missing);
        int sign = MarkedText.standsAt(text, 0, "+") || MarkedText.standsAt(text, 0, "-") ? 1 : 0;
        return receiver.alike(text.substring(0, sign) + "0".repeat(missing) + text.substring(sign));
    }

    private Value expandTabs(String name, Arguments arguments) {
        int size = Numbers.index(arguments.bind(name, 0, "tabsize")[0], "a tab size", 8);
        StringBuilder out = new StringBuilder();
        int column = 0;
        budget.characters(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\t') {
                int blanks = size > 0 ? size - column % size : 0;
                budget.characters(blanks);
                out.append(" ".repeat(blanks));
                column += blanks;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : Character.isLowSurrogate(c) ? column : column + 1;
            }
        }
        return receiver.alike(out.toString());
    }
}
