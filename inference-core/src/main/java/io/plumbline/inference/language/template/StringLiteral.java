package io.plumbline.inference.language.template;

/** The value of a string as a template writes it: Python's escapes. */
final class StringLiteral {
    private final String source;
    private final int line;
    private final StringBuilder value = new StringBuilder();
    private int at;

    private StringLiteral(String source, int line) {
        this.source = source;
        this.line = line;
    }

    /** @param source what stands between the quotes. */
    static String value(String source, int line) {
        return source.indexOf('\\') < 0 ? source : new StringLiteral(source, line).read();
    }

    private String read() {
        while (at < source.length()) {
            char c = source.charAt(at++);
            if (c == '\\') {
                escape(source.codePointAt(at));
            } else {
                value.append(c);
            }
        }
        return value.toString();
    }

    private void escape(int c) {
        at += Character.charCount(c);
        switch (c) {
            case '\n' -> {}
            case '\\', '\'', '"' -> value.append((char) c);
            case 'a' -> value.append('\u0007');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case 'n' -> value.append('\n');
            case 'r' -> value.append('\r');
            case 't' -> value.append('\t');
            case 'v' -> value.append('\u000B');
            case '0', '1', '2', '3', '4', '5', '6', '7' -> octal(c - '0');
            case 'x' -> hexadecimal(2);
            case 'u' -> hexadecimal(4);
            case 'U' -> hexadecimal(8);
            case 'N' -> named();
            default -> unknown(c);
        }
    }

    private void octal(int first) {
        int code = first;
        for (int i = 0; i < 2 && at < source.length(); i++, at++) {
            int digit = source.charAt(at) - '0';
            if (digit < 0 || digit > 7) {
                break;
            }
            code = code * 8 + digit;
        }
        value.appendCodePoint(code);
    }

    private void hexadecimal(int digits) {
        int code = 0;
        for (int i = 0; i < digits; i++, at++) {
            int digit = at < source.length() && source.charAt(at) < 128 ? Character.digit(source.charAt(at), 16) : -1;
            if (digit < 0 || code > 0x10FFFF >> 4) {
                throw Fault.syntax(line, "a string has an escape that is no character.");
            }
            code = code * 16 + digit;
        }
        value.appendCodePoint(code);
    }

    private void named() {
        int end = source.startsWith("{", at) ? source.indexOf('}', at) : -1;
        try {
            if (end > 0) {
                value.appendCodePoint(Character.codePointOf(source.substring(at + 1, end)));
                at = end + 1;
                return;
            }
        } catch (IllegalArgumentException e) {
            // Said below, as where the braces are missing.
        }
        throw Fault.syntax(line, "a string has an escape that names no character.");
    }

    /**
     * Stays, with its backslash. Jinja2 writes characters beyond ASCII as escapes before it reads them: a backslash
     * takes theirs.
     */
    private void unknown(int c) {
        value.append('\\');
        if (c < 128) {
            value.append((char) c);
        } else if (c < 256) {
            value.append(String.format("x%02x", c));
        } else {
            value.append(String.format(c < 0x10000 ? "u%04x" : "U%08x", c));
        }
    }
}
