package io.plumbline.inference.language.template;

import java.util.ArrayList;
import java.util.List;

/** {@code object[start:stop:step]} on texts, lists, tuples and ranges. */
final class Slices {
    private final Budget budget;

    Slices(Budget budget) {
        this.budget = budget;
    }

    /**
     * What a slice takes of something of one length: {@code count} places, {@code step} apart, from one on and before
     * another.
     */
    private record Places(int from, int to, int count, int step) {}

    /** @param start and the others are null where they are left out. */
    Value slice(Value object, Value start, Value stop, Value step) {
        return switch (object) {
            case TextValue text -> text(text, places(text.length(budget), start, stop, step));
            case ListValue list -> new ListValue(items(list.items(), start, stop, step));
            case TupleValue tuple -> new TupleValue(items(tuple.items(), start, stop, step));
            case RangeValue range -> range(range, places(range.length(), start, stop, step));
            case Undefined undefined -> throw undefined.fault();
            default -> throw Fault.value("a " + object.type() + " cannot be sliced.");
        };
    }

    private static boolean isGiven(Value bound) {
        return bound != null && bound != NoneValue.NONE;
    }

    private static Places places(int length, Value start, Value stop, Value step) {
        int by = isGiven(step) ? Numbers.index(step, "the step of a slice", 1) : 1;
        if (by == 0) {
            throw Fault.value("the step of a slice is 0.");
        }
        boolean forward = by > 0;
        int from = isGiven(start) ? bound(start, length, forward) : forward ? 0 : length - 1;
        int to = isGiven(stop) ? bound(stop, length, forward) : forward ? length : -1;
        long distance = forward ? (long) to - from : (long) from - to;
        int count = distance <= 0 ? 0 : (int) ((distance - 1) / Math.abs((long) by) + 1);
        return new Places(from, to, count, by);
    }

    /** A bound within the sequence, or just outside of it on the side that the slice goes from or to. */
    private static int bound(Value value, int length, boolean forward) {
        int index = Numbers.index(value, "the bound of a slice", 0);
        index += index < 0 ? length : 0;
        return Math.clamp(index, forward ? 0 : -1, forward ? length : length - 1);
    }

    private Value text(TextValue text, Places places) {
        String all = text.text();
        if (places.step() == 1) {
            int from = text.offset(budget, places.from());
            int to = text.offset(budget, places.from() + places.count());
            budget.characters(to - from);
            return text.alike(all.substring(from, to));
        }
        boolean basic = text.length(budget) == all.length();
        budget.characters(places.count() * (basic ? 1L : 2L) + (basic ? 0 : 2L * all.length()));
        int[] points = basic ? null : all.codePoints().toArray();
        StringBuilder out = new StringBuilder(places.count());
        for (int i = 0, at = places.from(); i < places.count(); i++, at += places.step()) {
            out.appendCodePoint(basic ? all.charAt(at) : points[at]);
        }
        return text.alike(out.toString());
    }

    private List<Value> items(List<Value> items, Value start, Value stop, Value step) {
        Places places = places(items.size(), start, stop, step);
        budget.objects(places.count());
        if (places.step() == 1) {
            return new ArrayList<>(items.subList(places.from(), places.from() + places.count()));
        }
        List<Value> taken = new ArrayList<>(places.count());
        for (int i = 0, at = places.from(); i < places.count(); i++, at += places.step()) {
            taken.add(items.get(at));
        }
        return taken;
    }

    private static Value range(RangeValue range, Places places) {
        long from = range.start() + places.from() * range.step();
        long stop = range.start() + places.to() * range.step();
        return new RangeValue(from, stop, step(range.step(), places.step()), places.count());
    }

    /**
     * The product of two steps. Where it does not fit 64 bits, a range has one number at most, and its step means
     * nothing.
     */
    private static long step(long a, long b) {
        try {
            return Math.multiplyExact(a, b);
        } catch (ArithmeticException e) {
            return a;
        }
    }
}
