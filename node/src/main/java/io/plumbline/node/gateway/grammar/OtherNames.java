package io.plumbline.node.gateway.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Names of JSON members that are none of some: as an expression of a grammar. They hold no escapes. */
final class OtherNames {
    private static final String PLAIN = "\"\\\\\\x00-\\x1F\\x7F";

    private final SortedMap<Integer, OtherNames> next = new TreeMap<>();
    private boolean isName;

    private OtherNames() {}

    /** Texts in quotes that are none of {@code names}. */
    static String than(List<String> names) {
        OtherNames begin = new OtherNames();
        for (String name : names) {
            OtherNames at = begin;
            for (int c : name.codePoints().toArray()) {
                at = at.next.computeIfAbsent(c, unused -> new OtherNames());
            }
            at.isName = true;
        }
        return "\"\\\"\" " + begin.expression() + " \"\\\"\"";
    }

    /** The characters that may follow here and not make a name. */
    private String expression() {
        List<String> all = new ArrayList<>();
        StringBuilder taken = new StringBuilder();
        next.keySet().forEach(c -> taken.append(String.format("\\U%08X", c)));
        all.add("[^" + taken + PLAIN + "] [^" + PLAIN + "]*");
        next.forEach((c, after) -> all.add(Gbnf.literal(Character.toString(c)) + " " + after.expression()));
        return "(" + String.join(" | ", all) + ")" + (isName ? "" : "?");
    }
}
