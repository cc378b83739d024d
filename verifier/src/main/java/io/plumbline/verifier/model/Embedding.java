package io.plumbline.verifier.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Widens one embedding row to float; bf16, f16 and f32 all widen exactly. */
public final class Embedding {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Embedding() {}

    /**
     * {@code n} floats of a row that starts at {@code offset}.
     *
     * @param dtype BF16, F16 or F32.
     */
    public static void widen(MemorySegment tensor, long offset, String dtype, int n, float[] out, int outOffset) {
        if (dtype.equals("F32")) {
            MemorySegment.copy(tensor, FLOAT, offset, out, outOffset, n);
            return;
        }
        short[] halves = new short[n];
        MemorySegment.copy(tensor, SHORT, offset, halves, 0, n);
        switch (dtype) {
            case "BF16" -> {
                for (int i = 0; i < n; i++) {
                    out[outOffset + i] = Float.intBitsToFloat(halves[i] << 16);
                }
            }
            case "F16" -> {
                for (int i = 0; i < n; i++) {
                    out[outOffset + i] = Float.float16ToFloat(halves[i]);
                }
            }
            default -> throw new IllegalArgumentException("Tensor type " + dtype + " does not hold floats.");
        }
    }
}
