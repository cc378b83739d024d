package io.plumbline.node.gateway.grammar;

/** Texts as a grammar writes them. */
final class Gbnf {
    private Gbnf() {}

    /** A text in double quotes. */
    static String literal(String text) {
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
    static String repeated(String part, long least, long most) {
        if (most < 0) {
            return "(" + part + ")" + (least == 0 ? "*" : least == 1 ? "+" : "{" + least + ",}");
        }
        return "(" + part + "){" + least + "," + most + "}";
    }
}
