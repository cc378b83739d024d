package io.plumbline.inference.language.checkpoint;

import java.io.IOException;

/**
 * The matrices of all experts of a layer, one below the other, of a checkpoint that keeps them with a row for each
 * input. The expert that was read last is held, for rows are asked for one expert after the other.
 */
public final class TransposedWeights implements Weights {
    /** {@code [experts * columns][rowsEach]}. */
    private final Weights of;

    private final int rowsEach;
    private final int columns;
    private int held = -1;

    /** The held expert's, {@code [columns][rowsEach]}. */
    private float[] values = new float[0];

    private TransposedWeights(Weights of, int rowsEach, int columns) {
        this.of = of;
        this.rowsEach = rowsEach;
        this.columns = columns;
    }

    /** A tensor of that name and shape {@code [experts][columns][rows]}, as matrices of {@code rows} rows each. */
    public static Weights of(Checkpoint source, String name, int experts, int rows, int columns) throws IOException {
        return new TransposedWeights(source.require(name, experts, columns, rows), rows, columns);
    }

    @Override
    public String name() {
        return of.name();
    }

    @Override
    public String dtype() {
        return of.dtype();
    }

    @Override
    public int rows() {
        return of.rows() / columns * rowsEach;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public void row(int r, float[] out) {
        hold(r / rowsEach);
        for (int i = 0; i < columns; i++) {
            out[i] = values[i * rowsEach + r % rowsEach];
        }
    }

    private void hold(int expert) {
        if (held == expert) {
            return;
        }
        if (held < 0) {
            values = new float[Math.multiplyExact(columns, rowsEach)];
        }
        float[] row = new float[rowsEach];
        for (int i = 0; i < columns; i++) {
            of.row(expert * columns + i, row);
            System.arraycopy(row, 0, values, i * rowsEach, rowsEach);
        }
        held = expert;
    }
}
