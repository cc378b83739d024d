package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * A data node that signed two different reports for one round of a feed. Its stake was burned, and it reports no more.
 *
 * @param node its public key, 32 bytes.
 * @param feed id of the feed, 32 bytes.
 * @param first hash of the report that came first, 32 bytes, and {@code second} that of the other.
 * @param lost stake that was burned, what was on its way out too.
 * @param timeMs cluster time of the second report.
 */
public record Equivocation(
        Bytes32 node, Bytes32 feed, long round, byte[] first, byte[] second, long lost, long timeMs) {
    /** The entry of the state tree; its id is the node's key. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(node)
                .putBytes32(feed)
                .putLong(round)
                .putFixed(first)
                .putFixed(second)
                .putLong(lost)
                .putLong(timeMs)
                .toBytes();
    }

    public static Equivocation read(CanonicalReader in) {
        return new Equivocation(
                in.getBytes32("data node"),
                in.getBytes32("feed"),
                in.getLong("round"),
                in.getFixed(32, "first report"),
                in.getFixed(32, "second report"),
                in.getLong("stake lost"),
                in.getLong("time"));
    }
}
