package io.plumbline.inference.language.template;

/** Attributes and methods of numbers. */
final class NumberMethods {
    private NumberMethods() {}

    /** An attribute, or null where there is none of that name. */
    static Value attribute(Value number, String name) {
        boolean whole = Numbers.isWhole(number);
        return switch (name) {
            case "real" -> whole ? IntValue.of(Numbers.whole(number)) : number;
            case "imag" -> whole ? IntValue.of(0) : new FloatValue(0);
            case "numerator" -> whole ? IntValue.of(Numbers.whole(number)) : null;
            case "denominator" -> whole ? IntValue.of(1) : null;
            case "bit_length" -> whole ? new BoundMethod(number, name) : null;
            case "is_integer" -> whole ? null : new BoundMethod(number, name);
            default -> null;
        };
    }

    static Value call(Value number, String name, Arguments arguments) {
        arguments.bindUnnamed(name, 0, 0);
        if (name.equals("is_integer")) {
            double value = Numbers.real(number);
            return BoolValue.of(value == Math.rint(value) && !Double.isInfinite(value));
        }
        long value = Numbers.whole(number);
        return IntValue.of(64 - Long.numberOfLeadingZeros(value == Long.MIN_VALUE ? value : Math.abs(value)));
    }
}
