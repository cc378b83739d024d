package io.plumbline.inference.language.template;

/**
 * Text in which punctuation that came from a conversation is told from what a template wrote: a user's "&lt;" must not
 * begin a control token of the template's. Each marked character is replaced by one of Unicode's noncharacters, which
 * are for use within programs and stand in no text. To templates it is the character that it stands for.
 */
public final class MarkedText {
    /** The marks: U+FDD0 to U+FDEF, as many as ASCII has punctuation. */
    private static final char FIRST = '\uFDD0';

    private static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    private static final char LAST = (char) (FIRST + PUNCTUATION.length() - 1);

    private MarkedText() {}

    /** Whether a character can be marked. Quotes and backslashes cannot: JSON and Python write others for them. */
    public static boolean isMarkable(char c) {
        return PUNCTUATION.indexOf(c) >= 0 && c != '"' && c != '\'' && c != '\\';
    }

    /** Whether a character is a mark. */
    public static boolean isMark(char c) {
        return c >= FIRST && c <= LAST;
    }

    /** {@code text} with those of its characters marked that are in {@code marked}, all of them markable. */
    public static String mark(String text, String marked) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            if (marked.indexOf(text.charAt(i)) >= 0) {
                out = out == null ? new StringBuilder(text) : out;
                out.setCharAt(i, (char) (FIRST + PUNCTUATION.indexOf(text.charAt(i))));
            }
        }
        return out == null ? text : out.toString();
    }

    /** As {@link #plain(String)}, charged to a template's budget before it is done. */
    static String plain(Budget budget, String text) {
        budget.reads(text.length());
        for (int i = 0; i < text.length(); i++) {
            if (isMark(text.charAt(i))) {
                budget.characters(text.length());
                return plain(text);
            }
        }
        return text;
    }

    /** Whether {@code part}, which has no marks, stands at {@code offset} of {@code text}, which may have some. */
    static boolean standsAt(String text, int offset, String part) {
        if (offset < 0 || part.length() > text.length() - offset) {
            return false;
        }
        for (int i = 0; i < part.length(); i++) {
            if (plain(text.charAt(offset + i)) != part.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** The character that {@code c} stands for. */
    static char plain(char c) {
        return isMark(c) ? PUNCTUATION.charAt(c - FIRST) : c;
    }

    /** {@code text} without marks: as long, and with every character where it was. */
    public static String plain(String text) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            if (isMark(text.charAt(i))) {
                out = out == null ? new StringBuilder(text) : out;
                out.setCharAt(i, plain(text.charAt(i)));
            }
        }
        return out == null ? text : out.toString();
    }
}
