package io.plumbline.ledger.signer;

import io.plumbline.ledger.cluster.SessionKeys;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.SigningRecord;
import io.plumbline.transport.Identity;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What a full node's key signs beside votes and statements, which its signing history decides on. */
final class SigningPolicy {
    private final Bytes32 genesisHash;
    private final List<Bytes32> fullNodes;
    private final Bytes32 own;

    /** @param fullNodes of the genesis. */
    SigningPolicy(Bytes32 genesisHash, List<Bytes32> fullNodes, Bytes32 own) {
        this.genesisHash = genesisHash;
        this.fullNodes = List.copyOf(fullNodes);
        this.own = own;
    }

    /**
     * Reads commands that are to be signed.
     *
     * @param signed what was signed by the key so far.
     * @throws MalformedException where they are none, or none that a full node has to give; the message is for the
     *     operator.
     */
    Signed commands(byte[] content, SigningRecord signed) {
        Signed commands = Signed.unsigned(genesisHash, content);
        if (!commands.signer().equals(own)) {
            throw new MalformedException("The commands are of the key " + commands.signer() + ", which is not here.");
        }
        commands.commands().forEach(command -> require(command, signed));
        return commands;
    }

    private void require(Command command, SigningRecord signed) {
        switch (command) {
            case Command.CommitVerdict _,
                    Command.RevealVerdict _,
                    Command.PostChallenge _,
                    Command.Accuse _,
                    Command.HandInEvidence _,
                    Command.ReportDoubleVote _,
                    Command.ProposeParameters _,
                    Command.StateSnapshot _,
                    Command.DeclineEscrow _ -> {}
            case Command.CastVote vote -> requireOfHistory(vote, signed);
            case Command.StateEpoch step -> {
                if (!step.statement().holds(genesisHash, own)) {
                    throw new MalformedException("An epoch statement that this key has not signed is not handed in.");
                }
            }
            default ->
                throw new MalformedException(
                        "A full node has no " + command.getClass().getSimpleName()
                                + " to give: what moves money or stake is signed with the key itself, by a command.");
        }
    }

    private void requireOfHistory(Command.CastVote vote, SigningRecord signed) {
        boolean isOfHistory =
                vote.number() < signed.number() || signed.hasSigned(vote.epoch(), vote.number(), vote.headerHash());
        if (vote.fullNode().equals(own) && !isOfHistory) {
            throw new MalformedException(
                    "A vote on block " + vote.number() + " is not in the signing history: it is not handed in.");
        }
    }

    /**
     * Looks at what is signed as it is.
     *
     * @throws MalformedException where it is neither a session's challenge nor a handshake's.
     */
    void message(byte[] message) {
        if (!SessionKeys.isMessage(genesisHash, message) && !Identity.isSigned(own.bytes(), message)) {
            throw new MalformedException("A message of " + message.length
                    + " bytes is neither a challenge of this ledger's members nor of a session: it is not signed.");
        }
    }

    /**
     * Takes those statements that others have signed, one of each.
     *
     * @param statements in any order.
     */
    Collection<EpochStatement> checked(Collection<EpochStatement> statements) {
        List<EpochStatement> held = new ArrayList<>();
        List<Bytes32> left = new ArrayList<>(fullNodes);
        for (EpochStatement one : statements) {
            Bytes32 signer = left.stream()
                    .filter(fullNode -> one.holds(genesisHash, fullNode))
                    .findFirst()
                    .orElse(null);
            if (signer != null) {
                left.remove(signer);
                held.add(one);
            }
        }
        return held;
    }
}
