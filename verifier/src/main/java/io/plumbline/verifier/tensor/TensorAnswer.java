package io.plumbline.verifier.tensor;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.List;

/**
 * What a tensor model gave.
 *
 * @param outputs in the request's order.
 * @param engine that computed them, as the node declares it.
 */
public record TensorAnswer(List<Tensor> outputs, Fingerprint engine) {
    private static final int MAGIC = 0x31415450; // "PTA1"

    public TensorAnswer {
        outputs = List.copyOf(outputs);
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putInt(MAGIC);
        engine.write(out);
        Tensor.writeAll(out, outputs);
        return out.toBytes();
    }

    public static TensorAnswer decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "answer");
        if (in.getInt("magic") != MAGIC) {
            throw new MalformedException("Malformed answer: it does not begin with PTA1.");
        }
        Fingerprint engine = Fingerprint.read(in);
        TensorAnswer answer = new TensorAnswer(Tensor.readAll(in), engine);
        in.end();
        return answer;
    }

    /** 32 bytes that stand for this answer. */
    public byte[] hash() {
        return Blake3.hash(encode());
    }
}
