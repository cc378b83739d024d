package io.plumbline.verifier.lightclient;

/** A proof of what a ledger has certified that is not accepted. */
public final class ProofRefusedException extends Exception {
    private static final long serialVersionUID = 1;

    private final ProofCheck check;

    ProofRefusedException(ProofCheck check, String message) {
        super(message);
        this.check = check;
    }

    /** The first check that does not hold. */
    public ProofCheck check() {
        return check;
    }
}
