package io.plumbline.inference.language.template;

/** Numbers as a template writes them: {@code 12}, {@code 1_000}, {@code 0x1f}, {@code 1.5}, {@code 2e-3}. */
final class NumberLiteral {
    private NumberLiteral() {}

    /**
     * Where the number that begins at {@code from}, a digit, ends. After a dot it has no fraction: {@code list.0.1} is
     * two indices.
     */
    static int end(String source, int from) {
        boolean afterDot = from > 0 && source.charAt(from - 1) == '.';
        int digits = digits(source, from, 10);
        if (!afterDot) {
            int fraction = digits;
            if (at(source, digits) == '.' && Characters.isDigit(at(source, digits + 1))) {
                fraction = digits(source, digits + 1, 10);
            }
            int exponent = exponent(source, fraction);
            if (exponent > digits) {
                return exponent;
            }
        }
        if (source.charAt(from) == '0') {
            int radix = radix(at(source, from + 1));
            if (radix > 0) {
                int first = at(source, from + 2) == '_' ? from + 3 : from + 2;
                int end = Character.digit(at(source, first), radix) >= 0 ? digits(source, first, radix) : first;
                if (end > first) {
                    return end;
                }
            }
            int zeros = from + 1;
            while (at(source, zeros) == '0' || at(source, zeros) == '_' && at(source, zeros + 1) == '0') {
                zeros++;
            }
            return zeros;
        }
        return digits;
    }

    private static char at(String source, int index) {
        return index < source.length() ? source.charAt(index) : 0;
    }

    private static int radix(char mark) {
        return switch (mark) {
            case 'b', 'B' -> 2;
            case 'o', 'O' -> 8;
            case 'x', 'X' -> 16;
            default -> 0;
        };
    }

    /** After digits that may have single underscores between them. */
    private static int digits(String source, int from, int radix) {
        int i = from;
        while (isDigit(at(source, i), radix) || at(source, i) == '_' && isDigit(at(source, i + 1), radix)) {
            i++;
        }
        return i;
    }

    private static boolean isDigit(char c, int radix) {
        return c < 128 && Character.digit(c, radix) >= 0;
    }

    private static int exponent(String source, int from) {
        if (at(source, from) != 'e' && at(source, from) != 'E') {
            return from;
        }
        int first = at(source, from + 1) == '+' || at(source, from + 1) == '-' ? from + 2 : from + 1;
        return Characters.isDigit(at(source, first)) ? digits(source, first, 10) : from;
    }

    static boolean isWhole(String source, int from, int to) {
        if (source.charAt(from) == '0' && radix(at(source, from + 1)) > 0 && to > from + 2) {
            return true;
        }
        for (int i = from; i < to; i++) {
            char c = source.charAt(i);
            if (c == '.' || c == 'e' || c == 'E') {
                return false;
            }
        }
        return true;
    }

    /** The value of a whole number's digits. */
    static long whole(Token token) {
        String digits = token.text().replace("_", "");
        int radix = digits.length() > 2 ? Math.max(radix(digits.charAt(1)), 0) : 0;
        try {
            return radix > 0 ? Long.parseLong(digits.substring(2), radix) : Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw Fault.syntax(token.line(), "the number " + digits + " does not fit 64 bits.");
        }
    }

    static double real(Token token) {
        return Double.parseDouble(token.text().replace("_", ""));
    }
}
