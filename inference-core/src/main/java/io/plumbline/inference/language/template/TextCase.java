package io.plumbline.inference.language.template;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Upper and lower case, and what kinds of characters a text consists of. */
final class TextCase {
    /**
     * Characters that become two or three in upper case, in their order, and what they become; only these blocks have
     * such.
     */
    private static final int[] LENGTHENED = IntStream.of(0x80, 0x1E00, 0xFB00)
            .flatMap(first -> IntStream.range(first, first + 0x600))
            .filter(c -> c <= Character.MAX_VALUE && upperOf(c).length() > 1)
            .toArray();

    private static final String[] LENGTHENED_UPPER =
            Arrays.stream(LENGTHENED).mapToObj(TextCase::upperOf).toArray(String[]::new);

    private static final int CAPITAL_SIGMA = 0x3A3;
    private static final int SIGMA = 0x3C3;
    private static final int FINAL_SIGMA = 0x3C2;
    private static final int CAPITAL_I_WITH_DOT = 0x130;

    private TextCase() {}

    private static String upperOf(int c) {
        return Character.toString(c).toUpperCase(Locale.ROOT);
    }

    /**
     * Upper case, character by character: {@code String.toUpperCase} copies all it has so far for each character that
     * becomes two, as the sharp s does, and so takes hours for a text of nothing else.
     */
    static String upper(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            int longer = c < 128 ? -1 : Arrays.binarySearch(LENGTHENED, c);
            if (longer >= 0) {
                out.append(LENGTHENED_UPPER[longer]);
            } else {
                out.appendCodePoint(Character.toUpperCase(c));
            }
        }
        return out.toString();
    }

    /** Lower case, character by character, for the same reason as {@link #upper}. */
    static String lower(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            int next = i + Character.charCount(c);
            if (c == CAPITAL_SIGMA) {
                out.appendCodePoint(endsWord(text, i, next) ? FINAL_SIGMA : SIGMA);
            } else if (c == CAPITAL_I_WITH_DOT) {
                out.append("i\u0307");
            } else {
                out.appendCodePoint(Character.toLowerCase(c));
            }
            i = next;
        }
        return out.toString();
    }

    /**
     * Whether a letter stands before {@code from}, and none from {@code to} on; marks and apostrophes in between do not
     * count.
     */
    private static boolean endsWord(String text, int from, int to) {
        int before = from;
        while (before > 0 && isIgnored(text.codePointBefore(before))) {
            before -= Character.charCount(text.codePointBefore(before));
        }
        if (before == 0 || !Characters.isCased(text.codePointBefore(before))) {
            return false;
        }
        int after = to;
        while (after < text.length() && isIgnored(text.codePointAt(after))) {
            after += Character.charCount(text.codePointAt(after));
        }
        return after == text.length() || !Characters.isCased(text.codePointAt(after));
    }

    private static boolean isIgnored(int c) {
        return switch (Character.getType(c)) {
            case Character.NON_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.FORMAT,
                    Character.MODIFIER_LETTER,
                    Character.MODIFIER_SYMBOL -> true;
            default -> "'.:\u00B7\u2018\u2019\u2024\u2027".indexOf(c) >= 0;
        };
    }

    /** The first character in title case, all others in lower case. */
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = Character.charCount(text.codePointAt(0));
        int lowered = lower(text.substring(0, first)).length();
        return titleCase(text.codePointAt(0)) + lower(text).substring(lowered);
    }

    /**
     * Python takes a character of title case where there is one, and else what upper case makes of it: the sharp s
     * becomes Ss.
     */
    static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        if (title != c || Character.isTitleCase(c)) {
            return Character.toString(title);
        }
        String upper = upper(Character.toString(c));
        int first = upper.isEmpty() ? 0 : Character.charCount(upper.codePointAt(0));
        return upper.substring(0, first) + lower(upper.substring(first));
    }

    /** {@code str.title}: each run of letters begins in title case and goes on in lower case. */
    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean within = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            out.append(within ? lower(Character.toString(c)) : titleCase(c));
            within = Characters.isCased(c);
        }
        return out.toString();
    }

    /** The filter {@code title}: words are what white space, hyphens and opening brackets stand between. */
    static String titleWords(String text) {
        StringBuilder out = new StringBuilder(text.length());
        int from = 0;
        while (from < text.length()) {
            boolean separator = separatesWords(text.codePointAt(from));
            int to = from;
            while (to < text.length() && separatesWords(text.codePointAt(to)) == separator) {
                to += Character.charCount(text.codePointAt(to));
            }
            int first = from + Character.charCount(text.codePointAt(from));
            out.append(upper(text.substring(from, first))).append(lower(text.substring(first, to)));
            from = to;
        }
        return out.toString();
    }

    private static boolean separatesWords(int c) {
        return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || Characters.isSpace(c);
    }

    static String swap(String text) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            String one = Character.toString(c);
            out.append(Character.isUpperCase(c) ? lower(one) : Character.isLowerCase(c) ? upper(one) : one);
        }
        return out.toString();
    }

    /** Whether a text is not empty and all its characters are such. */
    static boolean all(String text, IntPredicate such) {
        return !text.isEmpty() && text.codePoints().allMatch(such);
    }

    static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Character::isUpperCase)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    static boolean isLower(String text) {
        return text.codePoints().anyMatch(Character::isLowerCase)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    static boolean isTitle(String text) {
        boolean within = false;
        boolean any = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            boolean capital = Character.isUpperCase(c) || Character.isTitleCase(c);
            if (capital && within || !capital && Character.isLowerCase(c) && !within) {
                return false;
            }
            within = capital || Character.isLowerCase(c);
            any |= within;
        }
        return any;
    }
}
