package io.plumbline.inference.language.template;

import java.util.Arrays;

/**
 * Finds texts in texts, in time that grows with the text and not with the product of both: a conversation may hold a
 * text and a part that make a plain search take hours.
 */
final class TextSearch {
    /**
     * Longer parts are searched for by Knuth, Morris and Pratt; shorter ones cost at most their length for each
     * character.
     */
    private static final int SHORT = 32;

    private TextSearch() {}

    /** The first offset of {@code part} in {@code text} from {@code from} on, or -1. */
    static int find(Budget budget, String text, String part, int from) {
        return findPlain(budget, MarkedText.plain(budget, text), MarkedText.plain(budget, part), from);
    }

    private static int findPlain(Budget budget, String text, String part, int from) {
        if (part.length() <= SHORT) {
            return text.indexOf(part, from);
        }
        budget.characters(text.length() - (long) from);
        int[] found = allPlain(budget, text.substring(Math.min(from, text.length())), part, 1);
        return found.length == 0 ? -1 : found[0] + from;
    }

    /** The last offset of {@code part} in {@code text} that ends at or before {@code to}, or -1. */
    static int findLast(Budget budget, String text, String part, int to) {
        return findLastPlain(budget, MarkedText.plain(budget, text), MarkedText.plain(budget, part), to);
    }

    private static int findLastPlain(Budget budget, String text, String part, int to) {
        if (part.length() <= SHORT) {
            return text.lastIndexOf(part, to - part.length());
        }
        budget.characters(to);
        int[] found = allPlain(budget, reversed(budget, text.substring(0, to)), reversed(budget, part), 1);
        return found.length == 0 ? -1 : to - found[0] - part.length();
    }

    private static String reversed(Budget budget, String text) {
        budget.characters(text.length());
        StringBuilder all = new StringBuilder(text.length());
        for (int i = text.length() - 1; i >= 0; i--) {
            all.append(text.charAt(i));
        }
        return all.toString();
    }

    /** Offsets of {@code part}, not empty, that do not overlap, from the left; the first {@code most}. */
    static int[] all(Budget budget, String text, String part, int most) {
        return allPlain(budget, MarkedText.plain(budget, text), MarkedText.plain(budget, part), most);
    }

    private static int[] allPlain(Budget budget, String text, String part, int most) {
        budget.reads(text.length() + 2L * part.length());
        Places places = new Places(budget, most);
        if (part.length() <= SHORT) {
            int at = text.indexOf(part);
            while (at >= 0 && places.add(at)) {
                at = text.indexOf(part, at + part.length());
            }
        } else if (part.length() <= text.length()) {
            budget.characters(2L * part.length());
            search(text, part, fallbacks(part), places);
        }
        return places.toArray();
    }

    /**
     * For each length of a beginning of {@code part}, the length of the next shorter beginning that also ends there.
     */
    private static int[] fallbacks(String part) {
        int[] fallbacks = new int[part.length() + 1];
        fallbacks[0] = -1;
        int matched = -1;
        for (int i = 0; i < part.length(); i++) {
            while (matched >= 0 && part.charAt(i) != part.charAt(matched)) {
                matched = fallbacks[matched];
            }
            fallbacks[i + 1] = ++matched;
        }
        return fallbacks;
    }

    private static void search(String text, String part, int[] fallbacks, Places places) {
        int matched = 0;
        for (int i = 0; i < text.length(); i++) {
            while (matched >= 0 && text.charAt(i) != part.charAt(matched)) {
                matched = fallbacks[matched];
            }
            if (++matched == part.length()) {
                if (!places.add(i + 1 - matched)) {
                    return;
                }
                matched = 0;
            }
        }
    }

    /** Offsets as they are found. */
    private static final class Places {
        private final Budget budget;
        private final int most;
        private int[] found = new int[4];
        private int size;

        Places(Budget budget, int most) {
            this.budget = budget;
            this.most = most;
        }

        /** @return whether there is room for another one after this. */
        boolean add(int place) {
            if (size < most) {
                if (size == found.length) {
                    budget.characters(2L * 2 * size);
                    found = Arrays.copyOf(found, 2 * size);
                }
                found[size++] = place;
            }
            return size < most;
        }

        int[] toArray() {
            return Arrays.copyOf(found, size);
        }
    }

    /**
     * {@code text} with the first {@code most} places of {@code part} replaced; all of them where {@code most} is
     * negative.
     */
    static String replace(Budget budget, String text, String part, String other, int most) {
        int limit = most < 0 ? Integer.MAX_VALUE : most;
        if (part.isEmpty()) {
            return insert(budget, text, other, limit);
        }
        int[] places = all(budget, text, part, limit);
        if (places.length == 0) {
            return text;
        }
        long length = text.length() + (long) places.length * (other.length() - part.length());
        budget.characters(length);
        StringBuilder out = new StringBuilder((int) length);
        int from = 0;
        for (int place : places) {
            out.append(text, from, place).append(other);
            from = place + part.length();
        }
        return out.append(text, from, text.length()).toString();
    }

    /** {@code other} before each character, and at the end: what replacing the empty text means. */
    private static String insert(Budget budget, String text, String other, int most) {
        budget.reads(text.length());
        long places = Math.min(most, text.codePointCount(0, text.length()) + 1L);
        budget.characters(text.length() + places * other.length());
        StringBuilder out = new StringBuilder();
        int at = 0;
        for (long i = 0; i < places; i++) {
            out.append(other);
            if (at < text.length()) {
                int next = at + Character.charCount(text.codePointAt(at));
                out.append(text, at, next);
                at = next;
            }
        }
        return out.append(text, at, text.length()).toString();
    }
}
