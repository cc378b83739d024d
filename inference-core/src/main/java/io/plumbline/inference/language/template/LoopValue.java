package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** {@code loop}: where a {@code for} stands. Looks ahead only when a template asks for the last or the next item. */
final class LoopValue implements Callable, Iterator<Value> {
    /** Renders the body of a recursive loop for other items. */
    @FunctionalInterface
    interface Body {
        String render(Value items, int depth);
    }

    private final Interpreter interpreter;
    private final Body recursion;
    private final int depth;
    private Iterator<Value> items;
    private int length;
    private int index = -1;
    private Value previous;
    private Value current;

    /** The next item where it was looked at already; else null. */
    private Value ahead;

    private List<Value> lastChanged;

    /**
     * @param length of the items, or -1 where it is not known.
     * @param recursion null where the loop is not recursive.
     * @param depth of recursive loops around, from 0.
     */
    LoopValue(Interpreter interpreter, Iterator<Value> items, int length, Body recursion, int depth) {
        this.interpreter = interpreter;
        this.items = items;
        this.length = length;
        this.recursion = recursion;
        this.depth = depth;
    }

    @Override
    public boolean hasNext() {
        return ahead != null || items.hasNext();
    }

    @Override
    public Value next() {
        Value value = ahead != null ? ahead : items.next();
        ahead = null;
        index++;
        previous = current;
        current = value;
        return value;
    }

    /** Turns so far, this one too. */
    int index() {
        return index + 1;
    }

    int length() {
        if (length < 0) {
            List<Value> rest = new ArrayList<>();
            while (items.hasNext()) {
                interpreter.budget().objects(1);
                rest.add(items.next());
            }
            length = index() + rest.size() + (ahead == null ? 0 : 1);
            items = rest.iterator();
        }
        return length;
    }

    private Value lookAhead() {
        if (ahead == null && items.hasNext()) {
            ahead = items.next();
        }
        return ahead;
    }

    /** An attribute, or null where there is none of that name. */
    Value attribute(String name) {
        return switch (name) {
            case "index" -> IntValue.of(index());
            case "index0" -> IntValue.of(index);
            case "revindex" -> IntValue.of(length() - index);
            case "revindex0" -> IntValue.of(length() - index());
            case "first" -> BoolValue.of(index == 0);
            case "last" -> BoolValue.of(lookAhead() == null);
            case "length" -> IntValue.of(length());
            case "depth" -> IntValue.of(depth + 1);
            case "depth0" -> IntValue.of(depth);
            case "previtem" -> index == 0 ? Undefined.because("there is no previous item.") : previous;
            case "nextitem" -> lookAhead() == null ? Undefined.because("there is no next item.") : ahead;
            case "cycle", "changed" -> new BoundMethod(this, name);
            default -> null;
        };
    }

    Value method(String name, Arguments arguments) {
        return name.equals("cycle") ? cycle(arguments) : BoolValue.of(changed(arguments));
    }

    private Value cycle(Arguments arguments) {
        List<Value> values = arguments.positional();
        arguments.bindUnnamed("loop.cycle", 1, Integer.max(1, values.size()));
        return values.get(index % values.size());
    }

    private boolean changed(Arguments arguments) {
        List<Value> values = arguments.positional();
        arguments.bindUnnamed("loop.changed", 0, values.size());
        boolean same = lastChanged != null
                && interpreter.comparisons().equal(new TupleValue(lastChanged), new TupleValue(values));
        lastChanged = same ? lastChanged : values;
        return !same;
    }

    @Override
    public Value call(Interpreter ignored, Arguments arguments) {
        Value[] given = arguments.bind("loop", 1, "iterable");
        if (recursion == null) {
            throw Fault.value("loop is called, but its 'for' is not marked 'recursive'.");
        }
        return TextValue.of(recursion.render(given[0], depth + 1));
    }

    @Override
    public String type() {
        return "LoopContext";
    }
}
