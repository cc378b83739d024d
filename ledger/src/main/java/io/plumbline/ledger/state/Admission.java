package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.util.Arrays;

/**
 * What can be said against commands before they are ordered, without the state: that they are none, or that a
 * signature over or in them does not hold. Each costs what an honest sender never causes. For any thread.
 */
public final class Admission {
    private final byte[] genesisHash;
    private final SignatureChecks checks;

    /** @param checks shared with what applies commands, so that it need not check them again. */
    public Admission(byte[] genesisHash, SignatureChecks checks) {
        this.genesisHash = genesisHash.clone();
        this.checks = checks;
    }

    /** Why commands are not to be ordered, or null. */
    public String refusal(byte[] encoded) {
        try {
            Signed signed = Signed.decode(encoded);
            if (!checks.hold(signed)) {
                return "the signature does not hold";
            }
            for (Command command : signed.commands()) {
                if (!holds(signed.signer(), command)) {
                    return "a signature in a " + command.getClass().getSimpleName() + " does not hold";
                }
            }
            return null;
        } catch (MalformedException e) {
            return e.getMessage();
        }
    }

    private boolean holds(byte[] signer, Command command) {
        return switch (command) {
            case CastVote vote -> vote.holds(genesisHash);
            case ReportDoubleVote c -> c.one().holds(genesisHash) && c.other().holds(genesisHash);
            case StateEpoch said -> said.statement().holds(genesisHash, signer);
            // A node's own receipts rest on its signature over the commands: their auditors look at the other.
            case SubmitReceipt c ->
                Arrays.equals(signer, c.receipt().node()) || c.receipt().signatureHolds();
            default -> true;
        };
    }
}
