package io.plumbline.inference.language.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Floats as a file stores them, little-endian; the reverse of widening. */
public final class FloatBytes {
    private FloatBytes() {}

    /**
     * All of {@code values}, each rounded to nearest, halves to even, where the type is narrower.
     *
     * @param dtype BF16, F16 or F32.
     */
    public static byte[] of(float[] values, String dtype) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * width(dtype)).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            switch (dtype) {
                case "BF16" -> buffer.putShort((short) bf16(v));
                case "F16" -> buffer.putShort(Float.floatToFloat16(v));
                default -> buffer.putFloat(v);
            }
        }
        return buffer.array();
    }

    /** Bytes of one element. */
    public static int width(String dtype) {
        return switch (dtype) {
            case "BF16", "F16" -> 2;
            case "F32" -> 4;
            default -> throw new IllegalArgumentException("Tensor type " + dtype + " does not hold floats.");
        };
    }

    /** The upper half of the nearest number that has no lower one. */
    public static int bf16(float v) {
        int bits = Float.floatToRawIntBits(v);
        return bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }
}
