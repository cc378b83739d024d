package io.plumbline.verifier.encoding;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PackedWordsTest {
    private final Random random = new Random(1);

    /** Words of so many bits with their sign, the widest among them. */
    private byte[] words(int bits, int bytes) {
        ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.remaining() >= 4) {
            int word = bits == 0 ? 0 : random.nextInt() >> 32 - bits;
            buffer.putInt(buffer.position() == 4 && bits > 0 ? Integer.MIN_VALUE >> 32 - bits : word);
        }
        return buffer.array();
    }

    private static byte[] packed(byte[] bytes) {
        byte[] out = new byte[PackedWords.mostBytes(bytes.length) + 3];
        return Arrays.copyOfRange(out, 3, 3 + PackedWords.pack(bytes, 0, bytes.length, out, 3));
    }

    private static byte[] unpacked(byte[] packed, int length) throws MalformedException {
        byte[] out = new byte[length + 5];
        PackedWords.unpack(packed, 0, packed.length, out, 5, length);
        return Arrays.copyOfRange(out, 5, 5 + length);
    }

    @Test
    void wordsOfEachWidthAreTheSameAgainInThatManyBits() throws MalformedException {
        for (int bits = 0; bits <= 32; bits++) {
            byte[] bytes = words(bits, 3 * PackedWords.BLOCK_BYTES);
            byte[] packed = packed(bytes);
            assertTrue(packed.length == 3 * (1 + 64 * bits), packed.length + " bytes at " + bits);
            assertEquals(bits, packed[0]);
            assertArrayEquals(bytes, unpacked(packed, bytes.length), bits + " bits");
        }
    }

    @Test
    void anyBytesOfAnyLengthAreTheSameAgain() throws MalformedException {
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[random.nextInt(4 * PackedWords.BLOCK_BYTES)];
            random.nextBytes(bytes);
            Arrays.fill(bytes, 0, random.nextInt(bytes.length + 1), (byte) random.nextInt(2));
            assertArrayEquals(bytes, unpacked(packed(bytes), bytes.length));
        }
    }

    /** Every form that this host runs, on packed bytes and on what is none. */
    @Test
    void formsInCAgreeWithTheSpecification() {
        for (NativePackedWords form : NativePackedWords.FORMS) {
            for (int i = 0; i < 300; i++) {
                byte[] bytes = words(i % 33, PackedWords.BLOCK_BYTES * (i % 4) + random.nextInt(100));
                byte[] expected = new byte[PackedWords.mostBytes(bytes.length) + 1];
                byte[] found = new byte[expected.length];
                int length = PackedWords.packInJava(bytes, 0, bytes.length, expected, 1);
                assertEquals(length, form.pack(bytes, 0, bytes.length, found, 1), form.name());
                assertArrayEquals(expected, found, form.name());
                if (i % 3 == 0 && length > 0) {
                    found[random.nextBoolean() ? 1 : 1 + random.nextInt(length)] = (byte) random.nextInt();
                }
                byte[] first = new byte[bytes.length + 1];
                byte[] second = new byte[bytes.length + 1];
                boolean isWhole = PackedWords.unpackInJava(found, 1, length, first, 1, bytes.length);
                assertEquals(isWhole, form.unpack(found, 1, length, second, 1, bytes.length), form.name());
                if (isWhole) {
                    assertArrayEquals(first, second, form.name());
                }
            }
        }
    }

    @Test
    void whatIsNotPackedBytesIsRefused() {
        byte[] packed = packed(words(20, 2 * PackedWords.BLOCK_BYTES + 7));
        int length = 2 * PackedWords.BLOCK_BYTES + 7;
        for (int cut : new int[] {0, 1, 64, 1281, 1282, packed.length - 1}) {
            assertThrows(MalformedException.class, () -> unpacked(Arrays.copyOf(packed, cut), length), "cut to " + cut);
        }
        assertThrows(MalformedException.class, () -> unpacked(Arrays.copyOf(packed, packed.length + 1), length));
        assertThrows(MalformedException.class, () -> unpacked(packed, length - 1));
        byte[] wide = packed.clone();
        wide[0] = 33;
        assertThrows(MalformedException.class, () -> unpacked(wide, length));
        wide[0] = -1;
        assertThrows(MalformedException.class, () -> unpacked(wide, length));
        assertThrows(IndexOutOfBoundsException.class, () -> PackedWords.unpack(packed, 1, packed.length, wide, 0, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> PackedWords.pack(wide, 0, 4096, new byte[4097], 0));
    }
}
