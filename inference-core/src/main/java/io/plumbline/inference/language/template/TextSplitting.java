package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** {@code split}, {@code rsplit}, {@code splitlines}, {@code partition}. */
final class TextSplitting {
    private final Budget budget;

    TextSplitting(Budget budget) {
        this.budget = budget;
    }

    private void add(List<Value> parts, TextValue text, int from, int to) {
        budget.objects(1);
        budget.characters(to - from);
        parts.add(text.alike(text.text().substring(from, to)));
    }

    /** @param most splits; all where it is negative. */
    ListValue split(TextValue text, String separator, int most) {
        requireSeparator(separator);
        List<Value> parts = new ArrayList<>();
        int from = 0;
        for (int place : TextSearch.all(budget, text.text(), separator, most < 0 ? Integer.MAX_VALUE : most)) {
            add(parts, text, from, place);
            from = place + separator.length();
        }
        add(parts, text, from, text.text().length());
        return new ListValue(parts);
    }

    /** As {@link #split}, but counts splits from the right. */
    ListValue splitFromRight(TextValue text, String separator, int most) {
        requireSeparator(separator);
        List<Value> parts = new ArrayList<>();
        int to = text.text().length();
        int limit = most < 0 ? Integer.MAX_VALUE : most;
        while (parts.size() < limit) {
            int place = TextSearch.findLast(budget, text.text(), separator, to);
            if (place < 0) {
                break;
            }
            add(parts, text, place + separator.length(), to);
            to = place;
        }
        add(parts, text, 0, to);
        Collections.reverse(parts);
        return new ListValue(parts);
    }

    private static void requireSeparator(String separator) {
        if (separator.isEmpty()) {
            throw Fault.value("a text cannot be split at an empty text.");
        }
    }

    /**
     * Words: what white space stands between. What is left after {@code most} splits keeps the white space at its end.
     */
    ListValue words(TextValue text, int most) {
        String all = text.text();
        budget.reads(all.length());
        List<Value> parts = new ArrayList<>();
        int from = skipSpace(all, 0);
        while (from < all.length() && (most < 0 || parts.size() < most)) {
            int to = from;
            while (to < all.length() && !Characters.isSpace(all.charAt(to))) {
                to++;
            }
            add(parts, text, from, to);
            from = skipSpace(all, to);
        }
        if (from < all.length()) {
            add(parts, text, from, all.length());
        }
        return new ListValue(parts);
    }

    /** As {@link #words}, but counts splits from the right. */
    ListValue wordsFromRight(TextValue text, int most) {
        String all = text.text();
        budget.reads(all.length());
        List<Value> parts = new ArrayList<>();
        int to = skipSpaceBack(all, all.length());
        while (to > 0 && (most < 0 || parts.size() < most)) {
            int from = to;
            while (from > 0 && !Characters.isSpace(all.charAt(from - 1))) {
                from--;
            }
            add(parts, text, from, to);
            to = skipSpaceBack(all, from);
        }
        if (to > 0) {
            add(parts, text, 0, to);
        }
        Collections.reverse(parts);
        return new ListValue(parts);
    }

    private static int skipSpace(String text, int from) {
        int i = from;
        while (i < text.length() && Characters.isSpace(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private static int skipSpaceBack(String text, int to) {
        int i = to;
        while (i > 0 && Characters.isSpace(text.charAt(i - 1))) {
            i--;
        }
        return i;
    }

    /** Lines; a break at the end begins no further one. */
    ListValue lines(TextValue text, boolean keepBreaks) {
        String all = text.text();
        budget.reads(all.length());
        List<Value> lines = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < all.length(); i++) {
            if (Characters.isLineBreak(all.charAt(i))) {
                int after = all.startsWith("\r\n", i) ? i + 2 : i + 1;
                add(lines, text, from, keepBreaks ? after : i);
                from = after;
                i = after - 1;
            }
        }
        if (from < all.length()) {
            add(lines, text, from, all.length());
        }
        return new ListValue(lines);
    }

    /**
     * What stands before the separator, the separator, and what stands after it; the text and two empty ones where it
     * is not there.
     */
    TupleValue partition(TextValue text, String separator, boolean fromRight) {
        requireSeparator(separator);
        String all = text.text();
        int place = fromRight
                ? TextSearch.findLast(budget, all, separator, all.length())
                : TextSearch.find(budget, all, separator, 0);
        List<Value> parts = new ArrayList<>();
        if (place >= 0) {
            add(parts, text, 0, place);
            parts.add(text.alike(separator));
            add(parts, text, place + separator.length(), all.length());
        } else {
            parts.add(fromRight ? TextValue.EMPTY : text);
            parts.add(TextValue.EMPTY);
            parts.add(fromRight ? text : TextValue.EMPTY);
        }
        return new TupleValue(parts);
    }
}
