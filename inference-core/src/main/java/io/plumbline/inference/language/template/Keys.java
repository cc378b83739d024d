package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.List;

/** What keys of a dict are compared by: values that Python holds equal, such as 1, 1.0 and true, are one key. */
final class Keys {
    private Keys() {}

    static boolean isHashable(Value key) {
        return switch (key) {
            case ListValue list -> false;
            case DictValue dict -> false;
            case DictView view -> false;
            case BoundMethod method -> false;
            case TupleValue tuple -> tuple.items().stream().allMatch(Keys::isHashableItem);
            default -> true;
        };
    }

    /** Tuples in tuples are no keys here: comparing them would take recursion, and no template needs them. */
    private static boolean isHashableItem(Value item) {
        return !(item instanceof TupleValue) && isHashable(item);
    }

    /**
     * An object whose {@code equals} and {@code hashCode} are those of the key.
     *
     * @throws Fault where the value cannot be a key.
     */
    static Object of(Value key) {
        if (!isHashable(key)) {
            throw Fault.value("a " + key.type() + " cannot be the key of a dict.");
        }
        return switch (key) {
            case TextValue text -> text.plain();
            case BoolValue bool -> bool.value() ? 1L : 0L;
            case IntValue number -> number.value();
            case FloatValue number -> {
                double d = number.value();
                yield d == Math.rint(d) && Math.abs(d) < 1L << 53 ? (Object) (long) d : (Object) d;
            }
            case TupleValue tuple -> {
                List<Object> items = new ArrayList<>();
                for (Value item : tuple.items()) {
                    items.add(of(item));
                }
                yield items;
            }
            case Undefined undefined -> Undefined.class;
            default -> key;
        };
    }
}
