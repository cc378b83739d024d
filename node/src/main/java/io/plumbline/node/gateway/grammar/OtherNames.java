package io.plumbline.node.gateway.grammar;

import io.plumbline.verifier.grammar.Gbnf;
import io.plumbline.verifier.grammar.Grammar;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Names of JSON members that are none of some: as an expression of a grammar. They hold no escapes. */
final class OtherNames {
    /** Places that names lead to: each takes so many bytes of a grammar at least, and some of a thread's stack. */
    private static final int MOST_PLACES = Grammar.MAX_BYTES / 48;

    private static final String PLAIN = "\"\\\\\\x00-\\x1F\\x7F";

    private final SortedMap<Integer, OtherNames> next = new TreeMap<>();
    private boolean isName;

    private OtherNames() {}

    /** Texts in quotes that are none of {@code names}; null where no grammar has room for that. */
    static String than(List<String> names) {
        OtherNames begin = new OtherNames();
        int places = 0;
        for (String name : names) {
            OtherNames at = begin;
            for (int c : name.codePoints().toArray()) {
                OtherNames known = at.next.get(c);
                if (known == null) {
                    known = new OtherNames();
                    at.next.put(c, known);
                    places++;
                }
                at = known;
            }
            at.isName = true;
            if (places > MOST_PLACES) {
                return null;
            }
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
