package io.plumbline.verifier.receipt;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.nio.charset.StandardCharsets;

/**
 * The requester's signed word that an answer may end before its stop rule does. Without it an answer that ends early
 * is a node's own shortening.
 *
 * @param delivered output tokens that the requester had received: the answer has at least these.
 * @param signature Ed25519, by the request's requester, 64 bytes.
 */
public record Cancellation(int delivered, byte[] signature) {
    private static final byte[] CONTEXT = "plumbline 2026-11 cancellation".getBytes(StandardCharsets.UTF_8);

    public Cancellation {
        if (delivered < 0 || signature.length != KeyPair.SIGNATURE_BYTES) {
            throw new IllegalArgumentException("A cancellation has a count and a signature of "
                    + KeyPair.SIGNATURE_BYTES + " bytes, not " + delivered + " and " + signature.length + " bytes.");
        }
    }

    /**
     * The cancellation of one request, signed by its requester.
     *
     * @param requestHash 32 bytes.
     */
    public static Cancellation of(Bytes32 requestHash, int delivered, KeyPair requester) {
        return new Cancellation(delivered, requester.sign(signedBytes(requestHash, delivered)));
    }

    /** Whether the requester of {@code request} signed this for it. */
    public boolean holds(Request request) {
        return holds(request.hash(), request.requester());
    }

    /** The same, of a request whose hash is known: a request may have 8 MiB. */
    public boolean holds(Bytes32 requestHash, Bytes32 requester) {
        return KeyPair.verify(requester, signedBytes(requestHash, delivered), signature);
    }

    private static byte[] signedBytes(Bytes32 requestHash, int delivered) {
        return new CanonicalWriter()
                .putBytes(CONTEXT)
                .putBytes32(requestHash)
                .putInt(delivered)
                .toBytes();
    }
}
