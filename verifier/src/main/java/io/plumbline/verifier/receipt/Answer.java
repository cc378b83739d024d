package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What was answered.
 *
 * @param tokens chosen, the stop token included.
 * @param text they stand for by the model's tokenizer, a stop text that ended it included.
 * @param cancellation the requester's, where the answer ended before the stop rule did; else null.
 */
public record Answer(int[] tokens, String text, Cancellation cancellation) {
    /** An answer that ended by the stop rule. */
    public Answer(int[] tokens, String text) {
        this(tokens, text, null);
    }

    /** Whether the answer claims to have been ended by its requester. */
    public boolean isCancelled() {
        return cancellation != null;
    }

    public byte[] encode() {
        CanonicalWriter out =
                new CanonicalWriter().putInts(tokens).putText(text).putInt(isCancelled() ? 1 : 0);
        if (isCancelled()) {
            out.putInt(cancellation.delivered()).putFixed(cancellation.signature());
        }
        return out.toBytes();
    }

    public static Answer decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "answer");
        int[] tokens = in.getInts("tokens");
        String text = in.getText("text");
        int cancelled = in.getInt("cancelled");
        if (cancelled != 0 && cancelled != 1) {
            throw new MalformedException("Malformed answer: cancelled is neither 0 nor 1.");
        }
        Cancellation cancellation = null;
        if (cancelled == 1) {
            int delivered = in.getInt("delivered");
            byte[] signature = in.getFixed(KeyPair.SIGNATURE_BYTES, "cancellation");
            if (delivered < 0) {
                throw new MalformedException("Malformed answer: " + delivered + " tokens were delivered.");
            }
            cancellation = new Cancellation(delivered, signature);
        }
        in.end();
        return new Answer(tokens, text, cancellation);
    }

    /** 32 bytes that stand for this answer. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
