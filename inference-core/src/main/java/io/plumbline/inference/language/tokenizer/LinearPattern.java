package io.plumbline.inference.language.tokenizer;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a tokenizer's regular expression costs its engine (Oniguruma): whether it is taken at all, and which texts it is
 * not to be given. The engine gives up after ten million retries at one place of a text, and the library that it is in
 * then ends the process: whoever publishes a model, or asks one, could have that come about by a message.
 *
 * <p>What costs retries is an item that may match any number of characters and that something may fail after: two of
 * them cost the square of a text's length at one place, a repeated group costs a power of it, unless it is always as
 * long. So a way through the expression may have one of them, groups of other kinds are not repeated, and there are not
 * many ways. The expressions of the families that are in use have no more.
 *
 * <p>One such item costs as many retries as the characters that it goes through. Where it then fails and the engine
 * goes on at the next character, it goes through them again, and all of them together cost the square of their number.
 * The families' expressions say what else becomes of these characters, by an alternative behind that takes them all
 * ({@code \s+(?!\S)|\s+}), so that their time grows with the text. Others, such as {@code \s+$}, have {@link #reruns},
 * and {@link TextBound} bounds the texts that they are given.
 */
final class LinearPattern {
    /** Repeated more often than this, an item counts as one without end. */
    private static final int MAX_COUNTED = 64;

    private static final int MAX_DEPTH = 32;

    /** Ways through an expression at one place; those of the families have some fifty. */
    private static final long MAX_WAYS = 1 << 8;

    /** What the characters that an item repeats have in common. */
    enum Kind {
        BLANKS,
        LETTERS,
        DIGITS,
        /** Of several kinds, or of another one. */
        ALL
    }

    /**
     * What an alternative may go through and then fail.
     *
     * @param kind of the characters.
     * @param ways in which it is gone through at each place.
     * @param again whether it is gone through from each of the characters: then a run of them costs the square of its
     *     length.
     */
    record Run(Kind kind, long ways, boolean again) {}

    /** An item that is no group and takes as many characters as it can; the first part is the item. */
    private static final Pattern GREEDY = Pattern.compile("([^(].*?)[*+]\\+?", Pattern.DOTALL);

    private static final Pattern BLANKS =
            Pattern.compile("(?:\\\\s|[ \t\r\n]|\\\\[trnfv])|\\[(?:\\\\s|[ \t\r\n]|\\\\[trnfv])+\\]");

    private static final Pattern DIGITS =
            Pattern.compile("\\\\d|[0-9]|\\\\p\\{N[dlo]?\\}|\\[(?:\\\\d|0-9|[0-9]|\\\\p\\{N[dlo]?\\})+\\]");

    private static final Pattern LETTERS = Pattern.compile(
            "[a-zA-Z]|\\\\p\\{[LM][a-z]?\\}|\\[(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[a-zA-Z]|\\\\p\\{[LM][a-z]?\\})+\\]");

    /** Letters that may stand behind a backslash; others mean nothing, or take more of the expression with them. */
    private static final String ESCAPES = "dDsSwWhHpPbBAzZntrfvaexu";

    private static final Pattern HEX = Pattern.compile("[0-9a-fA-F]+");

    /** A set of ASCII characters; of those none is several where case does not matter. */
    private static final Pattern ASCII_SET = Pattern.compile("\\[[\\x00-\\x7F&&[^\\[\\]\\\\&^]]+\\]");

    /** All but some characters, which is one character even where case does not matter. */
    private static final Pattern NEGATED_SET = Pattern.compile("\\[\\^(?:\\\\.|[^\\[\\]\\\\&])+\\]", Pattern.DOTALL);

    /** Options for all of an expression. */
    private static final Pattern OPTIONS = Pattern.compile("\\(\\?[ims-]+\\)");

    private final String pattern;
    private int at;

    /** Whether case does not matter at this place. */
    private boolean ignoresCase;

    /** Kinds of the single items so far, and of the repeated ones. */
    private final List<Kind> single = new ArrayList<>();

    private final Set<Kind> repeated = EnumSet.noneOf(Kind.class);

    /**
     * A part of an expression, from the right: what follows it is known when it is judged.
     *
     * @param free items without end that something may fail after.
     * @param endless whether it ends in one that nothing inside may fail after.
     * @param mayFail whether it may fail.
     * @param isFixed whether it always takes as many characters, in one way.
     * @param ways to match at one place, endless items left out.
     */
    private record Cost(int free, int endless, boolean mayFail, boolean isFixed, long ways) {
        /** Nothing. */
        static final Cost NONE = new Cost(0, 0, false, true, 1);

        /** This and then the other. */
        Cost then(Cost next) {
            long all = Math.min(2 * MAX_WAYS, ways * next.ways);
            return next.mayFail
                    ? new Cost(free + endless + next.free, next.endless, true, isFixed && next.isFixed, all)
                    : new Cost(free + next.free, endless + next.endless, mayFail, isFixed && next.isFixed, all);
        }

        /** One or the other. */
        Cost or(Cost other) {
            return new Cost(
                    Math.max(free, other.free),
                    Math.max(endless, other.endless),
                    mayFail && other.mayFail,
                    false,
                    Math.min(2 * MAX_WAYS, ways + other.ways));
        }
    }

    private LinearPattern(String pattern) {
        this.pattern = pattern;
    }

    /**
     * Says why an expression is not taken; null where it is.
     *
     * @param pattern as the file has it.
     */
    static String fault(String pattern) {
        LinearPattern parser = new LinearPattern(pattern);
        try {
            Cost cost = parser.alternatives(0);
            if (parser.at < pattern.length()) {
                return "it has a bracket too many at character " + parser.at;
            }
            if (cost.ways > MAX_WAYS) {
                return "there are more than " + MAX_WAYS + " ways through it";
            }
            return cost.free > 1 ? "on some texts its time grows with the square of their length, or worse" : null;
        } catch (IllegalArgumentException e) {
            return e.getMessage() + " at character " + parser.at;
        }
    }

    /**
     * What its alternatives may go through and then fail; empty where none does, and all of time is for what is taken.
     *
     * @param expression without a {@link #fault}.
     */
    static List<Run> reruns(String expression) {
        String pattern = OPTIONS.matcher(expression).lookingAt()
                ? expression.substring(expression.indexOf(')') + 1)
                : expression;
        List<Alternative> all = new ArrayList<>();
        LinearPattern parser = new LinearPattern(pattern);
        while (parser.at <= pattern.length()) {
            int from = parser.at;
            parser.sequence(0);
            all.add(Alternative.of(pattern.substring(from, parser.at)));
            parser.at++;
        }
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            Alternative one = all.get(i);
            if (one.cost().free() > 0) {
                Kind kind =
                        one.repeated().size() == 1 ? one.repeated().iterator().next() : Kind.ALL;
                runs.add(new Run(kind, one.ways(), !isTakenBehind(all, i)));
            }
        }
        return runs;
    }

    /**
     * Whether what an alternative has gone through is taken by one behind it, so that it is not gone through again.
     * Those in between must begin in the same way: they too take it up to the last place where what follows in them
     * holds.
     */
    private static boolean isTakenBehind(List<Alternative> all, int index) {
        String lead = all.get(index).lead();
        for (int i = index + 1;
                i < all.size() && lead != null && lead.equals(all.get(i).lead());
                i++) {
            if (all.get(i).takesAll()) {
                return true;
            }
        }
        return false;
    }

    /**
     * One of an expression's alternatives.
     *
     * @param lead the item that it repeats without end and as often as it can, where it begins with that, or with what
     *     may be left out; else null.
     * @param takesAll whether nothing can fail behind that.
     * @param ways through it, up to the last item that may fail: what stands behind is tried once.
     * @param repeated kinds of all that it repeats without end.
     */
    private record Alternative(Cost cost, long ways, String lead, boolean takesAll, Set<Kind> repeated) {
        static Alternative of(String text) {
            LinearPattern parser = new LinearPattern(text);
            String lead = null;
            boolean canLead = true;
            Cost cost = Cost.NONE;
            Cost behind = Cost.NONE;
            long ways = 1;
            while (parser.at < text.length()) {
                int from = parser.at;
                Cost item = parser.item(0);
                String whole = text.substring(from, parser.at);
                cost = cost.then(item);
                ways = item.mayFail() ? cost.ways() : ways;
                if (lead != null) {
                    behind = behind.then(item);
                } else if (canLead && GREEDY.matcher(whole).matches()) {
                    lead = GREEDY.matcher(whole).replaceFirst("$1");
                    canLead = false;
                } else {
                    canLead &= !item.mayFail() && item.endless() == 0;
                }
            }
            return new Alternative(cost, ways, lead, lead != null && !behind.mayFail(), parser.repeated);
        }
    }

    private Cost alternatives(int depth) {
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException("its groups are too deep");
        }
        Cost cost = sequence(depth);
        while (at < pattern.length() && pattern.charAt(at) == '|') {
            at++;
            cost = cost.or(sequence(depth));
        }
        return cost;
    }

    private Cost sequence(int depth) {
        Cost cost = Cost.NONE;
        while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
            cost = cost.then(item(depth));
        }
        return cost;
    }

    private Cost item(int depth) {
        boolean isGroup = pattern.charAt(at) == '(';
        int before = single.size();
        Cost one = isGroup ? group(depth) : single();
        int[] times = quantifier();
        Cost cost = times(one, times, isGroup);
        if (times != null && isRepeatedAgain(times)) {
            // Which part of the characters each turn takes may be chosen anew: as bad as items behind each other.
            cost = new Cost(cost.free, times[0] == times[2] ? 1 : 2, cost.mayFail, false, cost.ways);
        }
        if (times != null && times[1] > MAX_COUNTED) {
            Set<Kind> kinds = EnumSet.noneOf(Kind.class);
            kinds.addAll(single.subList(before, single.size()));
            repeated.add(kinds.size() == 1 ? kinds.iterator().next() : Kind.ALL);
        }
        return cost;
    }

    private static Cost times(Cost one, int[] times, boolean isGroup) {
        if (times == null) {
            return one;
        }
        if (isGroup && times[1] > 1 && !(one.isFixed && one.mayFail)) {
            throw new IllegalArgumentException("it repeats a group");
        }
        boolean isFixed = one.isFixed && times[0] == times[1];
        if (times[1] <= 1) {
            return new Cost(one.free, one.endless, times[0] > 0 && one.mayFail, isFixed, one.ways + 1 - times[0]);
        }
        boolean isEndless = times[1] > MAX_COUNTED;
        return new Cost(
                0, isEndless ? 1 : 0, times[0] > 0, isFixed, isEndless ? 1 : 1 + Math.max(0, times[1] - times[0]));
    }

    private Cost group(int depth) {
        at++;
        boolean looks = false;
        boolean ignoredCase = ignoresCase;
        if (at < pattern.length() && pattern.charAt(at) == '?') {
            at++;
            if (pattern.startsWith("=", at) || pattern.startsWith("!", at)) {
                looks = true;
                at++;
            } else {
                // (?:...) and flags, as in (?i:...); everything else is refused. Of these is x, with which blanks and
                // comments in the expression mean nothing.
                boolean isSet = true;
                while (at < pattern.length() && "ims-".indexOf(pattern.charAt(at)) >= 0) {
                    char option = pattern.charAt(at++);
                    isSet &= option != '-';
                    ignoresCase = option == 'i' ? isSet : ignoresCase;
                }
                if (at < pattern.length() && pattern.charAt(at) == ')') {
                    at++;
                    // All that follows in the group about it, its alternatives too, is a group behind the options.
                    Cost rest = alternatives(depth + 1);
                    ignoresCase = ignoredCase;
                    return rest;
                }
                if (at >= pattern.length() || pattern.charAt(at) != ':') {
                    throw new IllegalArgumentException("it has a group of a kind that is not taken");
                }
                at++;
            }
        }
        Cost inside = alternatives(depth + 1);
        if (at >= pattern.length()) {
            throw new IllegalArgumentException("it has a group without an end");
        }
        at++;
        ignoresCase = ignoredCase;
        // A look-ahead is over when it has matched once.
        return looks ? new Cost(inside.free + inside.endless, 0, true, false, inside.ways) : inside;
    }

    /** One character, of whatever kind; or a place between two. */
    private Cost single() {
        int from = at;
        char c = pattern.charAt(at++);
        switch (c) {
            case '[' -> {
                set();
                requireOneCharacter(pattern.substring(from, at));
            }
            case '\\' -> escape();
            case '*', '+', '?', '{' -> throw new IllegalArgumentException("it repeats nothing");
            default -> {
                // A character, a point, or a place.
            }
        }
        single.add(kind(pattern.substring(from, at)));
        return new Cost(0, 0, true, true, 1);
    }

    private static Kind kind(String item) {
        if (BLANKS.matcher(item).matches()) {
            return Kind.BLANKS;
        }
        if (DIGITS.matcher(item).matches()) {
            return Kind.DIGITS;
        }
        return LETTERS.matcher(item).matches() ? Kind.LETTERS : Kind.ALL;
    }

    /** Without regard to case the engine takes a set that has the letter sharp s for two letters s as well. */
    private void requireOneCharacter(String set) {
        if (ignoresCase
                && !ASCII_SET.matcher(set).matches()
                && !NEGATED_SET.matcher(set).matches()) {
            throw new IllegalArgumentException(
                    "it has a set of other characters than ASCII's, without regard to case,");
        }
    }

    private void set() {
        if (at < pattern.length() && pattern.charAt(at) == '^') {
            at++;
        }
        if (at < pattern.length() && pattern.charAt(at) == ']') {
            // The engine takes it for a character where another one follows.
            throw new IllegalArgumentException("it has a set that begins with its end");
        }
        for (int depth = 1; depth > 0; at++) {
            if (at >= pattern.length()) {
                throw new IllegalArgumentException("it has a set without an end");
            }
            char c = pattern.charAt(at);
            if (c == '\\') {
                at++;
                requireEscape();
            } else if (c == '[') {
                requireNoEnd();
                depth++;
            } else if (c == ']') {
                depth--;
            }
        }
    }

    /** A set in a set: its end may not stand at its beginning either. */
    private void requireNoEnd() {
        if (pattern.startsWith("]", at + 1) || pattern.startsWith("^]", at + 1)) {
            throw new IllegalArgumentException("it has a set that begins with its end");
        }
    }

    private void requireEscape() {
        if (at >= pattern.length()) {
            throw new IllegalArgumentException("it ends in a backslash");
        }
        char c = pattern.charAt(at);
        boolean isWord = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
        if (isWord && ESCAPES.indexOf(c) < 0) {
            throw new IllegalArgumentException("it has an escape of a kind that is not taken");
        }
    }

    private void escape() {
        requireEscape();
        char c = pattern.charAt(at++);
        if ((c == 'p' || c == 'P' || c == 'x') && at < pattern.length() && pattern.charAt(at) == '{') {
            int end = pattern.indexOf('}', at);
            if (end < 0) {
                throw new IllegalArgumentException("it has a name without an end");
            }
            requireHex(c == 'x', at + 1, end);
            at = end + 1;
        } else if (c == 'x' || c == 'u') {
            // These digits are the character, and what repeats it stands behind them.
            int end = Math.min(pattern.length(), at + (c == 'x' ? 2 : 4));
            requireHex(true, at, end);
            at = end;
        }
    }

    private void requireHex(boolean isCode, int from, int end) {
        if (isCode && !HEX.matcher(pattern).region(from, end).matches()) {
            throw new IllegalArgumentException("it has a code that is no number");
        }
    }

    /** Whether what comes a number of times comes so again and again; the number is the third then, and its least. */
    private static boolean isRepeatedAgain(int[] times) {
        return times.length > 2;
    }

    /**
     * How often what stands before may come, least and most; null where nothing is said. As the engine has it,
     * {@code {n,m}+} is that many again and again, where others' engines give nothing back, and {@code {n}?} that many
     * or none.
     */
    private int[] quantifier() {
        if (at >= pattern.length()) {
            return null;
        }
        int[] times = switch (pattern.charAt(at)) {
            case '?' -> new int[] {0, 1};
            case '*' -> new int[] {0, Integer.MAX_VALUE};
            case '+' -> new int[] {1, Integer.MAX_VALUE};
            case '{' -> counted();
            default -> null;
        };
        if (times == null) {
            return null;
        }
        boolean isCounted = pattern.charAt(at) == '}';
        boolean isNumber = isCounted && pattern.lastIndexOf(',', at) < pattern.lastIndexOf('{', at);
        at++;
        if (at < pattern.length() && "?+*{".indexOf(pattern.charAt(at)) >= 0) {
            if (pattern.charAt(at) != '?' && pattern.charAt(at) != '+') {
                throw new IllegalArgumentException("it repeats what is repeated");
            }
            boolean isPlus = pattern.charAt(at++) == '+';
            if (isCounted && isPlus) {
                return new int[] {times[0], Integer.MAX_VALUE, times[1]};
            }
            if (isNumber) {
                return new int[] {0, times[1]};
            }
        }
        return times;
    }

    /** {@code {n}}, {@code {n,}}, {@code {,m}} and {@code {n,m}}; leaves {@link #at} on the bracket that ends it. */
    private int[] counted() {
        int end = pattern.indexOf('}', at);
        if (end < 0 || !pattern.substring(at + 1, end).matches("\\d{1,6}(,\\d{0,6})?|,\\d{1,6}")) {
            throw new IllegalArgumentException("it has a bracket that counts nothing");
        }
        String[] parts = pattern.substring(at + 1, end).split(",", -1);
        at = end;
        int least = parts[0].isEmpty() ? 0 : Integer.parseInt(parts[0]);
        int most = parts.length == 1 ? least : parts[1].isEmpty() ? Integer.MAX_VALUE : Integer.parseInt(parts[1]);
        return new int[] {least, most};
    }
}
