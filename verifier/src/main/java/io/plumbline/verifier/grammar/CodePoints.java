package io.plumbline.verifier.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A set of characters by their code points, and the bytes of UTF-8 that spell them. Surrogates are no characters and
 * are left out.
 */
final class CodePoints {
    private static final int MAX = Character.MAX_CODE_POINT;

    /** The first code point that UTF-8 spells in two, three and four bytes, and the one behind the last. */
    private static final int[] LENGTHS = {0, 0x80, 0x800, 0x10000, MAX + 1};

    /** Ranges, first and last, ascending and apart from each other. */
    private final List<int[]> ranges = new ArrayList<>();

    private CodePoints() {}

    /** @param given first and last code points, both included, in any order. */
    static CodePoints of(List<int[]> given) {
        List<int[]> sorted = new ArrayList<>(given);
        sorted.sort((x, y) -> Integer.compare(x[0], y[0]));
        CodePoints set = new CodePoints();
        for (int[] range : sorted) {
            int[] last = set.ranges.isEmpty() ? null : set.ranges.getLast();
            if (last != null && range[0] <= last[1] + 1) {
                last[1] = Math.max(last[1], range[1]);
            } else {
                set.ranges.add(range.clone());
            }
        }
        return set;
    }

    /** All characters but these. */
    CodePoints complement() {
        CodePoints others = new CodePoints();
        int from = 0;
        for (int[] range : ranges) {
            if (range[0] > from) {
                others.ranges.add(new int[] {from, range[0] - 1});
            }
            from = range[1] + 1;
        }
        if (from <= MAX) {
            others.ranges.add(new int[] {from, MAX});
        }
        return others;
    }

    /** One of these characters, in UTF-8. */
    Expression utf8() {
        List<Expression> choices = new ArrayList<>();
        ByteSet single = ByteSet.NONE;
        for (int[] range : ranges) {
            for (int[] part : List.of(new int[] {range[0], Math.min(range[1], Character.MIN_SURROGATE - 1)}, new int[] {
                Math.max(range[0], Character.MAX_SURROGATE + 1), range[1]
            })) {
                for (int length = 1; length <= 4; length++) {
                    int first = Math.max(part[0], LENGTHS[length - 1]);
                    int last = Math.min(part[1], LENGTHS[length] - 1);
                    if (first > last) {
                        continue;
                    }
                    if (length == 1) {
                        single = single.or(ByteSet.range(first, last));
                    } else {
                        add(bytes(first, length), bytes(last, length), 0, List.of(), choices);
                    }
                }
            }
        }
        if (!single.isEmpty()) {
            choices.addFirst(new Expression.Bytes(single));
        }
        return choices.size() == 1 ? choices.getFirst() : new Expression.Choice(List.copyOf(choices));
    }

    private static int[] bytes(int codePoint, int length) {
        int[] bytes = new int[length];
        int rest = codePoint;
        for (int i = length - 1; i > 0; i--) {
            bytes[i] = 0x80 | rest & 0x3F;
            rest >>= 6;
        }
        bytes[0] = 0xF00 >> length & 0xFF | rest;
        return bytes;
    }

    /**
     * Adds what lies between two spellings of one length: from where they part, the first one's own tail, whole bytes
     * between, and the last one's own tail.
     */
    private static void add(int[] first, int[] last, int at, List<Expression> before, List<Expression> out) {
        int n = first.length;
        if (at == n) {
            out.add(new Expression.Sequence(before));
            return;
        }
        if (first[at] == last[at]) {
            add(first, last, at + 1, with(before, first[at], first[at]), out);
            return;
        }
        boolean isWholeAtFirst = isTail(first, at + 1, 0x80);
        boolean isWholeAtLast = isTail(last, at + 1, 0xBF);
        int from = isWholeAtFirst ? first[at] : first[at] + 1;
        int to = isWholeAtLast ? last[at] : last[at] - 1;
        if (!isWholeAtFirst) {
            int[] end = first.clone();
            Arrays.fill(end, at + 1, n, 0xBF);
            add(first, end, at + 1, with(before, first[at], first[at]), out);
        }
        if (from <= to) {
            List<Expression> whole = with(before, from, to);
            for (int i = at + 1; i < n; i++) {
                whole = with(whole, 0x80, 0xBF);
            }
            out.add(new Expression.Sequence(whole));
        }
        if (!isWholeAtLast) {
            int[] begin = last.clone();
            Arrays.fill(begin, at + 1, n, 0x80);
            add(begin, last, at + 1, with(before, last[at], last[at]), out);
        }
    }

    private static boolean isTail(int[] bytes, int from, int value) {
        for (int i = from; i < bytes.length; i++) {
            if (bytes[i] != value) {
                return false;
            }
        }
        return true;
    }

    private static List<Expression> with(List<Expression> before, int first, int last) {
        List<Expression> all = new ArrayList<>(before);
        all.add(new Expression.Bytes(ByteSet.range(first, last)));
        return all;
    }
}
