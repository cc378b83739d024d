package io.plumbline.verifier.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

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
    void itsTextReadsBack() {
        for (Rope rope : new Rope[] {Rope.plain(10_000), new Rope(500_000, 8, 1, 4, 8192)}) {
            String[] fields = rope.toFields().split(" ");
            assertEquals(
                    rope, Rope.fromFields(fields[0].split("=")[1], fields[1].split("=")[1]));
        }
        assertThrows(IllegalArgumentException.class, () -> new Rope(10_000, 8, 4, 1, 8192));
    }
}
