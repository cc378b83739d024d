package io.plumbline.verifier.receipt;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.util.Arrays;

/**
 * An inference node's signed word on one answer: small, of fixed length, and enough to hold the node to every bit it
 * computed.
 *
 * <p>An answer of a tensor model has no trace: there the root is the engine's fingerprint, the trace is empty, and
 * rows stand for prompt tokens.
 *
 * @param contractVersion of the numeric contract, or {@link #TOLERANT}.
 * @param modelId 32 bytes.
 * @param requestHash 32 bytes.
 * @param outputHash 32 bytes, of the {@link Answer}.
 * @param traceRoot 32 bytes: BLAKE3 of the trace, keyed for this node.
 * @param traceBytes length of the trace.
 * @param promptTokens count.
 * @param outputTokens count.
 * @param price in the ledger's smallest unit.
 * @param node public key of the inference node.
 * @param signature over all fields before it.
 */
public record Receipt(
        int contractVersion,
        Bytes32 modelId,
        Bytes32 requestHash,
        byte[] outputHash,
        byte[] traceRoot,
        long traceBytes,
        int promptTokens,
        int outputTokens,
        long price,
        Bytes32 node,
        byte[] signature) {
    /** Encoded length. */
    public static final int BYTES = 4 + 4 + 4 * 32 + 8 + 4 + 4 + 8 + KeyPair.PUBLIC_BYTES + KeyPair.SIGNATURE_BYTES;

    /** In place of a contract version: the answer is held to its model's bounds, not to every bit. */
    public static final int TOLERANT = 1 << 16;

    private static final int MAGIC = 0x31435250; // "PRC1"

    /** The receipt of an answer under version 1 of the contract, signed with the node's keys. */
    public static Receipt of(
            Request request, Answer answer, byte[] traceRoot, long traceBytes, long price, KeyPair keys) {
        return of(1, request, answer, traceRoot, traceBytes, price, keys);
    }

    /**
     * The receipt of an answer, signed with the node's keys.
     *
     * @param contractVersion of the model's numeric contract.
     */
    public static Receipt of(
            int contractVersion,
            Request request,
            Answer answer,
            byte[] traceRoot,
            long traceBytes,
            long price,
            KeyPair keys) {
        return new Receipt(
                        contractVersion,
                        request.modelId(),
                        request.hash(),
                        answer.hash(),
                        traceRoot,
                        traceBytes,
                        request.promptTokens().length,
                        answer.tokens().length,
                        price,
                        null,
                        null)
                .sign(keys);
    }

    /** The receipt of a tensor model's answer, signed with the node's keys. */
    public static Receipt of(TensorRequest request, TensorAnswer answer, int rows, long price, KeyPair keys) {
        return new Receipt(
                        TOLERANT,
                        request.modelId(),
                        request.hash(),
                        answer.hash(),
                        answer.engine().hash(),
                        0,
                        rows,
                        0,
                        price,
                        null,
                        null)
                .sign(keys);
    }

    /** This receipt, signed with the node's keys. */
    public Receipt sign(KeyPair keys) {
        return new Receipt(
                contractVersion,
                modelId,
                requestHash,
                outputHash,
                traceRoot,
                traceBytes,
                promptTokens,
                outputTokens,
                price,
                keys.publicKey(),
                keys.sign(signedBytes(keys.publicKey())));
    }

    public boolean signatureHolds() {
        return KeyPair.verify(node, signedBytes(node), signature);
    }

    /**
     * Whether another receipt says the same of the same answer. Of its signature alone nothing depends: a key's owner
     * can make many under the same bytes.
     */
    public boolean isSameAnswer(Receipt other) {
        return Arrays.equals(signedBytes(node), other.signedBytes(other.node));
    }

    private byte[] signedBytes(Bytes32 signer) {
        return signed(signer).toBytes();
    }

    private CanonicalWriter signed(Bytes32 signer) {
        return new CanonicalWriter(BYTES)
                .putInt(MAGIC)
                .putInt(contractVersion)
                .putBytes32(modelId)
                .putBytes32(requestHash)
                .putFixed(outputHash)
                .putFixed(traceRoot)
                .putLong(traceBytes)
                .putInt(promptTokens)
                .putInt(outputTokens)
                .putLong(price)
                .putBytes32(signer);
    }

    public byte[] encode() {
        return signed(node).putFixed(signature).toBytes();
    }

    public static Receipt decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "receipt");
        if (in.getInt("magic") != MAGIC) {
            throw new MalformedException("Malformed receipt: it does not begin with PRC1.");
        }
        Receipt receipt = new Receipt(
                in.getInt("contract version"),
                in.getBytes32("model id"),
                in.getBytes32("request hash"),
                in.getFixed(32, "output hash"),
                in.getFixed(32, "trace root"),
                in.getLong("trace bytes"),
                in.getInt("prompt tokens"),
                in.getInt("output tokens"),
                in.getLong("price"),
                in.getBytes32("node key"),
                in.getFixed(KeyPair.SIGNATURE_BYTES, "signature"));
        in.end();
        return receipt;
    }

    /** 32 bytes that name this receipt. */
    public Bytes32 hash() {
        return Bytes32.of(Blake3.hash(encode()));
    }
}
