package io.plumbline.inference.kernels;

import io.plumbline.verifier.numerics.Simd;
import java.lang.foreign.MemorySegment;

/**
 * The integer half of inference: exact sums of products, so that any order, tile and batch gives the same bits. Stateless but for
 * scratch memory: one instance for each thread.
 */
public interface IntKernels {
    /**
     * {@code y[r][n] = sum_k x[r][k] * w[n][k]}.
     *
     * @param x {@code rows * k} int8 inputs.
     * @param w row-major int8 weights, {@code n * k} bytes, mapped or on the heap.
     * @param y receives row r at {@code yOffset + r * yStride}.
     */
    void multiply(byte[] x, int rows, int k, MemorySegment w, int n, int[] y, int yOffset, int yStride);

    /** {@code s[j] = sum_i q[i] * k[j][i]} for {@code n} key rows {@code stride} apart. */
    void scores(short[] q, int qOffset, short[] k, int kOffset, int stride, int n, int size, int[] s);

    /**
     * Sums of values weighted by {@code u = 256 * high + low}: {@code high[i] += (u[j] >> 8) * v[j][i]}, {@code low} likewise with
     * {@code u[j] & 255}. The targets are overwritten.
     */
    void weightedValues(
            short[] u, int n, byte[] v, int vOffset, int stride, int size, int[] high, int[] low, int offset);

    /** A new instance of the fastest implementation here. */
    static IntKernels best() {
        return Simd.enabled() && VectorKernels.supported() ? new VectorKernels() : new ScalarKernels();
    }
}
