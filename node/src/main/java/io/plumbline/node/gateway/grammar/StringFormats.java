package io.plumbline.node.gateway.grammar;

import java.util.SortedMap;
import java.util.TreeMap;

/** JSON Schema's formats of texts, as regular expressions. */
final class StringFormats {
    private static final String DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    private static final String TIME =
            "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
    private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    private static final String HOST = LABEL + "(\\." + LABEL + "){0,8}";

    static final SortedMap<String, String> PATTERNS = new TreeMap<>();

    static {
        PATTERNS.put("date", DATE);
        PATTERNS.put("time", TIME);
        PATTERNS.put("date-time", DATE + "T" + TIME);
        PATTERNS.put(
                "duration",
                "P([0-9]{1,4}W|([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}D)?T[0-9]{1,4}[HMS]|[0-9]{1,4}[YMD])");
        PATTERNS.put("email", "[A-Za-z0-9][A-Za-z0-9._%+-]{0,62}@" + LABEL + "(\\." + LABEL + "){1,8}");
        PATTERNS.put("hostname", HOST);
        PATTERNS.put("ipv4", "(" + BYTE + "\\.){3}" + BYTE);
        PATTERNS.put("ipv6", "([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,6}(:[0-9a-fA-F]{1,4})|::1");
        PATTERNS.put(
                "uri",
                "[A-Za-z][A-Za-z0-9+.-]{0,15}://" + HOST + "(:[0-9]{1,5})?(/[A-Za-z0-9._~%!$&'()*+,;=:@/?#-]*)?");
        PATTERNS.put("uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    }

    private StringFormats() {}
}
