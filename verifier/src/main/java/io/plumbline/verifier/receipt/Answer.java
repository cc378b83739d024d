package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What was answered.
 *
 * @param tokens chosen, the stop token included.
 * @param text they stand for, a stop text that ended it included.
 * @param cancelled whether the requester ended it before the stop rule did.
 */
public record Answer(int[] tokens, String text, boolean cancelled) {
    /** An answer that ended by the stop rule. */
    public Answer(int[] tokens, String text) {
        this(tokens, text, false);
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putInts(tokens)
                .putText(text)
                .putInt(cancelled ? 1 : 0)
                .toBytes();
    }

    public static Answer decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "answer");
        int[] tokens = in.getInts("tokens");
        String text = in.getText("text");
        int cancelled = in.getInt("cancelled");
        in.end();
        if (cancelled != 0 && cancelled != 1) {
            throw new CanonicalReader.MalformedException("Malformed answer: cancelled is neither 0 nor 1.");
        }
        return new Answer(tokens, text, cancelled == 1);
    }

    /** 32 bytes that stand for this answer. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
