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

    /** Element {@code index} of a bf16, f16 or f32 tensor that starts at {@code offset}. */
    public static float element(MemorySegment tensor, long offset, String dtype, long index) {
        return switch (dtype) {
            case "BF16" -> Float.intBitsToFloat(tensor.get(SHORT, offset + 2 * index) << 16);
            case "F16" -> Float.float16ToFloat(tensor.get(SHORT, offset + 2 * index));
            case "F32" -> tensor.get(FLOAT, offset + 4 * index);
            default -> throw new IllegalArgumentException("Tensor type " + dtype + " does not hold floats.");
        };
    }

    /** {@code n} floats of a row that starts at {@code offset}. */
    public static void widen(MemorySegment tensor, long offset, String dtype, int n, float[] out, int outOffset) {
        for (int i = 0; i < n; i++) {
            out[outOffset + i] = element(tensor, offset, dtype, i);
        }
    }
}
