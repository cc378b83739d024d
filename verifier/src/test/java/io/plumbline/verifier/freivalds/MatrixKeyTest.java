package io.plumbline.verifier.freivalds;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.numerics.WeightFormat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("vectors")
class MatrixKeyTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 15, 16, 17, 63, 100, 1000})
    void everyRingAgreesWithTheDefinition(int n) {
        agrees(new VectorRing(), n);
        for (NativeRing.Form form : NativeRing.forms()) {
            agrees(new NativeRing(form), n);
        }
    }

    private static void agrees(RingMath vector, int n) {
        Random random = new Random(n);
        RingMath scalar = new ScalarRing();
        byte[] x = new byte[n];
        random.nextBytes(x);
        short[] w = new short[n];
        for (int i = 0; i < n; i++) {
            w[i] = (short) random.nextInt();
        }
        long[] s = random.longs(n).toArray();
        int[] y = random.ints(n).toArray();
        int[] r = random.ints(n).toArray();
        assertEquals(scalar.dot(x, 0, s, 0, n), vector.dot(x, 0, s, 0, n));
        assertEquals(scalar.dot(w, 0, s, 0, n), vector.dot(w, 0, s, 0, n));
        assertEquals(scalar.dot(y, 0, r, 0, n), vector.dot(y, 0, r, 0, n));
        assertEquals(scalar.dot(x, 0, r, 0, n), vector.dot(x, 0, r, 0, n));
        assertEquals(scalar.dotHigh(w, 0, s, 0, n), vector.dotHigh(w, 0, s, 0, n));
        assertEquals(scalar.dotLow(w, 0, s, 0, n), vector.dotLow(w, 0, s, 0, n));
        long[] a = s.clone();
        long[] b = s.clone();
        scalar.accumulate(x, 0, n, r[0], a, 0);
        vector.accumulate(x, 0, n, r[0], b, 0);
        assertArrayEquals(a, b);
        scalar.accumulate(w, 0, n, r[0], a, 0);
        vector.accumulate(w, 0, n, r[0], b, 0);
        assertArrayEquals(a, b);
    }

    private static int[] multiply(byte[] w, byte[] x, int n, int k) {
        int[] y = new int[n];
        for (int row = 0; row < n; row++) {
            for (int i = 0; i < k; i++) {
                y[row] += w[row * k + i] * x[i];
            }
        }
        return y;
    }

    private static void feed(MatrixKey key, byte[] w, int n, int k) {
        // In two parts, as stacked matrices come.
        int half = n / 2;
        key.addRows(WeightFormat.INT8, 0, half, MemorySegment.ofArray(w), 0);
        key.addRows(WeightFormat.INT8, half, n - half, MemorySegment.ofArray(w), (long) half * k);
    }

    @Test
    void trueProductsPassAndEveryWrongRowFails() {
        Random random = new Random(11);
        int n = 37;
        int k = 129;
        byte[] w = new byte[n * k];
        byte[] x = new byte[k];
        random.nextBytes(w);
        random.nextBytes(x);
        MatrixKey key = new MatrixKey(n, k, new SecretInts());
        feed(key, w, n, k);
        int[] y = multiply(w, x, n, k);
        assertEquals(-1, key.firstFalse(x, y, 1));
        for (int row = 0; row < n; row++) {
            for (int wrong : new int[] {y[row] + 1, y[row] ^ 0x8000_0000, random.nextInt()}) {
                int[] forged = y.clone();
                forged[row] = wrong;
                assertEquals(0, key.firstFalse(x, forged, 1), "row " + row);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = "INT8", mode = EnumSource.Mode.EXCLUDE)
    void productsOfFourBitsAreToldAsThoseOfTheirElements(WeightFormat format) {
        Random random = new Random(13);
        int n = 21;
        int k = 5 * WeightFormat.GROUP;
        int rowBytes = format.rowBytes(k);
        byte[] w = new byte[n * rowBytes];
        byte[] x = new byte[k];
        random.nextBytes(w);
        random.nextBytes(x);
        for (int row = 0; row < n; row++) {
            for (int g = 0; g < 5; g++) {
                int factor = random.nextInt(-128, 128);
                w[row * rowBytes + k / 2 + g] = (byte) (factor == 0 ? 1 : factor);
            }
        }
        MatrixKey key = new MatrixKey(n, k, new SecretInts());
        key.addRows(format, 0, 10, MemorySegment.ofArray(w), 0);
        key.addRows(format, 10, n - 10, MemorySegment.ofArray(w), 10L * rowBytes);
        int[] y = new int[n];
        short[] elements = new short[k];
        for (int row = 0; row < n; row++) {
            format.widen(MemorySegment.ofArray(w), (long) row * rowBytes, k, elements);
            for (int i = 0; i < k; i++) {
                y[row] += elements[i] * x[i];
            }
        }
        assertEquals(-1, key.firstFalse(x, y, 1));
        for (int row = 0; row < n; row++) {
            int[] forged = y.clone();
            forged[row] += 1 << random.nextInt(32);
            assertEquals(0, key.firstFalse(x, forged, 1), "row " + row);
        }
    }

    @Test
    void aRowWhoseProductsMayLeave32BitsHasNoKey() {
        WeightFormat format = WeightFormat.INT4_NORMAL;
        int k = 134 * WeightFormat.GROUP;
        byte[] row = new byte[format.rowBytes(k)];
        Arrays.fill(row, k / 2, row.length, (byte) -127);
        MatrixKey key = new MatrixKey(1, k, new SecretInts());
        assertEquals(127 * 134 + 27, format.mostFactorSum());
        for (int g = 0; g < 27; g++) {
            row[k / 2 + g] = -128;
        }
        key.addRows(format, 0, 1, MemorySegment.ofArray(row), 0);
        for (int factor : new int[] {-128, 0}) {
            row[row.length - 1] = (byte) factor;
            assertThrows(
                    IllegalArgumentException.class, () -> key.addRows(format, 0, 1, MemorySegment.ofArray(row), 0));
        }
    }

    @Test
    void theFirstFalseOfManyRowsIsNamedByEveryRing() {
        Random random = new Random(12);
        List<RingMath> rings = new ArrayList<>(List.of(new ScalarRing(), new VectorRing()));
        NativeRing.forms().forEach(form -> rings.add(new NativeRing(form)));
        for (int[] shape : new int[][] {{1, 1}, {37, 129}, {64, 40}, {17, 300}, {200, 65}}) {
            int n = shape[0];
            int k = shape[1];
            byte[] w = new byte[n * k];
            random.nextBytes(w);
            int[] secrets = random.ints(2L * n).toArray();
            for (RingMath ring : rings) {
                MatrixKey key = new MatrixKey(n, k, secrets, ring);
                feed(key, w, n, k);
                for (int rows = 1; rows <= 9; rows++) {
                    byte[] x = new byte[rows * k];
                    random.nextBytes(x);
                    int[] y = new int[rows * n];
                    for (int row = 0; row < rows; row++) {
                        byte[] one = Arrays.copyOfRange(x, row * k, (row + 1) * k);
                        System.arraycopy(multiply(w, one, n, k), 0, y, row * n, n);
                    }
                    assertEquals(-1, key.firstFalse(x, y, rows), rows + " rows");
                    int bad = random.nextInt(rows);
                    y[bad * n + random.nextInt(n)] ^= 1 << random.nextInt(32);
                    y[rows * n - 1] += bad == rows - 1 ? 0 : 1;
                    assertEquals(bad, key.firstFalse(x, y, rows), rows + " rows");
                }
            }
        }
    }

    /** With secrets of b bits a wrong row, chosen without knowing them, must be missed about once in 2^b, not more. */
    @Test
    void theMissRateWithSmallSecretsIsTheBound() {
        Random random = new Random(3);
        int n = 4;
        int k = 8;
        int bits = 6;
        int trials = 200_000;
        byte[] w = new byte[n * k];
        byte[] x = new byte[k];
        random.nextBytes(w);
        random.nextBytes(x);
        int missed = 0;
        int[] y = multiply(w, x, n, k);
        for (int i = 0; i < trials; i++) {
            int[] r = new int[n];
            for (int j = 0; j < n; j++) {
                r[j] = random.nextInt(1 << bits);
            }
            MatrixKey key = new MatrixKey(n, k, r, new ScalarRing());
            feed(key, w, n, k);
            int[] forged = y.clone();
            // Two wrong rows that cancel whenever their secrets are equal: the best a forger can do blindly.
            forged[1] += 1000;
            forged[2] -= 1000;
            missed += key.firstFalse(x, forged, 1) < 0 ? 1 : 0;
        }
        double expected = trials / (double) (1 << bits);
        assertTrue(Math.abs(missed - expected) < 5 * Math.sqrt(expected), missed + " of " + trials + " missed");
    }
}
