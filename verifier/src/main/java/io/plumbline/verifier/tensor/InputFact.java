package io.plumbline.verifier.tensor;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * An element of an input that is an outside fact: it holds the latest value of a feed.
 *
 * @param input by name.
 * @param element its place in the input, row-major; 0 or more.
 * @param feed id of it, 32 bytes.
 * @param proof an encoded {@link io.plumbline.verifier.lightclient.CertifiedEntry} of the feed.
 */
public record InputFact(String input, int element, Bytes32 feed, byte[] proof) {
    /** Facts of one request. */
    public static final int MAX_FACTS = 16;

    /** Bytes of a proof. */
    public static final int MAX_PROOF_BYTES = 16 << 10;

    private static final int FEED_BYTES = 32;

    public InputFact {
        if (element < 0 || proof.length > MAX_PROOF_BYTES) {
            throw new IllegalArgumentException("A fact stands at an element from 0 on, its feed's id has " + FEED_BYTES
                    + " bytes and its proof at most " + MAX_PROOF_BYTES + ".");
        }
    }

    static void writeAll(CanonicalWriter out, List<InputFact> facts) {
        out.putInt(facts.size());
        for (InputFact fact : facts) {
            out.putText(fact.input).putInt(fact.element).putBytes32(fact.feed).putBytes(fact.proof);
        }
    }

    static List<InputFact> readAll(CanonicalReader in) {
        int count = in.getInt("facts");
        if (count < 0 || count > MAX_FACTS) {
            throw new MalformedException("Malformed request: it has " + count + " facts.");
        }
        List<InputFact> facts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            facts.add(new InputFact(
                    in.getText("input of a fact"),
                    in.getInt("element of a fact"),
                    Bytes32.of(in.getFixed(FEED_BYTES, "feed")),
                    in.getBytes("proof of a fact")));
        }
        return facts;
    }
}
