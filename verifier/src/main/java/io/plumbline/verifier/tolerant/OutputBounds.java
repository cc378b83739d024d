package io.plumbline.verifier.tolerant;

import java.util.Arrays;
import java.util.Locale;

/**
 * How far an honest answer's output may lie from an auditor's own runs: each number bounds the one of the same name in
 * {@link ScaledDeviation}.
 *
 * @param exact whether not one bit may differ: all arithmetic on the way to this output is in integers, and all honest
 *     runs agreed.
 */
public record OutputBounds(boolean exact, double[] ratios, double order, double unscaled) {
    /** What {@code deviation} exceeds, for a person, or null where it is within. */
    public String exceededBy(ScaledDeviation deviation) {
        if (deviation.incomparable() != null) {
            return deviation.incomparable();
        }
        if (exact) {
            return deviation.isEqual() ? null : "it differs and must not";
        }
        for (int i = 0; i < ratios.length; i++) {
            if (deviation.ratios()[i] > ratios[i]) {
                return String.format(
                        Locale.ROOT,
                        "%s%% of its differences reach %.3g times what honest runs of this request differ by; honest"
                                + " ones reach %.3g at most",
                        percent(Deviation.QUANTILES[i]),
                        deviation.ratios()[i],
                        ratios[i]);
            }
        }
        if (deviation.unscaled() > unscaled) {
            return String.format(
                    Locale.ROOT,
                    "it differs by %.3g where every honest run gives 0; honest ones do by %.3g at most",
                    deviation.unscaled(),
                    unscaled);
        }
        return deviation.order() > order
                ? String.format(
                        Locale.ROOT,
                        "two scores have changed places that lie %.3g times what honest runs differ by apart; honest"
                                + " ones do up to %.3g",
                        deviation.order(),
                        order)
                : null;
    }

    private static String percent(double share) {
        return share == 1 ? "100" : String.valueOf((int) Math.round(100 * share));
    }

    /** One line of a bounds file: after the output's name. */
    String toLine() {
        StringBuilder line = new StringBuilder(exact ? "exact" : "within");
        for (double value : numbers()) {
            line.append(' ').append(value);
        }
        return line.toString();
    }

    /** Those of the line, in its order. */
    public double[] numbers() {
        double[] numbers = Arrays.copyOf(ratios, ratios.length + 2);
        numbers[ratios.length] = order;
        numbers[ratios.length + 1] = unscaled;
        return numbers;
    }

    /** @param part of the line, from "exact" or "within" on. */
    static OutputBounds fromParts(String[] part, int from) {
        int count = Deviation.QUANTILES.length;
        if (part.length != from + 3 + count || !part[from].matches("exact|within")) {
            throw new IllegalArgumentException("an output needs " + (2 + count) + " numbers");
        }
        double[] numbers = new double[2 + count];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Double.parseDouble(part[from + 1 + i]);
            if (!(numbers[i] >= 0) || Double.isInfinite(numbers[i])) {
                throw new IllegalArgumentException("a bound is " + part[from + 1 + i]);
            }
        }
        return new OutputBounds(
                part[from].equals("exact"), Arrays.copyOf(numbers, count), numbers[count], numbers[count + 1]);
    }
}
