package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What was answered.
 *
 * @param tokens chosen, the stop token included.
 * @param text they stand for.
 */
public record Answer(int[] tokens, String text) {
    public byte[] encode() {
        return new CanonicalWriter().putInts(tokens).putText(text).toBytes();
    }

    public static Answer decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "answer");
        Answer answer = new Answer(in.getInts("tokens"), in.getText("text"));
        in.end();
        return answer;
    }

    /** 32 bytes that stand for this answer. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
