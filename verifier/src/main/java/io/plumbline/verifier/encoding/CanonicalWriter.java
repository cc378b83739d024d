package io.plumbline.verifier.encoding;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes the one byte form that is hashed and signed: little-endian numbers, byte strings with a 32-bit length. */
public final class CanonicalWriter {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int LARGE_BYTES = 64 << 20;

    private static final int USUAL_BYTES = 128;

    private byte[] bytes;
    private int length;

    public CanonicalWriter() {
        this(USUAL_BYTES);
    }

    /** @param room bytes that are there at once: those of the whole, where they are known. */
    public CanonicalWriter(int room) {
        bytes = new byte[room];
    }

    /** Makes room for more and takes it; where it begins. */
    private int take(int more) {
        int at = length;
        length = Math.addExact(length, more);
        if (length > bytes.length) {
            // What is large already grows by less: both are there while it is copied.
            long grown = bytes.length + Math.max(bytes.length >> 2, Math.min(bytes.length, LARGE_BYTES));
            bytes = Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(length, grown)));
        }
        return at;
    }

    public CanonicalWriter putInt(int value) {
        int at = take(Integer.BYTES);
        INT.set(bytes, at, value);
        return this;
    }

    public CanonicalWriter putLong(long value) {
        int at = take(Long.BYTES);
        LONG.set(bytes, at, value);
        return this;
    }

    /** Bytes of a length that the reader knows. */
    public CanonicalWriter putFixed(byte[] fixed) {
        int at = take(fixed.length);
        System.arraycopy(fixed, 0, bytes, at, fixed.length);
        return this;
    }

    /** A key or hash: 32 bytes, without their length. */
    public CanonicalWriter putBytes32(Bytes32 value) {
        return putFixed(value.bytes());
    }

    /** Bytes with their length before them. */
    public CanonicalWriter putBytes(byte[] variable) {
        return putInt(variable.length).putFixed(variable);
    }

    public CanonicalWriter putText(String text) {
        return putBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    public CanonicalWriter putInts(int[] values) {
        putInt(values.length);
        int at = take(Math.multiplyExact(Integer.BYTES, values.length));
        for (int i = 0; i < values.length; i++) {
            INT.set(bytes, at + Integer.BYTES * i, values[i]);
        }
        return this;
    }

    /** All that was written, not copied where the room was for exactly that: what is written next goes elsewhere. */
    public byte[] toBytes() {
        return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
    }
}
