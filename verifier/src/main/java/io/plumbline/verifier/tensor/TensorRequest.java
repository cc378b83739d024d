package io.plumbline.verifier.tensor;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.encoding.Utf8;
import java.util.ArrayList;
import java.util.HashSet;
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
 * @param facts elements of inputs that hold outside facts, each element once; at most {@link InputFact#MAX_FACTS}.
 * @param time seconds since 1970 UTC at which it was asked, and facts must be fresh; 0 where it does not say.
 * @param outputs names of those wanted; at least one, none twice.
 * @param requester public key of who pays.
 * @param nonce 16 bytes, never used twice.
 */
public record TensorRequest(
        Bytes32 modelId,
        byte[] bounds,
        Precision precision,
        List<Tensor> inputs,
        List<InputFact> facts,
        long time,
        List<String> outputs,
        Bytes32 requester,
        byte[] nonce) {
    private static final int MAGIC = 0x31515450; // "PTQ1"

    /** "PTQ2": with facts and a time. What has neither has the form before alone. */
    private static final int FACTS_MAGIC = 0x32515450;

    private static final int NONCE_BYTES = 16;
    private static final int MAX_OUTPUTS = 1024;

    /** Most bytes of inputs, names and outputs' names: half of a message, so that the answer fits beside them. */
    public static final int MAX_BYTES = 32 << 20;

    public TensorRequest {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        facts = List.copyOf(facts);
        requireFacts(facts);
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

    /** Without facts, and without a time. */
    public TensorRequest(
            Bytes32 modelId,
            byte[] bounds,
            Precision precision,
            List<Tensor> inputs,
            List<String> outputs,
            Bytes32 requester,
            byte[] nonce) {
        this(modelId, bounds, precision, inputs, List.of(), 0, outputs, requester, nonce);
    }

    private static void requireFacts(List<InputFact> facts) {
        if (facts.size() > InputFact.MAX_FACTS) {
            throw new IllegalArgumentException("A request has at most " + InputFact.MAX_FACTS + " facts.");
        }
        Set<String> places = new HashSet<>();
        for (InputFact fact : facts) {
            Utf8.length("An input's name", fact.input());
            if (!places.add(fact.element() + " " + fact.input())) {
                throw new IllegalArgumentException("Two facts stand at one element of an input.");
            }
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
        boolean hasTime = !facts.isEmpty() || time != 0;
        CanonicalWriter out = new CanonicalWriter()
                .putInt(hasTime ? FACTS_MAGIC : MAGIC)
                .putBytes32(modelId)
                .putFixed(bounds)
                .putInt(precision.ordinal());
        Tensor.writeAll(out, inputs);
        if (hasTime) {
            InputFact.writeAll(out, facts);
            out.putLong(time);
        }
        out.putInt(outputs.size());
        outputs.forEach(out::putText);
        return out.putBytes32(requester).putFixed(nonce).toBytes();
    }

    /** Whether these bytes are one of these, and not a language model's request. */
    public static boolean is(byte[] bytes) {
        return bytes.length >= 4 && isMagic(new CanonicalReader(bytes, "request").getInt("magic"));
    }

    private static boolean isMagic(int magic) {
        return magic == MAGIC || magic == FACTS_MAGIC;
    }

    public static TensorRequest decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "request");
        int magic = in.getInt("magic");
        if (!isMagic(magic)) {
            throw new MalformedException("Malformed request: it does not begin with PTQ1 or PTQ2.");
        }
        Bytes32 modelId = in.getBytes32("model id");
        byte[] bounds = in.getFixed(Blake3.HASH_BYTES, "bounds");
        Precision precision = Fingerprint.precision(in);
        List<Tensor> inputs = Tensor.readAll(in);
        List<InputFact> facts = magic == FACTS_MAGIC ? facts(in) : List.of();
        long time = magic == FACTS_MAGIC ? in.getLong("time") : 0;
        if (magic == FACTS_MAGIC && facts.isEmpty() && time == 0) {
            throw new MalformedException("Malformed request: it begins with PTQ2 and has neither facts nor a time.");
        }
        int count = in.getInt("outputs");
        if (count < 1 || count > MAX_OUTPUTS) {
            throw new MalformedException("Malformed request: it names " + count + " outputs.");
        }
        List<String> outputs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            outputs.add(in.getText("output name"));
        }
        Bytes32 requester = in.getBytes32("requester");
        byte[] nonce = in.getFixed(NONCE_BYTES, "nonce");
        in.end();
        try {
            return new TensorRequest(modelId, bounds, precision, inputs, facts, time, outputs, requester, nonce);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed request: " + e.getMessage());
        }
    }

    private static List<InputFact> facts(CanonicalReader in) {
        try {
            return InputFact.readAll(in);
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed request: " + e.getMessage());
        }
    }

    /** 32 bytes that stand for this request. */
    public Bytes32 hash() {
        return Bytes32.of(Blake3.hash(encode()));
    }
}
