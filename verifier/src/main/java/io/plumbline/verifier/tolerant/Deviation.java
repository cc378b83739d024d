package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How far one output lies from another run of the same model on the same inputs.
 *
 * @param incomparable why the two cannot be compared (another shape, infinite where the other is not), or null.
 * @param scale root mean square of the reference: what its elements are like.
 * @param step one unit in the last place of the elements' type, relative: what rounding the same number otherwise
 *     makes. 0 of integers.
 * @param absolute quantiles of the elements' differences, at {@link #QUANTILES}.
 * @param relative quantiles of the differences over the reference's elements, or over a tenth of the scale where
 *     those are smaller.
 * @param order the widest gap between two scores of the reference that the other has the other way round, one of them
 *     in the {@link #TOP} of its row.
 */
public record Deviation(
        String incomparable, double scale, double step, double[] absolute, double[] relative, double order) {
    /** Shares of the elements whose differences a quantile covers. */
    public static final double[] QUANTILES = {0.5, 0.9, 0.99, 1};

    /** Scores of a row whose order is looked at. */
    public static final int TOP = 5;

    private static final double SMALL = 0.1;

    private static Deviation incomparable(String why) {
        return new Deviation(why, 0, 0, new double[QUANTILES.length], new double[QUANTILES.length], 0);
    }

    /**
     * Compares {@code claimed} with {@code reference}: integers as integers, floats as numbers. Of floats, all
     * not-a-numbers are equal, whatever their payload, and zeros of either sign.
     */
    public static Deviation of(Tensor reference, Tensor claimed) {
        if (reference.type() != claimed.type() || !Arrays.equals(reference.shape(), claimed.shape())) {
            return incomparable("it is " + claimed.type() + " " + Arrays.toString(claimed.shape()) + " and should be "
                    + reference.type() + " " + Arrays.toString(reference.shape()));
        }
        if (reference.type().bytes() == 0) {
            return Arrays.equals(reference.data(), claimed.data())
                    ? of(new double[0], new double[0], 0)
                    : incomparable("its strings are others");
        }
        if (!reference.type().isFloat()) {
            return of(reference.values(), differences(reference, claimed), 0);
        }
        long[] shape = reference.shape();
        int row = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
        return of(reference.values(), claimed.values(), step(reference.type()), row);
    }

    /** Of integers, as integers: a double holds no more than 53 bits of one. */
    private static double[] differences(Tensor reference, Tensor claimed) {
        long[] a = reference.integers();
        long[] b = claimed.integers();
        boolean isUnsigned = reference.type() == ElementType.UINT64;
        double[] differences = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            boolean isLess = isUnsigned ? Long.compareUnsigned(a[i], b[i]) < 0 : a[i] < b[i];
            // Up to 2^64 - 1 apart: as unsigned no difference overflows.
            differences[i] = Tensor.unsigned(isLess ? b[i] - a[i] : a[i] - b[i]);
        }
        return differences;
    }

    private static double step(ElementType type) {
        return switch (type) {
            case FP64 -> 0x1p-52;
            case FP32 -> 0x1p-23;
            case FP16 -> 0x1p-10;
            case BF16 -> 0x1p-7;
            default -> 0;
        };
    }

    /** @param row scores of a row; 0 where elements are no scores. */
    private static Deviation of(double[] reference, double[] claimed, double step, int row) {
        double squares = 0;
        for (int i = 0; i < reference.length; i++) {
            if (!Double.isFinite(reference[i]) || !Double.isFinite(claimed[i])) {
                if (Double.compare(reference[i], claimed[i]) != 0) {
                    return incomparable("element " + i + " is " + claimed[i] + " and should be " + reference[i]);
                }
            } else {
                squares += reference[i] * reference[i];
            }
        }
        double scale = reference.length == 0 ? 0 : Math.sqrt(squares / reference.length);
        double[] absolute = new double[reference.length];
        for (int i = 0; i < reference.length; i++) {
            absolute[i] = claimed[i] == reference[i] || !Double.isFinite(reference[i])
                    ? 0
                    : Math.abs(claimed[i] - reference[i]);
        }
        return of(reference, absolute, scale, step, row < 2 ? 0 : order(reference, claimed, row));
    }

    /** Of integers. */
    private static Deviation of(double[] reference, double[] absolute, double step) {
        double squares = 0;
        for (double value : reference) {
            squares += value * value;
        }
        double scale = reference.length == 0 ? 0 : Math.sqrt(squares / reference.length);
        return of(reference, absolute, scale, step, 0);
    }

    private static Deviation of(double[] reference, double[] absolute, double scale, double step, double order) {
        double[] relative = new double[reference.length];
        for (int i = 0; i < reference.length; i++) {
            double size = Math.max(Math.abs(reference[i]), SMALL * scale);
            // Beside zeros there is nothing to be relative to.
            relative[i] = size == 0 ? 0 : absolute[i] / size;
        }
        return new Deviation(null, scale, step, quantiles(absolute), quantiles(relative), order);
    }

    private static double[] quantiles(double[] values) {
        double[] quantiles = new double[QUANTILES.length];
        if (values.length > 0) {
            Arrays.sort(values);
            for (int i = 0; i < quantiles.length; i++) {
                quantiles[i] = values[(int) Math.ceil(QUANTILES[i] * values.length) - 1];
            }
        }
        return quantiles;
    }

    private static double order(double[] reference, double[] claimed, int row) {
        double widest = 0;
        for (int from = 0; from + row <= reference.length; from += row) {
            int base = from;
            int[] top = IntStream.range(base, base + row)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -reference[i]))
                    .limit(TOP)
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int better : top) {
                for (int other = base; other < base + row; other++) {
                    if (reference[better] > reference[other] && claimed[better] < claimed[other]) {
                        widest = Math.max(widest, reference[better] - reference[other]);
                    }
                }
            }
        }
        return widest;
    }

    /** Whether no element differs. */
    public boolean isNone() {
        return incomparable == null && absolute[absolute.length - 1] == 0;
    }
}
