package io.plumbline.verifier.grammar;

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

    /**
     * The rules of a grammar under other names, so that they can stand beside those of another one.
     *
     * @param grammar that can be parsed.
     * @param prefix of the new names: "root" becomes {@code prefix + "root"}.
     */
    public static String renamed(String grammar, String prefix) {
        StringBuilder out = new StringBuilder(grammar.length() * 2);
        int at = 0;
        while (at < grammar.length()) {
            int end = afterPart(grammar, at);
            boolean isName = isOfName(grammar.charAt(at));
            out.append(isName ? prefix : "").append(grammar, at, end);
            at = end;
        }
        return out.append('\n').toString();
    }

    /** The end of the text, class, count, comment, name or other character that stands there. */
    private static int afterPart(String grammar, int at) {
        char first = grammar.charAt(at);
        int end = at + 1;
        char closing = switch (first) {
            case '"' -> '"';
            case '[' -> ']';
            case '{' -> '}';
            case '#' -> '\n';
            default -> 0;
        };
        if (closing == 0) {
            while (isOfName(first) && end < grammar.length() && isOfName(grammar.charAt(end))) {
                end++;
            }
            return end;
        }
        while (end < grammar.length() && grammar.charAt(end) != closing) {
            // A comment ends with its line, whatever it says.
            end += grammar.charAt(end) == '\\' && first != '#' ? 2 : 1;
        }
        return Math.min(end + 1, grammar.length());
    }

    private static boolean isOfName(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_';
    }

    /** The grammar of texts of one of two grammars. */
    public static String either(String one, String other) {
        return "root ::= a-root | b-root\n" + renamed(one, "a-") + renamed(other, "b-");
    }

    /**
     * The grammar of texts of a grammar behind any text that ends with a word.
     *
     * @param word whose first character stands in it once.
     */
    public static String behind(String word, String grammar) {
        return "root ::= " + without(word) + " " + literal(word) + " [ \\n]{0,4} a-root\n" + renamed(grammar, "a-");
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
