package io.plumbline.verifier.tolerant;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What anyone with the model needs to see that an answer leaves its bounds: the signed receipt and what it is for. */
public record TolerantEvidence(Receipt receipt, TensorRequest request, TensorAnswer answer) {
    private static final String CONTEXT = "plumbline tolerant evidence 1";

    /**
     * Why this shows nothing about its receipt's node, whatever the model gives: only what the node has signed does.
     *
     * @return null where the node has signed that this request has this answer.
     */
    public String foreign() {
        if (receipt.contractVersion() != Receipt.TOLERANT || !receipt.signatureHolds()) {
            return "the node has not signed its receipt";
        }
        if (!receipt.requestHash().equals(request.hash())) {
            return "its receipt is for another request";
        }
        return Arrays.equals(receipt.outputHash(), answer.hash()) ? null : "its receipt is for another answer";
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putText(CONTEXT)
                .putBytes(receipt.encode())
                .putBytes(request.encode())
                .putBytes(answer.encode())
                .toBytes();
    }

    /** Whether a file is one of these, and not evidence of a false opening. */
    public static boolean is(byte[] bytes) {
        byte[] context = CONTEXT.getBytes(StandardCharsets.UTF_8);
        return bytes.length > 4 + context.length
                && Arrays.equals(bytes, 4, 4 + context.length, context, 0, context.length);
    }

    public static TolerantEvidence decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "evidence");
        if (!in.getText("context").equals(CONTEXT)) {
            throw new CanonicalReader.MalformedException("Malformed evidence: it does not say what it is.");
        }
        TolerantEvidence evidence = new TolerantEvidence(
                Receipt.decode(in.getBytes("receipt")),
                TensorRequest.decode(in.getBytes("request")),
                TensorAnswer.decode(in.getBytes("answer")));
        in.end();
        return evidence;
    }
}
