package io.plumbline.inference.language.template;

import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * {@code map}, {@code select}, {@code reject} and their kin. They give generators: nothing happens before a value is
 * asked for.
 */
final class SelectionFilters {
    static final Map<String, Filter> ALL = Map.of(
            "map", SelectionFilters::map,
            "select", (run, input, arguments) -> select(run, input, arguments, false, true),
            "reject", (run, input, arguments) -> select(run, input, arguments, false, false),
            "selectattr", (run, input, arguments) -> select(run, input, arguments, true, true),
            "rejectattr", (run, input, arguments) -> select(run, input, arguments, true, false));

    private SelectionFilters() {}

    /** The values that {@code begun} gives; none where {@code input} counts as false. */
    private static Generator lazily(Interpreter run, Value input, Supplier<Supplier<Value>> begun) {
        return Generator.lazily(run.budget(), input, () -> Sequences.isTrue(input) ? begun.get() : () -> null);
    }

    private static Value map(Interpreter run, Value input, Arguments arguments) {
        return lazily(run, input, () -> {
            UnaryOperator<Value> function = function(run, arguments);
            Iterator<Value> items = run.sequences().iterate(input);
            return () -> items.hasNext() ? function.apply(items.next()) : null;
        });
    }

    private static UnaryOperator<Value> function(Interpreter run, Arguments arguments) {
        if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
            Map<String, Value> named = new HashMap<>(arguments.named());
            AttributePath path = AttributePath.of(run, named.remove("attribute"));
            Value given = named.remove("default");
            Value otherwise = given == NoneValue.NONE ? null : given;
            new Arguments(List.of(), named).bind("map", 0);
            return item -> path.get(item, otherwise);
        }
        if (arguments.positional().isEmpty()) {
            throw Fault.value("'map' needs the name of a filter, or an attribute.");
        }
        Filter filter = Filters.get(run.texts().text(arguments.positional().getFirst()));
        Arguments rest = arguments.rest();
        return item -> filter.apply(run, item, rest);
    }

    private static Value select(
            Interpreter run, Value input, Arguments arguments, boolean byAttribute, boolean wanted) {
        return lazily(run, input, () -> {
            Predicate<Value> predicate = predicate(run, arguments, byAttribute);
            Iterator<Value> items = run.sequences().iterate(input);
            return () -> {
                while (items.hasNext()) {
                    run.budget().step();
                    Value item = items.next();
                    if (predicate.test(item) == wanted) {
                        return item;
                    }
                }
                return null;
            };
        });
    }

    private static Predicate<Value> predicate(Interpreter run, Arguments arguments, boolean byAttribute) {
        Arguments rest = arguments;
        AttributePath path = AttributePath.of(run, null);
        if (byAttribute) {
            if (arguments.positional().isEmpty()) {
                throw Fault.value("'selectattr' and 'rejectattr' need the name of an attribute.");
            }
            path = AttributePath.of(run, arguments.positional().getFirst());
            rest = arguments.rest();
        }
        AttributePath attribute = path;
        if (rest.positional().isEmpty()) {
            return item -> Sequences.isTrue(attribute.get(item));
        }
        ValueTest test = ValueTests.get(run.texts().text(rest.positional().getFirst()));
        Arguments others = rest.rest();
        return item -> test.holds(run, attribute.get(item), others);
    }
}
