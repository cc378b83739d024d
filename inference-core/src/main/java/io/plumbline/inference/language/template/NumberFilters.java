package io.plumbline.inference.language.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import java.util.regex.Pattern;

/** Filters that make numbers. */
final class NumberFilters {
    static final Map<String, Filter> ALL = Map.of(
            "abs", NumberFilters::abs,
            "int", NumberFilters::toInt,
            "float", NumberFilters::toFloat,
            "round", NumberFilters::round);

    /**
     * What Python's {@code float} reads; white space around it is taken off before. Digits are never given back: they
     * would be tried at each length.
     */
    private static final Pattern FLOAT = Pattern.compile(
            "[+-]?(?:(?:D\\.?D?|\\.D)(?:[eE][+-]?D)?|(?i:nan|inf|infinity))".replace("D", "(?:\\d++(?:_\\d++)*+)"));

    /** Longer texts are no numbers that anything here could hold. */
    private static final int MAX_DIGITS = 400;

    private static final int MAX_PRECISION = 400;

    private NumberFilters() {}

    private static Fault noNumber(String filter, Value value) {
        return value instanceof Undefined undefined
                ? undefined.fault()
                : Fault.value("'" + filter + "' takes a number, not a " + value.type() + ".");
    }

    private static Value abs(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("abs", 0);
        if (!Numbers.isNumber(input)) {
            throw noNumber("abs", input);
        }
        if (input instanceof FloatValue number) {
            return new FloatValue(Math.abs(number.value()));
        }
        return run.operators().sign(Numbers.whole(input) < 0, input);
    }

    private static Value toInt(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("int", 0, "default", "base");
        Value otherwise = given[0] == null ? IntValue.of(0) : given[0];
        return switch (input) {
            case IntValue number -> number;
            case BoolValue bool -> IntValue.of(Numbers.whole(bool));
            case FloatValue number -> whole(number.value(), otherwise, true);
            case Undefined undefined -> throw undefined.fault();
            case TextValue text -> {
                String plain = read(run, text);
                BigInteger whole = parse(plain, Numbers.index(given[1], "the base of 'int'", 10));
                Double real = whole == null ? parseFloat(plain) : null;
                yield whole != null ? fit(whole) : real != null ? whole(real, otherwise, false) : otherwise;
            }
            default -> otherwise;
        };
    }

    /** A text without marks, charged for being read to its ends, for both kinds of numbers. */
    private static String read(Interpreter run, TextValue text) {
        run.budget().characters(2L * text.text().length() + MAX_DIGITS);
        return text.plain(run.budget());
    }

    private static Value whole(double number, Value otherwise, boolean infinityIsAnError) {
        if (Double.isInfinite(number) && infinityIsAnError) {
            throw Fault.value("'int' is given an infinite number.");
        }
        return Double.isNaN(number) || Double.isInfinite(number)
                ? otherwise
                : fit(new BigDecimal(number).toBigInteger());
    }

    private static Value fit(BigInteger number) {
        if (number.bitLength() > 63) {
            throw Fault.limit("a whole number does not fit 64 bits.");
        }
        return IntValue.of(number.longValue());
    }

    /** The whole number that a text is, or null. */
    private static BigInteger parse(String text, int base) {
        String digits = stripped(text);
        int sign = digits.startsWith("-") || digits.startsWith("+") ? 1 : 0;
        boolean negative = digits.startsWith("-");
        digits = digits.substring(sign);
        int radix = base;
        if (digits.length() > 2 && digits.charAt(0) == '0') {
            int marked = switch (Character.toLowerCase(digits.charAt(1))) {
                case 'x' -> 16;
                case 'o' -> 8;
                case 'b' -> 2;
                default -> 0;
            };
            if (marked > 0 && (base == 0 || base == marked)) {
                radix = marked;
                digits = digits.substring(digits.charAt(2) == '_' ? 3 : 2);
            }
        }
        radix = radix == 0 ? 10 : radix;
        boolean known = radix >= 2 && radix <= 36 && digits.length() <= MAX_DIGITS;
        if (!known || !digits.matches("[0-9a-zA-Z]+(_[0-9a-zA-Z]+)*")) {
            return null;
        }
        try {
            BigInteger number = new BigInteger(digits.replace("_", ""), radix);
            return negative ? number.negate() : number;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String stripped(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && Characters.isSpace(text.charAt(from))) {
            from++;
        }
        while (to > from && Characters.isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    private static Value toFloat(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("float", 0, "default");
        Value otherwise = given[0] == null ? new FloatValue(0) : given[0];
        return switch (input) {
            case Undefined undefined -> throw undefined.fault();
            case TextValue text -> {
                Double number = parseFloat(read(run, text));
                yield number == null ? otherwise : new FloatValue(number);
            }
            default -> Numbers.isNumber(input) ? new FloatValue(Numbers.real(input)) : otherwise;
        };
    }

    /** The number that a text is, or null. */
    private static Double parseFloat(String text) {
        String stripped = stripped(text);
        if (stripped.length() > MAX_DIGITS || !FLOAT.matcher(stripped).matches()) {
            return null;
        }
        String lower = TextCase.lower(stripped);
        if (lower.endsWith("nan")) {
            return Double.NaN;
        }
        if (lower.contains("inf")) {
            return lower.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        return Double.valueOf(stripped.replace("_", ""));
    }

    private static Value round(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("round", 0, "precision", "method");
        String method = given[1] == null ? "common" : run.texts().text(given[1]);
        if (!Numbers.isNumber(input)) {
            throw noNumber("round", input);
        }
        run.budget().reads(2L * MAX_PRECISION);
        int precision =
                Math.clamp(Numbers.index(given[0], "the precision of 'round'", 0), -MAX_PRECISION, MAX_PRECISION);
        return switch (method) {
            case "common" -> rounded(input, precision);
            case "ceil" -> scaled(input, precision, RoundingMode.CEILING);
            case "floor" -> scaled(input, precision, RoundingMode.FLOOR);
            default -> throw Fault.value("'round' has no method '" + method + "'.");
        };
    }

    /** To the even one of two that are as near; a whole number stays one. */
    private static Value rounded(Value input, int precision) {
        if (Numbers.isWhole(input)) {
            BigDecimal number = BigDecimal.valueOf(Numbers.whole(input));
            return fit(number.setScale(Math.min(precision, 0), RoundingMode.HALF_EVEN)
                    .toBigInteger());
        }
        double value = Numbers.real(input);
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return input;
        }
        double result = new BigDecimal(value)
                .setScale(precision, RoundingMode.HALF_EVEN)
                .doubleValue();
        return new FloatValue(Math.copySign(result, value));
    }

    /** By way of a multiplication and a division, as Jinja2 does it, with their errors. */
    private static Value scaled(Value input, int precision, RoundingMode mode) {
        double scale = StrictMath.pow(10, precision);
        double moved = Numbers.real(input) * scale;
        if (Double.isNaN(moved) || Double.isInfinite(moved)) {
            throw Fault.value("'round' is given a number that is too large.");
        }
        double whole = mode == RoundingMode.CEILING ? Math.ceil(moved) : Math.floor(moved);
        return new FloatValue(whole / scale + 0.0);
    }
}
