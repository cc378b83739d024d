package io.plumbline.node.gateway.grammar;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of characters as regular expressions write it.
 *
 * @param ranges first and last code points, both included.
 * @param isOthers whether it is all characters but these.
 */
record CharacterSet(List<int[]> ranges, boolean isOthers) {
    static final CharacterSet DIGITS = of('0', '9');
    static final CharacterSet WORD = new CharacterSet(
            List.of(new int[] {'a', 'z'}, new int[] {'A', 'Z'}, new int[] {'0', '9'}, new int[] {'_', '_'}), false);
    static final CharacterSet SPACE = new CharacterSet(List.of(new int[] {'\t', '\r'}, new int[] {' ', ' '}), false);

    /** The characters that a dot stands for. */
    static final CharacterSet NO_LINE_END =
            new CharacterSet(List.of(new int[] {'\n', '\n'}, new int[] {'\r', '\r'}), true);

    static CharacterSet of(int first, int last) {
        return new CharacterSet(List.of(new int[] {first, last}), false);
    }

    CharacterSet complement() {
        return new CharacterSet(ranges, !isOthers);
    }

    boolean contains(int c) {
        return isOthers != ranges.stream().anyMatch(range -> c >= range[0] && c <= range[1]);
    }

    /** Without {@code others}, which are ranges. */
    CharacterSet minus(List<int[]> others) {
        if (isOthers) {
            List<int[]> all = new ArrayList<>(ranges);
            all.addAll(others);
            return new CharacterSet(all, true);
        }
        List<int[]> left = new ArrayList<>(ranges);
        for (int[] other : others) {
            List<int[]> next = new ArrayList<>();
            for (int[] range : left) {
                if (range[0] < other[0]) {
                    next.add(new int[] {range[0], Math.min(range[1], other[0] - 1)});
                }
                if (range[1] > other[1]) {
                    next.add(new int[] {Math.max(range[0], other[1] + 1), range[1]});
                }
            }
            left = next;
        }
        return new CharacterSet(left, false);
    }

    boolean isEmpty() {
        return !isOthers && ranges.isEmpty();
    }

    /** As a grammar writes it; not of an empty one. */
    String gbnf() {
        StringBuilder out = new StringBuilder(isOthers ? "[^" : "[");
        for (int[] range : ranges) {
            out.append(escaped(range[0]));
            if (range[1] > range[0]) {
                out.append('-').append(escaped(range[1]));
            }
        }
        return out.append(']').toString();
    }

    private static String escaped(int c) {
        boolean isPlain = c < 0x7F && (Character.isLetterOrDigit(c) || c == ' ' || c == '_' || c == '.' || c == ',');
        return isPlain
                ? Character.toString(c)
                : String.format(c > 0xFFFF ? "\\U%08X" : c > 0xFF ? "\\u%04X" : "\\x%02X", c);
    }
}
