package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.HeadRows;
import java.lang.foreign.MemorySegment;

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
        DOWN,
        /** Two rows a token. */
        ROUTER,
        /** Two rows a token. */
        DELTA_GATES,
        PER_LAYER_INPUT,
        PER_LAYER_GATE,
        PER_LAYER_OUT
    }

    /** Whether {@link #rows}, {@link #linearRows} and {@link #state} are to be called. */
    default boolean wantsRows() {
        return false;
    }

    /**
     * {@code count} consecutive tokens from {@code token}, which are rows from {@code row} on.
     *
     * @param h residuals as they enter the layer, {@code [rows][hidden]}.
     * @param heads with the keys and values that the layer adds, where it has its own.
     */
    default void rows(int worker, int layer, int token, int count, float[] h, HeadRows heads, int row) {}

    /**
     * The same of a layer with linear attention.
     *
     * @param stateHash hash of the state before the first of the tokens; null where its record has none.
     */
    default void linearRows(int worker, int layer, int token, int count, float[] h, int row, byte[] stateHash) {}

    /** The state before {@code token} of a layer with linear attention, where its record has the hash of it. */
    default void state(int layer, int token, MemorySegment state) {}

    /** {@code rows * width} int32 products from {@code offset}. */
    default void products(int layer, Product product, int rows, int width, int[] y, int offset) {}

    /**
     * One expert's int32 products for one token, from {@code offset}.
     *
     * @param slot of the expert among the token's, ascending.
     * @param isDown whether they are down's, hidden of them; else gate's and up's.
     */
    default void expert(int layer, int token, int slot, boolean isDown, int[] y, int offset) {}

    /** Scores of one head of one token with its {@code n} keys, from {@code offset}. */
    default void scores(int layer, int token, int head, int[] s, int offset, int n) {}

    /** The int32 halves of one head's attention sums for one token, a head's elements each from {@code offset}. */
    default void sums(int layer, int token, int head, int[] high, int[] low, int offset) {}
}
