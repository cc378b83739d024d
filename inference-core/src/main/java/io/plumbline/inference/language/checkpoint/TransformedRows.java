package io.plumbline.inference.language.checkpoint;

import java.util.function.Consumer;

/**
 * A tensor of the same shape, whose rows are computed from another's.
 *
 * @param change is given each row's floats, in an array that may be longer, and changes them.
 */
public record TransformedRows(Weights of, Consumer<float[]> change) implements Weights {
    @Override
    public String name() {
        return of.name();
    }

    @Override
    public String dtype() {
        return "F32";
    }

    @Override
    public int rows() {
        return of.rows();
    }

    @Override
    public int columns() {
        return of.columns();
    }

    @Override
    public void row(int r, float[] out) {
        of.row(r, out);
        change.accept(out);
    }
}
