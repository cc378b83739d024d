package io.plumbline.inference.language.gguf;

import io.plumbline.inference.language.checkpoint.Mxfp4Weights;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Unpacks the blocks of packed types, as ggml's own reference has it (ggml-quants.c): whole numbers times a scale of
 * the block, in some types less a least value. Blocks of 256 ("K") are cut into parts with small scales of their own.
 */
final class GgufBlocks {
    /** Elements of a part of the K types whose scales are six bits; of {@link GgufType#Q6_K} it is half. */
    private static final int PART = 32;

    private static final int SCALE_BYTES = 12;

    private GgufBlocks() {}

    /** Whether elements of a type stand in blocks. */
    static boolean isPacked(GgufType type) {
        return type.blockElements() > 1;
    }

    /**
     * Unpacks a row.
     *
     * @param bytes of its blocks.
     */
    static void unpack(GgufType type, byte[] bytes, float[] out) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int k = 0; k < out.length; k += type.blockElements()) {
            int end = in.position() + type.blockBytes();
            switch (type) {
                case Q4_0 -> nibbles(in, half(in), -8, 0, 0, out, k);
                case Q4_1 -> nibbles(in, half(in), 0, half(in), 0, out, k);
                case Q5_0 -> nibbles(in, half(in), -16, 0, in.getInt(), out, k);
                case Q5_1 -> nibbles(in, half(in), 0, half(in), in.getInt(), out, k);
                case Q8_0 -> bytes(in, half(in), type.blockElements(), out, k);
                case MXFP4 -> mxfp4(in, out, k);
                case Q4_K -> parts(in, false, out, k);
                case Q5_K -> parts(in, true, out, k);
                case Q6_K -> sixBits(in, out, k);
                default -> throw new IllegalArgumentException(type + " has no blocks.");
            }
            in.position(end);
        }
    }

    private static float half(ByteBuffer in) {
        return Float.float16ToFloat(in.getShort());
    }

    /** @param fifth bits of the elements above their four. */
    private static void nibbles(ByteBuffer in, float scale, int zero, float least, int fifth, float[] out, int k) {
        int half = PART / 2;
        for (int i = 0; i < half; i++) {
            int both = in.get();
            int low = both & 15 | (fifth >> i & 1) << 4;
            int high = both >> 4 & 15 | (fifth >> i + half & 1) << 4;
            out[k + i] = scale * (low + zero) + least;
            out[k + half + i] = scale * (high + zero) + least;
        }
    }

    private static void bytes(ByteBuffer in, float scale, int n, float[] out, int k) {
        for (int i = 0; i < n; i++) {
            out[k + i] = in.get() * scale;
        }
    }

    private static void mxfp4(ByteBuffer in, float[] out, int k) {
        float scale = Mxfp4Weights.scale(in.get());
        int half = PART / 2;
        for (int i = 0; i < half; i++) {
            byte both = in.get();
            out[k + i] = Mxfp4Weights.low(both) * scale;
            out[k + half + i] = Mxfp4Weights.high(both) * scale;
        }
    }

    /** Q4_K, and with a fifth bit Q5_K: eight parts, each with a scale and a least value of six bits. */
    private static void parts(ByteBuffer in, boolean hasFifth, float[] out, int k) {
        float scale = half(in);
        float leastScale = half(in);
        byte[] packed = new byte[SCALE_BYTES];
        in.get(packed);
        byte[] fifth = new byte[PART];
        if (hasFifth) {
            in.get(fifth);
        }
        for (int pair = 0; pair < 4; pair++) {
            float low = scale * sixBitScale(packed, 2 * pair);
            float lowLeast = leastScale * sixBitLeast(packed, 2 * pair);
            float high = scale * sixBitScale(packed, 2 * pair + 1);
            float highLeast = leastScale * sixBitLeast(packed, 2 * pair + 1);
            for (int i = 0; i < PART; i++) {
                int both = in.get();
                int one = both & 15 | (fifth[i] >> 2 * pair & 1) << 4;
                int other = both >> 4 & 15 | (fifth[i] >> 2 * pair + 1 & 1) << 4;
                out[k + 2 * pair * PART + i] = low * one - lowLeast;
                out[k + (2 * pair + 1) * PART + i] = high * other - highLeast;
            }
        }
    }

    /** Of the first four parts in the low bits of a byte each; of the others in pieces. */
    private static int sixBitScale(byte[] packed, int part) {
        return part < 4 ? packed[part] & 63 : packed[part + 4] & 15 | (packed[part - 4] & 0xC0) >> 2;
    }

    private static int sixBitLeast(byte[] packed, int part) {
        return part < 4 ? packed[part + 4] & 63 : packed[part + 4] >> 4 & 15 | (packed[part] & 0xC0) >> 2;
    }

    /** Q6_K: four low bits, then two high ones, then sixteen int8 scales, then the block's. */
    private static void sixBits(ByteBuffer in, float[] out, int k) {
        byte[] low = new byte[128];
        byte[] high = new byte[64];
        byte[] scales = new byte[16];
        in.get(low).get(high).get(scales);
        float scale = half(in);
        for (int i = 0; i < 256; i++) {
            int half = i / 128;
            int quarter = i % 128 / PART;
            int at = i % PART;
            int nibble = low[half * 64 + quarter % 2 * PART + at] >> quarter / 2 * 4 & 15;
            int bits = high[half * PART + at] >> 2 * quarter & 3;
            out[k + i] = scale * scales[i / 16] * ((nibble | bits << 4) - 32);
        }
    }
}
