package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What full nodes sign: the state after so many commands, and all blocks before.
 *
 * @param number from 0.
 * @param stateRoot of the state tree after this block.
 * @param range root of the mountain range of all earlier headers' hashes; there are {@code number} of them.
 * @param height commands ordered so far.
 * @param timeMs cluster time at which it was closed.
 */
public record BlockHeader(long number, byte[] stateRoot, byte[] range, long height, long timeMs) {
    private static final Domain CONTEXT = new Domain("plumbline 2026-11 block header");

    public byte[] encode() {
        return new CanonicalWriter()
                .putLong(number)
                .putFixed(stateRoot)
                .putFixed(range)
                .putLong(height)
                .putLong(timeMs)
                .toBytes();
    }

    public static BlockHeader read(CanonicalReader in) {
        return new BlockHeader(
                in.getLong("block number"),
                in.getFixed(Blake3.HASH_BYTES, "state root"),
                in.getFixed(Blake3.HASH_BYTES, "range"),
                in.getLong("height"),
                in.getLong("time"));
    }

    /** 32 bytes that stand for this block and all before it. */
    public byte[] hash() {
        return CONTEXT.hash(encode());
    }
}
