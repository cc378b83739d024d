package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.Arrays;

/**
 * A storage deal as a quorum of a ledger's full nodes has certified it. It stands as it was at the time of its block's
 * header: how old a block is taken is for the verifier to say.
 *
 * @param entry certified, with its block.
 * @param deal that the entry holds.
 */
public record DealProof(CertifiedEntry entry, CertifiedDeal deal) {
    /** Most bytes of an encoded proof: several times what the longest has. */
    public static final int MAX_BYTES = 1 << 18;

    /** The check that did not hold. */
    public enum Check {
        /** The bytes are a certified entry, and the entry is a deal. */
        MALFORMED,
        /** A quorum of the network's full nodes has signed the block. */
        QUORUM,
        /** The entry, or that there is none, follows from the block's state root. */
        STATE,
        /** The entry is about a deal. */
        KIND,
        /** There is an entry. */
        ABSENT,
        /** The deal is the one that was asked for. */
        DEAL
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
     * @param bytes an encoded {@link CertifiedEntry}.
     * @param ledger that is trusted, with its full nodes.
     * @param number of the deal that is meant.
     * @throws RefusedException naming the first check that does not hold.
     */
    public static DealProof check(byte[] bytes, TrustedLedger ledger, long number) throws RefusedException {
        try {
            CertifiedEntry entry = CertifiedEntry.decode(bytes, MAX_BYTES);
            String fault = entry.fault(ledger.genesisHash(), ledger.fullNodes());
            if (fault != null) {
                boolean isSigned = entry.certificate().holds(ledger.genesisHash(), ledger.fullNodes(), entry.header());
                throw new RefusedException(isSigned ? Check.STATE : Check.QUORUM, fault);
            }
            String what = entry.kind() + " " + Blake3.hex(entry.id());
            if (entry.kind() != Kind.STORAGE_DEAL) {
                throw new RefusedException(Check.KIND, "it is about no storage deal: " + what);
            }
            if (!Arrays.equals(entry.id(), new Bytes32(0, 0, 0, number).bytes())) {
                throw new RefusedException(Check.DEAL, "it is about " + what + ", asked for was deal " + number);
            }
            if (entry.value() == null) {
                throw new RefusedException(Check.ABSENT, "there is no storage deal " + number + ", or not any more");
            }
            CertifiedDeal deal = CertifiedDeal.decode(entry.value());
            if (deal.number() != number) {
                throw new RefusedException(
                        Check.DEAL, "under " + what + " stands deal " + deal.number() + ", asked for was " + number);
            }
            return new DealProof(entry, deal);
        } catch (MalformedException e) {
            throw new RefusedException(Check.MALFORMED, e.getMessage());
        }
    }
}
