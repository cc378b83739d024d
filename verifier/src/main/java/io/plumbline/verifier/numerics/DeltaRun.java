package io.plumbline.verifier.numerics;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A run of tokens of one head through the gated delta rule: where its numbers stand. Made once for a model's sizes and
 * set anew before each run, for there are as many runs as heads.
 */
public final class DeltaRun {
    /** Elements of a key, and rows of the head's matrix S. */
    final int keyDim;

    /** Elements of a value, and columns of S. */
    final int valueDim;

    /** Floats from a token's queries, keys and values to the next one's. */
    final int xStride;

    /** Numbers from a token's decay and rate to the next one's. */
    final int gStride;

    /** Floats from a token's outputs to the next one's. */
    final int oStride;

    int tokens;
    MemorySegment from;
    long fromOffset;
    MemorySegment to;
    long toOffset;
    float[] x;
    int query;
    int key;
    int value;
    float[] decays;
    float[] rates;
    int gate;
    float[] out;
    int o;

    /**
     * Of a model's sizes.
     *
     * @param xStride floats from a token's queries, keys and values to the next one's.
     * @param gStride numbers from a token's decay, and rate, to the next one's.
     * @param oStride floats from a token's outputs to the next one's.
     */
    public DeltaRun(int keyDim, int valueDim, int xStride, int gStride, int oStride) {
        this.keyDim = keyDim;
        this.valueDim = valueDim;
        this.xStride = xStride;
        this.gStride = gStride;
        this.oStride = oStride;
    }

    /**
     * Between which states.
     *
     * @param before holds S before the first token, {@code [keyDim][valueDim]} little-endian floats from {@code
     *     beforeOffset} bytes.
     * @param after receives S after the last one, from {@code afterOffset} bytes; may be {@code before}.
     */
    public DeltaRun between(MemorySegment before, long beforeOffset, MemorySegment after, long afterOffset) {
        from = before;
        fromOffset = beforeOffset;
        to = after;
        toOffset = afterOffset;
        return this;
    }

    /** S before the first token. */
    public MemorySegment before() {
        return from.asSlice(fromOffset, 4L * keyDim * valueDim);
    }

    /** The first token's query, key and value begin at these floats of {@code rows}. */
    public DeltaRun of(float[] rows, int queryOffset, int keyOffset, int valueOffset) {
        x = rows;
        query = queryOffset;
        key = keyOffset;
        value = valueOffset;
        return this;
    }

    /** The first token's decay and rate stand at {@code offset}. */
    public DeltaRun by(float[] ofDecays, float[] ofRates, int offset) {
        decays = ofDecays;
        rates = ofRates;
        gate = offset;
        return this;
    }

    /**
     * How many tokens, and what receives their outputs, valueDim floats each.
     *
     * @throws IndexOutOfBoundsException where one of the arrays or segments is too short.
     */
    public DeltaRun into(float[] outputs, int offset, int count) {
        out = outputs;
        o = offset;
        tokens = count;
        long bytes = 4L * keyDim * valueDim;
        Objects.checkFromIndexSize(fromOffset, bytes, from.byteSize());
        Objects.checkFromIndexSize(toOffset, bytes, to.byteSize());
        check(query, xStride, keyDim, x.length);
        check(key, xStride, keyDim, x.length);
        check(value, xStride, valueDim, x.length);
        check(gate, gStride, 1, decays.length);
        check(gate, gStride, 1, rates.length);
        check(o, oStride, valueDim, out.length);
        return this;
    }

    private void check(int offset, int stride, int n, int length) {
        Objects.checkFromIndexSize((long) offset, (tokens - 1L) * stride + n, length);
    }
}
