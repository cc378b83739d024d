package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Filters of sequences that leave their order. */
final class SequenceFilters {
    static final Map<String, Filter> ALL = Map.ofEntries(
            Map.entry("length", SequenceFilters::length),
            Map.entry("count", SequenceFilters::length),
            Map.entry("list", (run, input, arguments) -> {
                arguments.bind("list", 0);
                return new ListValue(run.sequences().list(input));
            }),
            Map.entry("first", SequenceFilters::first),
            Map.entry("last", SequenceFilters::last),
            Map.entry("join", SequenceFilters::join),
            Map.entry("items", SequenceFilters::items),
            Map.entry("batch", SequenceFilters::batch),
            Map.entry("slice", SequenceFilters::slice),
            Map.entry("sum", SequenceFilters::sum),
            Map.entry("attr", SequenceFilters::attribute),
            Map.entry("default", SequenceFilters::otherwise),
            Map.entry("d", SequenceFilters::otherwise));

    private SequenceFilters() {}

    private static Value length(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("length", 0);
        return IntValue.of(run.sequences().length(input));
    }

    private static Value first(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("first", 0);
        Iterator<Value> items = run.sequences().iterate(input);
        return items.hasNext() ? items.next() : Undefined.because("an empty sequence has no first item.");
    }

    private static Value last(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("last", 0);
        if (input instanceof Generator || run.sequences().lengthOrNone(input) < 0) {
            throw Fault.value("a " + input.type() + " has no last item; make a list of it first.");
        }
        int length = run.sequences().lengthOrNone(input);
        if (length == 0) {
            return Undefined.because("an empty sequence has no last item.");
        }
        if (input instanceof DictValue || input instanceof DictView) {
            return run.sequences().list(input).getLast();
        }
        return run.attributes().item(input, IntValue.of(length - 1));
    }

    private static Value join(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("join", 0, "d", "attribute");
        String separator = given[0] == null ? "" : run.texts().text(given[0]);
        AttributePath path = AttributePath.of(run, given[1]);
        StringBuilder out = new StringBuilder();
        boolean first = true;
        for (Iterator<Value> items = run.sequences().iterate(input); items.hasNext(); first = false) {
            String text = run.texts().text(path.get(items.next()));
            run.budget().characters(text.length() + (first ? 0L : separator.length()));
            out.append(first ? "" : separator).append(text);
        }
        return TextValue.of(out.toString());
    }

    private static Value items(Interpreter run, Value input, Arguments arguments) {
        arguments.bind("items", 0);
        return Generator.lazily(run.budget(), input, () -> {
            Iterator<Value> items = switch (input) {
                case DictValue dict -> run.sequences().iterate(new DictView(dict, DictView.Part.ITEMS));
                case Undefined undefined -> List.<Value>of().iterator();
                default -> throw Fault.value("'items' takes a dict, not a " + input.type() + ".");
            };
            return () -> items.hasNext() ? items.next() : null;
        });
    }

    private static Value batch(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("batch", 1, "linecount", "fill_with");
        return Generator.lazily(run.budget(), input, () -> {
            int size = Numbers.index(given[0], "the size of a batch", 0);
            Iterator<Value> items = run.sequences().iterate(input);
            return () -> batch(run, items, size, given[1]);
        });
    }

    private static Value batch(Interpreter run, Iterator<Value> items, int size, Value fill) {
        List<Value> batch = new ArrayList<>();
        while (items.hasNext() && (batch.size() != size || batch.isEmpty())) {
            run.budget().objects(1);
            batch.add(items.next());
        }
        if (batch.isEmpty()) {
            return null;
        }
        if (isFill(fill) && batch.size() < size) {
            run.budget().objects(size - batch.size());
            batch.addAll(Collections.nCopies(size - batch.size(), fill));
        }
        return new ListValue(batch);
    }

    private static boolean isFill(Value fill) {
        return fill != null && fill != NoneValue.NONE;
    }

    private static Value slice(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("slice", 1, "slices", "fill_with");
        return Generator.lazily(run.budget(), input, () -> {
            Iterator<Value> slices = slices(run, input, given[0], given[1]).iterator();
            return () -> slices.hasNext() ? slices.next() : null;
        });
    }

    private static List<Value> slices(Interpreter run, Value input, Value count, Value fill) {
        int slices = Numbers.index(count, "the number of slices", 0);
        List<Value> items = run.sequences().list(input);
        if (slices == 0) {
            throw Fault.value("'slice' makes no 0 slices.");
        }
        int size = Math.floorDiv(items.size(), slices);
        int larger = Math.floorMod(items.size(), slices);
        List<Value> all = new ArrayList<>();
        for (int i = 0, from = 0; i < slices; i++) {
            int to = from + size + (i < larger ? 1 : 0);
            run.budget().objects(to - from + 2L);
            List<Value> slice = new ArrayList<>(items.subList(from, to));
            if (isFill(fill) && i >= larger) {
                slice.add(fill);
            }
            all.add(new ListValue(slice));
            from = to;
        }
        return all;
    }

    private static Value sum(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("sum", 0, "attribute", "start");
        AttributePath path = AttributePath.of(run, given[0]);
        Value sum = given[1] == null ? IntValue.of(0) : given[1];
        if (sum instanceof TextValue) {
            throw Fault.value("'sum' does not take texts; 'join' does.");
        }
        for (Iterator<Value> items = run.sequences().iterate(input); items.hasNext(); ) {
            sum = run.operators().apply(ArithmeticOperator.ADD, sum, path.get(items.next()));
        }
        return sum;
    }

    private static Value attribute(Interpreter run, Value input, Arguments arguments) {
        Value name = arguments.bind("attr", 1, "name")[0];
        String text = run.texts().text(name);
        Value found = run.attributes().attributeOnly(input, text);
        return found == null ? Undefined.attribute(input, text) : found;
    }

    private static Value otherwise(Interpreter run, Value input, Arguments arguments) {
        Value[] given = arguments.bind("default", 0, "default_value", "boolean");
        boolean falseToo = given[1] != null && Sequences.isTrue(given[1]);
        boolean missing = input instanceof Undefined || falseToo && !Sequences.isTrue(input);
        return !missing ? input : given[0] == null ? TextValue.EMPTY : given[0];
    }
}
