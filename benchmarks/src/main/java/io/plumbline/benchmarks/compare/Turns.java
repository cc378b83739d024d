package io.plumbline.benchmarks.compare;

import io.plumbline.benchmarks.compare.Comparison.Verdict;
import io.plumbline.benchmarks.report.Headline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * Two sides measured in turns, the ruler before each: which comes first alternates, and changes of the machine's speed
 * are divided out. A change is confirmed by rounds of its own before it is called one.
 */
final class Turns {
    private final Side before;
    private final Side after;
    private final DoubleSupplier ruler;
    private final int rounds;
    private final double floor;

    /** One side. */
    interface Side {
        /** Measures once. @return results by headline. */
        Map<String, Headline> measure() throws IOException, InterruptedException;
    }

    /** One headline's values in the rounds of one side. */
    private static final class Series {
        private final List<Double> values = new ArrayList<>();
        private Headline last;

        private double[] readings() {
            return values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        }

        private double median() {
            double[] sorted = readings();
            int n = sorted.length;
            return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
        }
    }

    /**
     * @param ruler speed of the machine just now.
     * @param rounds of each side.
     * @param floor share by which a value must change at least; more where the ruler itself varies more.
     */
    Turns(Side before, Side after, DoubleSupplier ruler, int rounds, double floor) {
        this.before = before;
        this.after = after;
        this.ruler = ruler;
        this.rounds = rounds;
        this.floor = floor;
    }

    /** Compares all headlines that both sides have. */
    List<Comparison> compare() throws IOException, InterruptedException {
        List<Comparison> first = once();
        boolean hasChange = first.stream().anyMatch(Turns::isChange);
        if (!hasChange) {
            return first;
        }
        System.err.println("bench compare: something has changed; measuring again to confirm it");
        Map<String, Verdict> again = new LinkedHashMap<>();
        once().forEach(one -> again.put(one.after().name(), one.verdict()));
        return first.stream()
                .map(one -> isChange(one) && again.get(one.after().name()) != one.verdict() ? one.unconfirmed() : one)
                .toList();
    }

    private static boolean isChange(Comparison one) {
        return one.verdict() == Verdict.BETTER || one.verdict() == Verdict.WORSE;
    }

    private List<Comparison> once() throws IOException, InterruptedException {
        Map<String, Series> old = new LinkedHashMap<>();
        Map<String, Series> now = new LinkedHashMap<>();
        List<Double> speeds = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            boolean oldFirst = round % 2 == 0;
            for (boolean isOld : new boolean[] {oldFirst, !oldFirst}) {
                speeds.add(ruler.getAsDouble());
                double relative = speeds.getLast() / speeds.getFirst();
                Map<String, Series> into = isOld ? old : now;
                (isOld ? before : after).measure().forEach((name, headline) -> {
                    Series series = into.computeIfAbsent(name, _ -> new Series());
                    series.values.add(atFirstSpeed(headline, relative));
                    series.last = headline;
                });
            }
        }
        double least = Math.max(floor, deviation(speeds));
        List<Comparison> all = new ArrayList<>();
        now.forEach((name, series) -> {
            Series other = old.get(name);
            if (other != null) {
                all.add(Comparison.of(
                        other.last,
                        series.last,
                        other.readings(),
                        series.readings(),
                        other.median(),
                        series.median(),
                        least));
            }
        });
        if (all.isEmpty()) {
            throw new IOException("The two sides have no headline in common.");
        }
        return all;
    }

    /** A value as it had been at the speed of the first ruler. Shares and counts know no speed. */
    private static double atFirstSpeed(Headline headline, double relative) {
        boolean hasSpeed = !headline.unit().startsWith("%");
        if (!hasSpeed) {
            return headline.value();
        }
        return headline.isLessBetter() ? headline.value() * relative : headline.value() / relative;
    }

    /** Standard deviation over the mean. */
    private static double deviation(List<Double> values) {
        double[] all = values.stream().mapToDouble(Double::doubleValue).toArray();
        double mean = Arrays.stream(all).average().orElseThrow();
        double variance = Arrays.stream(all)
                .map(one -> (one - mean) * (one - mean))
                .average()
                .orElseThrow();
        return Math.sqrt(variance) / mean;
    }
}
