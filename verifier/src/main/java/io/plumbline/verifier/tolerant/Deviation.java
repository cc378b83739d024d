package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.util.Arrays;

/**
 * How far one output lies from another run of the same model on the same inputs, in numbers as they are.
 *
 * @param incomparable why the two cannot be compared (another shape, infinite where the other is not), or null.
 * @param scale root mean square of the reference: what its elements are like.
 * @param absolute quantiles of the elements' differences, at {@link #QUANTILES}.
 */
public record Deviation(String incomparable, double scale, double[] absolute) {
    /** Shares of the elements whose differences a quantile covers. */
    public static final double[] QUANTILES = {0.5, 0.9, 0.99, 1};

    private static Deviation incomparable(String why) {
        return new Deviation(why, 0, new double[QUANTILES.length]);
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
                    ? new Deviation(null, 0, new double[QUANTILES.length])
                    : incomparable("its strings are others");
        }
        return reference.type().isFloat()
                ? of(reference.values(), claimed.values())
                : new Deviation(null, scale(reference.values()), quantiles(differences(reference, claimed)));
    }

    /** Of integers, as integers: a double holds no more than 53 bits of one. */
    static double[] differences(Tensor reference, Tensor claimed) {
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

    /** One unit in the last place of a type's elements, relative: what rounding the same number otherwise makes. */
    static double step(ElementType type) {
        return switch (type) {
            case FP64 -> 0x1p-52;
            case FP32 -> 0x1p-23;
            case FP16 -> 0x1p-10;
            case BF16 -> 0x1p-7;
            default -> 0;
        };
    }

    private static Deviation of(double[] reference, double[] claimed) {
        double[] absolute = new double[reference.length];
        for (int i = 0; i < reference.length; i++) {
            boolean isFinite = Double.isFinite(reference[i]) && Double.isFinite(claimed[i]);
            if (!isFinite && Double.compare(reference[i], claimed[i]) != 0) {
                return incomparable("element " + i + " is " + claimed[i] + " and should be " + reference[i]);
            }
            absolute[i] = isFinite ? Math.abs(claimed[i] - reference[i]) : 0;
        }
        return new Deviation(null, scale(reference), quantiles(absolute));
    }

    private static double scale(double[] reference) {
        double squares = 0;
        for (double value : reference) {
            squares += Double.isFinite(value) ? value * value : 0;
        }
        return reference.length == 0 ? 0 : Math.sqrt(squares / reference.length);
    }

    /** Sorts {@code values}. */
    static double[] quantiles(double[] values) {
        double[] quantiles = new double[QUANTILES.length];
        if (values.length > 0) {
            Arrays.sort(values);
            for (int i = 0; i < quantiles.length; i++) {
                quantiles[i] = values[(int) Math.ceil(QUANTILES[i] * values.length) - 1];
            }
        }
        return quantiles;
    }

    /** Whether no element differs. */
    public boolean isNone() {
        return incomparable == null && absolute[absolute.length - 1] == 0;
    }
}
