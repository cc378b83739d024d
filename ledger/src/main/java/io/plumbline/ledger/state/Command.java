package io.plumbline.ledger.state;

import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;

/** What an account may ask of the ledger. Amounts are in its smallest unit. Numbers of kinds are never used again. */
public sealed interface Command {
    /**
     * Announces an inference node at an address, and moves to its stake what is missing of {@code stake}.
     *
     * @param most the highest level at which it lets its answers be audited.
     * @param openMsPerToken time that it needs to open a token of an answer to all auditors at FULL, in ms.
     */
    record RegisterNode(
            long stake, Bytes32 modelId, long pricePerToken, String host, int port, Level most, int openMsPerToken)
            implements Command {
        /** A node that lets itself be audited in full and needs no more time for it than the ledger gives anyway. */
        public RegisterNode(long stake, Bytes32 modelId, long pricePerToken, String host, int port) {
            this(stake, modelId, pricePerToken, host, port, Level.FULL, 0);
        }
    }

    /**
     * Sets money aside for one request, answered by one node and audited at {@code level}: the price of all its
     * tokens. What the node asks later changes nothing of it.
     *
     * @param pricePerToken at least what the node asks now.
     * @param tokens most that may be charged for, prompt and answer together.
     */
    record OpenEscrow(Bytes32 requestHash, Bytes32 node, long pricePerToken, long tokens, Level level)
            implements Command {}

    /**
     * Gives an escrow back that its node has no request for, and frees the stake that it reserves. Only the node that
     * the escrow names may, before a receipt is ordered; it costs no fee.
     */
    record DeclineEscrow(Bytes32 requestHash) implements Command {}

    /** Hands in a node's signed receipt; from then on it is audited. */
    record SubmitReceipt(Receipt receipt) implements Command {}

    /** Binds an auditor to its verdict in this round without telling it, see {@link Verdict#commitment}. */
    record CommitVerdict(Bytes32 requestHash, int round, byte[] commitment) implements Command {}

    /** Tells the verdict that was committed to. */
    record RevealVerdict(Bytes32 requestHash, Verdict verdict) implements Command {}

    /** An auditor got no answer to this challenge: all of them shall ask, and a new round begins. */
    record PostChallenge(Bytes32 requestHash, Cell cell) implements Command {}

    /**
     * A full node's signature under a block's header, see {@link Certificate#message}, handed in by anyone: one
     * for what it must not have signed costs it its stake.
     */
    record CastVote(Bytes32 fullNode, long epoch, long number, byte[] headerHash, byte[] signature) implements Command {
        /** Whether the full node has signed it. */
        public boolean holds(Bytes32 genesisHash) {
            return KeyPair.verify(fullNode, Certificate.message(genesisHash, epoch, number, headerHash), signature);
        }

        private void write(CanonicalWriter out) {
            out.putBytes32(fullNode)
                    .putLong(epoch)
                    .putLong(number)
                    .putFixed(headerHash)
                    .putFixed(signature);
        }

        private static CastVote read(CanonicalReader in) {
            return new CastVote(
                    in.getBytes32("full node"),
                    in.getLong("epoch"),
                    in.getLong("block number"),
                    in.getFixed(32, "header hash"),
                    in.getFixed(KeyPair.SIGNATURE_BYTES, "signature"));
        }
    }

    /** The bank's word that money came in from outside; {@code reference} names it there and counts once. */
    record DepositMoney(Bytes32 account, long amount, Bytes32 reference) implements Command {}

    /**
     * Has money paid out outside. What the bank pays by is the certified entry, see {@link LedgerState#withdrawalId}.
     */
    record Withdraw(long amount, String destination) implements Command {}

    /** Moves from balance to stake. */
    record Bond(long amount) implements Command {}

    /** Asks a stake back; it answers for its owner a while longer. */
    record Unbond(long amount) implements Command {}

    /** Announces a data node, and moves to its stake what is missing of {@code stake}. */
    record RegisterDataNode(long stake, String host, int port) implements Command {}

    /** Tells what a model id stands for, in its signer's name. Others may say other things of it in theirs. */
    record RegisterModel(Bytes32 modelId, String name, String source) implements Command {}

    /** A data node's word on a free text; its reports count up. Before rules 6 only, see {@link ReportValue}. */
    record ReportFeed(String feed, long sequence, byte[] value) implements Command {}

    /** A full node's wish that the ledger runs by these; a quorum of the same has it so. */
    record ProposeParameters(Parameters parameters) implements Command {}

    /** A full node's step into the next epoch. */
    record StateEpoch(EpochStatement statement) implements Command {}

    /**
     * Shows two signatures of one full node under two blocks of one number in one epoch: it loses its stake. Handed
     * in by anyone.
     */
    record ReportDoubleVote(CastVote one, CastVote other) implements Command {}

    /**
     * Begins to hand in what proves a node's lie, see {@link io.plumbline.verifier.audit.Evidence}; parts follow.
     *
     * @param requestHash of the answer.
     * @param evidenceHash of all of it, as {@link #hash} has it: whoever announces it first is the finder. Where it is
     *     plain BLAKE3, which others could announce too before the parts are seen, whoever else has it comes first.
     * @param bytes of all of it.
     */
    record Accuse(Bytes32 requestHash, byte[] evidenceHash, int bytes) implements Command {
        private static final Domain CONTEXT = new Domain("plumbline 2026-11 evidence of an accuser");

        /** The hash by which an accuser announces evidence: nobody makes it who has not seen that, or copies it. */
        public static byte[] hash(byte[] evidence, Bytes32 accuser) {
            return bound(Blake3.hash(evidence), accuser);
        }

        /** The same of a plain hash of the evidence. */
        static byte[] bound(byte[] plain, Bytes32 accuser) {
            return CONTEXT.hash(plain, accuser.bytes());
        }
        /** Bytes of evidence, at most: a lie that only a longer history shows is not paid, and costs no stake. */
        public static final int MAX_BYTES = 16 << 20;
    }

    /** The next part of the evidence that its signer has begun to hand in; with the last one it is looked at. */
    record HandInEvidence(byte[] part) implements Command {
        /** Bytes of a part, at most. */
        public static final int MAX_BYTES = 48 << 10;
    }

    /**
     * Pays another account, once the block that says so is certified; since rules 5.
     *
     * @param reference what the payment is for, 32 bytes, as its payee has named it. Such a payment stays in the state
     *     for a while, so that its payee finds it, see {@link Payment}; all zeros name nothing, and leave nothing.
     */
    record Transfer(Bytes32 to, long amount, Bytes32 reference) implements Command {}

    /**
     * Declares an outside fact that data nodes may report, since rules 6.
     *
     * @param feed its owner is the signer, whatever it names here.
     */
    record DeclareFeed(Feed feed) implements Command {}

    /** Moves money into a feed's fund, which its reports are paid from and which gives nothing back; since rules 6. */
    record FundFeed(Bytes32 feed, long amount) implements Command {}

    /**
     * A data node's value for the open round of a feed, see {@link ValueReport}; since rules 6. Another report of
     * the same node for the same round costs it its stake: one that heard nothing sends the same again.
     *
     * @param feed its id, 32 bytes.
     * @param round the ledger's time divided by the feed's {@link Feed#roundMs}.
     */
    record ReportValue(
            Bytes32 feed, long round, long value, long sentMs, long receivedMs, byte[] bodyHash, byte[] certificateHash)
            implements Command {}

    /** Offers pay for keeping a copy of a blob, with the price of all rounds set aside; since rules 7. */
    record ProposeDeal(StorageTerms terms) implements Command {}

    /**
     * A data node's word that it holds the blob of an offer and answers for it with its stake; since rules 7.
     *
     * @param deal its number.
     * @param lastChunk of the blob, with what proves it and the blob's length, see {@link StorageChallenge#ofLength}.
     */
    record AcceptDeal(long deal, byte[] lastChunk) implements Command {}

    /**
     * Answers a round's challenge; since rules 7.
     *
     * @param deal its number.
     * @param round that is answered, from 0.
     * @param slice what {@link StorageDeal#challenge} asks for.
     */
    record ProveStorage(long deal, int round, byte[] slice) implements Command {}

    /**
     * Shows a receipt of a node that differs from the one that it handed in for the same request: it loses its stake.
     * Handed in by anyone, since rules 8.
     *
     * @param other not the one that was ordered, by the same node for the same request.
     */
    record ReportDoubleReceipt(Receipt other) implements Command {}

    /**
     * Says what a full node's snapshot of the state is, since rules 9. It changes nothing: a full node that has copied
     * one from another compares it with what others say. All that a snapshot has is in its hash, more than in a state
     * root.
     *
     * @param height commands that had been seen when it was taken.
     * @param hash BLAKE3 of the encoded state.
     */
    record StateSnapshot(long height, Bytes32 hash) implements Command {}

    /**
     * Names the key that may replace the signer's, see {@link RotateKey}; since rules 8. It counts at once where the
     * signer has no stake, and else when a stake that was asked back now would be free.
     */
    record NameSuccessor(Bytes32 successor) implements Command {}

    /**
     * Has the successor that the signer has named take over its money, its registrations and its storage deals; since
     * rules 8. What is open on requests is answered with the signer's key, and the stake answers for it wherever it
     * goes.
     *
     * @param signature of the successor, 64 bytes.
     */
    record RotateKey(Bytes32 successor, byte[] signature) implements Command {
        /** How refusals of what a key that was replaced asks for begin. */
        public static final String REPLACED = "this key was replaced";

        /** Signed by the successor; by the old key it is when it is submitted. */
        public static RotateKey of(Bytes32 genesisHash, Bytes32 old, KeyPair successor) {
            return new RotateKey(
                    successor.publicKey(), successor.sign(message(genesisHash, old, successor.publicKey())));
        }

        private static byte[] message(Bytes32 genesisHash, Bytes32 old, Bytes32 successor) {
            return new CanonicalWriter()
                    .putText("plumbline key rotation 1")
                    .putBytes32(genesisHash)
                    .putBytes32(old)
                    .putBytes32(successor)
                    .toBytes();
        }

        /** Whether the successor has signed it. */
        public boolean holds(Bytes32 genesisHash, Bytes32 old) {
            return KeyPair.verify(successor, message(genesisHash, old, successor), signature);
        }
    }

    default byte[] encode() {
        CanonicalWriter out = new CanonicalWriter();
        switch (this) {
            case RegisterNode c ->
                out.putInt(1)
                        .putLong(c.stake)
                        .putBytes32(c.modelId)
                        .putLong(c.pricePerToken)
                        .putText(c.host)
                        .putInt(c.port)
                        .putInt(c.most.ordinal())
                        .putInt(c.openMsPerToken);
            case OpenEscrow c ->
                out.putInt(2)
                        .putBytes32(c.requestHash)
                        .putBytes32(c.node)
                        .putLong(c.pricePerToken)
                        .putLong(c.tokens)
                        .putInt(c.level.ordinal());
            case SubmitReceipt c -> out.putInt(3).putBytes(c.receipt.encode());
            case CommitVerdict c ->
                out.putInt(4).putBytes32(c.requestHash).putInt(c.round).putFixed(c.commitment);
            case RevealVerdict c -> c.verdict.write(out.putInt(5).putBytes32(c.requestHash));
            case PostChallenge c -> Cells.write(out.putInt(6).putBytes32(c.requestHash), c.cell);
            case CastVote c -> c.write(out.putInt(7));
            case DepositMoney c ->
                out.putInt(8).putBytes32(c.account).putLong(c.amount).putBytes32(c.reference);
            case Withdraw c -> out.putInt(9).putLong(c.amount).putText(c.destination);
            case Bond c -> out.putInt(10).putLong(c.amount);
            case Unbond c -> out.putInt(11).putLong(c.amount);
            case RegisterDataNode c ->
                out.putInt(12).putLong(c.stake).putText(c.host).putInt(c.port);
            case RegisterModel c ->
                out.putInt(13).putBytes32(c.modelId).putText(c.name).putText(c.source);
            case ReportFeed c ->
                out.putInt(14).putText(c.feed).putLong(c.sequence).putBytes(c.value);
            case ProposeParameters c -> c.parameters.write(out.putInt(15));
            case StateEpoch c -> c.statement.write(out.putInt(16));
            case ReportDoubleVote c -> {
                c.one.write(out.putInt(17));
                c.other.write(out);
            }
            case Accuse c ->
                out.putInt(18)
                        .putBytes32(c.requestHash)
                        .putFixed(c.evidenceHash)
                        .putInt(c.bytes);
            case HandInEvidence c -> out.putInt(19).putBytes(c.part);
            case DeclineEscrow c -> out.putInt(20).putBytes32(c.requestHash);
            case Transfer c -> out.putInt(21).putBytes32(c.to).putLong(c.amount).putBytes32(c.reference);
            case DeclareFeed c -> c.feed.writeTerms(out.putInt(22));
            case FundFeed c -> out.putInt(23).putBytes32(c.feed).putLong(c.amount);
            case ReportValue c ->
                out.putInt(24)
                        .putBytes32(c.feed)
                        .putLong(c.round)
                        .putLong(c.value)
                        .putLong(c.sentMs)
                        .putLong(c.receivedMs)
                        .putFixed(c.bodyHash)
                        .putFixed(c.certificateHash);
            case ProposeDeal c -> c.terms.write(out.putInt(25));
            case AcceptDeal c -> out.putInt(26).putLong(c.deal).putBytes(c.lastChunk);
            case ProveStorage c ->
                out.putInt(27).putLong(c.deal).putInt(c.round).putBytes(c.slice);
            case ReportDoubleReceipt c -> out.putInt(28).putBytes(c.other.encode());
            case NameSuccessor c -> out.putInt(29).putBytes32(c.successor);
            case RotateKey c -> out.putInt(30).putBytes32(c.successor).putFixed(c.signature);
            case StateSnapshot c -> out.putInt(31).putLong(c.height).putBytes32(c.hash);
        }
        return out.toBytes();
    }

    static Command decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "command");
        int kind = in.getInt("kind");
        Command command = switch (kind) {
            case 1 ->
                new RegisterNode(
                        in.getLong("stake"),
                        in.getBytes32("model id"),
                        in.getLong("price"),
                        in.getText("host"),
                        in.getInt("port"),
                        Settlement.level(in),
                        in.getInt("opening time"));
            case 2 ->
                new OpenEscrow(
                        in.getBytes32("request hash"),
                        in.getBytes32("node"),
                        in.getLong("price"),
                        in.getLong("tokens"),
                        Settlement.level(in));
            case 3 -> new SubmitReceipt(Receipt.decode(in.getBytes("receipt")));
            case 4 ->
                new CommitVerdict(in.getBytes32("request hash"), in.getInt("round"), in.getFixed(32, "commitment"));
            case 5 -> new RevealVerdict(in.getBytes32("request hash"), Verdict.read(in));
            case 6 -> new PostChallenge(in.getBytes32("request hash"), Cells.read(in));
            case 7 -> CastVote.read(in);
            case 8 -> new DepositMoney(in.getBytes32("account"), in.getLong("amount"), in.getBytes32("reference"));
            case 9 -> new Withdraw(in.getLong("amount"), in.getText("destination"));
            case 10 -> new Bond(in.getLong("amount"));
            case 11 -> new Unbond(in.getLong("amount"));
            case 12 -> new RegisterDataNode(in.getLong("stake"), in.getText("host"), in.getInt("port"));
            case 13 -> new RegisterModel(in.getBytes32("model id"), in.getText("name"), in.getText("source"));
            case 14 -> new ReportFeed(in.getText("feed"), in.getLong("sequence"), in.getBytes("value"));
            case 15 -> new ProposeParameters(Parameters.read(in));
            case 16 -> new StateEpoch(EpochStatement.read(in));
            case 17 -> new ReportDoubleVote(CastVote.read(in), CastVote.read(in));
            case 18 -> new Accuse(in.getBytes32("request hash"), in.getFixed(32, "evidence hash"), in.getInt("bytes"));
            case 19 -> new HandInEvidence(in.getBytes("part"));
            case 20 -> new DeclineEscrow(in.getBytes32("request hash"));
            case 21 -> new Transfer(in.getBytes32("payee"), in.getLong("amount"), in.getBytes32("reference"));
            case 22 -> new DeclareFeed(Feed.readTerms(Bytes32.ZERO, in));
            case 23 -> new FundFeed(in.getBytes32("feed"), in.getLong("amount"));
            case 24 ->
                new ReportValue(
                        in.getBytes32("feed"),
                        in.getLong("round"),
                        in.getLong("value"),
                        in.getLong("time of sending"),
                        in.getLong("time of receipt"),
                        in.getFixed(32, "body's hash"),
                        in.getFixed(32, "certificate's hash"));
            case 25 -> new ProposeDeal(StorageTerms.read(in));
            case 26 -> new AcceptDeal(in.getLong("deal"), slice(in));
            case 27 -> new ProveStorage(in.getLong("deal"), in.getInt("round"), slice(in));
            case 28 -> new ReportDoubleReceipt(Receipt.decode(in.getBytes("receipt")));
            case 29 -> new NameSuccessor(in.getBytes32("successor"));
            case 30 ->
                new RotateKey(
                        in.getBytes32("successor"), in.getFixed(KeyPair.SIGNATURE_BYTES, "successor's signature"));
            case 31 -> new StateSnapshot(in.getLong("height"), in.getBytes32("snapshot's hash"));
            default -> throw new MalformedException("Malformed command: kind " + kind + " is not known.");
        };
        in.end();
        return command;
    }

    /** A longer one proves nothing, whatever it is for: it is refused before it is ordered. */
    private static byte[] slice(CanonicalReader in) {
        byte[] slice = in.getBytes("slice");
        if (slice.length > StorageChallenge.MAX_SLICE_BYTES) {
            throw new MalformedException("Malformed command: a slice of " + slice.length + " bytes is longer than "
                    + StorageChallenge.MAX_SLICE_BYTES + ".");
        }
        return slice;
    }
}
