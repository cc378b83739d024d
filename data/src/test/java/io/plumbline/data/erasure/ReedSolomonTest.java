package io.plumbline.data.erasure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("vectors")
class ReedSolomonTest {
    @Test
    void theFieldIsOne() {
        for (int a = 0; a < 256; a++) {
            assertEquals(a, GaloisField.multiply(a, 1));
            if (a != 0) {
                assertEquals(1, GaloisField.multiply(a, GaloisField.invert(a)));
            }
            for (int b = 0; b < 256; b++) {
                assertEquals(slow(a, b), GaloisField.multiply(a, b));
            }
        }
    }

    /** By shifts and the polynomial. */
    private static int slow(int a, int b) {
        int product = 0;
        for (int bit = 0; bit < 8; bit++) {
            if ((b >> bit & 1) == 1) {
                product ^= a << bit;
            }
        }
        for (int bit = 15; bit >= 8; bit--) {
            if ((product >> bit & 1) == 1) {
                product ^= 0x11D << bit - 8;
            }
        }
        return product;
    }

    @Test
    void vectorsGiveWhatTheDefinitionGives() {
        Random random = new Random(1);
        for (int length : new int[] {0, 1, 15, 16, 63, 64, 65, 1000}) {
            for (int factor : new int[] {0, 1, 2, 3, 29, 128, 255}) {
                byte[] in = new byte[length];
                byte[] expected = new byte[length];
                random.nextBytes(in);
                random.nextBytes(expected);
                byte[] out = expected.clone();
                int from = length / 3;
                FieldProduct.add(factor, in, out, from, length);
                FieldProduct.addScalar(factor, in, expected, from, length);
                assertArrayEquals(expected, out, length + " bytes times " + factor);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,2", "2,3", "4,6", "10,14", "17,20"})
    void anyKShardsGiveAllOthers(int k, int n) {
        Random random = new Random(k);
        int length = 40_777;
        ReedSolomon code = new ReedSolomon(k, n);
        byte[][] all = new byte[n][length];
        int[] data = IntStream.range(0, k).toArray();
        for (int i = 0; i < k; i++) {
            random.nextBytes(all[i]);
        }
        for (int i = k; i < n; i++) {
            code.compute(data, Arrays.copyOf(all, k), i, all[i], length);
        }
        for (int round = 0; round < 40; round++) {
            int[] have = random.ints(0, n).distinct().limit(k).sorted().toArray();
            byte[][] shards = Arrays.stream(have).mapToObj(i -> all[i]).toArray(byte[][]::new);
            for (int want = 0; want < n; want++) {
                byte[] got = new byte[length];
                code.compute(have, shards, want, got, length);
                assertArrayEquals(all[want], got, want + " of " + Arrays.toString(have));
            }
        }
    }

    /** As Backblaze's published test has them: two parity shards of five times two bytes. */
    @Test
    void parityIsThatOfTheReference() {
        byte[][] data = {{0, 1}, {4, 5}, {2, 3}, {6, 7}, {8, 9}};
        ReedSolomon code = new ReedSolomon(5, 10);
        int[] have = {0, 1, 2, 3, 4};
        byte[][] expected = {{12, 13}, {10, 11}, {14, 15}, {90, 91}, {94, 95}};
        for (int i = 0; i < 5; i++) {
            byte[] out = new byte[2];
            code.compute(have, data, 5 + i, out, 2);
            assertArrayEquals(expected[i], out, "parity " + i);
        }
    }

    @Test
    void whatIsNoCodeIsRefused() {
        for (int[] wrong : new int[][] {{0, 1}, {1, 1}, {3, 2}, {200, 256}, {-1, 4}}) {
            assertThrows(IllegalArgumentException.class, () -> new ReedSolomon(wrong[0], wrong[1]));
        }
    }
}
