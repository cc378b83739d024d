package io.plumbline.node.inference;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Genesis;
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
     * Asks all full nodes. That a key is known is proven by one of them; that it is not, an old block shows as well, so
     * more must say so than may lie.
     *
     * @param fullNodes the ledger as each of them alone says that it is.
     * @return false also where too few answer.
     */
    static boolean isNew(List<LedgerClient> fullNodes, Genesis genesis, Bytes32 key) {
        int unknown = 0;
        for (LedgerClient one : fullNodes) {
            try {
                CertifiedSettlements certified = new CertifiedSettlements(one, genesis);
                for (Kind kind : List.of(Kind.NODE, Kind.SUCCESSION)) {
                    CertifiedEntry entry = certified.find(kind, key);
                    if (entry != null && entry.value() != null) {
                        return false;
                    }
                }
                unknown++;
            } catch (IOException e) {
                // It says nothing of the key.
            }
        }
        return unknown > Certificate.mostLiars(fullNodes.size());
    }
}
