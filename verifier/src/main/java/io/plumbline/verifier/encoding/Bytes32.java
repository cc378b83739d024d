package io.plumbline.verifier.encoding;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.HexFormat;

/** A public key, or the hash that names something, as a value; ordered alike on every member. */
public record Bytes32(long a, long b, long c, long d) implements Comparable<Bytes32> {
    /** Length. */
    public static final int BYTES = 32;

    private static final long[] KEYS = new SecureRandom().longs(4).toArray();

    /** Zeros: no hash and no key anybody has. */
    public static final Bytes32 ZERO = new Bytes32(0, 0, 0, 0);

    /** @throws IllegalArgumentException where there are not 32 bytes. */
    public static Bytes32 of(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("A key or hash has " + BYTES + " bytes, not " + bytes.length + ".");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes);
        return new Bytes32(in.getLong(), in.getLong(), in.getLong(), in.getLong());
    }

    /**
     * Differs from process to process: strangers choose what keys and hashes are, and would choose many that stand in
     * one place of every hash table.
     */
    @Override
    public int hashCode() {
        long one = folded(a ^ KEYS[0], b ^ KEYS[1]);
        return Long.hashCode(one ^ folded(c ^ KEYS[2], d ^ KEYS[3]));
    }

    /** Both halves of a product, so that no bit of either factor is lost. */
    private static long folded(long x, long y) {
        return x * y ^ Math.unsignedMultiplyHigh(x, y);
    }

    /** 32 bytes, the caller's own. */
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
    public int compareTo(Bytes32 other) {
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
