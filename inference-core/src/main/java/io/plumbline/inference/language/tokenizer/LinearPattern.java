package io.plumbline.inference.language.tokenizer;

/**
 * Whether a tokenizer's regular expression is one that its engine (Oniguruma) matches in a time and with a number of
 * retries that grow with the text and no faster. The engine gives up after ten million retries, and the library that it
 * is in then ends the process: whoever publishes a model could have that come about by a message.
 *
 * <p>What costs retries is an item that may match any number of characters and that something may fail after: two of
 * them cost the square of the text's length, a repeated group costs a power of it, unless it is always as long. So a
 * way through the expression may have one of them, and groups of other kinds are not repeated. The expressions of the
 * families that are in use have no more.
 */
final class LinearPattern {
    /** Repeated more often than this, an item counts as one without end. */
    private static final int MAX_COUNTED = 64;

    private static final int MAX_DEPTH = 32;

    private final String pattern;
    private int at;

    /**
     * A part of an expression, from the right: what follows it is known when it is judged.
     *
     * @param free items without end that something may fail after.
     * @param endless whether it ends in one that nothing inside may fail after.
     * @param mayFail whether it may fail.
     * @param isFixed whether it always takes as many characters, in one way.
     */
    private record Cost(int free, int endless, boolean mayFail, boolean isFixed) {
        /** Nothing. */
        static final Cost NONE = new Cost(0, 0, false, true);

        /** This and then the other. */
        Cost then(Cost next) {
            return next.mayFail
                    ? new Cost(free + endless + next.free, next.endless, true, isFixed && next.isFixed)
                    : new Cost(free + next.free, endless + next.endless, mayFail, isFixed && next.isFixed);
        }

        /** One or the other. */
        Cost or(Cost other) {
            return new Cost(
                    Math.max(free, other.free), Math.max(endless, other.endless), mayFail && other.mayFail, false);
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
            return cost.free > 1 ? "on some texts its time grows with the square of their length, or worse" : null;
        } catch (IllegalArgumentException e) {
            return e.getMessage() + " at character " + parser.at;
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
        Cost one = isGroup ? group(depth) : single();
        int[] times = quantifier();
        if (times == null) {
            return one;
        }
        if (isGroup && times[1] > 1 && !(one.isFixed && one.mayFail)) {
            throw new IllegalArgumentException("it repeats a group");
        }
        if (times[1] <= 1) {
            return new Cost(one.free, one.endless, times[0] > 0 && one.mayFail, one.isFixed && times[0] == 1);
        }
        return new Cost(0, times[1] > MAX_COUNTED ? 1 : 0, times[0] > 0, one.isFixed && times[0] == times[1]);
    }

    private Cost group(int depth) {
        at++;
        boolean looks = false;
        if (at < pattern.length() && pattern.charAt(at) == '?') {
            at++;
            if (pattern.startsWith("=", at) || pattern.startsWith("!", at)) {
                looks = true;
                at++;
            } else {
                // (?:...) and flags, as in (?i:...); everything else is refused.
                while (at < pattern.length() && "imsx-".indexOf(pattern.charAt(at)) >= 0) {
                    at++;
                }
                if (at < pattern.length() && pattern.charAt(at) == ')') {
                    at++;
                    return Cost.NONE;
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
        // A look-ahead is over when it has matched once.
        return looks ? new Cost(inside.free + inside.endless, 0, true, false) : inside;
    }

    /** One character, of whatever kind; or a place between two. */
    private Cost single() {
        char c = pattern.charAt(at++);
        switch (c) {
            case '[' -> set();
            case '\\' -> escape();
            case '*', '+', '?', '{' -> throw new IllegalArgumentException("it repeats nothing");
            default -> {
                // A character, a point, or a place.
            }
        }
        return new Cost(0, 0, true, true);
    }

    private void set() {
        if (at < pattern.length() && pattern.charAt(at) == '^') {
            at++;
        }
        for (int depth = 1; depth > 0; at++) {
            if (at >= pattern.length()) {
                throw new IllegalArgumentException("it has a set without an end");
            }
            char c = pattern.charAt(at);
            if (c == '\\') {
                at++;
            } else if (c == '[') {
                depth++;
            } else if (c == ']') {
                depth--;
            }
        }
    }

    private void escape() {
        if (at >= pattern.length()) {
            throw new IllegalArgumentException("it ends in a backslash");
        }
        char c = pattern.charAt(at++);
        if (c >= '1' && c <= '9' || "kgKRX".indexOf(c) >= 0) {
            throw new IllegalArgumentException("it has an escape of a kind that is not taken");
        }
        if ((c == 'p' || c == 'P' || c == 'x' || c == 'u') && at < pattern.length() && pattern.charAt(at) == '{') {
            int end = pattern.indexOf('}', at);
            if (end < 0) {
                throw new IllegalArgumentException("it has a name without an end");
            }
            at = end + 1;
        }
    }

    /** How often what stands before may come, least and most; null where nothing is said. */
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
        at++;
        if (at < pattern.length() && "?+*{".indexOf(pattern.charAt(at)) >= 0) {
            if (pattern.charAt(at) != '?' && pattern.charAt(at) != '+') {
                throw new IllegalArgumentException("it repeats what is repeated");
            }
            at++;
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
