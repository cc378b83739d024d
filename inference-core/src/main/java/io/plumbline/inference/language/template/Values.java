package io.plumbline.inference.language.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** A caller's data as values of a template: copies, so that a template never holds an object of the caller. */
final class Values {
    private Values() {}

    /**
     * @param data null, a Boolean, a number, a text, a collection, or a map with texts as keys.
     * @throws IllegalArgumentException for other objects: they are the caller's mistake.
     */
    static Value of(Object data, Budget budget) {
        return switch (data) {
            case null -> NoneValue.NONE;
            case Boolean bool -> BoolValue.of(bool);
            case CharSequence text -> TextValue.of(text.toString());
            case Float number -> new FloatValue(number);
            case Double number -> new FloatValue(number);
            case BigDecimal number -> new FloatValue(number.doubleValue());
            case BigInteger number -> whole(number);
            case Number number -> IntValue.of(number.longValue());
            case Collection<?> items -> list(items, budget);
            case Map<?, ?> map -> dict(map, budget);
            default ->
                throw new IllegalArgumentException("A template's variables hold data, not a "
                        + data.getClass().getName() + ".");
        };
    }

    private static Value whole(BigInteger number) {
        try {
            return IntValue.of(number.longValueExact());
        } catch (ArithmeticException e) {
            throw Fault.limit("a whole number does not fit 64 bits.");
        }
    }

    private static Value list(Collection<?> items, Budget budget) {
        budget.enter();
        budget.objects(items.size());
        List<Value> values = new ArrayList<>(items.size());
        for (Object item : items) {
            values.add(of(item, budget));
        }
        budget.leave();
        return new ListValue(values);
    }

    private static Value dict(Map<?, ?> map, Budget budget) {
        budget.enter();
        budget.objects(3L * map.size());
        DictValue dict = new DictValue();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getKey() instanceof String key)) {
                throw new IllegalArgumentException(
                        "A template's variables have texts as keys, not " + entry.getKey() + ".");
            }
            dict.put(key, of(entry.getValue(), budget));
        }
        budget.leave();
        return dict;
    }
}
