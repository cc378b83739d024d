package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.ReportDoubleReceipt;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.RotateKey;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.util.List;

/**
 * What can be said against commands before they are ordered, without the state: that they are none, or that a
 * signature over or in them does not hold. Each costs what an honest sender never causes. For any thread.
 */
public final class Admission {
    /**
     * Signatures of others that commands under one signature may bring: each takes 0.2 ms to check, for a sender who
     * may have no money.
     */
    public static final int MAX_OTHERS_SIGNATURES = 16;

    private final Bytes32 genesisHash;
    private final SignatureChecks checks;

    /** @param checks shared with what applies commands, so that it need not check them again. */
    public Admission(Bytes32 genesisHash, SignatureChecks checks) {
        this.genesisHash = genesisHash;
        this.checks = checks;
    }

    /** Why commands are not to be ordered, or null. */
    public String refusal(byte[] encoded) {
        try {
            Signed signed = Signed.decode(encoded);
            if (!checks.hold(signed)) {
                return "the signature does not hold";
            }
            List<Command> commands = signed.commands();
            int others = commands.stream()
                    .mapToInt(command -> othersSignatures(signed.signer(), command))
                    .sum();
            if (others > MAX_OTHERS_SIGNATURES) {
                return "these commands bring " + others + " signatures of others; at most " + MAX_OTHERS_SIGNATURES
                        + " may come together: send the rest apart";
            }
            for (Command command : commands) {
                if (!holds(signed.signer(), command)) {
                    return "a signature in a " + command.getClass().getSimpleName() + " does not hold";
                }
            }
            return null;
        } catch (MalformedException e) {
            return e.getMessage();
        }
    }

    /** Signatures in a command, beside the one over all commands, that are checked before it is ordered. */
    public static int othersSignatures(Bytes32 signer, Command command) {
        return switch (command) {
            case CastVote _ -> 1;
            case ReportDoubleVote _ -> 2;
            case StateEpoch _ -> 1;
            case ReportDoubleReceipt _ -> 1;
            case RotateKey _ -> 1;
            case SubmitReceipt c -> isOwn(signer, c) ? 0 : 1;
            default -> 0;
        };
    }

    private static boolean isOwn(Bytes32 signer, SubmitReceipt c) {
        return signer.equals(c.receipt().node());
    }

    private boolean holds(Bytes32 signer, Command command) {
        return switch (command) {
            case CastVote vote -> vote.holds(genesisHash);
            case ReportDoubleVote c -> c.one().holds(genesisHash) && c.other().holds(genesisHash);
            case RotateKey c -> c.holds(genesisHash, signer);
            case StateEpoch said -> said.statement().holds(genesisHash, signer);
            // A node's own receipts rest on its signature over the commands: their auditors look at the other.
            case SubmitReceipt c -> isOwn(signer, c) || c.receipt().signatureHolds();
            case ReportDoubleReceipt c -> c.other().signatureHolds();
            default -> true;
        };
    }
}
