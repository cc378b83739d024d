package io.plumbline.node.inference;

import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.util.List;

/** Whether a key has been a node's on the ledger before: then it may have signed what there is no record of. */
final class KeyHistory {
    private KeyHistory() {}

    /**
     * Asks all full nodes in turn. That a key is known is proven by one of them; that it is not, an old block shows as
     * well, so more must say so than may lie.
     *
     * @param ledger whose {@code distrust} asks the next full node.
     * @return false also where too few answer.
     */
    static boolean isNew(CertifiedSettlements ledger, Bytes32 key) {
        int fullNodes = ledger.genesis().fullNodes().size();
        int unknown = 0;
        // Twice around: one that does not answer may have the next one be asked twice.
        for (int turn = 0; turn < 2 * fullNodes; turn++) {
            try {
                for (Kind kind : List.of(Kind.NODE, Kind.SUCCESSION)) {
                    CertifiedEntry entry = ledger.find(kind, key);
                    if (entry != null && entry.value() != null) {
                        return false;
                    }
                }
                unknown++;
            } catch (IOException e) {
                // It says nothing of the key.
            }
            ledger.ledger().distrust();
        }
        return unknown > 2 * Certificate.mostLiars(fullNodes);
    }
}
