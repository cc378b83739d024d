package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * A blob that is kept for pay, as its deal stands in the state.
 *
 * @param number by which later deals have greater ones: 0 or more.
 * @param client public key of the account that pays, 32 bytes.
 * @param dataNode public key of the one that holds it or that the offer is for; zeros for any.
 * @param proven rounds that were proven and paid; the round at hand is the next.
 * @param losses data nodes that left a challenge unanswered, and lost the deal with their collateral.
 * @param atMs when an offer ends, the next challenge is due, an answer is late, or an ended deal leaves the state;
 *     where the deal waits for a certificate, when it began to.
 * @param block whose certificate the deal waits for, see {@link Phase#CALLED}, or -1.
 * @param seed of the open challenge, 32 bytes; zeros where none is open.
 */
public record StorageDeal(
        long number,
        Bytes32 client,
        StorageTerms terms,
        Bytes32 dataNode,
        Phase phase,
        int proven,
        int losses,
        long atMs,
        long block,
        byte[] seed) {
    private static final byte[] NO_SEED = new byte[32];
    private static final long NO_BLOCK = -1;

    /** How far a deal is. The order is part of the format. */
    public enum Phase {
        /** Waits for a data node to accept it. */
        OFFERED,
        /** A data node holds the blob, and the round is under way. */
        HELD,
        /** The round is over, and the challenge waits for the certificate that it is drawn from. */
        CALLED,
        /** The data node is to answer. */
        CHALLENGED,
        /** The answer is late, and still taken until a quorum has signed a block that says so. */
        OVERDUE,
        /** All rounds were proven and paid. */
        FULFILLED,
        /** No data node took it, or took it on; what was not earned is back with the client. */
        LAPSED;

        /** Whether a data node's stake answers for it. */
        public boolean isHeld() {
            return this == HELD || this == CALLED || this == CHALLENGED || this == OVERDUE;
        }

        /** Whether the data node may answer a challenge now. */
        public boolean isChallenged() {
            return this == CHALLENGED || this == OVERDUE;
        }

        /** Whether it has come to its end. */
        public boolean isOver() {
            return this == FULFILLED || this == LAPSED;
        }

        /** Whether a block's certificate moves it on, rather than time. */
        boolean isWaiting() {
            return this == CALLED || this == OVERDUE;
        }
    }

    /** Which of an account's deals. The order is that of the wire. */
    public enum Role {
        /** All that it pays for, holds, or is asked to hold. */
        ANY,
        /** Those that wait for it to accept them; of {@link StorageTerms#ANY_NODE} those that any may accept. */
        OFFERED,
        /** Those that it holds. */
        HELD,
        /** Those of them whose challenge it is to answer. */
        CHALLENGED
    }

    static StorageDeal offered(long number, Bytes32 client, StorageTerms terms, long nowMs) {
        return new StorageDeal(
                number,
                client,
                terms,
                terms.dataNode(),
                Phase.OFFERED,
                0,
                0,
                nowMs + terms.offerMs(),
                NO_BLOCK,
                NO_SEED);
    }

    StorageDeal accepted(Bytes32 node, long nowMs) {
        return new StorageDeal(
                number, client, terms, node, Phase.HELD, proven, losses, nowMs + terms.roundMs(), NO_BLOCK, NO_SEED);
    }

    /** Held by the key that has replaced the data node's. */
    StorageDeal heldBy(Bytes32 node) {
        return new StorageDeal(number, client, terms, node, phase, proven, losses, atMs, block, seed);
    }

    /** The round is over, and the certificate of this block draws the challenge. */
    StorageDeal called(long nextBlock) {
        return new StorageDeal(number, client, terms, dataNode, Phase.CALLED, proven, losses, atMs, nextBlock, NO_SEED);
    }

    StorageDeal challenged(byte[] drawn, long nowMs) {
        return new StorageDeal(
                number,
                client,
                terms,
                dataNode,
                Phase.CHALLENGED,
                proven,
                losses,
                nowMs + terms.proofMs(),
                NO_BLOCK,
                drawn);
    }

    /** The answer is late, and missed when this block is certified. */
    StorageDeal overdue(long nextBlock) {
        return new StorageDeal(number, client, terms, dataNode, Phase.OVERDUE, proven, losses, atMs, nextBlock, seed);
    }

    /** @param retainMs for which the deal stays in the state where this was its last round. */
    StorageDeal proven(long nowMs, long retainMs) {
        boolean isLast = proven + 1 == terms.rounds();
        return new StorageDeal(
                number,
                client,
                terms,
                dataNode,
                isLast ? Phase.FULFILLED : Phase.HELD,
                proven + 1,
                losses,
                nowMs + (isLast ? retainMs : terms.roundMs()),
                NO_BLOCK,
                NO_SEED);
    }

    /** Offered anew, for the rounds that are left, to any data node. */
    StorageDeal lost(long nowMs) {
        return new StorageDeal(
                number,
                client,
                terms,
                StorageTerms.ANY_NODE,
                Phase.OFFERED,
                proven,
                losses + 1,
                nowMs + terms.offerMs(),
                NO_BLOCK,
                NO_SEED);
    }

    StorageDeal lapsed(long nowMs, long retainMs) {
        return new StorageDeal(
                number, client, terms, dataNode, Phase.LAPSED, proven, losses, nowMs + retainMs, NO_BLOCK, NO_SEED);
    }

    /** Money of the client that the deal holds: the price of all rounds that were not proven, until it is over. */
    public long escrow() {
        return phase.isOver() ? 0 : terms.price() * (terms.rounds() - proven);
    }

    /** The chunks that the data node is to show now; only where {@link Phase#isChallenged}. */
    public StorageChallenge challenge() {
        return StorageChallenge.drawn(terms, seed);
    }

    /** Whether a data node holds it, or may accept it. */
    boolean isFor(Bytes32 node) {
        return dataNode.equals(node) || dataNode.equals(StorageTerms.ANY_NODE);
    }

    /** Under which the entry of a deal stands in the state, 32 bytes. */
    public static Bytes32 id(long number) {
        return new Bytes32(0, 0, 0, number);
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putLong(number).putBytes32(client);
        terms.write(out);
        return out.putBytes32(dataNode)
                .putInt(phase.ordinal())
                .putInt(proven)
                .putInt(losses)
                .putLong(atMs)
                .putLong(block)
                .putFixed(seed)
                .toBytes();
    }

    /** @throws MalformedException where it is none that a ledger has. */
    public static StorageDeal read(CanonicalReader in) {
        long number = in.getLong("number");
        Bytes32 client = in.getBytes32("client");
        StorageTerms terms = StorageTerms.readSound(in);
        Bytes32 dataNode = in.getBytes32("data node");
        int phase = in.getInt("phase");
        int proven = in.getInt("rounds proven");
        int losses = in.getInt("losses");
        long atMs = in.getLong("time");
        long block = in.getLong("block");
        byte[] seed = in.getFixed(32, "seed");
        Phase[] phases = Phase.values();
        if (phase < 0 || phase >= phases.length || number < 0 || losses < 0 || atMs < 0) {
            throw new MalformedException("Malformed storage deal: number " + number + ", phase " + phase + ", " + losses
                    + " losses, time " + atMs + ".");
        }
        boolean isFulfilled = phases[phase] == Phase.FULFILLED;
        boolean isWaiting = phases[phase].isWaiting();
        if (proven < 0
                || proven > terms.rounds()
                || isFulfilled != (proven == terms.rounds())
                || isWaiting != (block >= 0)) {
            throw new MalformedException("Malformed storage deal: it is " + phases[phase] + " with " + proven + " of "
                    + terms.rounds() + " rounds proven, and waits for block " + block + ".");
        }
        return new StorageDeal(number, client, terms, dataNode, phases[phase], proven, losses, atMs, block, seed);
    }
}
