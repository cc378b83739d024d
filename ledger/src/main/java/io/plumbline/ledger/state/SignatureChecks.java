package io.plumbline.ledger.state;

import java.util.Arrays;

/**
 * Checks signatures under commands, and knows those that held lately: a full node that has let commands in need not
 * check them again when they are ordered. For any thread.
 */
public final class SignatureChecks {
    private static final int KEPT = 1024;

    /** What was signed, the signer's key included, and a signature that held. */
    private record Held(byte[] id, byte[] signature) {}

    /** By a hash of the id; who comes later takes the place. Records never change, so a race costs a check at worst. */
    private final Held[] held = new Held[KEPT];

    private final byte[] ledger;

    /** @param ledger hash of the genesis of the ledger whose commands they are. */
    public SignatureChecks(byte[] ledger) {
        this.ledger = ledger.clone();
    }

    /** Whether its signer has signed it for this ledger. */
    public boolean hold(Signed signed) {
        byte[] id = signed.id(ledger);
        int place = Math.floorMod(Arrays.hashCode(id), KEPT);
        Held known = held[place];
        if (known != null && Arrays.equals(known.id, id) && Arrays.equals(known.signature, signed.signature())) {
            return true;
        }
        boolean holds = signed.signatureHolds(ledger);
        if (holds) {
            held[place] = new Held(id, signed.signature());
        }
        return holds;
    }
}
