package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** All tests by name: Jinja2's. */
final class ValueTests {
    private static final Map<String, ValueTest> ALL = new HashMap<>();

    static {
        plain("defined", value -> !(value instanceof Undefined));
        plain("undefined", value -> value instanceof Undefined);
        plain("none", value -> value == NoneValue.NONE);
        plain("boolean", value -> value instanceof BoolValue);
        plain("true", value -> value == BoolValue.TRUE);
        plain("false", value -> value == BoolValue.FALSE);
        plain("integer", value -> value instanceof IntValue);
        plain("float", value -> value instanceof FloatValue);
        plain("number", Numbers::isNumber);
        plain("string", value -> value instanceof TextValue);
        plain("mapping", value -> value instanceof DictValue);
        plain("iterable", Sequences::isIterable);
        plain("sequence", ValueTests::isSequence);
        plain("callable", value -> value instanceof Callable || value instanceof Undefined);
        plain("escaped", value -> value instanceof TextValue text && text.isSafe());
        plain("filter", value -> value instanceof TextValue name && Filters.exists(name.text()));
        plain("test", value -> value instanceof TextValue name && exists(name.text()));
        add("lower", (run, value, arguments) -> {
            arguments.bind("lower", 0);
            return TextCase.isLower(read(run, value));
        });
        add("upper", (run, value, arguments) -> {
            arguments.bind("upper", 0);
            return TextCase.isUpper(read(run, value));
        });
        add("odd", (run, value, arguments) -> remainder(run, value, IntValue.of(2), arguments, "odd", 1));
        add("even", (run, value, arguments) -> remainder(run, value, IntValue.of(2), arguments, "even", 0));
        add("divisibleby", (run, value, arguments) -> {
            Value number = arguments.bind("divisibleby", 1, "num")[0];
            return remainder(run, value, number, Arguments.NONE, "divisibleby", 0);
        });
        add("sameas", (run, value, arguments) -> isSame(value, arguments.bind("sameas", 1, "other")[0]));
        add(
                "in",
                (run, value, arguments) -> run.comparisons().contains(arguments.bind("in", 1, "seq")[0], value));
        relation(Relation.EQUAL, "==", "eq", "equalto");
        relation(Relation.NOT_EQUAL, "!=", "ne");
        relation(Relation.GREATER, ">", "gt", "greaterthan");
        relation(Relation.GREATER_OR_EQUAL, ">=", "ge");
        relation(Relation.LESS, "<", "lt", "lessthan");
        relation(Relation.LESS_OR_EQUAL, "<=", "le");
    }

    private ValueTests() {}

    private static String read(Interpreter run, Value value) {
        String text = run.texts().text(value);
        run.budget().reads(2L * text.length());
        return text;
    }

    private static void add(String name, ValueTest test) {
        ALL.put(name, test);
    }

    private static void plain(String name, Predicate<Value> predicate) {
        add(name, (run, value, arguments) -> {
            arguments.bind(name, 0);
            return predicate.test(value);
        });
    }

    private static void relation(Relation relation, String... names) {
        for (String name : names) {
            add(
                    name,
                    (run, value, arguments) ->
                            run.comparisons().holds(relation, value, arguments.bindUnnamed(name, 1, 1)[0]));
        }
    }

    static Set<String> names() {
        return ALL.keySet();
    }

    static boolean exists(String name) {
        return ALL.containsKey(name);
    }

    /** @throws Fault where there is no such test. */
    static ValueTest get(String name) {
        ValueTest test = ALL.get(name);
        if (test == null) {
            throw Fault.value("there is no test '" + name + "'.");
        }
        return test;
    }

    private static boolean isSequence(Value value) {
        return switch (value) {
            case TextValue text -> true;
            case ListValue list -> true;
            case TupleValue tuple -> true;
            case DictValue dict -> true;
            case RangeValue range -> true;
            case Undefined undefined -> true;
            default -> false;
        };
    }

    private static boolean remainder(
            Interpreter run, Value value, Value divisor, Arguments arguments, String name, long wanted) {
        arguments.bind(name, 0);
        Value remainder = run.operators().apply(ArithmeticOperator.MODULO, value, divisor);
        return run.comparisons().equal(remainder, IntValue.of(wanted));
    }

    /** Whether Python would hold one object for both: it does for none, true, false and small whole numbers. */
    private static boolean isSame(Value a, Value b) {
        return a == b
                || a instanceof IntValue x
                        && b instanceof IntValue y
                        && x.value() == y.value()
                        && Math.abs(x.value()) < 256;
    }
}
