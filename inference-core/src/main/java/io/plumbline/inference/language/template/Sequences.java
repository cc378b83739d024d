package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.PrimitiveIterator;

/** Values as sequences: their items, their length, and lists of them. */
final class Sequences {
    private final Budget budget;

    Sequences(Budget budget) {
        this.budget = budget;
    }

    /** Whether {@link #iterate} takes the value. */
    static boolean isIterable(Value value) {
        return switch (value) {
            case ListValue list -> true;
            case TupleValue tuple -> true;
            case DictValue dict -> true;
            case DictView view -> true;
            case TextValue text -> true;
            case RangeValue range -> true;
            case Generator generator -> true;
            case LoopValue loop -> true;
            case Undefined undefined -> true;
            default -> false;
        };
    }

    /**
     * The items of a value: characters of a text, keys of a dict.
     *
     * @throws Fault where it has none.
     */
    Iterator<Value> iterate(Value value) {
        budget.step();
        return switch (value) {
            case ListValue list -> list.items().iterator();
            case TupleValue tuple -> tuple.items().iterator();
            case DictValue dict -> view(dict, DictView.Part.KEYS);
            case DictView view -> view(view.dict(), view.part());
            case TextValue text -> characters(text);
            case RangeValue range -> numbers(range);
            case Generator generator -> generator;
            case Undefined undefined -> List.<Value>of().iterator();
            default -> throw Fault.value("a " + value.type() + " has no items to go through.");
        };
    }

    private Iterator<Value> view(DictValue dict, DictView.Part part) {
        Iterator<DictValue.Entry> entries = dict.entries().iterator();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return entries.hasNext();
            }

            @Override
            public Value next() {
                DictValue.Entry entry = entries.next();
                return switch (part) {
                    case KEYS -> entry.key();
                    case VALUES -> entry.value();
                    case ITEMS -> {
                        budget.objects(2);
                        yield new TupleValue(List.of(entry.key(), entry.value()));
                    }
                };
            }
        };
    }

    private Iterator<Value> characters(TextValue text) {
        PrimitiveIterator.OfInt points = text.text().codePoints().iterator();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return points.hasNext();
            }

            @Override
            public Value next() {
                budget.characters(1);
                return TextValue.of(Character.toString(points.nextInt()));
            }
        };
    }

    private Iterator<Value> numbers(RangeValue range) {
        return new Iterator<>() {
            private int at;

            @Override
            public boolean hasNext() {
                return at < range.length();
            }

            @Override
            public Value next() {
                budget.objects(1);
                return IntValue.of(range.get(at++));
            }
        };
    }

    /** The number of items, or -1 where the value does not know it. */
    int lengthOrNone(Value value) {
        return switch (value) {
            case ListValue list -> list.items().size();
            case TupleValue tuple -> tuple.items().size();
            case DictValue dict -> dict.size();
            case DictView view -> view.dict().size();
            case TextValue text -> text.length(budget);
            case RangeValue range -> range.length();
            case LoopValue loop -> loop.length();
            case Undefined undefined -> 0;
            default -> -1;
        };
    }

    /** @throws Fault where the value has no length. */
    int length(Value value) {
        int length = lengthOrNone(value);
        if (length < 0) {
            throw Fault.value("a " + value.type() + " has no length.");
        }
        return length;
    }

    /** All items of a value in a new list. */
    List<Value> list(Value value) {
        int expected = Math.max(0, lengthOrNone(value));
        budget.objects(expected);
        List<Value> items = new ArrayList<>(expected);
        for (Iterator<Value> all = iterate(value); all.hasNext(); ) {
            if (items.size() >= expected) {
                budget.objects(1);
            }
            items.add(all.next());
        }
        return items;
    }

    /** Whether a value counts as true. */
    static boolean isTrue(Value value) {
        return switch (value) {
            case NoneValue none -> false;
            case BoolValue bool -> bool.value();
            case IntValue number -> number.value() != 0;
            case FloatValue number -> number.value() != 0;
            case TextValue text -> !text.text().isEmpty();
            case Undefined undefined -> false;
            case ListValue list -> !list.items().isEmpty();
            case TupleValue tuple -> !tuple.items().isEmpty();
            case DictValue dict -> dict.size() > 0;
            case DictView view -> view.dict().size() > 0;
            case RangeValue range -> range.length() > 0;
            default -> true;
        };
    }
}
