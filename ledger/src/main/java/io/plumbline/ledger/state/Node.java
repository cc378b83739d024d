package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/** An inference node as announced. */
public record Node(byte[] key, byte[] modelId, long pricePerToken, String host, int port, boolean slashed) {
    Node caught() {
        return new Node(key, modelId, pricePerToken, host, port, true);
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        return new CanonicalWriter()
                .putFixed(key)
                .putFixed(modelId)
                .putLong(pricePerToken)
                .putText(host)
                .putInt(port)
                .putInt(slashed ? 1 : 0)
                .toBytes();
    }

    public static Node read(CanonicalReader in) {
        return new Node(
                in.getFixed(32, "node"),
                in.getFixed(32, "model id"),
                in.getLong("price"),
                in.getText("host"),
                in.getInt("port"),
                in.getInt("slashed") != 0);
    }
}
