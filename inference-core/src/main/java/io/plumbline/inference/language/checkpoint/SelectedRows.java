package io.plumbline.inference.language.checkpoint;

import java.util.function.IntUnaryOperator;

/**
 * Some rows of a matrix, or elements of a vector, in another order.
 *
 * @param count how many.
 * @param isVector whether it is a vector, of any number of rows there.
 * @param place the row, or element, there of each here.
 */
public record SelectedRows(Weights of, int count, boolean isVector, IntUnaryOperator place) implements Weights {
    @Override
    public String name() {
        return of.name();
    }

    @Override
    public String dtype() {
        // Elements are taken apart as floats.
        return isVector ? "F32" : of.dtype();
    }

    @Override
    public int rows() {
        return isVector ? 1 : count;
    }

    @Override
    public int columns() {
        return isVector ? count : of.columns();
    }

    @Override
    public void row(int r, float[] out) {
        if (!isVector) {
            of.row(place.applyAsInt(r), out);
            return;
        }
        float[] all = of.floats();
        for (int i = 0; i < count; i++) {
            out[i] = all[place.applyAsInt(i)];
        }
    }

    @Override
    public void rawRow(int r, byte[] out) {
        if (isVector) {
            Weights.super.rawRow(r, out);
        } else {
            of.rawRow(place.applyAsInt(r), out);
        }
    }
}
