package io.plumbline.inference.language.importer;

import io.plumbline.verifier.numerics.WeightFormat;

/** A row of weights as it becomes one of four bits. */
final class GroupedRow {
    private final GroupQuantizer quantizer;
    private final boolean mayBeExact;
    private final byte[] packed;
    private float scale;
    private boolean isExact;

    /** @param isMxfp4 whether its values are of a row of MXFP4, which E2M1 may hold to the bit. */
    GroupedRow(GroupQuantizer quantizer, int columns, boolean isMxfp4) {
        this.quantizer = quantizer;
        this.mayBeExact = isMxfp4 && quantizer.format() == WeightFormat.INT4_E2M1;
        this.packed = new byte[quantizer.format().rowBytes(columns)];
    }

    /** @param values finite. */
    void pack(float[] values) {
        scale = mayBeExact ? ExactRow.packE2m1(values, packed) : 0;
        isExact = scale > 0;
        if (!isExact) {
            scale = quantizer.quantize(values, packed);
        }
    }

    /** Packs a row; returns the sum of its squared errors. */
    double error(float[] values) {
        pack(values);
        return quantizer.error(values, packed, scale);
    }

    /** The bytes of the row that was packed last. */
    byte[] packed() {
        return packed;
    }

    float scale() {
        return scale;
    }

    boolean isExact() {
        return isExact;
    }
}
