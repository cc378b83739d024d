package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.Tensor;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** Gathers deviations among honest runs of one model at one precision, and makes bounds of the widest. */
public final class BoundsMaker {
    /**
     * How much more than absolute differences relative ones may grow: an error follows what a model sums, and not
     * what is left of it, so that inputs whose outputs happen to be small have wide ones. They guard such inputs,
     * where the absolute bounds are loose.
     */
    private static final double RELATIVE = 2;

    private final SortedMap<String, Widest> outputs = new TreeMap<>();
    private final SortedMap<String, InputRange> inputs = new TreeMap<>();
    private int runs;

    private static final class Widest {
        private final double[] absolute = new double[Deviation.QUANTILES.length];
        private final double[] relative = new double[Deviation.QUANTILES.length];
        private double order;
        private boolean differs;

        void add(Deviation deviation) {
            for (int i = 0; i < absolute.length; i++) {
                absolute[i] = Math.max(absolute[i], deviation.absolute()[i]);
                relative[i] = Math.max(relative[i], deviation.relative()[i]);
            }
            order = Math.max(order, deviation.order());
            differs |= !deviation.isNone();
        }
    }

    /**
     * Takes one honest run.
     *
     * @throws IllegalArgumentException where it has another shape, or is infinite where the reference is not: no
     *     bound covers that.
     */
    public void add(List<Tensor> reference, List<Tensor> honest) {
        for (int i = 0; i < reference.size(); i++) {
            String name = reference.get(i).name();
            Deviation deviation = Deviation.of(reference.get(i), honest.get(i));
            if (deviation.incomparable() != null) {
                throw new IllegalArgumentException("Two honest runs disagree on output \"" + name + "\": "
                        + deviation.incomparable() + ". Such a model cannot be calibrated at this precision.");
            }
            outputs.computeIfAbsent(name, key -> new Widest()).add(deviation);
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
        outputs.forEach((name, widest) -> bounds.put(
                name,
                new OutputBounds(
                        integer.contains(name) && !widest.differs,
                        times(widest.absolute, safety),
                        times(widest.relative, RELATIVE * safety),
                        widest.order * safety)));
        return bounds;
    }

    private static double[] times(double[] values, double factor) {
        double[] product = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            product[i] = values[i] * factor;
        }
        return product;
    }
}
