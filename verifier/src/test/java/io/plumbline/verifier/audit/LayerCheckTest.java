package io.plumbline.verifier.audit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class LayerCheckTest {
    private static int mismatch(float a, float b) {
        return LayerCheck.bitMismatch(new float[] {1f, a}, 0, new float[] {1f, b}, 0, 2);
    }

    /** 0 * infinity has its sign bit set on x86 and clear on ARM: an honest node must not be refuted by that. */
    @Test
    void residualsAreComparedToTheBitButForWhichNanItIs() {
        assertEquals(1, mismatch(0f, -0f));
        assertEquals(1, mismatch(2f, Math.nextUp(2f)));
        assertEquals(1, mismatch(Float.NaN, Float.POSITIVE_INFINITY));
        assertEquals(-1, mismatch(Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY));
        assertEquals(-1, mismatch(Float.intBitsToFloat(0xFFC00000), Float.intBitsToFloat(0x7FC00001)));
    }
}
