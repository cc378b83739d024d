package io.plumbline.verifier.numerics;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Rotary frequencies: {@code theta^(-2i/D)}, and where a model was stretched to a longer context the way Llama 3 was,
 * the low ones divided by {@code factor}, the high ones kept, those between blended.
 *
 * @param theta base, 1 to 1e12, as are the factors and positions at most.
 * @param factor of the stretch; 1 for none, and then the rest is 0.
 * @param lowFactor wavelengths above {@code originalPositions / lowFactor} are stretched in full.
 * @param highFactor wavelengths below {@code originalPositions / highFactor} are kept.
 * @param originalPositions context before the stretch.
 */
public record Rope(double theta, double factor, double lowFactor, double highFactor, double originalPositions) {
    /** Largest of each of these numbers; published models are far below it. */
    private static final double MOST = 1e12;

    public Rope {
        // Below 1 a position turns by more than a radian: no model does so, and the sines of huge angles take long.
        if (!(theta >= 1 && theta <= MOST)) {
            throw new IllegalArgumentException(
                    "Model shape not supported: rope theta " + theta + " is not in 1.." + MOST + ".");
        }
        boolean isStretch = factor > 1 && lowFactor > 0 && highFactor > lowFactor && originalPositions > 0;
        if (factor != 1 && !(isStretch && Math.max(Math.max(factor, highFactor), originalPositions) <= MOST)) {
            throw new IllegalArgumentException("Model shape not supported: rope scaling by " + factor + " with factors "
                    + lowFactor + " and " + highFactor + " over " + originalPositions + " positions.");
        }
    }

    /** Without a stretch. */
    public static Rope plain(double theta) {
        return new Rope(theta, 1, 0, 0, 0);
    }

    /**
     * Radians a position for pair {@code i} of a head of {@code size}. IEEE and StrictMath alone: the same on every
     * host.
     */
    public double frequency(int i, int size) {
        double plain = StrictMath.pow(theta, -2.0 * i / size);
        return plain / divisor(plain);
    }

    /** What the plain frequency is divided by, 1 to {@code factor}. */
    public double divisor(double plain) {
        if (factor == 1) {
            return 1;
        }
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

    /** Two fields of a manifest's config line. */
    public String toFields() {
        String scaling = factor == 1
                ? "none"
                : Arrays.stream(new double[] {factor, lowFactor, highFactor, originalPositions})
                        .mapToObj(Double::toHexString)
                        .collect(Collectors.joining(","));
        return "ropeTheta=" + Double.toHexString(theta) + " ropeScaling=" + scaling;
    }

    /** The reverse of {@link #toFields}. */
    public static Rope fromFields(String theta, String scaling) {
        if (scaling.equals("none")) {
            return plain(Double.parseDouble(theta));
        }
        double[] parts = Arrays.stream(scaling.split(",", -1))
                .mapToDouble(Double::parseDouble)
                .toArray();
        return new Rope(Double.parseDouble(theta), parts[0], parts[1], parts[2], parts[3]);
    }
}
