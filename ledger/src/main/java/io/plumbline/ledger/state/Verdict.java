package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.nio.charset.StandardCharsets;

/**
 * A full node's judgement of an answer. It is committed to before any is revealed, so that nobody can copy another's.
 *
 * @param opinion of the answer.
 * @param step that failed, by name, or why it cannot be judged; empty when good.
 * @param place where it failed, for a person; empty when good.
 * @param work 32 bytes that only who has done the audit knows, see {@code AuditReport}; zeros where there was nothing
 *     common to check.
 * @param salt 32 random bytes.
 */
public record Verdict(Opinion opinion, String step, String place, byte[] work, byte[] salt) {
    private static final Domain CONTEXT = new Domain("plumbline 2026-11 verdict commitment");
    private static final int MAX_STEP = 64;
    private static final int MAX_PLACE = 256;

    /** What a full node thinks of an answer. */
    public enum Opinion {
        GOOD,
        BAD,
        /** This auditor could not say, for reasons of its own: that tells nothing of the node. */
        CANNOT_JUDGE,
        /** The node did not answer a challenge, or not as it signed: nothing is proven. */
        SILENT
    }

    /** What binds {@code signer} to this verdict, without telling it. */
    public byte[] commitment(Bytes32 requestHash, int round, Bytes32 signer) {
        CanonicalWriter out =
                new CanonicalWriter().putBytes32(requestHash).putInt(round).putBytes32(signer);
        write(out);
        return CONTEXT.hash(out.toBytes());
    }

    /** The reason for a person: step and place. */
    public String reason() {
        return step + " at " + place;
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter();
        write(out);
        return out.toBytes();
    }

    /** Reads what {@link #encode} wrote; anything else is refused as malformed. */
    public static Verdict decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "verdict");
        Verdict verdict = read(in);
        in.end();
        return verdict;
    }

    /** Bytes that {@link #write} takes. */
    int bytes() {
        return 3 * Integer.BYTES + utf8Bytes(step) + utf8Bytes(place) + work.length + salt.length;
    }

    private static int utf8Bytes(String text) {
        return text.isEmpty() ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
    }

    void write(CanonicalWriter out) {
        out.putInt(opinion.ordinal())
                .putText(step)
                .putText(place)
                .putFixed(work)
                .putFixed(salt);
    }

    static Verdict read(CanonicalReader in) {
        int opinion = in.getInt("opinion");
        if (opinion < 0 || opinion >= Opinion.values().length) {
            throw new MalformedException("Malformed verdict: opinion " + opinion + " is not known.");
        }
        Verdict verdict = new Verdict(
                Opinion.values()[opinion],
                in.getText("step"),
                in.getText("place"),
                in.getFixed(Blake3.HASH_BYTES, "work"),
                in.getFixed(Blake3.HASH_BYTES, "salt"));
        if (verdict.step.length() > MAX_STEP || verdict.place.length() > MAX_PLACE) {
            throw new MalformedException("Malformed verdict: the reason is too long.");
        }
        return verdict;
    }
}
