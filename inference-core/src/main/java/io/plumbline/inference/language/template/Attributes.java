package io.plumbline.inference.language.template;

import java.util.List;
import java.util.Set;

/**
 * {@code object.name} and {@code object[key]}. Each falls back on the other, as Jinja2 has it: an attribute before an
 * item for the dot, an item before an attribute for the bracket. Methods that would change a list or a dict are hidden,
 * and so are names that begin with an underscore.
 */
final class Attributes {
    private static final Set<String> CHANGING_LISTS =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> CHANGING_DICTS = Set.of("clear", "pop", "popitem", "setdefault", "update");

    private final Budget budget;

    Attributes(Budget budget) {
        this.budget = budget;
    }

    /** {@code object.name}; undefined where there is neither attribute nor item. */
    Value get(Value object, String name) {
        Value attribute = attributeOnly(object, name);
        if (attribute == null && object instanceof DictValue dict) {
            attribute = dict.get(name);
        }
        return attribute == null ? Undefined.attribute(object, name) : attribute;
    }

    /** {@code object[key]}; undefined where there is neither item nor attribute. */
    Value item(Value object, Value key) {
        Value item = itemOnly(object, key);
        if (item == null && key instanceof TextValue name) {
            item = attributeOnly(object, name.text());
            return item == null ? Undefined.attribute(object, name.text()) : item;
        }
        return item == null ? Undefined.item(object) : item;
    }

    private Value itemOnly(Value object, Value key) {
        return switch (object) {
            case Undefined undefined -> throw undefined.fault();
            case DictValue dict -> Keys.isHashable(key) ? dict.get(budget, key) : null;
            case ListValue list -> at(list.items(), key);
            case TupleValue tuple -> at(tuple.items(), key);
            case TextValue text -> character(text, key);
            case RangeValue range -> {
                int index = index(key, range.length());
                yield index < 0 ? null : IntValue.of(range.get(index));
            }
            default -> null;
        };
    }

    private static Value at(List<Value> items, Value key) {
        int index = index(key, items.size());
        return index < 0 ? null : items.get(index);
    }

    /** The place that a key means, from the end where it is negative; -1 where there is none. */
    private static int index(Value key, int length) {
        if (!Numbers.isWhole(key)) {
            return -1;
        }
        long index = Numbers.whole(key);
        index += index < 0 ? length : 0;
        return index >= 0 && index < length ? (int) index : -1;
    }

    private Value character(TextValue text, Value key) {
        int index = index(key, text.length(budget));
        if (index < 0) {
            return null;
        }
        int from = text.offset(budget, index);
        budget.characters(1);
        return text.alike(Character.toString(text.text().codePointAt(from)));
    }

    /** An attribute or a method, no item; null where there is none. */
    Value attributeOnly(Value object, String name) {
        if (object instanceof Undefined undefined) {
            throw undefined.fault();
        }
        if (object instanceof Namespace namespace) {
            return namespace.attributes().get(name);
        }
        if (name.startsWith("_")) {
            return null;
        }
        return switch (object) {
            case TextValue text -> TextMethods.has(name) ? new BoundMethod(text, name) : null;
            case ListValue list -> listMethod(list, name);
            case DictValue dict -> dictMethod(dict, name);
            case TupleValue tuple -> tupleAttribute(tuple, name);
            case LoopValue loop -> loop.attribute(name);
            case Macro macro -> macro.attribute(budget, name);
            case RangeValue range -> rangeAttribute(range, name);
            case Cycler cycler ->
                switch (name) {
                    case "current" -> cycler.current();
                    case "next", "reset" -> new BoundMethod(cycler, name);
                    default -> null;
                };
            case IntValue number -> NumberMethods.attribute(number, name);
            case BoolValue bool -> NumberMethods.attribute(bool, name);
            case FloatValue number -> NumberMethods.attribute(number, name);
            default -> null;
        };
    }

    private static Value listMethod(ListValue list, String name) {
        if (CHANGING_LISTS.contains(name)) {
            return Undefined.because("lists cannot be changed: '" + name + "' is not for templates.");
        }
        return switch (name) {
            case "index", "count", "copy" -> new BoundMethod(list, name);
            default -> null;
        };
    }

    private static Value dictMethod(DictValue dict, String name) {
        if (CHANGING_DICTS.contains(name)) {
            return Undefined.because("dicts cannot be changed: '" + name + "' is not for templates.");
        }
        return switch (name) {
            case "get", "items", "keys", "values", "copy", "fromkeys" -> new BoundMethod(dict, name);
            default -> null;
        };
    }

    private static Value tupleAttribute(TupleValue tuple, String name) {
        int named = tuple.names().indexOf(name);
        if (named >= 0) {
            return tuple.items().get(named);
        }
        return name.equals("index") || name.equals("count") ? new BoundMethod(tuple, name) : null;
    }

    private static Value rangeAttribute(RangeValue range, String name) {
        return switch (name) {
            case "start" -> IntValue.of(range.start());
            case "stop" -> IntValue.of(range.stop());
            case "step" -> IntValue.of(range.step());
            case "index", "count" -> new BoundMethod(range, name);
            default -> null;
        };
    }
}
