package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;

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

    /**
     * Decodes and checks a proof.
     *
     * @param bytes as a gateway gives them at {@code /v1/receipts/REQUEST/proof}.
     * @param ledger that is trusted, with its full nodes.
     * @throws ProofRefusedException naming the first check that does not hold.
     */
    public static SettlementProof check(byte[] bytes, TrustedLedger ledger) throws ProofRefusedException {
        try {
            CertifiedEntry entry = CertifiedEntry.checked(bytes, MAX_BYTES, ledger);
            String what = entry.kind() + " " + entry.id();
            if (entry.kind() != Kind.SETTLEMENT) {
                throw new ProofRefusedException(ProofCheck.KIND, "it is about no answer: " + what);
            }
            if (entry.value() == null) {
                throw new ProofRefusedException(ProofCheck.ABSENT, "it is about no answer: there is no " + what);
            }
            CertifiedSettlement settlement = CertifiedSettlement.decode(entry.value());
            if (!entry.id().equals(settlement.requestHash())) {
                throw new ProofRefusedException(
                        ProofCheck.REQUEST,
                        "the settlement under " + what + " is another request's, " + settlement.requestHash());
            }
            return new SettlementProof(entry, settlement);
        } catch (MalformedException e) {
            throw new ProofRefusedException(ProofCheck.MALFORMED, e.getMessage());
        }
    }
}
