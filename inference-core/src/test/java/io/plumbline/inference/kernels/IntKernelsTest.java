package io.plumbline.inference.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IntKernelsTest {
    private final IntKernels scalar = new ScalarKernels();
    private final IntKernels vector = new VectorKernels();

    @ParameterizedTest
    @CsvSource({"1,1,1", "3,5,2", "4,64,1", "7,63,3", "9,65,2", "16,127,5", "33,128,4", "5,500,7", "64,192,16"})
    void matricesAgreeOnRandomAndExtremeValues(int n, int k, int rows) {
        Random random = new Random(n * 1000L + k);
        byte[] w = new byte[n * k];
        byte[] x = new byte[rows * k];
        for (int round = 0; round < 4; round++) {
            if (round == 0) {
                Arrays.fill(w, (byte) -128);
                Arrays.fill(x, (byte) -127);
            } else {
                random.nextBytes(w);
                random.nextBytes(x);
                for (int i = 0; i < x.length; i++) {
                    x[i] = x[i] == -128 ? -127 : x[i];
                }
            }
            int stride = n + 3;
            int[] a = new int[rows * stride + 2];
            int[] b = new int[rows * stride + 2];
            scalar.multiply(x, rows, k, MemorySegment.ofArray(w), n, a, 2, stride);
            vector.multiply(x, rows, k, MemorySegment.ofArray(w), n, b, 2, stride);
            assertArrayEquals(a, b);
        }
    }

    @ParameterizedTest
    @CsvSource({"8,1", "16,9", "32,100", "64,3", "128,40", "48,17", "20,5", "256,300"})
    void attentionAgrees(int size, int n) {
        Random random = new Random(size * 31L + n);
        int stride = size * 2;
        short[] q = new short[size];
        short[] k = new short[n * stride];
        byte[] v = new byte[n * stride];
        short[] u = new short[n];
        random.nextBytes(v);
        for (int i = 0; i < size; i++) {
            q[i] = (short) (random.nextInt(4095) - 2047);
        }
        for (int i = 0; i < k.length; i++) {
            k[i] = (short) (random.nextInt(4095) - 2047);
        }
        for (int i = 0; i < n; i++) {
            u[i] = (short) random.nextInt(32768);
        }
        int[] a = new int[n];
        int[] b = new int[n];
        scalar.scores(q, 0, k, size, stride, n, size, a);
        vector.scores(q, 0, k, size, stride, n, size, b);
        assertArrayEquals(a, b);
        int[] ah = new int[size];
        int[] al = new int[size];
        int[] bh = new int[size];
        int[] bl = new int[size];
        scalar.weightedValues(u, n, v, size, stride, size, ah, al, 0);
        vector.weightedValues(u, n, v, size, stride, size, bh, bl, 0);
        assertArrayEquals(ah, bh);
        assertArrayEquals(al, bl);
    }
}
