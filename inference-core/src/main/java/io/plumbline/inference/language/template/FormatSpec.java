package io.plumbline.inference.language.template;

/**
 * How one value is formatted, as {@code %} and {@code format} both have it.
 *
 * @param fill what the width is filled with, one code point.
 * @param align one of {@code < > = ^}, or 0 for the type's own.
 * @param sign one of {@code + -} and blank: what stands before a number that is not negative.
 * @param alternate {@code #}: with the prefix of its base, or with its zeros.
 * @param width at least so many characters.
 * @param grouping {@code ,} or {@code _} between thousands, or 0.
 * @param precision digits or characters; -1 where none is given.
 * @param type the letter of the type, or 0.
 */
record FormatSpec(
        int fill, char align, char sign, boolean alternate, int width, char grouping, int precision, char type) {
    /** Wider fields and longer fractions than this are refused: they only cost memory. */
    private static final int MAX_SIZE = 10_000;

    /** Digits before the point of the largest number with a fraction, and a few more. */
    private static final int MAX_DIGITS = 320;

    FormatSpec {
        // A width may come from a template's numbers too, by way of an asterisk.
        checked(width);
        checked(precision);
    }

    /** {@code [[fill]align][sign][#][0][width][grouping][.precision][type]}. */
    static FormatSpec parse(String spec) {
        int at = 0;
        int fill = ' ';
        char align = 0;
        int first = spec.isEmpty() ? 0 : Character.charCount(spec.codePointAt(0));
        if (first > 0 && isAlign(spec, first)) {
            fill = spec.codePointAt(0);
            align = spec.charAt(first);
            at = first + 1;
        } else if (isAlign(spec, 0)) {
            align = spec.charAt(0);
            at = 1;
        }
        char sign = '-';
        if (at < spec.length() && "+- ".indexOf(spec.charAt(at)) >= 0) {
            sign = spec.charAt(at++);
        }
        boolean alternate = at < spec.length() && spec.charAt(at) == '#';
        at += alternate ? 1 : 0;
        if (at < spec.length() && spec.charAt(at) == '0') {
            fill = align == 0 ? '0' : fill;
            align = align == 0 ? '=' : align;
            at++;
        }
        int end = digits(spec, at);
        int width = number(spec, at, end, 0);
        at = end;
        char grouping = 0;
        if (at < spec.length() && (spec.charAt(at) == ',' || spec.charAt(at) == '_')) {
            grouping = spec.charAt(at++);
        }
        int precision = -1;
        if (at < spec.length() && spec.charAt(at) == '.') {
            end = digits(spec, at + 1);
            precision = number(spec, at + 1, end, -1);
            at = end;
        }
        char type = at < spec.length() ? spec.charAt(at++) : 0;
        if (at < spec.length()) {
            throw Fault.value("the format '" + spec + "' cannot be read.");
        }
        return new FormatSpec(fill, align, sign, alternate, width, grouping, precision, type);
    }

    private static boolean isAlign(String spec, int at) {
        return at < spec.length() && "<>=^".indexOf(spec.charAt(at)) >= 0;
    }

    private static int digits(String spec, int from) {
        int i = from;
        while (i < spec.length() && Characters.isDigit(spec.charAt(i))) {
            i++;
        }
        return i;
    }

    private static int number(String spec, int from, int to, int otherwise) {
        return from == to
                ? otherwise
                : checked(to - from > 6 ? Integer.MAX_VALUE : Integer.parseInt(spec.substring(from, to)));
    }

    static int checked(int size) {
        if (size > MAX_SIZE) {
            throw Fault.limit("a format asks for more than " + MAX_SIZE + " characters.");
        }
        return size;
    }

    /** A text within the width; numbers go to the right, texts to the left, unless the format says otherwise. */
    String pad(String text, boolean number) {
        int missing = width - text.codePointCount(0, text.length());
        if (missing <= 0) {
            return text;
        }
        String one = Character.toString(fill);
        return switch (align == 0 ? (number ? '>' : '<') : align) {
            case '<' -> text + one.repeat(missing);
            case '^' -> one.repeat(missing / 2) + text + one.repeat(missing - missing / 2);
            case '=' -> {
                int prefix = prefix(text);
                yield text.substring(0, prefix) + one.repeat(missing) + text.substring(prefix);
            }
            default -> one.repeat(missing) + text;
        };
    }

    private static int prefix(String text) {
        int sign = !text.isEmpty() && "+- ".indexOf(text.charAt(0)) >= 0 ? 1 : 0;
        boolean base =
                text.length() > sign + 1 && text.charAt(sign) == '0' && "xXob".indexOf(text.charAt(sign + 1)) >= 0;
        return base ? sign + 2 : sign;
    }

    /** Charges what writing a value of {@code length} characters within the width takes. */
    private void charge(Budget budget, long length) {
        budget.characters(length + width + Math.max(0, precision));
    }

    /** A text, cut to the precision. */
    String text(Budget budget, String value) {
        if (width == 0 && precision < 0) {
            return value;
        }
        budget.reads(2L * value.length());
        charge(budget, precision < 0 ? value.length() : Math.min(value.length(), 2L * precision));
        boolean cut = precision >= 0 && value.codePointCount(0, value.length()) > precision;
        return pad(cut ? value.substring(0, value.offsetByCodePoints(0, precision)) : value, false);
    }

    /** A whole number, in the base that the type names. */
    String whole(Budget budget, long value) {
        charge(budget, Long.SIZE);
        String digits = switch (type) {
            case 'x' -> Long.toString(value, 16);
            case 'X' -> TextCase.upper(Long.toString(value, 16));
            case 'o' -> Long.toString(value, 8);
            case 'b' -> Long.toString(value, 2);
            default -> Long.toString(value);
        };
        boolean negative = digits.startsWith("-");
        String size = negative ? digits.substring(1) : digits;
        String zeros = precision > size.length() ? "0".repeat(precision - size.length()) : "";
        String base = alternate && "xXob".indexOf(type) >= 0 ? "0" + type : "";
        return pad(
                before(negative)
                        + base
                        + zeros
                        + grouped(size, type == 'x' || type == 'X' || type == 'o' || type == 'b' ? 4 : 3),
                true);
    }

    private String before(boolean negative) {
        return negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
    }

    private String grouped(String digits, int size) {
        if (grouping == 0) {
            return digits;
        }
        StringBuilder out = new StringBuilder(digits);
        for (int i = digits.length() - size; i > 0; i -= size) {
            out.insert(i, grouping);
        }
        return out.toString();
    }

    /** A number with a fraction, in the form that the type names. */
    String real(Budget budget, double value) {
        charge(budget, MAX_DIGITS);
        boolean negative = Double.doubleToRawLongBits(value) < 0 && !Double.isNaN(value);
        String text = size(Math.abs(value));
        int point = 0;
        while (point < text.length() && Characters.isDigit(text.charAt(point))) {
            point++;
        }
        String all = before(negative) + grouped(text.substring(0, point), 3) + text.substring(point);
        return pad(Character.isUpperCase(type) ? TextCase.upper(all) : all, true);
    }

    private String size(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return FloatText.of(value) + (type == '%' ? "%" : "");
        }
        int digits = precision < 0 ? 6 : precision;
        return switch (type) {
            case 'f', 'F' -> FloatText.fixed(value, digits);
            case 'e', 'E' -> FloatText.exponential(value, digits);
            case '%' -> FloatText.fixed(value * 100, digits) + "%";
            case 0 -> precision < 0 ? FloatText.of(value) : FloatText.shortWithPoint(value, precision);
            default -> FloatText.general(value, digits, alternate);
        };
    }
}
