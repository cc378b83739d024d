package io.plumbline.inference.language.template;

import java.math.BigDecimal;
import java.math.MathContext;

/** Numbers as Python counts with them: whole ones exactly, true as 1 and false as 0. */
final class Numbers {
    /** Whole numbers up to this size are doubles exactly. */
    private static final long EXACT_IN_DOUBLE = 1L << 53;

    private Numbers() {}

    static boolean isWhole(Value value) {
        return value instanceof IntValue || value instanceof BoolValue;
    }

    static boolean isNumber(Value value) {
        return isWhole(value) || value instanceof FloatValue;
    }

    /** @param value one that {@link #isWhole}. */
    static long whole(Value value) {
        return switch (value) {
            case IntValue number -> number.value();
            case BoolValue bool -> bool.value() ? 1 : 0;
            default -> throw new IllegalArgumentException(value.type() + " is no whole number");
        };
    }

    /** @param value one that {@link #isNumber}. */
    static double real(Value value) {
        return value instanceof FloatValue number ? number.value() : whole(value);
    }

    /**
     * An argument that must be a whole number of an int's size; what is larger is cut to that size, which no text or
     * list has.
     *
     * @param otherwise the value where {@code value} is null.
     */
    static int index(Value value, String what, int otherwise) {
        if (value == null) {
            return otherwise;
        }
        if (!isWhole(value)) {
            throw Fault.value(what + " must be a whole number, not a " + value.type() + ".");
        }
        return Math.clamp(whole(value), -Integer.MAX_VALUE, Integer.MAX_VALUE);
    }

    /**
     * Negative, zero or positive as {@code a} is less than, equal to or greater than {@code b}; exact. Neither may be
     * NaN.
     */
    static int compare(Value a, Value b) {
        if (isWhole(a) && isWhole(b)) {
            return Long.compare(whole(a), whole(b));
        }
        double x = real(a);
        double y = real(b);
        if (Double.isInfinite(x) || Double.isInfinite(y) || a instanceof FloatValue && b instanceof FloatValue) {
            return x < y ? -1 : x > y ? 1 : 0;
        }
        return exact(a).compareTo(exact(b));
    }

    private static BigDecimal exact(Value value) {
        return value instanceof FloatValue number ? new BigDecimal(number.value()) : BigDecimal.valueOf(whole(value));
    }

    static boolean isNaN(Value value) {
        return value instanceof FloatValue number && Double.isNaN(number.value());
    }

    static double quotient(long a, long b) {
        if (Math.abs(a) <= EXACT_IN_DOUBLE && Math.abs(b) <= EXACT_IN_DOUBLE && a != Long.MIN_VALUE) {
            return (double) a / b;
        }
        return new BigDecimal(a)
                .divide(new BigDecimal(b), MathContext.DECIMAL128)
                .doubleValue();
    }

    static double floorQuotient(double a, double b) {
        double modulo = a % b;
        double quotient = (a - modulo) / b;
        if (modulo != 0 && b < 0 != modulo < 0) {
            quotient -= 1;
        }
        double floor = Math.floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : quotient == 0 ? Math.copySign(0, a / b) : floor;
    }

    static double modulo(double a, double b) {
        double modulo = a % b;
        if (modulo == 0) {
            return Math.copySign(0, b);
        }
        return b < 0 != modulo < 0 ? modulo + b : modulo;
    }

    /** {@code base} to the power of {@code exponent}, at least 0. */
    static long power(long base, long exponent) {
        if (base == 0 || base == 1) {
            return exponent == 0 ? 1 : base;
        }
        if (base == -1) {
            return exponent % 2 == 0 ? 1 : -1;
        }
        long result = 1;
        for (long i = 0; i < exponent; i++) {
            result = Math.multiplyExact(result, base);
        }
        return result;
    }
}
