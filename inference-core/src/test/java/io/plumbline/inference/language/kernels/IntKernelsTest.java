package io.plumbline.inference.language.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.numerics.VectorMath;
import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every form of the kernels that this host runs, against the specification: random shapes, odd sizes, extreme values.
 */
@Tag("vectors")
class IntKernelsTest {
    private final IntKernels scalar = new ScalarKernels();
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    static Stream<Backend> backends() {
        // The Vector API's form is tried where no process would choose it, too.
        return Stream.concat(
                Backend.all().stream().filter(backend -> backend.name().startsWith("native")),
                Stream.of(new Backend("vector", VectorKernels::new, VectorMath::new)));
    }

    private MemorySegment memory(byte[] bytes) {
        return arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void matricesAgree(Backend backend) {
        IntKernels kernels = backend.kernels().get();
        int[][] shapes = {
            {1, 1, 1},
            {3, 5, 2},
            {4, 64, 1},
            {7, 63, 3},
            {9, 65, 2},
            {16, 127, 5},
            {33, 128, 4},
            {5, 500, 7},
            {64, 192, 16},
            {40, 66, 11},
            {37, 130, 12},
            {100, 2050, 13},
            {35, 4099, 31},
            {64, 96, 64},
            {31, 2048, 25},
            {8, 300, 70},
            // More rows than are taken together, more inputs than stay in a cache with them.
            {33, 2100, 530}
        };
        for (int[] shape : shapes) {
            for (int round = 0; round < 4; round++) {
                matrix(kernels, shape[0], shape[1], shape[2], round, backend.name());
            }
        }
    }

    private void matrix(IntKernels kernels, int n, int k, int rows, int round, String name) {
        Random random = new Random(n * 1000L + k + round);
        byte[] w = new byte[n * k];
        byte[] x = new byte[rows * k];
        if (round < 2) {
            Arrays.fill(w, (byte) -128);
            Arrays.fill(x, (byte) (round == 0 ? -127 : 127));
        } else {
            random.nextBytes(w);
            random.nextBytes(x);
            for (int i = 0; i < x.length; i++) {
                x[i] = x[i] == -128 ? -127 : x[i];
            }
        }
        int stride = n + 3;
        int[] expected = new int[rows * stride + 2];
        int[] found = new int[rows * stride + 2];
        // The whole in two parts: a worker computes some of the weight rows.
        int cut = random.nextInt(n + 1);
        MemorySegment weights = memory(w);
        scalar.multiply(x, 0, rows, k, weights, 0, n, expected, 2, stride);
        kernels.multiply(x, 0, rows, k, weights, 0, cut, found, 2, stride);
        kernels.multiply(x, 0, rows, k, weights, cut, n, found, 2, stride);
        assertArrayEquals(expected, found, name + " n " + n + " k " + k + " rows " + rows + " round " + round);
    }

    @ParameterizedTest
    @MethodSource("backends")
    void matricesOfFourBitsAgree(Backend backend) {
        IntKernels kernels = backend.kernels().get();
        int[][] shapes = {
            {1, 32, 1},
            {3, 64, 2},
            {5, 96, 3},
            {4, 128, 7},
            {33, 160, 4},
            {9, 224, 11},
            {37, 2048, 12},
            {64, 2080, 13},
            {70, 4128, 31},
            {31, 6144, 25},
            {2, 10_912, 40},
            {34, 2144, 530}
        };
        for (int[] shape : shapes) {
            for (WeightFormat format : WeightFormat.values()) {
                for (int round = 0; round < 3 && format.isGrouped(); round++) {
                    grouped(kernels, format, shape[0], shape[1], shape[2], round, backend.name());
                }
            }
        }
    }

    private void grouped(IntKernels kernels, WeightFormat format, int n, int k, int rows, int round, String name) {
        Random random = new Random(n * 1000L + k + round);
        int groups = k / WeightFormat.GROUP;
        int rowBytes = format.rowBytes(k);
        byte[] w = new byte[n * rowBytes];
        byte[] x = new byte[rows * k];
        random.nextBytes(x);
        random.nextBytes(w);
        for (int i = 0; i < x.length; i++) {
            x[i] = round == 0 ? 127 : x[i] == -128 ? -127 : x[i];
        }
        byte[] codes = format.codes();
        int greatest = 0;
        while (Math.abs(codes[greatest]) < format.mostCode()) {
            greatest++;
        }
        for (int row = 0; row < n; row++) {
            // In the first round every product and sum is as great as any may be.
            int left = format.mostFactorSum();
            for (int g = 0; g < groups; g++) {
                int most = Math.clamp(left - (groups - 1 - g), 1, WeightFormat.MOST_FACTOR + 1);
                int factor = round == 0 ? most : 1 + random.nextInt(Math.min(most, left / groups));
                // 128 has no positive form; in the first round all have one sign.
                boolean isNegative = round == 0 || factor > WeightFormat.MOST_FACTOR || random.nextBoolean();
                w[row * rowBytes + k / 2 + g] = (byte) (isNegative ? -factor : factor);
                left -= factor;
            }
            if (round == 0) {
                Arrays.fill(w, row * rowBytes, row * rowBytes + k / 2, (byte) (greatest * 17));
            }
            assertTrue(format.isExact(MemorySegment.ofArray(w), (long) row * rowBytes, k));
        }
        int stride = n + 3;
        int offset = 1;
        int[] expected = new int[rows * stride + 2];
        int[] found = new int[rows * stride + 2];
        byte[] moved = new byte[x.length + offset];
        System.arraycopy(x, 0, moved, offset, x.length);
        int cut = random.nextInt(n + 1);
        MemorySegment weights = memory(w);
        scalar.multiplyGrouped(x, 0, rows, k, weights, format, 0, n, expected, 2, stride);
        kernels.multiplyGrouped(moved, offset, rows, k, weights, format, 0, cut, found, 2, stride);
        kernels.multiplyGrouped(moved, offset, rows, k, weights, format, cut, n, found, 2, stride);
        assertArrayEquals(
                expected, found, name + " " + format + " n " + n + " k " + k + " rows " + rows + " round " + round);
    }

    @ParameterizedTest
    @MethodSource("backends")
    void attentionAgrees(Backend backend) {
        IntKernels kernels = backend.kernels().get();
        int[][] shapes = {
            {8, 1, 1},
            {16, 3, 2},
            {32, 8, 4},
            {64, 13, 4},
            {128, 16, 3},
            {48, 5, 1},
            {20, 2, 4},
            {256, 4, 4},
            {512, 3, 2},
            {2, 9, 1}
        };
        for (int[] shape : shapes) {
            for (boolean extreme : new boolean[] {false, true}) {
                attention(kernels, shape[0], shape[1], shape[2], extreme, backend.name());
            }
        }
    }

    private void attention(IntKernels kernels, int size, int queries, int blocks, boolean extreme, String name) {
        Random random = new Random(size * 31L + queries);
        int n = blocks * IntKernels.KEY_BLOCK;
        short[] q = new short[queries * size + 3];
        for (int i = 0; i < q.length; i++) {
            q[i] = (short) (extreme ? -2047 : random.nextInt(4095) - 2047);
        }
        byte[] k = new byte[2 * n * size + 32];
        for (int i = 0; i < n * size; i++) {
            int value = extreme ? 2047 : random.nextInt(4095) - 2047;
            k[32 + 2 * i] = (byte) value;
            k[32 + 2 * i + 1] = (byte) (value >> 8);
        }
        MemorySegment keys = memory(k);
        int stride = n + 5;
        int[] expected = new int[queries * stride + 1];
        int[] found = new int[queries * stride + 1];
        scalar.scores(q, 3, size, queries, keys, 32, size, blocks, expected, 1, stride);
        kernels.scores(q, 3, size, queries, keys, 32, size, blocks, found, 1, stride);
        assertArrayEquals(expected, found, name + " scores of " + size);

        short[] u = new short[queries * stride + 2];
        byte[] v = new byte[n * size + 8];
        random.nextBytes(v);
        for (int i = 0; i < u.length; i++) {
            u[i] = (short) (extreme ? 32767 : random.nextInt(32768));
        }
        MemorySegment values = memory(v);
        int outStride = size + 1;
        int[][] sums = new int[4][queries * outStride + 2];
        for (int i = 0; i < sums[0].length; i++) {
            sums[0][i] = sums[2][i] = i;
            sums[1][i] = sums[3][i] = -i;
        }
        int quads = n / IntKernels.VALUE_QUAD - random.nextInt(3);
        scalar.values(u, 2, stride, queries, values, 8, size, quads, sums[0], sums[1], 2, outStride);
        kernels.values(u, 2, stride, queries, values, 8, size, quads, sums[2], sums[3], 2, outStride);
        assertArrayEquals(sums[0], sums[2], name + " high sums of " + size);
        assertArrayEquals(sums[1], sums[3], name + " low sums of " + size);
    }
}
