package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How far one output of an answer lies from an honest run of the same request, in units of how far honest runs lie
 * apart on it ({@link ErrorScale}).
 *
 * @param incomparable why the two cannot be compared (another shape, infinite where no honest run is), or null.
 * @param isEqual whether not a bit of the numbers differs.
 * @param ratios quantiles, at {@link Deviation#QUANTILES}, of the elements' differences over their scale. Of integers:
 *     of the differences from the nearest that an honest run has. Of a quantized model's floats: of the differences
 *     themselves, since rounding to its steps gives them a size of their own.
 * @param order the widest gap between two scores that the answer has the other way round, one of them among the
 *     {@link #TOP} of its row, over the sum of their scales.
 * @param unscaled the largest difference on an element on which no honest run differs from zero.
 * @param leastScale the smallest scale of an element; 0 where one has none.
 */
public record ScaledDeviation(
        String incomparable, boolean isEqual, double[] ratios, double order, double unscaled, double leastScale) {
    /** Scores of a row whose order is looked at. */
    private static final int TOP = 5;

    /** Units in the last place of an element that are always allowed. */
    private static final double FLOOR = 4;

    private static ScaledDeviation incomparable(String why) {
        return new ScaledDeviation(why, false, new double[Deviation.QUANTILES.length], 0, 0, 0);
    }

    /**
     * Compares one output of an answer with one run of it.
     *
     * @param isQuantized whether the model computes in integers between roundings.
     */
    static ScaledDeviation of(HonestRuns.Center center, Tensor claimed, boolean isQuantized) {
        Tensor reference = center.run();
        if (reference.type() != claimed.type() || !Arrays.equals(reference.shape(), claimed.shape())) {
            return incomparable("it is " + claimed.type() + " " + Arrays.toString(claimed.shape()) + " and should be "
                    + reference.type() + " " + Arrays.toString(reference.shape()));
        }
        if (reference.type() == ElementType.BYTES) {
            boolean isKnown = Arrays.equals(reference.data(), claimed.data());
            return isKnown ? ofDifferences(new double[0], true) : incomparable("its strings are others");
        }
        List<Tensor> comparable = center.others().stream()
                .filter(other -> other.type() == reference.type() && Arrays.equals(other.shape(), reference.shape()))
                .toList();
        return reference.type().isFloat()
                ? ofFloats(reference, comparable, claimed, isQuantized)
                : ofIntegers(reference, comparable, claimed);
    }

    private static ScaledDeviation ofDifferences(double[] differences, boolean isEqual) {
        return new ScaledDeviation(null, isEqual, Deviation.quantiles(differences), 0, 0, 0);
    }

    /** A label or an index is decided by which score is larger: it is right where an honest run has it. */
    private static ScaledDeviation ofIntegers(Tensor reference, List<Tensor> others, Tensor claimed) {
        double[] nearest = Deviation.differences(reference, claimed);
        boolean isEqual = Arrays.stream(nearest).allMatch(difference -> difference == 0);
        for (Tensor other : others) {
            double[] differences = Deviation.differences(other, claimed);
            for (int i = 0; i < nearest.length; i++) {
                nearest[i] = Math.min(nearest[i], differences[i]);
            }
        }
        return ofDifferences(nearest, isEqual);
    }

    private static ScaledDeviation ofFloats(
            Tensor reference, List<Tensor> comparable, Tensor claimed, boolean isQuantized) {
        double[] center = reference.values();
        double[] answer = claimed.values();
        double[][] others = comparable.stream().map(Tensor::values).toArray(double[][]::new);
        double step = Deviation.step(reference.type());
        double[] scale = new double[center.length];
        if (isQuantized) {
            Arrays.fill(scale, 1);
        } else {
            scale = ErrorScale.of(center, others, step);
        }
        boolean isEqual = true;
        double unscaled = 0;
        double[] ratios = new double[center.length];
        double[] floors = new double[center.length];
        for (int i = 0; i < center.length; i++) {
            if (center[i] == answer[i] || Double.compare(center[i], answer[i]) == 0) {
                continue;
            }
            isEqual = false;
            if (!Double.isFinite(center[i]) || !Double.isFinite(answer[i])) {
                if (!isAmong(answer[i], others, i)) {
                    return incomparable("element " + i + " is " + answer[i] + " and should be " + center[i]);
                }
                continue;
            }
            floors[i] = FLOOR * step * Math.abs(center[i]) + leastNormal(reference.type());
            double beyond = Math.max(0, Math.abs(answer[i] - center[i]) - floors[i]);
            if (scale[i] > 0) {
                ratios[i] = beyond / scale[i];
            } else {
                unscaled = Math.max(unscaled, beyond);
            }
        }
        long[] shape = reference.shape();
        int row = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
        double order = row < 2 ? 0 : order(center, answer, scale, floors, row);
        double least = isQuantized ? 0 : Arrays.stream(scale).min().orElse(0);
        return new ScaledDeviation(null, isEqual, Deviation.quantiles(ratios), order, unscaled, least);
    }

    private static boolean isAmong(double value, double[][] others, int i) {
        return Arrays.stream(others).anyMatch(other -> Double.compare(other[i], value) == 0);
    }

    /** Below it some engines take every number for zero. */
    private static double leastNormal(ElementType type) {
        return switch (type) {
            case FP64 -> Double.MIN_NORMAL;
            case FP16 -> 0x1p-24;
            default -> Float.MIN_NORMAL;
        };
    }

    private static double order(double[] center, double[] answer, double[] scale, double[] floors, int row) {
        double widest = 0;
        for (int from = 0; from + row <= center.length; from += row) {
            int base = from;
            int[] top = IntStream.range(base, base + row)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -center[i]))
                    .limit(TOP)
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int better : top) {
                for (int other = base; other < base + row; other++) {
                    double gap = center[better] - center[other];
                    if (gap > 0 && answer[better] < answer[other]) {
                        double beyond = Math.max(0, gap - floors[better] - floors[other]);
                        double scales = scale[better] + scale[other];
                        widest = Math.max(widest, scales > 0 ? beyond / scales : 0);
                    }
                }
            }
        }
        return widest;
    }
}
