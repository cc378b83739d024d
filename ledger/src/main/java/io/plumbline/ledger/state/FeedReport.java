package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * The last that a data node has said on a feed.
 *
 * @param sequence counts up.
 * @param value at most {@link #MAX_VALUE_BYTES}; a hash where it is more.
 * @param timeMs cluster time at which it was ordered.
 */
public record FeedReport(Bytes32 node, String feed, long sequence, byte[] value, long timeMs) {
    public static final int MAX_VALUE_BYTES = 1024;

    /** The id of the entry: of a feed and who reports on it. */
    public static Bytes32 id(Bytes32 node, String feed) {
        return Bytes32.of(
                Blake3.hash(new CanonicalWriter().putBytes32(node).putText(feed).toBytes()));
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(node)
                .putText(feed)
                .putLong(sequence)
                .putBytes(value)
                .putLong(timeMs)
                .toBytes();
    }

    public static FeedReport read(CanonicalReader in) {
        return new FeedReport(
                in.getBytes32("data node"),
                in.getText("feed"),
                in.getLong("sequence"),
                in.getBytes("value"),
                in.getLong("time"));
    }
}
