package io.plumbline.node.gateway.grammar;

/** Texts as a grammar writes them. */
public final class Gbnf {
    private Gbnf() {}

    /** A text in double quotes. */
    public static String literal(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                default -> {
                    if (c < ' ' || c == 0x7F) {
                        out.append(String.format("\\x%02X", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        return out.append('"').toString();
    }

    /** {@code part} between {@code least} and {@code most} times; {@code most} below 0 for any number. */
    public static String repeated(String part, long least, long most) {
        if (most < 0) {
            return "(" + part + ")" + (least == 0 ? "*" : least == 1 ? "+" : "{" + least + ",}");
        }
        return "(" + part + "){" + least + "," + most + "}";
    }

    /** The texts that do not hold {@code word}, whose first character stands in it once. */
    public static String without(String word) {
        String first = classed(word.charAt(0));
        String any = "[^" + first + "]*";
        // The first character may be followed by all but the rest of the word.
        String rest = "";
        for (int i = word.length() - 1; i > 0; i--) {
            String next = word.substring(i, i + 1);
            String goesOn = i == word.length() - 1 ? "" : " | " + literal(next) + " " + rest;
            rest = "([^" + first + classed(word.charAt(i)) + "] " + any + goesOn + ")?";
        }
        return any + " (" + literal(word.substring(0, 1)) + " " + rest + ")*";
    }

    private static String classed(char c) {
        return "\\[]^-\"".indexOf(c) >= 0 ? "\\" + c : Character.toString(c);
    }
}
