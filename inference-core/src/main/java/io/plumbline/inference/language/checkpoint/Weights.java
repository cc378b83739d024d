package io.plumbline.inference.language.checkpoint;

/** A tensor of a checkpoint, read a row at a time. */
public interface Weights {
    /** How messages call it. */
    String name();

    /**
     * BF16, F16 or F32 where rows widen to float exactly from that type; anything else is a packed form that {@link
     * #row} unpacks.
     */
    String dtype();

    int rows();

    int columns();

    /** Rows of a tensor of this shape: the product of all its dimensions but the last; 1 of a vector. */
    static int rows(int... shape) {
        int rows = 1;
        for (int i = 0; i < shape.length - 1; i++) {
            rows = Math.multiplyExact(rows, shape[i]);
        }
        return rows;
    }

    /** Widens row {@code r} to {@code columns} floats. */
    void row(int r, float[] out);

    /**
     * Bytes of row {@code r} as stored, for dtype BF16, F16, F32 and I8; where none are stored, its floats as that
     * dtype would be.
     */
    default void rawRow(int r, byte[] out) {
        float[] row = new float[columns()];
        row(r, row);
        byte[] bytes = FloatBytes.of(row, dtype());
        System.arraycopy(bytes, 0, out, 0, bytes.length);
    }

    /** One-dimensional tensors and small matrices whole: all rows, one after the other. */
    default float[] floats() {
        float[] all = new float[rows() * columns()];
        float[] row = new float[columns()];
        for (int r = 0; r < rows(); r++) {
            row(r, row);
            System.arraycopy(row, 0, all, r * columns(), columns());
        }
        return all;
    }
}
