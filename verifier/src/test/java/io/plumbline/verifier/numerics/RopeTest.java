package io.plumbline.verifier.numerics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RopeTest {
    /** Values of the published rule for Llama 3.1 (theta 500000, 128 channels, factor 8), computed apart in Python. */
    @Test
    void aStretchedModelHasThePublishedFrequencies() {
        Rope rope = new Rope(500_000, 8, 1, 4, 8192);
        int[] pairs = {0, 20, 28, 30, 32, 34, 36, 40, 63};
        double[] expected = {
            1.0,
            0.016560440080994446,
            0.003211445994752591,
            0.0013718935677611381,
            0.0005248461609929547,
            0.0001785078127679964,
            7.78465527393245e-05,
            3.428102195952591e-05,
            3.068925988914511e-07
        };
        for (int i = 0; i < pairs.length; i++) {
            assertEquals(expected[i], rope.frequency(pairs[i], 128), 1e-12 * expected[i], "pair " + pairs[i]);
        }
    }

    @Test
    void numbersThatNoModelHasAreRefused() {
        for (double theta : new double[] {1e-300, 0.5, 0, -10_000, 1e300, Double.POSITIVE_INFINITY, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> Rope.plain(theta), "theta " + theta);
        }
        double[][] stretches = {{1e300, 1, 4, 8192}, {8, 1, Double.POSITIVE_INFINITY, 8192}, {8, 1, 4, 1e300}};
        for (double[] s : stretches) {
            assertThrows(
                    IllegalArgumentException.class, () -> new Rope(10_000, s[0], s[1], s[2], s[3]), Arrays.toString(s));
        }
    }

    @Test
    void aTableOfSomePositionsHasTheirValuesInTheTableOfAll() {
        Rope rope = new Rope(500_000, 8, 1, 4, 8192);
        RopeTable all = RopeTable.of(100, 16, rope);
        RopeTable some = RopeTable.of(37, 5, 16, rope);
        assertEquals(37, some.first());
        assertArrayEquals(Arrays.copyOfRange(all.cos(), 37 * 8, 42 * 8), some.cos());
        assertArrayEquals(Arrays.copyOfRange(all.sin(), 37 * 8, 42 * 8), some.sin());
    }

    @Test
    void itsTextReadsBack() {
        for (Rope rope : new Rope[] {Rope.plain(10_000), new Rope(500_000, 8, 1, 4, 8192)}) {
            String[] fields = rope.toFields().split(" ");
            assertEquals(
                    rope, Rope.fromFields(fields[0].split("=")[1], fields[1].split("=")[1]));
        }
        assertThrows(IllegalArgumentException.class, () -> new Rope(10_000, 8, 4, 1, 8192));
    }
}
