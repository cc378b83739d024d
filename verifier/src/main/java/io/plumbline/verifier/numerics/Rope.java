package io.plumbline.verifier.numerics;

/**
 * Rotary frequencies: {@code theta^(-2i/D)}, each divided by what the model's scaling says.
 *
 * @param theta base, 1 to 1e12.
 */
public record Rope(double theta, RopeScaling scaling) {
    public Rope {
        // Below 1 a position turns by more than a radian: no model does so, and the sines of huge angles take long.
        if (!(theta >= 1 && theta <= RopeScaling.MOST)) {
            throw new IllegalArgumentException(
                    "Model shape not supported: rope theta " + theta + " is not in 1.." + RopeScaling.MOST + ".");
        }
    }

    /** Without scaling. */
    public static Rope plain(double theta) {
        return new Rope(theta, RopeScaling.NONE);
    }

    /**
     * Radians a position for pair {@code i} of {@code size} rotated elements. IEEE and StrictMath alone: the same on
     * every host.
     */
    public double frequency(int i, int size) {
        return StrictMath.pow(theta, -2.0 * i / size) / scaling.divisor(theta, i, size);
    }

    /**
     * Sees that the pairs of so many rotated elements have a frequency each: a table of factors that fits no head is
     * found out before the first token is rotated.
     *
     * @throws IllegalArgumentException where one has none, or too small a one.
     */
    public void requireFor(int size) {
        for (int i = 0; i < size / 2; i++) {
            boolean isStill = scaling.divisor(theta, i, size) == Double.POSITIVE_INFINITY;
            if (!(frequency(i, size) > 0) && !isStill) {
                throw new IllegalArgumentException(
                        "Model shape not supported: a rotary frequency of " + frequency(i, size) + ".");
            }
        }
    }

    /** Whether version 1 of the numeric contract has it: as it is, or stretched as Llama 3 was. */
    public boolean isOfVersion1() {
        return scaling instanceof RopeScaling.None || scaling instanceof RopeScaling.Llama3;
    }

    /** Two fields of a manifest's config line, their names beginning with {@code prefix}. */
    public String toFields(String prefix) {
        return prefix + "Theta=" + Double.toHexString(theta) + " " + prefix + "Scaling=" + scaling.toField();
    }

    /** The reverse of {@link #toFields}. */
    public static Rope fromFields(String theta, String scaling) {
        return new Rope(Double.parseDouble(theta), RopeScaling.fromField(scaling));
    }
}
