package io.plumbline.inference.language.template;

import java.util.Iterator;
import java.util.List;

/**
 * Calls of methods, by the type of the value that they belong to. Which methods there are is for {@link Attributes} to
 * say.
 */
final class Methods {
    private Methods() {}

    static Value call(Interpreter interpreter, Value receiver, String name, Arguments arguments) {
        return switch (receiver) {
            case TextValue text -> new TextMethods(interpreter, text).call(name, arguments);
            case DictValue dict -> dict(interpreter, dict, name, arguments);
            case LoopValue loop -> loop.method(name, arguments);
            case Cycler cycler -> cycler(cycler, name, arguments);
            case IntValue number -> NumberMethods.call(number, name, arguments);
            case BoolValue bool -> NumberMethods.call(bool, name, arguments);
            case FloatValue number -> NumberMethods.call(number, name, arguments);
            default -> sequence(interpreter, receiver, name, arguments);
        };
    }

    private static Value dict(Interpreter interpreter, DictValue dict, String name, Arguments arguments) {
        if (name.equals("get")) {
            Value[] given = arguments.bindUnnamed("get", 1, 2);
            Value value = dict.get(interpreter.budget(), given[0]);
            return value != null ? value : given[1] != null ? given[1] : NoneValue.NONE;
        }
        if (name.equals("fromkeys")) {
            Value[] given = arguments.bindUnnamed("fromkeys", 1, 2);
            DictValue made = new DictValue();
            for (Iterator<Value> keys = interpreter.sequences().iterate(given[0]); keys.hasNext(); ) {
                interpreter.budget().objects(2);
                made.put(interpreter.budget(), keys.next(), given[1] == null ? NoneValue.NONE : given[1]);
            }
            return made;
        }
        arguments.bindUnnamed(name, 0, 0);
        return switch (name) {
            case "items" -> new DictView(dict, DictView.Part.ITEMS);
            case "keys" -> new DictView(dict, DictView.Part.KEYS);
            case "values" -> new DictView(dict, DictView.Part.VALUES);
            default -> dict;
        };
    }

    private static Value cycler(Cycler cycler, String name, Arguments arguments) {
        arguments.bindUnnamed(name, 0, 0);
        if (name.equals("next")) {
            return cycler.next();
        }
        cycler.reset();
        return NoneValue.NONE;
    }

    /** Of a list, a tuple or a range. */
    private static Value sequence(Interpreter interpreter, Value receiver, String name, Arguments arguments) {
        if (name.equals("copy")) {
            arguments.bindUnnamed(name, 0, 0);
            return receiver;
        }
        Value[] given = arguments.bindUnnamed(name, 1, name.equals("index") ? 3 : 1);
        List<Value> items = interpreter.sequences().list(receiver);
        int from = bound(given.length > 1 ? given[1] : null, items.size(), 0);
        int to = bound(given.length > 2 ? given[2] : null, items.size(), items.size());
        int count = 0;
        for (int i = from; i < to; i++) {
            if (interpreter.comparisons().equal(items.get(i), given[0])) {
                if (name.equals("index")) {
                    return IntValue.of(i);
                }
                count++;
            }
        }
        if (name.equals("index")) {
            throw Fault.value("the value that 'index' looks for is not in the " + receiver.type() + ".");
        }
        return IntValue.of(count);
    }

    private static int bound(Value value, int length, int otherwise) {
        int bound = Numbers.index(value, "a bound of 'index'", otherwise);
        return Math.clamp(bound < 0 ? bound + length : bound, 0, length);
    }
}
