package io.plumbline.node.gateway.grammar;

import java.util.ArrayList;
import java.util.List;

/** JSON numbers between whole bounds, as expressions of a grammar. */
final class NumberGrammar {
    /** Digits before and after the point of a number without bounds: more are lost by most that read them. */
    private static final int MOST_DIGITS = 15;

    private static final String FRACTION = "(\".\" [0-9]{1," + MOST_DIGITS + "})?";
    private static final String SOME_FRACTION = "\".\" [0-9]{0,14} [1-9] [0-9]{0,14}";
    private static final String ZEROS = "(\".\" \"0\"{1,15})?";

    private NumberGrammar() {}

    /**
     * Numbers from {@code least} to {@code most}.
     *
     * @param least null for none.
     * @param most null for none.
     * @param isWhole whether they have no fraction.
     * @param excludesLeast whether {@code least} itself is none of them; not of whole ones.
     * @param excludesMost whether {@code most} itself is none of them; not of whole ones.
     * @return null where there is none.
     */
    static String of(Long least, Long most, boolean isWhole, boolean excludesLeast, boolean excludesMost) {
        List<String> all = new ArrayList<>();
        if (most == null || most > 0 || most == 0 && !excludesMost) {
            boolean isAbove = least != null && least >= 0;
            add(all, "", isAbove ? least : 0, most, isWhole, isAbove && excludesLeast, excludesMost);
        }
        if (least == null || least < 0) {
            // Below zero the magnitude falls from -least to -most.
            boolean isBelow = most != null && most < 0;
            // Minus zero is a number, and no other than zero.
            long from = isBelow ? -most : isWhole ? 1 : 0;
            Long to = least == null ? null : -least;
            add(all, "\"-\" ", from, to, isWhole, isBelow ? excludesMost : !isWhole, excludesLeast);
        }
        return all.isEmpty() ? null : "(" + String.join(" | ", all) + ")";
    }

    /** Magnitudes from {@code from} to {@code to}, behind a sign. */
    private static void add(
            List<String> all,
            String sign,
            long from,
            Long to,
            boolean isWhole,
            boolean excludesFrom,
            boolean excludesTo) {
        if (to != null && to < from) {
            return;
        }
        if (isWhole) {
            all.add(sign + whole(from, to));
            return;
        }
        if (to != null && to == from) {
            if (!excludesFrom && !excludesTo) {
                all.add(sign + "\"" + from + "\" " + ZEROS);
            }
            return;
        }
        if (excludesFrom) {
            all.add(sign + "\"" + from + "\" " + SOME_FRACTION);
        }
        long begin = excludesFrom ? from + 1 : from;
        if (to == null) {
            all.add(sign + whole(begin, null) + " " + FRACTION);
            return;
        }
        if (begin < to) {
            all.add(sign + whole(begin, to - 1) + " " + FRACTION);
        }
        if (!excludesTo) {
            all.add(sign + "\"" + to + "\" " + ZEROS);
        }
    }

    /** Whole numbers from {@code from}, not below zero, to {@code to}; null for no end. */
    static String whole(long from, Long to) {
        List<String> all = new ArrayList<>();
        long begin = from;
        if (begin == 0) {
            all.add("\"0\"");
            begin = 1;
        }
        String last = to == null
                ? "9".repeat(Math.max(MOST_DIGITS, Long.toString(begin).length()))
                : to.toString();
        for (int length = Long.toString(begin).length(); length <= last.length(); length++) {
            String low = length == Long.toString(begin).length() ? Long.toString(begin) : "1" + "0".repeat(length - 1);
            String high = length == last.length() ? last : "9".repeat(length);
            if (low.compareTo(high) <= 0) {
                between(low, high, "", all);
            }
        }
        return "(" + String.join(" | ", all) + ")";
    }

    /** Numbers of one length, {@code before} and then from {@code low} to {@code high}. */
    private static void between(String low, String high, String before, List<String> out) {
        int n = low.length();
        boolean isWhole = low.substring(n == 0 ? 0 : 1).chars().allMatch(c -> c == '0')
                && high.substring(n == 0 ? 0 : 1).chars().allMatch(c -> c == '9');
        if (n == 0) {
            out.add("\"" + before + "\"");
        } else if (isWhole) {
            String rest = n == 1 ? "" : " [0-9]{" + (n - 1) + "}";
            String first = low.charAt(0) == high.charAt(0)
                    ? "\"" + low.charAt(0) + "\""
                    : "[" + low.charAt(0) + "-" + high.charAt(0) + "]";
            out.add((before.isEmpty() ? "" : "\"" + before + "\" ") + first + rest);
        } else if (low.charAt(0) == high.charAt(0)) {
            between(low.substring(1), high.substring(1), before + low.charAt(0), out);
        } else {
            String zeros = "0".repeat(n - 1);
            String nines = "9".repeat(n - 1);
            char first = low.charAt(0);
            char last = high.charAt(0);
            if (!low.substring(1).equals(zeros)) {
                between(low.substring(1), nines, before + first, out);
                first++;
            }
            char end = high.substring(1).equals(nines) ? last : (char) (last - 1);
            if (first <= end) {
                between(first + zeros, end + nines, before, out);
            }
            if (end < last) {
                between(zeros, high.substring(1), before + last, out);
            }
        }
    }
}
