package io.plumbline.verifier.numerics;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * How a model's rotary frequencies were changed for a longer context: each is divided by a number of its own. IEEE and
 * StrictMath in double alone: the same on every host.
 */
public sealed interface RopeScaling {
    /** Frequencies as they are. */
    RopeScaling NONE = new None();

    /** Largest of each of the numbers here; published models are far below it. */
    double MOST = 1e12;

    /**
     * The number, above 0, that the frequency of pair {@code i} is divided by; infinite where the pair is not rotated.
     *
     * @param theta the base of the frequencies.
     * @param size elements that are rotated, twice the pairs.
     */
    double divisor(double theta, int i, int size);

    /** The number that cosines and sines are multiplied by. */
    default double magnitude() {
        return 1;
    }

    /** One word of a manifest's config line, floats in hexadecimal. */
    String toField();

    /** The reverse of {@link #toField}. */
    static RopeScaling fromField(String field) {
        if (field.equals("none")) {
            return NONE;
        }
        String[] parts = field.split(",", -1);
        // The first scaling that there was has no name.
        boolean isNamed = parts[0].matches("[a-z]+");
        double[] n = Arrays.stream(parts)
                .skip(isNamed ? 1 : 0)
                .mapToDouble(Double::parseDouble)
                .toArray();
        String name = isNamed ? parts[0] : "";
        if (name.equals("long") && n.length > 0) {
            return new LongRope(n[0], DoubleStream.of(n).skip(1).toArray());
        }
        return switch (name + n.length) {
            case "4" -> new Llama3(n[0], n[1], n[2], n[3]);
            case "linear1" -> new Linear(n[0]);
            case "proportional2" -> new Proportional(n[0], n[1]);
            case "yarn6" -> new Yarn(n[0], n[1], n[2], n[3], n[4], n[5] != 0);
            default -> throw new IllegalArgumentException("rope scaling \"" + field + "\" is not known");
        };
    }

    private static String field(String name, double... numbers) {
        String joined = Arrays.stream(numbers).mapToObj(Double::toHexString).collect(Collectors.joining(","));
        return name.isEmpty() ? joined : name + "," + joined;
    }

    /** @param scaling in words: a record that is being made has no fields yet to show. */
    private static void require(boolean holds, String scaling, double... numbers) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "Model shape not supported: rope scaling " + scaling + " by " + Arrays.toString(numbers) + ".");
        }
    }

    private static boolean isIn(double least, double value, double most) {
        return value >= least && value <= most;
    }

    /** See {@link #NONE}. */
    record None() implements RopeScaling {
        @Override
        public double divisor(double theta, int i, int size) {
            return 1;
        }

        @Override
        public String toField() {
            return "none";
        }
    }

    /**
     * Positions that stand closer, all by one factor.
     *
     * @param factor above 1.
     */
    record Linear(double factor) implements RopeScaling {
        public Linear {
            require(factor > 1 && factor <= MOST, "linear", factor);
        }

        @Override
        public double divisor(double theta, int i, int size) {
            return factor;
        }

        @Override
        public String toField() {
            return field("linear", factor);
        }
    }

    /**
     * The first pairs of a head alone are rotated, by the frequencies that they have among all; the others stay as they
     * are, wherever they stand.
     *
     * @param factor that frequencies are divided by, at least 1.
     * @param pairs that are rotated, a whole number from 1.
     */
    record Proportional(double factor, double pairs) implements RopeScaling {
        public Proportional {
            boolean isKnown = isIn(1, factor, MOST) && isIn(1, pairs, MOST) && pairs == Math.rint(pairs);
            require(isKnown, "proportional", factor, pairs);
        }

        @Override
        public double divisor(double theta, int i, int size) {
            return i < pairs ? factor : Double.POSITIVE_INFINITY;
        }

        @Override
        public String toField() {
            return field("proportional", factor, pairs);
        }
    }

    /**
     * As Llama 3 has it: low frequencies divided, high ones kept, those between blended.
     *
     * @param factor above 1.
     * @param lowFactor wavelengths above {@code originalPositions / lowFactor} are stretched in full.
     * @param highFactor wavelengths below {@code originalPositions / highFactor} are kept.
     * @param originalPositions context before the stretch.
     */
    record Llama3(double factor, double lowFactor, double highFactor, double originalPositions) implements RopeScaling {
        public Llama3 {
            boolean isStretch = factor > 1 && lowFactor > 0 && highFactor > lowFactor && originalPositions > 0;
            double most = Math.max(Math.max(factor, highFactor), originalPositions);
            require(isStretch && most <= MOST, "llama3", factor, lowFactor, highFactor, originalPositions);
        }

        @Override
        public double divisor(double theta, int i, int size) {
            return divisor(StrictMath.pow(theta, -2.0 * i / size));
        }

        /** The divisor of the frequency {@code plain}, 1 to {@code factor}. */
        public double divisor(double plain) {
            double wavelength = 2 * Math.PI / plain;
            if (wavelength > originalPositions / lowFactor) {
                return factor;
            }
            if (wavelength < originalPositions / highFactor) {
                return 1;
            }
            double kept = (originalPositions / wavelength - lowFactor) / (highFactor - lowFactor);
            return 1 / ((1 - kept) / factor + kept);
        }

        @Override
        public String toField() {
            return field("", factor, lowFactor, highFactor, originalPositions);
        }
    }

    /**
     * YaRN (Peng et al. 2023): a ramp over the pairs between kept and divided frequencies, by how often a pair turns
     * over the original context.
     *
     * @param factor above 1.
     * @param magnitude of cosines and sines.
     * @param fast turns from which on a frequency is kept.
     * @param slow turns up to which it is divided in full; below {@code fast}.
     * @param originalPositions context before the stretch.
     * @param isTruncated whether the ramp's ends are whole pairs.
     */
    record Yarn(
            double factor, double magnitude, double fast, double slow, double originalPositions, boolean isTruncated)
            implements RopeScaling {
        public Yarn {
            boolean isStretch = factor > 1 && magnitude > 0 && slow > 0 && fast > slow && originalPositions >= 1;
            double most = Math.max(Math.max(factor, magnitude), Math.max(fast, originalPositions));
            require(isStretch && most <= MOST, "yarn", factor, magnitude, fast, slow, originalPositions);
        }

        @Override
        public double divisor(double theta, int i, int size) {
            double low = pair(fast, theta, size);
            double high = pair(slow, theta, size);
            if (isTruncated) {
                low = Math.floor(low);
                high = Math.ceil(high);
            }
            low = Math.max(low, 0);
            high = Math.min(high, size - 1);
            if (low == high) {
                high += 0.001;
            }
            double kept = 1 - Math.clamp((i - low) / (high - low), 0, 1);
            return 1 / ((1 - kept) / factor + kept);
        }

        /** The pair, counted in fractions, that turns so often over the original context. */
        private double pair(double turns, double theta, int size) {
            return size * StrictMath.log(originalPositions / (turns * 2 * Math.PI)) / (2 * StrictMath.log(theta));
        }

        @Override
        public String toField() {
            return field("yarn", factor, magnitude, fast, slow, originalPositions, isTruncated ? 1 : 0);
        }
    }

    /**
     * LongRoPE (Ding et al. 2024): a divisor for each pair, found by search.
     *
     * @param magnitude of cosines and sines.
     * @param divisors one a pair.
     */
    record LongRope(double magnitude, double... divisors) implements RopeScaling {
        /** Pairs of the largest head. */
        private static final int MOST_PAIRS = 1_024;

        public LongRope {
            boolean isKnown = isIn(Double.MIN_NORMAL, magnitude, MOST) && divisors.length <= MOST_PAIRS;
            for (double divisor : divisors) {
                isKnown &= isIn(1 / MOST, divisor, MOST);
            }
            require(isKnown, "long with " + divisors.length + " divisors", magnitude);
        }

        @Override
        public double divisor(double theta, int i, int size) {
            if (divisors.length != size / 2) {
                throw new IllegalArgumentException("Model shape not supported: " + divisors.length
                        + " factors of a long rope where " + size / 2 + " pairs are rotated.");
            }
            return divisors[i];
        }

        @Override
        public String toField() {
            double[] all = new double[divisors.length + 1];
            all[0] = magnitude;
            System.arraycopy(divisors, 0, all, 1, divisors.length);
            return field("long", all);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof LongRope that
                    && magnitude == that.magnitude
                    && Arrays.equals(divisors, that.divisors);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(divisors);
        }

        @Override
        public String toString() {
            return "LongRope[magnitude=" + magnitude + ", " + divisors.length + " divisors]";
        }
    }
}
