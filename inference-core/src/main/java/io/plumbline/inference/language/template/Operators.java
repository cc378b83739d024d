package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.List;

/** {@code + - * / // % **} and signs, on numbers, texts, lists and tuples. */
final class Operators {
    private final Budget budget;
    private final PercentFormat percentFormat;

    Operators(Budget budget, Texts texts) {
        this.budget = budget;
        this.percentFormat = new PercentFormat(budget, texts);
    }

    /** @throws Fault where the operator does not take such values, or the result is a whole number beyond 64 bits. */
    Value apply(ArithmeticOperator operator, Value a, Value b) {
        Value text = operator == ArithmeticOperator.MODULO && a instanceof TextValue ? a : null;
        if (text != null) {
            return percentFormat.apply((TextValue) a, b);
        }
        requireDefined(a);
        requireDefined(b);
        try {
            if (Numbers.isWhole(a) && Numbers.isWhole(b)) {
                return whole(operator, Numbers.whole(a), Numbers.whole(b));
            }
            if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
                return real(operator, Numbers.real(a), Numbers.real(b));
            }
        } catch (ArithmeticException e) {
            throw Fault.limit("a whole number does not fit 64 bits.");
        }
        Value result = switch (operator) {
            case ADD -> join(a, b);
            case MULTIPLY ->
                Numbers.isWhole(a)
                        ? repeat(b, Numbers.whole(a))
                        : Numbers.isWhole(b) ? repeat(a, Numbers.whole(b)) : null;
            default -> null;
        };
        if (result == null) {
            throw Fault.value(operator.symbol() + " does not take a " + a.type() + " and a " + b.type() + ".");
        }
        return result;
    }

    private static void requireDefined(Value value) {
        if (value instanceof Undefined undefined) {
            throw undefined.fault();
        }
    }

    private static Value whole(ArithmeticOperator operator, long a, long b) {
        return switch (operator) {
            case ADD -> IntValue.of(Math.addExact(a, b));
            case SUBTRACT -> IntValue.of(Math.subtractExact(a, b));
            case MULTIPLY -> IntValue.of(Math.multiplyExact(a, b));
            case DIVIDE -> new FloatValue(Numbers.quotient(a, notZero(b)));
            case FLOOR_DIVIDE -> IntValue.of(Math.floorDivExact(a, notZero(b)));
            case MODULO -> IntValue.of(Math.floorMod(a, notZero(b)));
            case POWER -> b >= 0 ? IntValue.of(Numbers.power(a, b)) : realPower(a, b);
        };
    }

    private static long notZero(long divisor) {
        if (divisor == 0) {
            throw Fault.value("a number is divided by 0.");
        }
        return divisor;
    }

    private static Value real(ArithmeticOperator operator, double a, double b) {
        boolean divides = operator == ArithmeticOperator.DIVIDE
                || operator == ArithmeticOperator.FLOOR_DIVIDE
                || operator == ArithmeticOperator.MODULO;
        if (divides && b == 0) {
            throw Fault.value("a number is divided by 0.");
        }
        return switch (operator) {
            case ADD -> new FloatValue(a + b);
            case SUBTRACT -> new FloatValue(a - b);
            case MULTIPLY -> new FloatValue(a * b);
            case DIVIDE -> new FloatValue(a / b);
            case FLOOR_DIVIDE -> new FloatValue(Numbers.floorQuotient(a, b));
            case MODULO -> new FloatValue(Numbers.modulo(a, b));
            case POWER -> realPower(a, b);
        };
    }

    private static Value realPower(double a, double b) {
        double result = a == 1 ? 1 : StrictMath.pow(a, b);
        boolean finite = !Double.isInfinite(a) && !Double.isInfinite(b) && !Double.isNaN(a) && !Double.isNaN(b);
        if (finite && (Double.isInfinite(result) || Double.isNaN(result))) {
            throw Fault.value("a power has no value that a number can hold.");
        }
        return new FloatValue(result);
    }

    /** Two texts, lists or tuples one after the other; null where they are none. */
    private Value join(Value a, Value b) {
        if (a instanceof TextValue x && b instanceof TextValue y) {
            return join(x, y);
        }
        if (a instanceof ListValue x && b instanceof ListValue y) {
            return new ListValue(join(x.items(), y.items()));
        }
        if (a instanceof TupleValue x && b instanceof TupleValue y) {
            return new TupleValue(join(x.items(), y.items()));
        }
        return null;
    }

    private TextValue join(TextValue a, TextValue b) {
        boolean safe = a.isSafe() || b.isSafe();
        String first = safe && !a.isSafe() ? Html.escape(budget, a.text()) : a.text();
        String second = safe && !b.isSafe() ? Html.escape(budget, b.text()) : b.text();
        budget.characters((long) first.length() + second.length());
        String both = first + second;
        return safe ? TextValue.safe(both) : TextValue.of(both);
    }

    private List<Value> join(List<Value> a, List<Value> b) {
        budget.objects((long) a.size() + b.size());
        List<Value> all = new ArrayList<>(a.size() + b.size());
        all.addAll(a);
        all.addAll(b);
        return all;
    }

    /** A text, list or tuple {@code times} times; null where it is none. */
    private Value repeat(Value value, long times) {
        int count = Math.clamp(times, 0, Integer.MAX_VALUE);
        return switch (value) {
            case TextValue text -> {
                budget.characters((long) text.text().length() * count);
                yield text.alike(text.text().repeat(count));
            }
            case ListValue list -> new ListValue(repeat(list.items(), count));
            case TupleValue tuple -> new TupleValue(repeat(tuple.items(), count));
            default -> null;
        };
    }

    private List<Value> repeat(List<Value> items, int count) {
        budget.objects((long) items.size() * count);
        if (items.isEmpty()) {
            return List.of();
        }
        List<Value> all = new ArrayList<>(items.size() * count);
        for (int i = 0; i < count; i++) {
            all.addAll(items);
        }
        return all;
    }

    Value sign(boolean negative, Value value) {
        requireDefined(value);
        if (Numbers.isWhole(value)) {
            long number = Numbers.whole(value);
            if (negative && number == Long.MIN_VALUE) {
                throw Fault.limit("a whole number does not fit 64 bits.");
            }
            return IntValue.of(negative ? -number : number);
        }
        if (value instanceof FloatValue number) {
            return negative ? new FloatValue(-number.value()) : number;
        }
        throw Fault.value("a " + value.type() + " has no sign.");
    }
}
