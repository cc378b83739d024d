package io.plumbline.verifier.tensor;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * What computed an answer, as its node declares it: a receipt commits to it.
 *
 * @param backend "onnxruntime" or "tensorrt".
 * @param version of the backend.
 * @param device it ran on.
 * @param precision of its products.
 * @param build BLAKE3 of the engine that ran, in hexadecimal; empty where the backend builds none.
 */
public record Fingerprint(String backend, String version, String device, Precision precision, String build) {
    private static final String CONTEXT = "plumbline 2026-11 engine fingerprint";
    private static final int MAX_TEXT = 256;

    void write(CanonicalWriter out) {
        out.putText(backend)
                .putText(version)
                .putText(device)
                .putInt(precision.ordinal())
                .putText(build);
    }

    static Fingerprint read(CanonicalReader in) {
        String backend = text(in, "backend");
        String version = text(in, "version");
        String device = text(in, "device");
        Precision precision = precision(in);
        return new Fingerprint(backend, version, device, precision, text(in, "build"));
    }

    private static String text(CanonicalReader in, String field) {
        String text = in.getText(field);
        if (text.length() > MAX_TEXT) {
            throw new MalformedException("Malformed fingerprint: " + field + " is too long.");
        }
        return text;
    }

    static Precision precision(CanonicalReader in) {
        int precision = in.getInt("precision");
        if (precision < 0 || precision >= Precision.values().length) {
            throw new MalformedException("Malformed precision: " + precision + " is not known.");
        }
        return Precision.values()[precision];
    }

    /** 32 bytes that stand for this engine. */
    public byte[] hash() {
        CanonicalWriter out = new CanonicalWriter();
        write(out);
        return Blake3.deriveKey(CONTEXT).update(out.toBytes()).digest();
    }

    @Override
    public String toString() {
        return backend + " " + version + ", " + precision + ", " + device;
    }
}
