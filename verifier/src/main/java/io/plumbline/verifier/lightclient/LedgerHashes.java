package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;

/** The hashes that the ledger's trees are made of, each in a domain of its own, so that none can pass for another. */
public final class LedgerHashes {
    /** The root of a tree without entries. */
    public static final byte[] EMPTY = new byte[Blake3.HASH_BYTES];

    private static final Domain KEY = new Domain("plumbline 2026-11 ledger key");
    private static final Domain LEAF = new Domain("plumbline 2026-11 ledger leaf");
    private static final Domain INNER = new Domain("plumbline 2026-11 ledger inner node");
    private static final Domain MOUNTAIN = new Domain("plumbline 2026-11 ledger mountain");
    private static final Domain RANGE = new Domain("plumbline 2026-11 ledger mountain range");

    private static final Domain FEED = new Domain("plumbline 2026-11 feed");
    private static final Domain FEED_VALUE = new Domain("plumbline 2026-11 feed value");

    private LedgerHashes() {}

    /**
     * Where an entry stands in the state tree: 32 bytes.
     *
     * @param id null for the state's own entry, {@link Kind#META}.
     */
    public static byte[] key(Kind kind, Bytes32 id) {
        return KEY.hash(new byte[] {(byte) kind.ordinal()}, id == null ? new byte[0] : id.bytes());
    }

    /** As {@link #key} of each: {@code places} has 33 bytes for each, the kind's ordinal and the id. */
    public static byte[] keys(byte[] places, int count) {
        return KEY.hashEach(places, count, 1 + Bytes32.BYTES);
    }

    /** What an entry of the state is about. The order is part of the format. */
    public enum Kind {
        /** Money of a key. */
        ACCOUNT,
        /** An inference node. */
        NODE,
        /** A request's escrow and judgement; its id is the request hash. */
        SETTLEMENT,
        /** Money that came in from outside; its id is the reference there. */
        DEPOSIT,
        /** Money to be paid out outside; its id is that of the command that asked. */
        WITHDRAWAL,
        /** Who fetches facts and keeps files. */
        DATA_NODE,
        /** A model, by its id. */
        MODEL,
        /** The last report of a data node on a feed. */
        FEED,
        /** A full node that was caught. */
        FULL_NODE,
        /** All else, under one key. */
        META,
        /** A payment from one account to another that names what it is for, for a while; its id is its number. */
        PAYMENT,
        /** A feed, with its latest value; its id is {@link LedgerHashes#feedId}. */
        DECLARED_FEED,
        /** The outcome of a feed's round; its id is {@link LedgerHashes#feedValueId}. */
        FEED_VALUE,
        /** A data node that was caught, by its key. */
        EQUIVOCATION,
        /** A blob that is kept for pay, by the number of its deal. */
        STORAGE_DEAL,
        /** Which key is to replace another, or has, by the latter. */
        SUCCESSION
    }

    /** By which a feed is known: 32 bytes of its encoded declaration. */
    public static Bytes32 feedId(byte[] declaration) {
        return Bytes32.of(FEED.hash(declaration));
    }

    /** Under which the value of a feed's round stands: 32 bytes. */
    public static Bytes32 feedValueId(Bytes32 feed, long round) {
        return Bytes32.of(FEED_VALUE.hash(feed.bytes(), littleEndian(round)));
    }

    /** @param valueHash BLAKE3 of the entry. */
    public static byte[] leaf(byte[] key, byte[] valueHash) {
        return LEAF.hash(key, valueHash);
    }

    public static byte[] inner(byte[] left, byte[] right) {
        return INNER.hash(left, right);
    }

    /** As {@link #leaf} of each: {@code pairs} has 64 bytes for each, key and value hash. */
    public static byte[] leaves(byte[] pairs, int count) {
        return LEAF.hashEach(pairs, count, 2 * Blake3.HASH_BYTES);
    }

    /** As {@link #inner} of each: {@code pairs} has 64 bytes for each, left and right. */
    public static byte[] inners(byte[] pairs, int count) {
        return INNER.hashEach(pairs, count, 2 * Blake3.HASH_BYTES);
    }

    /** Two mountains of a size become one of twice that. */
    public static byte[] mountain(byte[] left, byte[] right) {
        return MOUNTAIN.hash(left, right);
    }

    /** The root of a range: its length and its peaks, highest first. */
    public static byte[] range(long length, Iterable<byte[]> peaks) {
        Blake3 hash = RANGE.hasher().update(littleEndian(length));
        peaks.forEach(hash::update);
        return hash.digest();
    }

    private static byte[] littleEndian(long number) {
        byte[] bytes = new byte[Long.BYTES];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (number >>> 8 * i);
        }
        return bytes;
    }
}
