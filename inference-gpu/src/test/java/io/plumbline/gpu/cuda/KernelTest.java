package io.plumbline.gpu.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.plumbline.gpu.cuda.Gpu.Buffer;
import io.plumbline.verifier.numerics.ScalarMath;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A GPU for each test of kernels, numbers to give it, and comparison to the bit with what it leaves. */
abstract class KernelTest {
    final ScalarMath math = new ScalarMath();
    Gpu gpu;

    @BeforeEach
    void open() {
        gpu = Gpu.open();
    }

    @AfterEach
    void close() {
        gpu.close();
    }

    static float[] floats(Random random, int n, double scale) {
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) (random.nextGaussian() * scale * Math.exp(random.nextGaussian()));
        }
        return values;
    }

    static int[] ints(Random random, int n, int bound) {
        return random.ints(n, -bound, bound + 1).toArray();
    }

    void same(float[] expected, Buffer found, String what) {
        float[] values = gpu.read(found, 4L * expected.length).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        for (int i = 0; i < values.length; i++) {
            assertEquals(
                    Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(values[i]), what + ", element " + i);
        }
    }

    void same(byte[] expected, Buffer found, String what) {
        assertArrayEquals(expected, gpu.read(found, expected.length).toArray(ValueLayout.JAVA_BYTE), what);
    }

    void same(short[] expected, Buffer found, String what) {
        assertArrayEquals(
                expected, gpu.read(found, 2L * expected.length).toArray(ValueLayout.JAVA_SHORT_UNALIGNED), what);
    }

    void same(int[] expected, Buffer found, String what) {
        assertArrayEquals(
                expected, gpu.read(found, 4L * expected.length).toArray(ValueLayout.JAVA_INT_UNALIGNED), what);
    }

    int first(Buffer found) {
        return gpu.read(found, 4).get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    }
}
