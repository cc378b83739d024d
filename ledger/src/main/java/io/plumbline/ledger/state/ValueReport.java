package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * A data node's word of what it fetched for a round of a feed. Its node alone vouches for it.
 *
 * @param node its public key, 32 bytes.
 * @param value in units of the feed's last decimal.
 * @param sentMs when the node asked the source, by the ledger's time, and {@code receivedMs} when it had the answer.
 * @param bodyHash BLAKE3 of the answer's bytes, 32 bytes.
 * @param certificateHash BLAKE3 of the certificate that the source showed, 32 bytes.
 */
record ValueReport(Bytes32 node, long value, long sentMs, long receivedMs, byte[] bodyHash, byte[] certificateHash) {
    private static final Domain REPORTS = new Domain("plumbline 2026-11 feed reports");

    /** Whether it says the same to the last byte. */
    boolean says(ValueReport other) {
        return Arrays.equals(encode(), other.encode());
    }

    byte[] hash() {
        return hash(List.of(this));
    }

    /** Stands for these reports in this order, 32 bytes. */
    static byte[] hash(Collection<ValueReport> reports) {
        Blake3 hash = REPORTS.hasher();
        reports.forEach(report -> hash.update(report.encode()));
        return hash.digest();
    }

    byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(node)
                .putLong(value)
                .putLong(sentMs)
                .putLong(receivedMs)
                .putFixed(bodyHash)
                .putFixed(certificateHash)
                .toBytes();
    }

    static ValueReport read(CanonicalReader in) {
        return new ValueReport(
                in.getBytes32("data node"),
                in.getLong("value"),
                in.getLong("time of sending"),
                in.getLong("time of receipt"),
                in.getFixed(32, "body's hash"),
                in.getFixed(32, "certificate's hash"));
    }
}
