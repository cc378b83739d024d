package io.plumbline.inference.language.engine;

/**
 * Sees what a layer computes for one segment: the trace takes rows, an opening takes products. Every method does
 * nothing unless overridden; those with a {@code worker} are called by several threads at once, each for rows of its
 * own.
 */
public interface LayerObserver {
    LayerObserver NONE = new LayerObserver() {};

    /** Which of a layer's matrices products belong to. */
    enum Product {
        QKV,
        OUT,
        GATE_UP,
        DOWN
    }

    /** A batch's rows as they enter a layer, with the keys and values they add; every array row-major. */
    record Rows(float[] h, short[] k, byte[] v, float[] sk, float[] sv) {}

    /** Whether {@link #rows} is to be called. */
    default boolean wantsRows() {
        return false;
    }

    /** {@code count} consecutive tokens from {@code token}, in {@code source} from row {@code row}. */
    default void rows(int worker, int layer, int token, int count, Rows source, int row) {}

    /** {@code rows * width} int32 products from {@code offset}. */
    default void products(int layer, Product product, int rows, int width, int[] y, int offset) {}

    /** Scores of one head of one token with its {@code n} keys, from {@code offset}. */
    default void scores(int layer, int token, int head, int[] s, int offset, int n) {}

    /** The int32 halves of one head's attention sums for one token, headDim each from {@code offset}. */
    default void sums(int layer, int token, int head, int[] high, int[] low, int offset) {}
}
