package io.plumbline.inference.engine;

/** Sees what a layer computes: the trace takes rows, an opening takes products. Every method does nothing unless overridden. */
public interface LayerObserver {
    LayerObserver NONE = new LayerObserver() {};

    /** Which of a layer's matrices products belong to. */
    enum Product {
        QKV,
        OUT,
        GATE_UP,
        DOWN
    }

    /** The rows' keys and values are in the cache; {@code h} still is what entered the layer, hidden floats a row. */
    default void rows(int layer, int first, int rows, float[] h, KeyValueCache.Layer cache) {}

    /** {@code rows * width} int32 products. */
    default void products(int layer, Product product, int rows, int width, int[] y) {}

    /** Scores of one head of one token with its {@code n} keys. */
    default void scores(int layer, int token, int head, int[] s, int n) {}

    /** The int32 halves of one token's attention sums, queryDim each. */
    default void sums(int layer, int token, int[] high, int[] low) {}
}
