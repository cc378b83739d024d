package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Arrays;

/**
 * What became of a request, as a quorum of a ledger's full nodes has certified it. The checks, their order and their
 * names are those of docs/receipt.md.
 *
 * @param entry certified, with its block.
 * @param settlement that the entry holds.
 */
public record SettlementProof(CertifiedEntry entry, CertifiedSettlement settlement) {
    /** Most bytes of an encoded proof: several times what a gateway can be told in one message. */
    public static final int MAX_BYTES = 1 << 20;

    /** The check that did not hold. */
    public enum Check {
        /** The bytes are a certified entry, and the entry is a settlement. */
        MALFORMED,
        /** A quorum of the network's full nodes has signed the block. */
        QUORUM,
        /** The entry, or that there is none, follows from the block's state root. */
        STATE,
        /** The entry is about a request. */
        KIND,
        /** There is an entry. */
        ABSENT,
        /** The settlement is that of the request under whose hash it stands. */
        REQUEST
    }

    /** A proof that is not accepted. */
    public static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1;

        private final Check check;

        private RefusedException(Check check, String message) {
            super(message);
            this.check = check;
        }

        public Check check() {
            return check;
        }
    }

    /**
     * Decodes and checks a proof.
     *
     * @param bytes as a gateway gives them at {@code /v1/receipts/REQUEST/proof}.
     * @param ledger that is trusted, with its full nodes.
     * @throws RefusedException naming the first check that does not hold.
     */
    public static SettlementProof check(byte[] bytes, TrustedLedger ledger) throws RefusedException {
        try {
            CertifiedEntry entry = CertifiedEntry.decode(bytes, MAX_BYTES);
            String fault = entry.fault(ledger.genesisHash(), ledger.fullNodes());
            if (fault != null) {
                boolean isSigned = entry.certificate().holds(ledger.genesisHash(), ledger.fullNodes(), entry.header());
                throw new RefusedException(isSigned ? Check.STATE : Check.QUORUM, fault);
            }
            String what = entry.kind() + " " + Blake3.hex(entry.id());
            if (entry.kind() != Kind.CASE) {
                throw new RefusedException(Check.KIND, "it is about no answer: " + what);
            }
            if (entry.value() == null) {
                throw new RefusedException(Check.ABSENT, "it is about no answer: there is no " + what);
            }
            CertifiedSettlement settlement = CertifiedSettlement.decode(entry.value());
            if (!Arrays.equals(entry.id(), settlement.requestHash())) {
                throw new RefusedException(
                        Check.REQUEST,
                        "the settlement under " + what + " is another request's, "
                                + Blake3.hex(settlement.requestHash()));
            }
            return new SettlementProof(entry, settlement);
        } catch (MalformedException e) {
            throw new RefusedException(Check.MALFORMED, e.getMessage());
        }
    }
}
