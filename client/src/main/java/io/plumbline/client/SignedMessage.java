package io.plumbline.client;

import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The reasoning and the content of a message, as a server has read them out of the text that a node signed. They are
 * all of that text but for the marks of the format it is in: {@code <think>} and {@code </think>}, what is left in a
 * text of the headers of gpt-oss's messages, or those of Gemma 4's {@link SignedChannels channels}. What is parted by
 * control tokens alone leaves no mark, and is not known here.
 */
final class SignedMessage {
    private static final String OPENING = "<think>";
    private static final String CLOSING = "</think>";

    /** The words that Granite 3.2 has in place of tags. */
    private static final String OPENING_WORDS = "Here is my thought process:";

    private static final String CLOSING_WORDS = "Here is my response:";

    /** The tags that Granite 3.3 writes around its answer, behind its reasoning. */
    private static final String RESPONSE = "<response>";

    private static final String RESPONSE_END = "</response>";

    /** Of a message in a text: who it is of, its channel, whom it is to, and the kind of what follows. */
    private static final Pattern HEADER = Pattern.compile(
            "(assistant)?(?: to=[^\\s{]{1,256}?)?(analysis|commentary|final)(?: to=[^\\s{]{1,256})? ?(?:json|code|text)?");

    /** An answer that ends within the first of them says nothing. */
    private static final List<String> CHANNELS = List.of("analysis", "commentary", "final", "thought\n");

    /** The beginning of one, that the answer's end has cut: the word for who it is of is a token, and whole. */
    private static final Pattern CUT_HEADER =
            Pattern.compile("assistant(?: to=\\S{0,256}| ?[a-z]{0,10})?(?: to=\\S{0,256}| ?[a-z]{0,10})?");

    /** Characters that are looked at for the parts of a text in another: of a million, for hundreds of parts. */
    private static final long MOST_FOR_PARTS = 1L << 30;

    /** Ways to read a text that are followed, a character: no model writes one that has more. */
    private static final int STEPS_A_CHARACTER = 32;

    private SignedMessage() {}

    /**
     * Whether reasoning and content are what the text says.
     *
     * @param signed the text that the receipt is for.
     * @param reasoning empty for none.
     */
    static boolean isOf(String signed, String reasoning, String content) {
        return isOf(signed, reasoning, content, true);
    }

    /** @param mayBeCut whether the answer is shown as one that ended in its middle. */
    static boolean isOf(String signed, String reasoning, String content, boolean mayBeCut) {
        boolean isCut = mayBeCut
                && reasoning.isEmpty()
                && content.isEmpty()
                && CHANNELS.stream().anyMatch(channel -> channel.startsWith(signed));
        return isCut
                || reasoning.isEmpty() && content.equals(signed)
                || isTagged(signed, reasoning, content)
                || SignedChannels.isOf(signed, reasoning, content)
                || isInChannels(signed, reasoning, content);
    }

    /**
     * Whether a text, some of which a server has read as calls, holds these in its order: all but few parts of it.
     *
     * @param calls that were read out of it.
     */
    static boolean isPartOf(String signed, String shown, int calls) {
        String rest = shown.strip();
        int from = 0;
        long steps = 0;
        for (int parts = 0; !rest.isEmpty(); parts++) {
            steps += signed.length() - from + rest.length();
            if (parts > calls || steps > MOST_FOR_PARTS) {
                return false;
            }
            Part longest = longestIn(signed, from, rest);
            if (longest.length() == 0) {
                return false;
            }
            from = longest.end();
            // Parts that calls or headers stood between are told apart by a line.
            rest = rest.substring(longest.length()).strip();
        }
        return true;
    }

    /** The beginning of a text that stands in another, and where it ends there. */
    private record Part(int length, int end) {}

    /**
     * The longest beginning of {@code text} that stands in another from a place on, where it first does. Each is gone
     * through once, whatever repeats in them.
     */
    private static Part longestIn(String other, int from, String text) {
        // Of each beginning of the text, the longest shorter one that it ends in.
        int[] shorter = new int[text.length()];
        for (int i = 1, matched = 0; i < text.length(); i++) {
            while (matched > 0 && text.charAt(i) != text.charAt(matched)) {
                matched = shorter[matched - 1];
            }
            matched += text.charAt(i) == text.charAt(matched) ? 1 : 0;
            shorter[i] = matched;
        }
        Part longest = new Part(0, from);
        for (int at = from, matched = 0; at < other.length() && longest.length() < text.length(); at++) {
            while (matched > 0 && other.charAt(at) != text.charAt(matched)) {
                matched = shorter[matched - 1];
            }
            matched += other.charAt(at) == text.charAt(matched) ? 1 : 0;
            longest = matched > longest.length() ? new Part(matched, at + 1) : longest;
        }
        return longest;
    }

    /** Reasoning to the first closing tag, without blanks around it; all of a text that has none. */
    private static boolean isTagged(String signed, String reasoning, String content) {
        // A prompt may have the opening tag, and has no words.
        return isTagged(signed, reasoning, content, OPENING, CLOSING)
                || signed.stripLeading().startsWith(OPENING_WORDS)
                        && isTagged(signed, reasoning, content, OPENING_WORDS, CLOSING_WORDS);
    }

    private static boolean isTagged(String signed, String reasoning, String content, String opening, String closing) {
        String text = signed.stripLeading();
        text = text.startsWith(opening) ? text.substring(opening.length()) : text;
        int end = text.indexOf(closing);
        if (end < 0) {
            return !reasoning.isEmpty() && content.isEmpty() && reasoning.equals(text.strip());
        }
        String rest = text.substring(end + closing.length()).stripLeading();
        return reasoning.equals(text.substring(0, end).strip()) && (content.equals(rest) || isResponse(rest, content));
    }

    /** Whether a text is the content in its tags, without blanks within them; it may lack the end. */
    private static boolean isResponse(String text, String content) {
        if (!text.startsWith(RESPONSE)) {
            return false;
        }
        String inside = text.substring(RESPONSE.length()).strip();
        return content.equals(
                inside.endsWith(RESPONSE_END)
                        ? inside.substring(0, inside.length() - RESPONSE_END.length())
                                .strip()
                        : inside);
    }

    /**
     * How much was shown of a text up to a place.
     *
     * @param reasoning characters of it.
     * @param content characters of it.
     * @param isSaid whether the message that is being read is content.
     */
    private record Shown(int reasoning, int content, boolean isSaid) implements Comparable<Shown> {
        @Override
        public int compareTo(Shown other) {
            int byReasoning = Integer.compare(reasoning, other.reasoning);
            int byContent = Integer.compare(content, other.content);
            return byReasoning != 0 ? byReasoning : byContent != 0 ? byContent : Boolean.compare(isSaid, other.isSaid);
        }
    }

    /** Messages, each of a header and a body; bodies of a kind are told apart by the end of a line. */
    private static boolean isInChannels(String signed, String reasoning, String content) {
        NavigableMap<Integer, Set<Shown>> open = new TreeMap<>();
        addMessage(open, signed, 0, new Shown(0, 0, false), reasoning, content);
        long steps = 0;
        while (!open.isEmpty()) {
            int at = open.firstKey();
            for (Shown shown : open.pollFirstEntry().getValue()) {
                if (++steps > STEPS_A_CHARACTER * (signed.length() + 1L)) {
                    return false;
                }
                boolean isAll = shown.reasoning() == reasoning.length() && shown.content() == content.length();
                boolean isEnd = at == signed.length()
                        || CUT_HEADER
                                .matcher(signed)
                                .region(at, signed.length())
                                .matches();
                if (isAll && isEnd) {
                    return true;
                }
                if (at < signed.length()) {
                    addCharacter(open, signed.charAt(at), at, shown, reasoning, content);
                    addMessage(open, signed, at, shown, reasoning, content);
                }
            }
        }
        return false;
    }

    private static void addCharacter(
            NavigableMap<Integer, Set<Shown>> open, char next, int at, Shown shown, String reasoning, String content) {
        int done = shown.isSaid() ? shown.content() : shown.reasoning();
        String of = shown.isSaid() ? content : reasoning;
        if (done < of.length() && of.charAt(done) == next) {
            add(open, at + 1, moved(shown, shown.isSaid(), 1));
        }
    }

    /** A header that stands there, in each of the ways in which it may end. */
    private static void addMessage(
            NavigableMap<Integer, Set<Shown>> open,
            String signed,
            int at,
            Shown shown,
            String reasoning,
            String content) {
        Matcher header = HEADER.matcher(signed).region(at, Math.min(signed.length(), at + 1024));
        if (!header.lookingAt() || at > 0 && header.group(1) == null) {
            return;
        }
        boolean isTo = header.group().contains(" to=");
        boolean isSaid = isTo || header.group(2).equals("final");
        String of = isSaid ? content : reasoning;
        int done = isSaid ? shown.content() : shown.reasoning();
        // Where something of its kind was told before, a line's end stands between.
        boolean isParted = done > 0 && done < of.length();
        if (isParted && of.charAt(done) != '\n') {
            return;
        }
        Shown next = moved(shown, isSaid, isParted ? 1 : 0);
        add(open, header.end(), next);
        add(open, header.end(2), next);
    }

    private static Shown moved(Shown shown, boolean isSaid, int by) {
        return new Shown(shown.reasoning() + (isSaid ? 0 : by), shown.content() + (isSaid ? by : 0), isSaid);
    }

    private static void add(NavigableMap<Integer, Set<Shown>> open, int at, Shown shown) {
        open.computeIfAbsent(at, unused -> new TreeSet<>()).add(shown);
    }
}
