package io.plumbline.inference.language.importer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ExactRowTest {
    private static final float[] E2M1 = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

    @Test
    void whatHasAnExactFormComesBackToTheBit() {
        Random random = new Random(5);
        for (int i = 0; i < 2_000; i++) {
            float[] row = new float[64];
            int exponent = random.nextInt(-100, 100);
            for (int k = 0; k < row.length; k++) {
                float value = E2M1[random.nextInt(8)] * (random.nextBoolean() ? 1 : -1);
                row[k] = Math.scalb(value, exponent + (k < 32 ? 0 : random.nextInt(4)));
            }
            row[0] = Math.scalb(0.5f, exponent);
            byte[] q = new byte[row.length];
            float scale = ExactRow.quantize(row, q);
            for (int k = 0; k < row.length; k++) {
                assertEquals(row[k] == 0 ? 0 : row[k], (float) q[k] * scale, "row " + i + ", value " + k);
            }
        }
    }

    @Test
    void whatHasNoneIsLeftToRounding() {
        float[][] rows = {
            {0, 0},
            {1, 1 + 0x1p-10f},
            {6, 6 * 0x1p-4f, 0.5f * 0x1p-4f},
            {Float.NaN, 1},
            {Float.POSITIVE_INFINITY, 1},
            {0x1p-127f, 0x1p-126f},
        };
        for (float[] row : rows) {
            byte[] q = new byte[row.length];
            assertEquals(0, ExactRow.quantize(row, q));
            assertArrayEquals(new byte[row.length], q);
        }
    }
}
