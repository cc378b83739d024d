package io.plumbline.inference.language.importer;

import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Rounds rows to four bits in groups. Each group takes the scale, of a handful and either sign, with the least squared
 * error; scales then become whole multiples of one scale a row. Stateless.
 */
final class GroupQuantizer {
    private static final int GROUP = WeightFormat.GROUP;

    /**
     * Scales that a group tries, as multiples of the one at which its greatest value is the greatest code: below 1
     * that value is cut off and the others are told better; above it the value falls on a smaller code.
     */
    private static final float[] TRIED = {
        0.8f, 0.86f, 0.92f, 0.96f, 1f, 1.04f, 1.09f, 8f / 7, 1.22f, 4f / 3, 1.5f, 1.7f, 2f
    };

    /** Steps of a code's unit in which the nearest code is looked up. */
    private static final int STEPS = 8;

    /** Beyond the greatest code on either side, in its unit. */
    private static final int REACH = 33;

    /** One for each format of four bits. */
    static final List<GroupQuantizer> ALL = Arrays.stream(WeightFormat.values())
            .filter(WeightFormat::isGrouped)
            .map(GroupQuantizer::new)
            .toList();

    private final WeightFormat format;
    private final byte[] codes;
    private final boolean isSymmetric;
    private final byte[] nearest = new byte[2 * STEPS * REACH + 1];

    GroupQuantizer(WeightFormat format) {
        this.format = format;
        this.codes = format.codes();
        this.isSymmetric = format == WeightFormat.INT4_E2M1;
        for (int i = 0; i < nearest.length; i++) {
            nearest[i] = (byte) nearest(i / (float) STEPS - REACH);
        }
    }

    WeightFormat format() {
        return format;
    }

    private int nearest(float value) {
        int best = 0;
        for (int i = 1; i < codes.length; i++) {
            if (Math.abs(codes[i] - value) < Math.abs(codes[best] - value)) {
                best = i;
            }
        }
        return best;
    }

    /**
     * A row of finite values.
     *
     * @param packed receives it, {@code format.rowBytes(row.length)} bytes.
     * @return its scale, 0 where all values are.
     */
    float quantize(float[] row, byte[] packed) {
        int groups = row.length / GROUP;
        float[] scales = new float[groups];
        float most = 0;
        for (int g = 0; g < groups; g++) {
            scales[g] = scale(row, g * GROUP);
            most = Math.max(most, Math.abs(scales[g]));
        }
        byte[] indices = new byte[row.length];
        int[] factors = new int[groups];
        float unit = most / WeightFormat.MOST_FACTOR;
        if (!(unit >= Float.MIN_NORMAL)) {
            // As good as all zero: the scale says so, whatever the codes.
            Arrays.fill(factors, 1);
            Arrays.fill(indices, (byte) nearest(0));
            WeightFormat.pack(indices, factors, packed);
            return 0;
        }
        unit = Math.max(unit, sum(scales) / format.mostFactorSum());
        while (factors(scales, unit, factors) > format.mostFactorSum()) {
            unit *= 1.01f;
        }
        for (int g = 0; g < groups; g++) {
            float inverse = 1 / (unit * factors[g]);
            for (int i = g * GROUP; i < (g + 1) * GROUP; i++) {
                indices[i] = index(row[i] * inverse);
            }
        }
        WeightFormat.pack(indices, factors, packed);
        return unit;
    }

    private static float sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += Math.abs(value);
        }
        return (float) sum;
    }

    /** The groups' scales in whole units; returns the sum of their magnitudes. */
    private static int factors(float[] scales, float unit, int[] factors) {
        int sum = 0;
        for (int g = 0; g < scales.length; g++) {
            int magnitude = Math.clamp(Math.round(Math.abs(scales[g]) / unit), 1, WeightFormat.MOST_FACTOR);
            factors[g] = scales[g] < 0 ? -magnitude : magnitude;
            sum += magnitude;
        }
        return sum;
    }

    private byte index(float value) {
        int at = Math.round(value * STEPS) + STEPS * REACH;
        return nearest[Math.clamp(at, 0, nearest.length - 1)];
    }

    /** The scale of the group that begins at {@code from}; 0 where all its values are. */
    private float scale(float[] row, int from) {
        float greatest = 0;
        for (int i = from; i < from + GROUP; i++) {
            greatest = Math.max(greatest, Math.abs(row[i]));
        }
        float plain = greatest / format.mostCode();
        if (!(plain >= Float.MIN_NORMAL)) {
            return 0;
        }
        float best = plain;
        float leastError = Float.POSITIVE_INFINITY;
        for (int attempt = 0; attempt < (isSymmetric ? 1 : 2) * TRIED.length; attempt++) {
            float scale = (attempt < TRIED.length ? plain : -plain) * TRIED[attempt % TRIED.length];
            float inverse = 1 / scale;
            float error = 0;
            float products = 0;
            float squares = 0;
            for (int i = from; i < from + GROUP; i++) {
                float code = codes[index(row[i] * inverse)];
                float off = row[i] - scale * code;
                error += off * off;
                products += row[i] * code;
                squares += code * code;
            }
            if (error < leastError) {
                leastError = error;
                // The best scale for these very codes.
                best = products * scale > 0 ? products / squares : scale;
            }
        }
        return best;
    }

    /** Sum of the squared differences of a row from what {@link #quantize} made of it. */
    double error(float[] row, byte[] packed, float scale) {
        short[] elements = new short[row.length];
        format.widen(MemorySegment.ofArray(packed), 0, row.length, elements);
        double error = 0;
        for (int i = 0; i < row.length; i++) {
            double off = row[i] - (double) scale * elements[i];
            error += off * off;
        }
        return error;
    }
}
