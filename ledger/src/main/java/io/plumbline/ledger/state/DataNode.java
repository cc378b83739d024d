package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/** A data node as announced. */
public record DataNode(Bytes32 key, String host, int port) {
    public byte[] encode() {
        return new CanonicalWriter().putBytes32(key).putText(host).putInt(port).toBytes();
    }

    public static DataNode read(CanonicalReader in) {
        return new DataNode(in.getBytes32("data node"), in.getText("host"), in.getInt("port"));
    }
}
