package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;

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

    /**
     * Decodes and checks a proof.
     *
     * @param bytes an encoded {@link CertifiedEntry}.
     * @param ledger that is trusted, with its full nodes.
     * @param number of the deal that is meant.
     * @throws ProofRefusedException naming the first check that does not hold.
     */
    public static DealProof check(byte[] bytes, TrustedLedger ledger, long number) throws ProofRefusedException {
        try {
            CertifiedEntry entry = CertifiedEntry.checked(bytes, MAX_BYTES, ledger);
            String what = entry.kind() + " " + entry.id();
            if (entry.kind() != Kind.STORAGE_DEAL) {
                throw new ProofRefusedException(ProofCheck.KIND, "it is about no storage deal: " + what);
            }
            if (!entry.id().equals(new Bytes32(0, 0, 0, number))) {
                throw new ProofRefusedException(
                        ProofCheck.DEAL, "it is about " + what + ", asked for was deal " + number);
            }
            if (entry.value() == null) {
                throw new ProofRefusedException(
                        ProofCheck.ABSENT, "there is no storage deal " + number + ", or not any more");
            }
            CertifiedDeal deal = CertifiedDeal.decode(entry.value());
            if (deal.number() != number) {
                throw new ProofRefusedException(
                        ProofCheck.DEAL,
                        "under " + what + " stands deal " + deal.number() + ", asked for was " + number);
            }
            return new DealProof(entry, deal);
        } catch (MalformedException e) {
            throw new ProofRefusedException(ProofCheck.MALFORMED, e.getMessage());
        }
    }
}
