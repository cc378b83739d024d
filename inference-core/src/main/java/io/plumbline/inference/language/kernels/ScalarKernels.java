package io.plumbline.inference.language.kernels;

import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The specification. Mapped memory is copied to the heap a piece at a time: a loop over an array is quick before it
 * is well compiled, too.
 */
public class ScalarKernels implements IntKernels {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.nativeOrder());

    private byte[] bytes = new byte[0];
    private short[] shorts = new short[0];

    private byte[] bytes(int n) {
        if (bytes.length < n) {
            bytes = new byte[n];
        }
        return bytes;
    }

    @Override
    public void multiply(
            byte[] x,
            int xOffset,
            int rows,
            int k,
            MemorySegment w,
            int from,
            int to,
            int[] y,
            int yOffset,
            int yStride) {
        byte[] row = bytes(k);
        for (int n = from; n < to; n++) {
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, (long) n * k, row, 0, k);
            for (int r = 0; r < rows; r++) {
                y[yOffset + r * yStride + n] = dot(x, xOffset + r * k, row, k);
            }
        }
    }

    @Override
    public void multiplyGrouped(
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
            int yStride) {
        int rowBytes = format.rowBytes(k);
        if (shorts.length < k) {
            shorts = new short[k];
        }
        for (int n = from; n < to; n++) {
            format.widen(w, (long) n * rowBytes, k, shorts);
            for (int r = 0; r < rows; r++) {
                int sum = 0;
                for (int i = 0; i < k; i++) {
                    sum += x[xOffset + r * k + i] * shorts[i];
                }
                y[yOffset + r * yStride + n] = sum;
            }
        }
    }

    private static int dot(byte[] x, int offset, byte[] w, int k) {
        int sum = 0;
        for (int i = 0; i < k; i++) {
            sum += x[offset + i] * w[i];
        }
        return sum;
    }

    @Override
    public void scores(
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
            int sStride) {
        int elements = blocks * KEY_BLOCK * size;
        if (shorts.length < elements) {
            shorts = new short[elements];
        }
        MemorySegment.copy(keys, SHORT, offset, shorts, 0, elements);
        for (int i = 0; i < queries; i++) {
            for (int j = 0; j < blocks * KEY_BLOCK; j++) {
                int at = j / KEY_BLOCK * KEY_BLOCK * size + j % KEY_BLOCK * 2;
                int from = qOffset + i * qStride;
                int sum = 0;
                for (int c = 0; c < size; c += 2) {
                    sum += q[from + c] * shorts[at] + q[from + c + 1] * shorts[at + 1];
                    at += 2 * KEY_BLOCK;
                }
                s[sOffset + i * sStride + j] = sum;
            }
        }
    }

    @Override
    public void values(
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
            int outStride) {
        int elements = quads * VALUE_QUAD * size;
        byte[] v = bytes(elements);
        MemorySegment.copy(values, ValueLayout.JAVA_BYTE, offset, v, 0, elements);
        for (int i = 0; i < queries; i++) {
            for (int j = 0; j < quads * VALUE_QUAD; j++) {
                int weight = u[uOffset + i * uStride + j];
                int at = j / VALUE_QUAD * VALUE_QUAD * size + j % VALUE_QUAD;
                int out = outOffset + i * outStride;
                for (int c = 0; c < size; c++) {
                    int value = v[at + c * VALUE_QUAD];
                    high[out + c] += (weight >> 8) * value;
                    low[out + c] += (weight & 0xFF) * value;
                }
            }
        }
    }
}
