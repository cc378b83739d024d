package io.plumbline.inference.language.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Numbers with fractions as Python writes them. */
final class FloatText {
    /** Python writes smaller and larger ones with an exponent. */
    private static final int MIN_EXPONENT = -4;

    private static final int MAX_EXPONENT = 16;

    private FloatText() {}

    /** {@code repr}: the shortest text that reads back as the same number, with a point or an exponent. */
    static String of(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        BigDecimal shortest = shortest(Math.abs(value));
        String text = general(shortest, MAX_EXPONENT, true);
        return sign(value) + text;
    }

    /** As {@code Double.toString}, but with one digit where that is enough: Java writes two, where they are nearer. */
    private static BigDecimal shortest(double size) {
        BigDecimal digits = new BigDecimal(Double.toString(size)).stripTrailingZeros();
        BigDecimal one = digits.round(new MathContext(1, RoundingMode.HALF_EVEN));
        return digits.precision() == 2 && one.doubleValue() == size ? one : digits;
    }

    private static String sign(double value) {
        return Double.doubleToRawLongBits(value) < 0 ? "-" : "";
    }

    /** {@code %g}: so many digits, without zeros at the end. */
    static String general(double value, int digits, boolean keepZeros) {
        int precision = Math.max(digits, 1);
        BigDecimal rounded = new BigDecimal(Math.abs(value)).round(new MathContext(precision, RoundingMode.HALF_EVEN));
        if (keepZeros && rounded.signum() != 0) {
            rounded = rounded.setScale(precision - 1 - exponent(rounded), RoundingMode.UNNECESSARY);
            return sign(value) + general(rounded, precision, false);
        }
        return sign(value) + general(rounded.stripTrailingZeros(), precision, false);
    }

    /** So many digits, with a point in every case: what {@code format} does with a precision and no type. */
    static String shortWithPoint(double value, int digits) {
        int precision = Math.max(digits, 1);
        BigDecimal rounded = new BigDecimal(Math.abs(value)).round(new MathContext(precision, RoundingMode.HALF_EVEN));
        int maxExponent = digits == 0 ? 1 : precision;
        return sign(value) + general(rounded.stripTrailingZeros(), maxExponent, true);
    }

    private static int exponent(BigDecimal value) {
        return value.signum() == 0 ? 0 : value.precision() - value.scale() - 1;
    }

    private static String general(BigDecimal value, int maxExponent, boolean point) {
        int exponent = exponent(value);
        if (exponent < MIN_EXPONENT || exponent >= maxExponent) {
            return scientific(value);
        }
        String plain = value.toPlainString();
        return point && plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }

    private static String scientific(BigDecimal value) {
        String digits = value.unscaledValue().toString();
        int exponent = exponent(value);
        String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return mantissa + exponentText(exponent);
    }

    private static String exponentText(int exponent) {
        int size = Math.abs(exponent);
        return (exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + size;
    }

    /** {@code %f}: so many digits after the point. */
    static String fixed(double value, int digits) {
        return sign(value)
                + new BigDecimal(Math.abs(value))
                        .setScale(digits, RoundingMode.HALF_EVEN)
                        .toPlainString();
    }

    /** {@code %e}: one digit, a point, so many digits, and an exponent. */
    static String exponential(double value, int digits) {
        if (value == 0) {
            return sign(value) + (digits == 0 ? "0" : "0." + "0".repeat(digits)) + exponentText(0);
        }
        BigDecimal rounded = new BigDecimal(Math.abs(value)).round(new MathContext(digits + 1, RoundingMode.HALF_EVEN));
        BigDecimal padded = rounded.setScale(digits - exponent(rounded), RoundingMode.UNNECESSARY);
        return sign(value) + scientific(padded);
    }
}
