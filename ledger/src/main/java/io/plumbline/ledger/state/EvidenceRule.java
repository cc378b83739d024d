package io.plumbline.ledger.state;

import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.io.IOException;
import java.util.Arrays;

/**
 * The ledger's own look at evidence: every full node comes to the same by itself, from the evidence alone. It holds a
 * signed receipt, a signed piece of an opening, and what of the model is needed, each proven by hash against the
 * model id in the receipt.
 */
final class EvidenceRule {
    /** Characters of what a refusal says is wrong: a stranger's bytes may be quoted in it. */
    private static final int MOST_SHOWN = 400;

    private EvidenceRule() {}

    /**
     * Whether evidence proves that the answer of a settlement is not what its receipt says.
     *
     * @return why it does not, or null where it does.
     */
    static String refusal(Settlement one, byte[] encoded) {
        Evidence evidence;
        try {
            // The receipt stands for itself, and everything else may be millions of bytes to be looked at for nothing.
            if (one.receipt() == null || !Arrays.equals(one.receipt().encode(), Evidence.receiptBytes(encoded))) {
                return "the evidence is about another receipt than the one that was ordered";
            }
            evidence = Evidence.decode(encoded);
        } catch (RuntimeException e) {
            return why(e);
        }
        try {
            Evidence.Finding finding = evidence.check(null, null);
            if (finding.needsModel()) {
                return "the evidence needs the model; add the row that is false: plumbline verify FILE --model DIR --out FILE";
            }
            return finding.failure() == null ? "everything that the evidence shows is as it should be" : null;
        } catch (IOException | RuntimeException e) {
            return why(e);
        }
    }

    /**
     * Bytes of a stranger: whatever they do to the check, they prove nothing. What a virtual machine says of indices
     * and segments names places in its own memory, or nothing once the code is compiled, and a snapshot that has it
     * would be another one at every full node: it is not told.
     */
    private static String why(Exception e) {
        if (e instanceof MalformedException) {
            return shown(e.getMessage());
        }
        return e instanceof IllegalArgumentException
                ? shown("the evidence proves nothing: " + e.getMessage())
                : "the evidence proves nothing: its parts do not fit together";
    }

    private static String shown(String why) {
        return why.length() > MOST_SHOWN ? why.substring(0, MOST_SHOWN) + "..." : why;
    }
}
