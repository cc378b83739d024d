package io.plumbline.inference.language.checkpoint.family;

import java.util.function.IntUnaryOperator;

/**
 * Where a tensor of this project's description stands in a checkpoint, and what becomes of it.
 *
 * @param name in the checkpoint.
 * @param rows of the whole tensor there, where it holds others too; 0 where it holds this one alone.
 * @param from the first of its rows.
 * @param order the row there, counted from {@code from}, of each row here.
 * @param factor that its values are multiplied by.
 * @param plus what is added to them.
 */
public record TensorPlace(String name, int rows, int from, IntUnaryOperator order, float factor, float plus) {
    /** As it stands, under that name. */
    static TensorPlace of(String name) {
        return new TensorPlace(name, 0, 0, IntUnaryOperator.identity(), 1, 0);
    }

    /** Rows from {@code first} of a tensor of {@code all} rows. */
    TensorPlace part(int first, int all) {
        return new TensorPlace(name, all, first, order, factor, plus);
    }

    TensorPlace ordered(IntUnaryOperator by) {
        return new TensorPlace(name, rows, from, by, factor, plus);
    }

    TensorPlace times(float by) {
        return new TensorPlace(name, rows, from, order, by, plus);
    }

    TensorPlace plus(float more) {
        return new TensorPlace(name, rows, from, order, factor, more);
    }
}
