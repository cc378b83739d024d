package io.plumbline.node.network;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.util.Objects;

/**
 * Entries that a quorum of full nodes has signed, of requests above all: who is asked can withhold one, and cannot
 * make one up.
 *
 * @param genesis of the ledger, which names the full nodes.
 */
public record CertifiedSettlements(LedgerClient ledger, Genesis genesis) {
    /**
     * A request's settlement as of the last certified block, or its absence there.
     *
     * @return null where no certified block is at hand.
     * @throws IOException where the full node that was asked shows something else, or does not answer.
     */
    public CertifiedEntry find(Bytes32 requestHash) throws IOException {
        return find(Kind.SETTLEMENT, requestHash);
    }

    /**
     * Another entry as of the last certified block, or its absence there.
     *
     * @param id null for the state's own entry, {@link Kind#META}.
     * @return null where no certified block is at hand.
     * @throws IOException where the full node that was asked shows something else, or does not answer.
     */
    public CertifiedEntry find(Kind kind, Bytes32 id) throws IOException {
        CertifiedEntry entry;
        try {
            entry = ledger.prove(kind, id);
        } catch (MalformedException e) {
            ledger.distrust(ledger.answered());
            throw new IOException("The full node's proof cannot be read: " + e.getMessage(), e);
        }
        if (entry == null) {
            return null;
        }
        String fault = entry.fault(genesis.hash(), genesis.fullNodes());
        if (fault == null && (entry.kind() != kind || !Objects.equals(entry.id(), id))) {
            fault = "it is of another entry";
        }
        if (fault != null) {
            ledger.distrust(ledger.answered());
            throw new IOException("The full node's proof does not hold: " + fault + ".");
        }
        return entry;
    }
}
