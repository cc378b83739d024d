package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What a model id stands for, in the words of its publisher.
 *
 * @param source where its files can be had; empty where it does not say.
 */
public record Model(byte[] id, byte[] publisher, String name, String source) {
    public byte[] encode() {
        return new CanonicalWriter()
                .putFixed(id)
                .putFixed(publisher)
                .putText(name)
                .putText(source)
                .toBytes();
    }

    public static Model read(CanonicalReader in) {
        return new Model(
                in.getFixed(32, "model id"), in.getFixed(32, "publisher"), in.getText("name"), in.getText("source"));
    }
}
