package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * Which key is to replace a node's key, or has.
 *
 * @param key that names it, 32 bytes.
 * @param named may replace it; zeros for none.
 * @param pending takes the place of {@code named} at {@code pendingMs}; zeros for none.
 * @param pendingMs ledger's time; 0 where none is pending.
 * @param isReplaced whether {@code named} has replaced it.
 * @param retired the inference node as it was announced then, by which auditors reach it for what is open; null for
 *     none.
 */
public record Succession(
        Bytes32 key, Bytes32 named, Bytes32 pending, long pendingMs, boolean isReplaced, Node retired) {
    /** Of a key that has named none. */
    static Succession none(Bytes32 key) {
        return new Succession(key, Bytes32.ZERO, Bytes32.ZERO, 0, false, null);
    }

    /** The key that may replace it now; zeros for none. */
    public Bytes32 inForce(long nowMs) {
        return !pending.equals(Bytes32.ZERO) && pendingMs <= nowMs ? pending : named;
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(key)
                .putBytes32(named)
                .putBytes32(pending)
                .putLong(pendingMs)
                .putInt(isReplaced ? 1 : 0)
                .putBytes(retired == null ? new byte[0] : retired.encode())
                .toBytes();
    }

    public static Succession read(CanonicalReader in) {
        Bytes32 key = in.getBytes32("key");
        Bytes32 named = in.getBytes32("successor");
        Bytes32 pending = in.getBytes32("pending successor");
        long pendingMs = in.getLong("time of the pending successor");
        boolean isReplaced = in.getInt("replaced") != 0;
        byte[] node = in.getBytes("retired node");
        return new Succession(
                key,
                named,
                pending,
                pendingMs,
                isReplaced,
                node.length == 0 ? null : Node.read(new CanonicalReader(node, "retired node")));
    }
}
