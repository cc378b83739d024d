package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Filters that bring sequences into an order, or go by one. */
final class OrderFilters {
    static final Map<String, Filter> ALL = Map.of(
            "sort", OrderFilters::sort,
            "dictsort", OrderFilters::dictSort,
            "reverse", OrderFilters::reverse,
            "unique", OrderFilters::unique,
            "groupby", OrderFilters::groupBy,
            "min", (run, input, arguments) -> extreme(run, input, arguments, "min"),
            "max", (run, input, arguments) -> extreme(run, input, arguments, "max"));

    private OrderFilters() {}

    private static boolean isTrue(Value given) {
        return given != null && Sequences.isTrue(given);
    }

    /** What a value is ordered by: texts in lower case, unless case counts. */
    private static Value key(Interpreter run, Value value, boolean caseCounts) {
        if (caseCounts || !(value instanceof TextValue text)) {
            return value;
        }
        run.budget().characters(text.text().length());
        return TextValue.of(TextCase.lower(text.text()));
    }

    private static Value sort(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
        boolean caseCounts = isTrue(given[1]);
        List<AttributePath> paths = new ArrayList<>();
        if (given[2] instanceof TextValue text) {
            run.budget().objects(2 + text.text().chars().filter(c -> c == ',').count());
            run.budget().characters(text.text().length());
            for (String one : text.text().split(",", -1)) {
                paths.add(AttributePath.of(run, TextValue.of(one)));
            }
        } else {
            paths.add(AttributePath.of(run, given[2]));
        }
        return new ListValue(new Sorting(run)
                .sort(
                        run.sequences().list(input),
                        item -> {
                            run.budget().objects(paths.size());
                            List<Value> keys = new ArrayList<>(paths.size());
                            for (AttributePath path : paths) {
                                keys.add(key(run, path.get(item), caseCounts));
                            }
                            return new ListValue(keys);
                        },
                        isTrue(given[0])));
    }

    private static Value dictSort(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
        String by = given[1] == null ? "key" : run.texts().text(given[1]);
        if (!by.equals("key") && !by.equals("value")) {
            throw Fault.value("'dictsort' sorts by \"key\" or \"value\", not by \"" + by + "\".");
        }
        if (!(input instanceof DictValue dict)) {
            throw Fault.value("'dictsort' takes a dict, not a " + input.type() + ".");
        }
        int place = by.equals("key") ? 0 : 1;
        boolean caseCounts = isTrue(given[0]);
        List<Value> items = run.sequences().list(new DictView(dict, DictView.Part.ITEMS));
        return new ListValue(new Sorting(run)
                .sort(items, item -> key(run, ((TupleValue) item).items().get(place), caseCounts), isTrue(given[2])));
    }

    private static Value reverse(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("reverse", 0);
        if (input instanceof TextValue) {
            return run.slices().slice(input, null, null, IntValue.of(-1));
        }
        if (!Sequences.isIterable(input)) {
            throw Fault.value("'reverse' takes a sequence, not a " + input.type() + ".");
        }
        List<Value> items = run.sequences().list(input);
        Collections.reverse(items);
        return input instanceof Generator ? new ListValue(items) : Generator.from(input, items.iterator());
    }

    private static Value unique(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("unique", 0, "case_sensitive", "attribute");
        AttributePath path = AttributePath.of(run, given[1]);
        boolean caseCounts = isTrue(given[0]);
        return Generator.lazily(run.budget(), input, () -> {
            Set<Object> seen = new HashSet<>();
            Iterator<Value> items = run.sequences().iterate(input);
            return () -> {
                while (items.hasNext()) {
                    run.budget().objects(2);
                    Value item = items.next();
                    if (seen.add(Keys.of(run.budget(), key(run, path.get(item), caseCounts)))) {
                        return item;
                    }
                }
                return null;
            };
        });
    }

    private static Value groupBy(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
        AttributePath path = AttributePath.of(run, given[0]);
        Value otherwise = given[1] == NoneValue.NONE ? null : given[1];
        boolean caseCounts = isTrue(given[2]);
        List<Value> sorted = new Sorting(run)
                .sort(run.sequences().list(input), item -> key(run, path.get(item, otherwise), caseCounts), false);
        List<Value> groups = new ArrayList<>();
        List<Value> group = new ArrayList<>();
        Value groupKey = null;
        for (Value item : sorted) {
            Value key = key(run, path.get(item, otherwise), caseCounts);
            if (groupKey != null && !run.comparisons().equal(groupKey, key)) {
                groups.add(group(path.get(group.getFirst(), otherwise), group));
                group = new ArrayList<>();
            }
            run.budget().objects(3);
            group.add(item);
            groupKey = key;
        }
        if (!group.isEmpty()) {
            groups.add(group(path.get(group.getFirst(), otherwise), group));
        }
        return new ListValue(groups);
    }

    private static TupleValue group(Value key, List<Value> items) {
        return new TupleValue(List.of(key, new ListValue(items)), List.of("grouper", "list"));
    }

    private static Value extreme(Interpreter run, Value input, Arguments arguments, String name) {
        Value[] given = arguments.bind(name, 0, "case_sensitive", "attribute");
        AttributePath path = AttributePath.of(run, given[1]);
        boolean caseCounts = isTrue(given[0]);
        Value best = null;
        Value bestKey = null;
        for (Iterator<Value> items = run.sequences().iterate(input); items.hasNext(); ) {
            Value item = items.next();
            Value key = key(run, path.get(item), caseCounts);
            boolean better = best == null
                    || (name.equals("min")
                            ? run.comparisons().less(key, bestKey)
                            : run.comparisons().less(bestKey, key));
            if (better) {
                best = item;
                bestKey = key;
            }
        }
        return best == null ? Undefined.because("an empty sequence has no " + name + ".") : best;
    }
}
