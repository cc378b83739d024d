package io.plumbline.verifier.ledger;

import io.plumbline.verifier.blake3.Blake3;

/** The hashes that the ledger's trees are made of, each in a domain of its own, so that none can pass for another. */
public final class LedgerHashes {
    /** The root of a tree without entries. */
    public static final byte[] EMPTY = new byte[Blake3.HASH_BYTES];

    private static final String KEY = "plumbline 2026-11 ledger key";
    private static final String LEAF = "plumbline 2026-11 ledger leaf";
    private static final String INNER = "plumbline 2026-11 ledger inner node";
    private static final String MOUNTAIN = "plumbline 2026-11 ledger mountain";
    private static final String RANGE = "plumbline 2026-11 ledger mountain range";

    private LedgerHashes() {}

    /** Where an entry stands in the state tree: 32 bytes. */
    public static byte[] key(Kind kind, byte[] id) {
        return Blake3.deriveKey(KEY)
                .update(new byte[] {(byte) kind.ordinal()})
                .update(id)
                .digest();
    }

    /** What an entry of the state is about. The order is part of the format. */
    public enum Kind {
        ACCOUNT,
        NODE,
        CASE,
        COMMAND,
        META
    }

    /** @param valueHash BLAKE3 of the entry. */
    public static byte[] leaf(byte[] key, byte[] valueHash) {
        return Blake3.deriveKey(LEAF).update(key).update(valueHash).digest();
    }

    public static byte[] inner(byte[] left, byte[] right) {
        return Blake3.deriveKey(INNER).update(left).update(right).digest();
    }

    /** Two mountains of a size become one of twice that. */
    public static byte[] mountain(byte[] left, byte[] right) {
        return Blake3.deriveKey(MOUNTAIN).update(left).update(right).digest();
    }

    /** The root of a range: its length and its peaks, highest first. */
    public static byte[] range(long length, Iterable<byte[]> peaks) {
        byte[] count = new byte[8];
        for (int i = 0; i < 8; i++) {
            count[i] = (byte) (length >>> 8 * i);
        }
        Blake3 hash = Blake3.deriveKey(RANGE).update(count);
        peaks.forEach(hash::update);
        return hash.digest();
    }
}
