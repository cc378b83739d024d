package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.Arrays;

/**
 * Checks signatures under commands, and knows those that held lately: a full node that has let commands in need not
 * check them again when they are ordered. For any thread.
 */
public final class SignatureChecks {
    private static final int KEPT = 1024;

    /** What was signed, the signer's key included, and a signature that held. */
    private record Held(Bytes32 id, byte[] signature) {}

    /** By a hash of the id; who comes later takes the place. Records never change, so a race costs a check at worst. */
    private final Held[] held = new Held[KEPT];

    private final Bytes32 ledger;

    /** @param ledger hash of the genesis of the ledger whose commands they are. */
    public SignatureChecks(Bytes32 ledger) {
        this.ledger = ledger;
    }

    /** Whether its signer has signed it for this ledger. */
    public boolean hold(Signed signed) {
        Bytes32 id = signed.id(ledger);
        int place = Math.floorMod(id.hashCode(), KEPT);
        Held known = held[place];
        if (known != null && known.id.equals(id) && Arrays.equals(known.signature, signed.signature())) {
            return true;
        }
        boolean holds = signed.signatureHolds(ledger);
        if (holds) {
            held[place] = new Held(id, signed.signature());
        }
        return holds;
    }
}
