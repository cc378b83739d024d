package io.plumbline.verifier.tolerant;

import java.util.Arrays;
import java.util.Locale;

/**
 * How far an honest answer's output may lie from an auditor's own run: each number bounds the one of the same name in {@link Deviation}.
 *
 * @param exact whether not one bit may differ: all arithmetic on the way to this output is in integers, and all honest runs agreed.
 */
public record OutputBounds(boolean exact, double[] absolute, double[] relative, double order) {
    /**
     * Units in the last place of the output's type that are always allowed, of its elements and of its scale: for models whose calibration
     * runs happened to agree to the last bit.
     */
    private static final double FLOOR = 4;

    /** What {@code deviation} exceeds, for a person, or null where it is within. */
    public String exceededBy(Deviation deviation) {
        if (deviation.incomparable() != null) {
            return deviation.incomparable();
        }
        if (exact) {
            return deviation.isNone() ? null : "it differs by " + last(deviation.absolute()) + " and must not differ";
        }
        double least = FLOOR * deviation.step();
        double floor = least * deviation.scale();
        for (int i = 0; i < absolute.length; i++) {
            if (deviation.absolute()[i] > absolute[i] + floor) {
                return exceeded("differences", i, deviation.absolute()[i], absolute[i] + floor);
            }
            if (deviation.relative()[i] > relative[i] + least && deviation.absolute()[i] > floor) {
                return exceeded("relative differences", i, deviation.relative()[i], relative[i] + least);
            }
        }
        return deviation.order() > order + floor
                ? String.format(
                        Locale.ROOT,
                        "two scores %.3g apart have changed places; honest ones do up to %.3g",
                        deviation.order(),
                        order + floor)
                : null;
    }

    private static double last(double[] values) {
        return values[values.length - 1];
    }

    private static String exceeded(String what, int quantile, double found, double bound) {
        return String.format(
                Locale.ROOT,
                "%s%% of its %s reach %.3g; honest ones reach %.3g at most",
                percent(Deviation.QUANTILES[quantile]),
                what,
                found,
                bound);
    }

    private static String percent(double share) {
        return share == 1 ? "100" : String.valueOf((int) Math.round(100 * share));
    }

    /** How much of its bounds a deviation uses, the most of all: 1 is just within. */
    public double use(Deviation deviation) {
        if (deviation.incomparable() != null) {
            return Double.POSITIVE_INFINITY;
        }
        if (exact) {
            return deviation.isNone() ? 0 : Double.POSITIVE_INFINITY;
        }
        double least = FLOOR * deviation.step();
        double floor = least * deviation.scale();
        double use = floor + order == 0 ? 0 : deviation.order() / (order + floor);
        for (int i = 0; i < absolute.length; i++) {
            use = Math.max(use, part(deviation.absolute()[i], absolute[i] + floor));
            if (deviation.absolute()[i] > floor) {
                use = Math.max(use, part(deviation.relative()[i], relative[i] + least));
            }
        }
        return use;
    }

    private static double part(double found, double bound) {
        return found == 0 ? 0 : found / bound;
    }

    /** One line of a bounds file: after the output's name. */
    String toLine() {
        StringBuilder line = new StringBuilder(exact ? "exact" : "within");
        for (double[] values : new double[][] {absolute, relative, {order}}) {
            for (double value : values) {
                line.append(' ').append(value);
            }
        }
        return line.toString();
    }

    /** @param part of the line, from "exact" or "within" on. */
    static OutputBounds fromParts(String[] part, int from) {
        int count = Deviation.QUANTILES.length;
        if (part.length != from + 2 + 2 * count || !part[from].matches("exact|within")) {
            throw new IllegalArgumentException("an output needs " + (1 + 2 * count) + " numbers");
        }
        double[] numbers = new double[1 + 2 * count];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Double.parseDouble(part[from + 1 + i]);
            if (!(numbers[i] >= 0) || Double.isInfinite(numbers[i])) {
                throw new IllegalArgumentException("a bound is " + part[from + 1 + i]);
            }
        }
        return new OutputBounds(
                part[from].equals("exact"),
                Arrays.copyOfRange(numbers, 0, count),
                Arrays.copyOfRange(numbers, count, 2 * count),
                numbers[2 * count]);
    }
}
