package io.plumbline.client;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The reasoning and the content of a message, as a server has read them out of the text that a node signed. They are
 * all of that text but for the marks between them, which are known here for the families of models that reason: {@code
 * <think>} and {@code </think>}, and the names of channels that are left of gpt-oss's control tokens.
 */
final class SignedMessage {
    private static final List<String> MARKS =
            List.of("</think>", "assistantanalysis", "assistantcommentary", "assistantfinal", "assistantfinaljson");

    /** Those that a text may begin with. */
    private static final List<String> FIRST_MARKS =
            List.of("<think>", "</think>", "analysis", "commentary", "final", "finaljson");

    /** Ways to read a text that are followed, a character: no model writes one that has more. */
    private static final int STEPS_A_CHARACTER = 32;

    private SignedMessage() {}

    /**
     * Whether reasoning and content are what the text says, blanks aside.
     *
     * @param signed the text that the receipt is for.
     * @param reasoning empty for none.
     */
    static boolean isOf(String signed, String reasoning, String content) {
        String text = withoutBlanks(signed);
        String shown = withoutBlanks(reasoning + content);
        // Characters that may have been shown of the text up to each place: a mark may be a word of the message too.
        NavigableMap<Integer, Set<Integer>> open = new TreeMap<>();
        add(open, 0, 0);
        long steps = 0;
        while (!open.isEmpty()) {
            int at = open.firstKey();
            for (int done : open.pollFirstEntry().getValue()) {
                if (++steps > STEPS_A_CHARACTER * (text.length() + 1L)) {
                    return false;
                }
                boolean isAll = done == shown.length();
                if (isAll && isEnd(text, at)) {
                    return true;
                }
                if (!isAll && at < text.length() && text.charAt(at) == shown.charAt(done)) {
                    add(open, at + 1, done + 1);
                }
                for (int length : marks(text, at)) {
                    add(open, at + length, done);
                }
            }
        }
        return false;
    }

    private static void add(NavigableMap<Integer, Set<Integer>> open, int at, int done) {
        open.computeIfAbsent(at, unused -> new TreeSet<>()).add(done);
    }

    /** Lengths of the marks that stand there. */
    private static List<Integer> marks(String text, int at) {
        List<Integer> found = new ArrayList<>();
        for (String mark : at == 0 ? FIRST_MARKS : MARKS) {
            if (text.startsWith(mark, at)) {
                found.add(mark.length());
            }
        }
        return found;
    }

    /** Whether a text ends there, or was cut short within a mark. */
    private static boolean isEnd(String text, int at) {
        return MARKS.stream().anyMatch(mark -> mark.regionMatches(0, text, at, text.length() - at));
    }

    private static String withoutBlanks(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().filter(c -> !Character.isWhitespace(c)).forEach(out::appendCodePoint);
        return out.toString();
    }
}
