package io.plumbline.inference.language.template;

/** What keys of a dict are compared by: values that Python holds equal, such as 1, 1.0 and true, are one key. */
final class Keys {
    private Keys() {}

    static boolean isHashable(Value key) {
        return switch (key) {
            case ListValue list -> false;
            case DictValue dict -> false;
            case DictView view -> false;
            case BoundMethod method -> false;
            case TupleValue tuple -> tuple.items().stream().allMatch(Keys::isPlain);
            default -> true;
        };
    }

    /**
     * Tuples of tuples, of functions and the like are no keys here: comparing them would take recursion, they have no
     * order, and no template needs them.
     */
    private static boolean isPlain(Value item) {
        return Numbers.isNumber(item)
                || item instanceof TextValue
                || item == NoneValue.NONE
                || item instanceof Undefined;
    }

    /**
     * A tuple as one text, from which its items can be told. In order: a map finds one in few steps among however many
     * that have its hash, which a conversation can bring about for texts of its own.
     */
    private record TupleKey(String text) implements Comparable<TupleKey> {
        @Override
        public int compareTo(TupleKey other) {
            return text.compareTo(other.text);
        }
    }

    /**
     * An object whose {@code equals} and {@code hashCode} are those of the key. To read the key is charged.
     *
     * @throws Fault where the value cannot be a key.
     */
    static Object of(Budget budget, Value key) {
        if (!isHashable(key)) {
            throw Fault.value("a " + key.type() + " cannot be the key of a dict.");
        }
        return switch (key) {
            case TextValue text -> text.plain(budget);
            case BoolValue bool -> bool.value() ? 1L : 0L;
            case IntValue number -> number.value();
            case FloatValue number -> {
                double d = number.value();
                yield d == Math.rint(d) && Math.abs(d) < 1L << 53 ? (Object) (long) d : (Object) d;
            }
            case TupleValue tuple -> {
                budget.objects(tuple.items().size());
                StringBuilder all = new StringBuilder();
                for (Value item : tuple.items()) {
                    String one = String.valueOf(of(budget, item));
                    budget.characters(one.length() + 16L);
                    char kind = item instanceof TextValue ? 't' : Numbers.isNumber(item) ? 'n' : 'o';
                    all.append(kind).append(one.length()).append(':').append(one);
                }
                yield new TupleKey(all.toString());
            }
            case Undefined undefined -> Undefined.class;
            default -> key;
        };
    }
}
