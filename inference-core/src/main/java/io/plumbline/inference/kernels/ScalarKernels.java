package io.plumbline.inference.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The specification. Weights are copied to the heap a row at a time: a loop over an array is quick before it is well compiled, too. */
public final class ScalarKernels implements IntKernels {
    private byte[] weights = new byte[0];

    @Override
    public void multiply(byte[] x, int rows, int k, MemorySegment w, int n, int[] y, int yOffset, int yStride) {
        if (weights.length < k) {
            weights = new byte[k];
        }
        for (int row = 0; row < n; row++) {
            MemorySegment.copy(w, ValueLayout.JAVA_BYTE, (long) row * k, weights, 0, k);
            for (int r = 0; r < rows; r++) {
                y[yOffset + r * yStride + row] = dot(x, r * k, weights, k);
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
    public void scores(short[] q, int qOffset, short[] k, int kOffset, int stride, int n, int size, int[] s) {
        for (int j = 0; j < n; j++) {
            int sum = 0;
            for (int i = 0; i < size; i++) {
                sum += q[qOffset + i] * k[kOffset + j * stride + i];
            }
            s[j] = sum;
        }
    }

    @Override
    public void weightedValues(
            short[] u, int n, byte[] v, int vOffset, int stride, int size, int[] high, int[] low, int offset) {
        for (int i = 0; i < size; i++) {
            int sumHigh = 0;
            int sumLow = 0;
            for (int j = 0; j < n; j++) {
                int value = v[vOffset + j * stride + i];
                sumHigh += (u[j] >> 8) * value;
                sumLow += (u[j] & 0xFF) * value;
            }
            high[offset + i] = sumHigh;
            low[offset + i] = sumLow;
        }
    }
}
