package io.plumbline.inference.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The specification. */
public final class ScalarKernels implements IntKernels {
    @Override
    public void multiply(byte[] x, int rows, int k, MemorySegment w, int n, int[] y, int yOffset, int yStride) {
        for (int r = 0; r < rows; r++) {
            for (int row = 0; row < n; row++) {
                int sum = 0;
                for (int i = 0; i < k; i++) {
                    sum += x[r * k + i] * w.get(ValueLayout.JAVA_BYTE, (long) row * k + i);
                }
                y[yOffset + r * yStride + row] = sum;
            }
        }
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
