package io.plumbline.verifier.tensor;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What was asked of a tensor model, whole: its hash in a receipt binds the answer to it, and to the bounds it is
 * judged by.
 *
 * <p>Its tensors have at most {@link #MAX_BYTES}.
 *
 * @param modelId 32 bytes.
 * @param bounds 32 bytes: hash of the {@code Bounds} that the answer is held to.
 * @param precision the answer must be computed in.
 * @param inputs all of the model's.
 * @param outputs names of those wanted; at least one, none twice.
 * @param requester public key of who pays.
 * @param nonce 16 bytes, never used twice.
 */
public record TensorRequest(
        byte[] modelId,
        byte[] bounds,
        Precision precision,
        List<Tensor> inputs,
        List<String> outputs,
        byte[] requester,
        byte[] nonce) {
    private static final int MAGIC = 0x31515450; // "PTQ1"
    private static final int NONCE_BYTES = 16;
    private static final int MAX_OUTPUTS = 1024;

    /** Most bytes of inputs, names and outputs' names: half of a message, so that the answer fits beside them. */
    public static final int MAX_BYTES = 32 << 20;

    public TensorRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        if (outputs.isEmpty() || outputs.size() > MAX_OUTPUTS) {
            throw new IllegalArgumentException("A request names 1 to " + MAX_OUTPUTS + " outputs.");
        }
        if (Set.copyOf(outputs).size() < outputs.size()) {
            throw new IllegalArgumentException("A request names no output twice.");
        }
        long bytes = bytes(inputs);
        for (String name : outputs) {
            bytes += Utf8.length("An output's name", name);
        }
        if (bytes > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "A request has at most " + MAX_BYTES + " bytes of tensors, not " + bytes + ". Send it in parts.");
        }
    }

    /**
     * Bytes of inputs with their names.
     *
     * @throws IllegalArgumentException where a name holds half of a character.
     */
    public static long bytes(List<Tensor> inputs) {
        long bytes = 0;
        for (Tensor input : inputs) {
            bytes += Utf8.length("An input's name", input.name()) + input.data().length;
        }
        return bytes;
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putInt(MAGIC)
                .putFixed(modelId)
                .putFixed(bounds)
                .putInt(precision.ordinal());
        Tensor.writeAll(out, inputs);
        out.putInt(outputs.size());
        outputs.forEach(out::putText);
        return out.putFixed(requester).putFixed(nonce).toBytes();
    }

    /** Whether these bytes are one of these, and not a language model's request. */
    public static boolean is(byte[] bytes) {
        return bytes.length >= 4 && new CanonicalReader(bytes, "request").getInt("magic") == MAGIC;
    }

    public static TensorRequest decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "request");
        if (in.getInt("magic") != MAGIC) {
            throw new MalformedException("Malformed request: it does not begin with PTQ1.");
        }
        byte[] modelId = in.getFixed(Blake3.HASH_BYTES, "model id");
        byte[] bounds = in.getFixed(Blake3.HASH_BYTES, "bounds");
        Precision precision = Fingerprint.precision(in);
        List<Tensor> inputs = Tensor.readAll(in);
        int count = in.getInt("outputs");
        if (count < 1 || count > MAX_OUTPUTS) {
            throw new MalformedException("Malformed request: it names " + count + " outputs.");
        }
        List<String> outputs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            outputs.add(in.getText("output name"));
        }
        byte[] requester = in.getFixed(KeyPair.PUBLIC_BYTES, "requester");
        byte[] nonce = in.getFixed(NONCE_BYTES, "nonce");
        in.end();
        try {
            return new TensorRequest(modelId, bounds, precision, inputs, outputs, requester, nonce);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed request: " + e.getMessage());
        }
    }

    /** 32 bytes that stand for this request. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
