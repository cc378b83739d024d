package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/**
 * Sorts by Python's order of values: stable, by {@code <} alone. A merge sort of our own, since Java's refuses orders
 * that contradict themselves, and a template may sort values that do.
 */
final class Sorting {
    private final Interpreter interpreter;

    Sorting(Interpreter interpreter) {
        this.interpreter = interpreter;
    }

    private record Keyed<T>(Value key, T item) {}

    /** @param reverse from the greatest on; items of one key keep their order all the same. */
    <T> List<T> sort(List<T> items, Function<T, Value> key, boolean reverse) {
        interpreter.budget().objects(4L * items.size());
        List<Keyed<T>> keyed = new ArrayList<>(items.size());
        for (T item : items) {
            keyed.add(new Keyed<>(key.apply(item), item));
        }
        if (reverse) {
            Collections.reverse(keyed);
        }
        List<Keyed<T>> sorted = sort(keyed);
        if (reverse) {
            Collections.reverse(sorted);
        }
        List<T> result = new ArrayList<>(items.size());
        sorted.forEach(one -> result.add(one.item()));
        return result;
    }

    private <T> List<Keyed<T>> sort(List<Keyed<T>> items) {
        if (items.size() < 2) {
            return new ArrayList<>(items);
        }
        int half = items.size() / 2;
        List<Keyed<T>> left = sort(items.subList(0, half));
        List<Keyed<T>> right = sort(items.subList(half, items.size()));
        interpreter.budget().objects(items.size());
        List<Keyed<T>> merged = new ArrayList<>(items.size());
        int l = 0;
        int r = 0;
        while (l < left.size() && r < right.size()) {
            boolean rightFirst = interpreter
                    .comparisons()
                    .less(right.get(r).key(), left.get(l).key());
            merged.add(rightFirst ? right.get(r++) : left.get(l++));
        }
        merged.addAll(left.subList(l, left.size()));
        merged.addAll(right.subList(r, right.size()));
        return merged;
    }
}
