package io.plumbline.verifier.encoding;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Writes the one byte form that is hashed and signed: little-endian numbers, byte strings with a 32-bit length. */
public final class CanonicalWriter {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    public CanonicalWriter putInt(int value) {
        for (int shift = 0; shift < 32; shift += 8) {
            out.write(value >>> shift);
        }
        return this;
    }

    public CanonicalWriter putLong(long value) {
        return putInt((int) value).putInt((int) (value >>> 32));
    }

    /** Bytes of a length that the reader knows. */
    public CanonicalWriter putFixed(byte[] bytes) {
        out.writeBytes(bytes);
        return this;
    }

    /** Bytes with their length before them. */
    public CanonicalWriter putBytes(byte[] bytes) {
        return putInt(bytes.length).putFixed(bytes);
    }

    public CanonicalWriter putText(String text) {
        return putBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    public CanonicalWriter putInts(int[] values) {
        putInt(values.length);
        for (int value : values) {
            putInt(value);
        }
        return this;
    }

    public byte[] toBytes() {
        return out.toByteArray();
    }
}
