package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.Arrays;

/**
 * What was asked, whole: its hash in a receipt binds the answer to it. The nonce makes every request's hash new, so that an old
 * receipt cannot be shown for a new request.
 *
 * @param modelId 32 bytes.
 * @param messages the messages as sent, JSON.
 * @param promptTokens what they became by the model's tokenizer and template; at least one.
 * @param sampling rule of every choice.
 * @param maxTokens most output tokens, at least 1.
 * @param stopTokens an answer ends with the first of these, ascending.
 * @param requester public key of who pays.
 * @param nonce 16 bytes, never used twice.
 */
public record Request(
        byte[] modelId,
        String messages,
        int[] promptTokens,
        Sampling sampling,
        int maxTokens,
        int[] stopTokens,
        byte[] requester,
        byte[] nonce) {
    private static final int MAGIC = 0x31515250; // "PRQ1"
    private static final int NONCE_BYTES = 16;

    public Request {
        if (promptTokens.length == 0) {
            throw new IllegalArgumentException("A request has at least one prompt token.");
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("max_tokens must be 1 or more, not " + maxTokens + ".");
        }
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putInt(MAGIC)
                .putFixed(modelId)
                .putText(messages)
                .putInts(promptTokens)
                .putInt(Float.floatToRawIntBits(sampling.temperature()))
                .putInt(sampling.topK())
                .putInt(sampling.topPMillionths())
                .putLong(sampling.seed())
                .putInt(maxTokens)
                .putInts(stopTokens)
                .putFixed(requester)
                .putFixed(nonce)
                .toBytes();
    }

    public static Request decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "request");
        if (in.getInt("magic") != MAGIC) {
            throw new MalformedException("Malformed request: it does not begin with PRQ1.");
        }
        try {
            Request request = new Request(
                    in.getFixed(Blake3.HASH_BYTES, "model id"),
                    in.getText("messages"),
                    in.getInts("prompt tokens"),
                    new Sampling(
                            Float.intBitsToFloat(in.getInt("temperature")),
                            in.getInt("top k"),
                            in.getInt("top p"),
                            in.getLong("seed")),
                    in.getInt("max tokens"),
                    in.getInts("stop tokens"),
                    in.getFixed(Keys.PUBLIC_BYTES, "requester"),
                    in.getFixed(NONCE_BYTES, "nonce"));
            in.end();
            return request;
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed request: " + e.getMessage());
        }
    }

    /** 32 bytes that stand for this request. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }

    public boolean stopsAt(int token) {
        return Arrays.binarySearch(stopTokens, token) >= 0;
    }
}
