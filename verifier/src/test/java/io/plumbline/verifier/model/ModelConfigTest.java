package io.plumbline.verifier.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.numerics.Rope;
import org.junit.jupiter.api.Test;

class ModelConfigTest {
    private static ModelConfig shape(int heads, int headDim) {
        return new ModelConfig(64, 1, heads, heads, headDim, 64, 64, 64, 1e-6f, Rope.plain(10_000), false, false);
    }

    @Test
    void aMatrixTooWideIsRefusedEvenWhereItsWidthOverflows() {
        assertEquals(512, shape(4, 128).queryDim(0));
        for (int heads : new int[] {2048, 1 << 16, 1 << 25, Integer.MAX_VALUE}) {
            String message = assertThrows(IllegalArgumentException.class, () -> shape(heads, 256))
                    .getMessage();
            assertTrue(message.matches(".*(a matrix is wider than|heads or .* are more than).*"), message);
        }
    }
}
