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
 * @param storage how the checkpoint keeps it.
 * @param parts of as many rows each that it has, where it is kept by parts: a layer's experts.
 */
public record TensorPlace(
        String name, int rows, int from, IntUnaryOperator order, float factor, float plus, Storage storage, int parts) {
    /** How a checkpoint keeps a tensor. */
    public enum Storage {
        /** In the shape that it has here. */
        PLAIN,

        /** A vector, as a row for each part. */
        ROWS,

        /** A vector, as the taps of each part, a channel, of a convolution. */
        CHANNELS,

        /** A matrix for each part. */
        STACKED,

        /** A matrix for each part, with a row for each input. */
        TRANSPOSED,

        /** A matrix for each part, as blocks and scales in MXFP4. */
        MXFP4
    }

    /** As it stands, under that name. */
    public static TensorPlace of(String name) {
        return new TensorPlace(name, 0, 0, IntUnaryOperator.identity(), 1, 0, Storage.PLAIN, 1);
    }

    /** Rows from {@code first} of a tensor of {@code all} rows. */
    TensorPlace part(int first, int all) {
        return new TensorPlace(name, all, first, order, factor, plus, storage, parts);
    }

    /** Under another name. */
    TensorPlace named(String other) {
        return new TensorPlace(other, rows, from, order, factor, plus, storage, parts);
    }

    /** Under a name that begins with {@code prefix} too. */
    TensorPlace below(String prefix) {
        return new TensorPlace(prefix + name, rows, from, order, factor, plus, storage, parts);
    }

    TensorPlace ordered(IntUnaryOperator by) {
        return new TensorPlace(name, rows, from, by, factor, plus, storage, parts);
    }

    public TensorPlace times(float by) {
        return new TensorPlace(name, rows, from, order, by, plus, storage, parts);
    }

    TensorPlace plus(float more) {
        return new TensorPlace(name, rows, from, order, factor, more, storage, parts);
    }

    TensorPlace stored(Storage as, int by) {
        return new TensorPlace(name, rows, from, order, factor, plus, as, by);
    }
}
