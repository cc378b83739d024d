package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** Gathers deviations among honest runs of one model at one precision, and makes bounds of the widest. */
public final class BoundsMaker {
    private final boolean isQuantized;
    private final SortedMap<String, Widest> outputs = new TreeMap<>();
    private final SortedMap<String, InputRange> inputs = new TreeMap<>();
    private int runs;

    /** @param precision of the answers. */
    public BoundsMaker(Precision precision) {
        isQuantized = precision == Precision.INT8;
    }

    private static final class Widest {
        private final double[] ratios = new double[Deviation.QUANTILES.length];
        private double order;
        private double unscaled;
        private double leastScale;
        private boolean isScaled;
        private boolean differs;

        void add(ScaledDeviation deviation, boolean isFloat) {
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = Math.max(ratios[i], deviation.ratios()[i]);
            }
            order = Math.max(order, deviation.order());
            unscaled = Math.max(unscaled, deviation.unscaled());
            leastScale = Math.max(leastScale, deviation.leastScale());
            isScaled = isFloat;
            differs |= !deviation.isEqual();
        }
    }

    /**
     * Takes one honest answer, and what an auditor computes to judge it.
     *
     * @throws IllegalArgumentException where it has another shape than every run, or is infinite where none is: no
     *     bound covers that.
     */
    public void add(HonestRuns auditor, List<Tensor> honest) {
        for (int i = 0; i < honest.size(); i++) {
            Tensor answer = honest.get(i);
            ScaledDeviation deviation = null;
            for (HonestRuns.Center center : auditor.centers(i)) {
                if (deviation == null || deviation.incomparable() != null) {
                    deviation = ScaledDeviation.of(center, answer, isQuantized);
                }
            }
            if (deviation.incomparable() != null) {
                throw new IllegalArgumentException("Two honest runs disagree on output \"" + answer.name() + "\": "
                        + deviation.incomparable() + ". Such a model cannot be calibrated at this precision.");
            }
            outputs.computeIfAbsent(answer.name(), key -> new Widest())
                    .add(deviation, answer.type().isFloat() && !isQuantized);
        }
        runs++;
    }

    /** Takes inputs that it is calibrated with. */
    public void addInputs(List<Tensor> given) {
        for (Tensor input : given) {
            InputRange range = input.type().isFloat() ? InputRange.of(input) : null;
            if (range != null) {
                inputs.merge(input.name(), range, InputRange::and);
            }
        }
    }

    /** What the inputs were like, and those of an earlier calibration. */
    public SortedMap<String, InputRange> inputs(SortedMap<String, InputRange> before) {
        SortedMap<String, InputRange> all = new TreeMap<>(before);
        inputs.forEach((name, range) -> all.merge(name, range, InputRange::and));
        return all;
    }

    /** Honest runs taken. */
    public int runs() {
        return runs;
    }

    /**
     * Bounds by output.
     *
     * @param safety what the widest deviations are multiplied with.
     * @param integer outputs that integer arithmetic alone leads to: held to the last bit where all runs agreed.
     */
    public SortedMap<String, OutputBounds> bounds(double safety, Set<String> integer) {
        SortedMap<String, OutputBounds> bounds = new TreeMap<>();
        outputs.forEach((name, widest) -> bounds.put(name, bounds(widest, safety, integer.contains(name))));
        return bounds;
    }

    private static OutputBounds bounds(Widest widest, double safety, boolean isInteger) {
        // What lies as near as the panel's own runs is as good as they are, whatever was seen.
        double least = widest.isScaled ? 1 : 0;
        double[] ratios = new double[widest.ratios.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = Math.max(least, safety * widest.ratios[i]);
        }
        double most = ratios[ratios.length - 1];
        return new OutputBounds(
                isInteger && !widest.differs,
                ratios,
                Math.max(least, safety * widest.order),
                Math.max(safety * widest.unscaled, most * widest.leastScale));
    }
}
