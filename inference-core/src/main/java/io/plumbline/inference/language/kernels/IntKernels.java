package io.plumbline.inference.language.kernels;

import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;

/**
 * The integer half of inference: exact sums of products, so that any order, tile and batch gives the same bits. Keys
 * and values lie in pages laid out for this: keys in blocks of {@link #KEY_BLOCK} tokens, {@code [block][channel
 * pair][token][2]}; values in quads of {@link #VALUE_QUAD} tokens, {@code [quad][channel][token]}. Stateless but for
 * scratch memory: one instance for each thread.
 */
public interface IntKernels {
    /** Tokens whose keys stand together. */
    int KEY_BLOCK = 16;

    /** Tokens whose values stand together. */
    int VALUE_QUAD = 4;

    /**
     * {@code y[r][n] = sum_k x[r][k] * w[n][k]} for weight rows {@code from <= n < to}.
     *
     * @param x {@code rows * k} int8 inputs in -127..127 from {@code xOffset}.
     * @param w row-major int8 weights, {@code k} bytes a row, mapped or on the heap.
     * @param y receives element (r, n) at {@code yOffset + r * yStride + n}.
     */
    void multiply(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride);

    /**
     * The same with weights of four bits.
     *
     * @param k a whole number of groups.
     * @param w rows of {@code format.rowBytes(k)} bytes, which have {@link WeightFormat#isExact exact} products.
     * @param format that is {@link WeightFormat#isGrouped grouped}.
     */
    void multiplyGrouped(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            WeightFormat format,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride);

    /**
     * {@code s[i][j] = q_i . key_j} for {@code blocks * KEY_BLOCK} keys.
     *
     * @param q {@code queries} rows of {@code size} 12-bit values, {@code qStride} apart.
     * @param offset of the first key block in {@code keys}, in bytes.
     * @param size channels of a head, even.
     * @param s receives element (i, j) at {@code sOffset + i * sStride + j}.
     */
    void scores(
            short[] q,
            int qOffset,
            int qStride,
            int queries,
            MemorySegment keys,
            long offset,
            int size,
            int blocks,
            int[] s,
            int sOffset,
            int sStride);

    /**
     * Adds up values weighted by {@code u = 256 * high + low}: {@code high[i][c] += (u_ij >> 8) * v_jc}, {@code low}
     * likewise with {@code u_ij & 255}, over {@code quads * VALUE_QUAD} tokens j.
     *
     * @param u {@code queries} rows of weights in 0..32767, {@code uStride} apart; 0 beyond a row's own tokens.
     * @param offset of the first quad in {@code values}, in bytes.
     * @param high sums of row i, channel c at {@code outOffset + i * outStride + c}; {@code low} the same.
     */
    void values(
            short[] u,
            int uOffset,
            int uStride,
            int queries,
            MemorySegment values,
            long offset,
            int size,
            int quads,
            int[] high,
            int[] low,
            int outOffset,
            int outStride);
}
