package io.plumbline.verifier.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads GBNF, llama.cpp's notation of grammars: {@code name ::= alternatives}, texts in double quotes, classes of
 * characters in brackets, {@code .} for any character, groups in parentheses, {@code * + ? {m} {m,} {m,n}} behind what
 * they repeat, and comments from {@code #} to the end of a line. A rule ends where the next one's name and {@code ::=}
 * stand.
 */
final class GrammarParser {
    private static final int MAX_RULES = 1_024;

    /** Parts of all rules together, bytes of texts and ranges of classes among them. */
    private static final int MAX_PARTS = 1 << 17;

    private static final int MAX_NESTING = 64;
    private static final int MAX_REPEATS = 1 << 16;

    private final String text;
    private final Map<String, Integer> indices = new HashMap<>();
    private final List<String> names = new ArrayList<>();
    private final List<Expression> bodies = new ArrayList<>();
    private int at;
    private int nesting;
    private int parts;

    GrammarParser(String text) {
        if (text.length() > Grammar.MAX_BYTES || text.getBytes(StandardCharsets.UTF_8).length > Grammar.MAX_BYTES) {
            throw new GrammarException("A grammar has at most " + Grammar.MAX_BYTES + " bytes.");
        }
        this.text = text;
    }

    /** Names of the rules by their indices. */
    List<String> names() {
        return names;
    }

    List<Expression> bodies() {
        return bodies;
    }

    int root() {
        return indices.get("root");
    }

    void parse() {
        skip();
        while (at < text.length()) {
            String name = name();
            if (name.isEmpty() || !take("::=")) {
                throw wrong("a rule begins with its name and ::=");
            }
            int index = index(name);
            if (bodies.get(index) != null) {
                throw wrong("the rule \"" + name + "\" is written a second time");
            }
            bodies.set(index, alternatives());
        }
        for (int i = 0; i < bodies.size(); i++) {
            if (bodies.get(i) == null) {
                throw new GrammarException(
                        "The grammar names the rule \"" + names.get(i) + "\" and does not write it.");
            }
        }
        if (!indices.containsKey("root")) {
            throw new GrammarException("The grammar has no rule \"root\", with which a text begins.");
        }
    }

    private int index(String name) {
        return indices.computeIfAbsent(name, _ -> {
            if (names.size() == MAX_RULES) {
                throw wrong("a grammar has at most " + MAX_RULES + " rules");
            }
            names.add(name);
            bodies.add(null);
            return names.size() - 1;
        });
    }

    private Expression alternatives() {
        if (++nesting > MAX_NESTING) {
            throw wrong("groups stand more than " + MAX_NESTING + " deep within each other");
        }
        List<Expression> all = new ArrayList<>();
        do {
            all.add(sequence());
        } while (take("|"));
        nesting--;
        return all.size() == 1 ? all.getFirst() : new Expression.Choice(List.copyOf(all));
    }

    private Expression sequence() {
        List<Expression> all = new ArrayList<>();
        while (true) {
            Expression next = repeated();
            if (next == null) {
                return all.size() == 1 ? all.getFirst() : new Expression.Sequence(List.copyOf(all));
            }
            all.add(next);
        }
    }

    /** One part with what repeats it; null where the sequence ends. */
    private Expression repeated() {
        Expression part = part();
        for (int repeats = 0; part != null; repeats++) {
            if (nesting + repeats > MAX_NESTING) {
                throw wrong("repeats stand more than " + MAX_NESTING + " deep within each other");
            }
            if (take("*")) {
                part = new Expression.Repeat(part, 0, Expression.UNBOUNDED);
            } else if (take("+")) {
                part = new Expression.Repeat(part, 1, Expression.UNBOUNDED);
            } else if (take("?")) {
                part = new Expression.Repeat(part, 0, 1);
            } else if (take("{")) {
                part = counted(part);
            } else {
                return part;
            }
            count(1);
        }
        return null;
    }

    private Expression counted(Expression part) {
        int least = number();
        int most = least;
        if (take(",")) {
            most = at < text.length() && text.charAt(at) == '}' ? Expression.UNBOUNDED : number();
        }
        if (!take("}") || most < least) {
            throw wrong("a count is {m}, {m,} or {m,n}, with m not above n");
        }
        return new Expression.Repeat(part, least, most);
    }

    private int number() {
        int begin = at;
        while (at < text.length() && at - begin < 6 && isDigit(text.charAt(at))) {
            at++;
        }
        int number = at == begin ? -1 : Integer.parseInt(text.substring(begin, at));
        if (number < 0 || number > MAX_REPEATS) {
            throw wrong("a count is a number up to " + MAX_REPEATS);
        }
        skip();
        return number;
    }

    private Expression part() {
        if (at == text.length()) {
            return null;
        }
        char c = text.charAt(at);
        if (c == '"') {
            return literal();
        }
        if (c == '[') {
            return characters();
        }
        if (take(".")) {
            return oneOf(CodePoints.of(List.of()).complement());
        }
        if (take("(")) {
            Expression group = alternatives();
            if (!take(")")) {
                throw wrong("a group's ) is missing");
            }
            return group;
        }
        if (c == '|' || c == ')') {
            return null;
        }
        int begin = at;
        String name = name();
        if (name.isEmpty()) {
            throw wrong("\"" + Character.toString(text.codePointAt(at)) + "\" begins no part of a rule");
        }
        if (text.startsWith("::=", at)) {
            at = begin;
            return null;
        }
        count(1);
        return new Expression.Rule(index(name));
    }

    private Expression literal() {
        at++;
        StringBuilder value = new StringBuilder();
        while (at < text.length() && text.charAt(at) != '"') {
            value.appendCodePoint(codePoint());
        }
        if (at == text.length()) {
            throw wrong("a text's closing \" is missing");
        }
        at++;
        skip();
        List<Expression> bytes = new ArrayList<>();
        for (byte one : value.toString().getBytes(StandardCharsets.UTF_8)) {
            bytes.add(new Expression.Bytes(ByteSet.range(one & 0xFF, one & 0xFF)));
        }
        count(1 + bytes.size());
        return bytes.size() == 1 ? bytes.getFirst() : new Expression.Sequence(List.copyOf(bytes));
    }

    private Expression characters() {
        at++;
        boolean isOthers = at < text.length() && text.charAt(at) == '^';
        at += isOthers ? 1 : 0;
        List<int[]> ranges = new ArrayList<>();
        while (at < text.length() && text.charAt(at) != ']') {
            int first = codePoint();
            int last = first;
            if (text.startsWith("-", at) && !text.startsWith("-]", at)) {
                at++;
                last = at < text.length() ? codePoint() : -1;
            }
            if (last < first) {
                throw wrong("a class's range ends before it begins");
            }
            ranges.add(new int[] {first, last});
        }
        if (at == text.length()) {
            throw wrong("a class's closing ] is missing");
        }
        at++;
        skip();
        CodePoints set = CodePoints.of(ranges);
        return oneOf(isOthers ? set.complement() : set);
    }

    /** One of these characters: more parts than are written. */
    private Expression oneOf(CodePoints set) {
        Expression characters = set.utf8();
        count(4 * (characters instanceof Expression.Choice(List<Expression> all) ? all.size() : 1));
        return characters;
    }

    /** One character, or what a backslash makes of the next ones. */
    private int codePoint() {
        int c = text.codePointAt(at);
        if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
            throw wrong("half of a character stands in it");
        }
        if (c != '\\') {
            at += Character.charCount(c);
            return c;
        }
        at++;
        if (at == text.length()) {
            throw wrong("it ends with a backslash");
        }
        char escaped = text.charAt(at++);
        return switch (escaped) {
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'x' -> hexadecimal(2);
            case 'u' -> hexadecimal(4);
            case 'U' -> hexadecimal(8);
            case '\\', '"', '[', ']', '^', '-' -> escaped;
            default -> throw wrong("\\" + escaped + " stands for nothing");
        };
    }

    private int hexadecimal(int digits) {
        int end = Math.min(text.length(), at + digits);
        String hex = text.substring(at, end);
        if (!hex.matches("[0-9A-Fa-f]{" + digits + "}")) {
            throw wrong(digits + " hexadecimal digits are missing");
        }
        at = end;
        long value = Long.parseLong(hex, 16);
        if (value > Character.MAX_CODE_POINT || value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE) {
            throw wrong("U+" + hex + " is no character");
        }
        return (int) value;
    }

    private String name() {
        int begin = at;
        while (at < text.length() && isOfName(text.charAt(at))) {
            at++;
        }
        String name = text.substring(begin, at);
        skip();
        return name;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isOfName(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '-' || c == '_';
    }

    /** Takes {@code symbol}, and blanks and comments after it, where it stands next. */
    private boolean take(String symbol) {
        if (!text.startsWith(symbol, at)) {
            return false;
        }
        at += symbol.length();
        skip();
        return true;
    }

    private void skip() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c == '#') {
                int end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
            } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
                at++;
            } else {
                return;
            }
        }
    }

    private void count(int more) {
        parts += more;
        if (parts > MAX_PARTS) {
            throw wrong("its rules have more than " + MAX_PARTS + " parts together");
        }
    }

    private GrammarException wrong(String what) {
        int line = 1
                + (int) text.substring(0, Math.min(at, text.length()))
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
        return new GrammarException("The grammar cannot be read at line " + line + ": " + what + ".");
    }
}
