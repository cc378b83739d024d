package io.plumbline.ledger.vectors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Bytes that are wrong in one place. Places are found by what stands there, so that a new field moves nothing. */
final class Damage {
    private Damage() {}

    /** Puts {@code other} where {@code one} stands, which is in exactly one place. */
    static byte[] replace(byte[] bytes, byte[] one, byte[] other) {
        int at = find(bytes, one, 0);
        if (at < 0 || find(bytes, one, at + 1) >= 0) {
            throw new IllegalArgumentException("not in exactly one place: " + Arrays.toString(one));
        }
        ByteBuffer out = ByteBuffer.allocate(bytes.length - one.length + other.length);
        return out.put(bytes, 0, at)
                .put(other)
                .put(bytes, at + one.length, bytes.length - at - one.length)
                .array();
    }

    static byte[] replace(byte[] bytes, int one, int other) {
        return replace(bytes, bytesOf(one), bytesOf(other));
    }

    static byte[] replace(byte[] bytes, float one, float other) {
        return replace(bytes, Float.floatToRawIntBits(one), Float.floatToRawIntBits(other));
    }

    /** Puts a number into given places. */
    static byte[] putInt(byte[] bytes, int at, int value) {
        byte[] changed = bytes.clone();
        System.arraycopy(bytesOf(value), 0, changed, at, Integer.BYTES);
        return changed;
    }

    static byte[] flip(byte[] bytes, int at) {
        byte[] changed = bytes.clone();
        changed[at] ^= 1;
        return changed;
    }

    /** As long as asked: cut off, or with zeros after its end. */
    static byte[] resize(byte[] bytes, int length) {
        return Arrays.copyOf(bytes, length);
    }

    static int find(byte[] bytes, byte[] part, int from) {
        for (int at = from; at + part.length <= bytes.length; at++) {
            if (Arrays.equals(bytes, at, at + part.length, part, 0, part.length)) {
                return at;
            }
        }
        return -1;
    }

    static byte[] bytesOf(int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }
}
