package io.plumbline.inference.language.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks against the values that were packed into them, bit by bit as the format's tables have the bits. */
class GgufBlocksTest {
    private final Random random = new Random(5);

    private static short half(float value) {
        return Float.floatToFloat16(value);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1"})
    void smallBlocks(GgufType type) {
        boolean hasLeast = type == GgufType.Q4_1 || type == GgufType.Q5_1;
        boolean isFive = type == GgufType.Q5_0 || type == GgufType.Q5_1;
        ByteBuffer bytes = ByteBuffer.allocate(2 * type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        float[] expected = new float[64];
        for (int b = 0; b < 2; b++) {
            int[] q = random.ints(32, 0, isFive ? 32 : 16).toArray();
            bytes.putShort(half(0.5f + b));
            if (hasLeast) {
                bytes.putShort(half(-3));
            }
            if (isFive) {
                int fifth = 0;
                for (int i = 0; i < 32; i++) {
                    fifth |= q[i] >> 4 << i;
                }
                bytes.putInt(fifth);
            }
            for (int i = 0; i < 16; i++) {
                bytes.put((byte) (q[i] & 15 | (q[i + 16] & 15) << 4));
            }
            for (int i = 0; i < 32; i++) {
                expected[32 * b + i] = (0.5f + b) * (hasLeast ? q[i] : q[i] - (isFive ? 16 : 8)) + (hasLeast ? -3 : 0);
            }
        }
        float[] found = new float[64];
        GgufBlocks.unpack(type, bytes.array(), found);
        assertArrayEquals(expected, found);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_K", "Q5_K"})
    void blocksOfEightParts(GgufType type) {
        boolean isFive = type == GgufType.Q5_K;
        int[] scales = random.ints(8, 0, 64).toArray();
        int[] leasts = random.ints(8, 0, 64).toArray();
        int[] q = random.ints(256, 0, isFive ? 32 : 16).toArray();
        byte[] packed = new byte[12];
        for (int i = 0; i < 4; i++) {
            packed[i] = (byte) (scales[i] | scales[i + 4] >> 4 << 6);
            packed[i + 4] = (byte) (leasts[i] | leasts[i + 4] >> 4 << 6);
            packed[i + 8] = (byte) (scales[i + 4] & 15 | (leasts[i + 4] & 15) << 4);
        }
        ByteBuffer bytes = ByteBuffer.allocate(type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort(half(0.25f)).putShort(half(0.125f)).put(packed);
        for (int i = 0; isFive && i < 32; i++) {
            int fifth = 0;
            for (int part = 0; part < 8; part++) {
                fifth |= q[32 * part + i] >> 4 << part;
            }
            bytes.put((byte) fifth);
        }
        for (int pair = 0; pair < 4; pair++) {
            for (int i = 0; i < 32; i++) {
                bytes.put((byte) (q[64 * pair + i] & 15 | (q[64 * pair + 32 + i] & 15) << 4));
            }
        }
        assertEquals(0, bytes.remaining());
        float[] expected = new float[256];
        for (int i = 0; i < 256; i++) {
            expected[i] = 0.25f * scales[i / 32] * q[i] - 0.125f * leasts[i / 32];
        }
        float[] found = new float[256];
        GgufBlocks.unpack(type, bytes.array(), found);
        assertArrayEquals(expected, found);
    }

    @Test
    void blocksOfSixBits() {
        int[] q = random.ints(256, 0, 64).toArray();
        byte[] scales = new byte[16];
        random.nextBytes(scales);
        byte[] low = new byte[128];
        byte[] high = new byte[64];
        for (int i = 0; i < 256; i++) {
            // 128 at a time: the first two quarters in low nibbles, the others in high ones; two bits a quarter above.
            int half = i / 128;
            int inHalf = i % 128;
            low[64 * half + inHalf % 64] |= (byte) ((q[i] & 15) << (inHalf / 64 * 4));
            high[32 * half + inHalf % 32] |= (byte) (q[i] >> 4 << 2 * (inHalf / 32));
        }
        ByteBuffer bytes = ByteBuffer.allocate(GgufType.Q6_K.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(low).put(high).put(scales).putShort(half(0.5f));
        float[] expected = new float[256];
        for (int i = 0; i < 256; i++) {
            expected[i] = 0.5f * scales[i / 16] * (q[i] - 32);
        }
        float[] found = new float[256];
        GgufBlocks.unpack(GgufType.Q6_K, bytes.array(), found);
        assertArrayEquals(expected, found);
    }
}
