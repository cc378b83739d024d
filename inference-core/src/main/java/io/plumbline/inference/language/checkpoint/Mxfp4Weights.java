package io.plumbline.inference.language.checkpoint;

import java.io.IOException;

/**
 * Matrices in MXFP4 (OCP Microscaling Formats 1.0): blocks of 32 values of 4 bits, E2M1, that share a power of two.
 *
 * @param blocks a row's values, two a byte, the lower bits first.
 * @param scales a row's exponents, a byte a block, biased by 127; 255 is no number.
 */
public record Mxfp4Weights(String name, Weights blocks, Weights scales) implements Weights {
    /** The type of all of them. */
    public static final String TYPE = "MXFP4";

    private static final int BLOCK = 32;
    private static final int BLOCK_BYTES = BLOCK / 2;
    private static final int BIAS = 127;
    private static final int NOT_A_NUMBER = 255;
    private static final float[] E2M1 = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

    /**
     * The matrices of all experts, one below the other, that a checkpoint keeps as {@code name_blocks} and {@code
     * name_scales}.
     */
    public static Mxfp4Weights of(Checkpoint source, String name, int experts, int rows, int columns)
            throws IOException {
        if (columns % BLOCK != 0) {
            throw new IOException(source.origin() + ": tensor \"" + name + "\" has rows of " + columns
                    + " values, which are no whole blocks of " + BLOCK + ". Nothing was loaded.");
        }
        int blocks = columns / BLOCK;
        return new Mxfp4Weights(
                name,
                source.packed(name + "_blocks", experts, rows, blocks, BLOCK_BYTES),
                source.packed(name + "_scales", experts, rows, blocks));
    }

    @Override
    public String dtype() {
        return TYPE;
    }

    @Override
    public int rows() {
        return scales.rows();
    }

    @Override
    public int columns() {
        return scales.columns() * BLOCK;
    }

    @Override
    public void row(int r, float[] out) {
        int n = scales.columns();
        byte[] exponents = new byte[n];
        byte[] bytes = new byte[BLOCK_BYTES];
        scales.rawRow(r, exponents);
        for (int b = 0; b < n; b++) {
            blocks.rawRow(r * n + b, bytes);
            float scale = scale(exponents[b]);
            for (int i = 0; i < BLOCK_BYTES; i++) {
                out[b * BLOCK + 2 * i] = low(bytes[i]) * scale;
                out[b * BLOCK + 2 * i + 1] = high(bytes[i]) * scale;
            }
        }
    }

    /** The factor of a block's values; NaN where its exponent is none. */
    public static float scale(byte exponent) {
        int biased = exponent & 255;
        return biased == NOT_A_NUMBER ? Float.NaN : (float) StrictMath.scalb(1d, biased - BIAS);
    }

    /** The value in a byte's low bits. */
    public static float low(byte both) {
        return E2M1[both & 15];
    }

    /** The value in its high bits. */
    public static float high(byte both) {
        return E2M1[both >> 4 & 15];
    }
}
