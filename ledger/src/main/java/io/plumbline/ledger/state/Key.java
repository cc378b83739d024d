package io.plumbline.ledger.state;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/** 32 bytes as a value: a public key or a hash that maps are ordered by, alike on every member. */
public record Key(long a, long b, long c, long d) implements Comparable<Key> {
    private static final int BYTES = 32;

    public static Key of(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("A key has " + BYTES + " bytes, not " + bytes.length + ".");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        return new Key(in.getLong(), in.getLong(), in.getLong(), in.getLong());
    }

    public byte[] bytes() {
        return ByteBuffer.allocate(BYTES)
                .putLong(a)
                .putLong(b)
                .putLong(c)
                .putLong(d)
                .array();
    }

    /** As the bytes compare, each from 0 to 255. */
    @Override
    public int compareTo(Key other) {
        int order = Long.compareUnsigned(a, other.a);
        order = order != 0 ? order : Long.compareUnsigned(b, other.b);
        order = order != 0 ? order : Long.compareUnsigned(c, other.c);
        return order != 0 ? order : Long.compareUnsigned(d, other.d);
    }

    /** In hexadecimal. */
    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes());
    }
}
