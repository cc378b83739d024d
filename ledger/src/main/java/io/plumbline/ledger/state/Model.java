package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What a model id stands for, in the words of one publisher. Several may say something of one model: nobody owns an
 * id, and a client believes the publisher that it trusts.
 *
 * @param source where its files can be had; empty where it does not say.
 */
public record Model(Bytes32 id, Bytes32 publisher, String name, String source) {
    /** Under which it stands. */
    static Bytes32 key(Bytes32 id, Bytes32 publisher) {
        return Bytes32.of(
                Blake3.plain().update(id.bytes()).update(publisher.bytes()).digest());
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(id)
                .putBytes32(publisher)
                .putText(name)
                .putText(source)
                .toBytes();
    }

    public static Model read(CanonicalReader in) {
        return new Model(
                in.getBytes32("model id"), in.getBytes32("publisher"), in.getText("name"), in.getText("source"));
    }
}
