package io.plumbline.ledger.state;

import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import java.security.SecureRandom;

/** What an account may ask of the ledger. Amounts are in its smallest unit. */
public sealed interface Command {
    /** Moves {@code stake} from balance to stake and announces an inference node at an address. */
    record RegisterNode(long stake, byte[] modelId, long pricePerToken, String host, int port) implements Command {}

    /** Sets money aside for one request, answered by one node and audited at {@code level}. */
    record OpenEscrow(byte[] requestHash, byte[] node, long amount, Level level) implements Command {}

    /** Hands in a node's signed receipt; from then on it is audited. */
    record SubmitReceipt(Receipt receipt) implements Command {}

    /** Binds an auditor to its verdict in this round without telling it, see {@link Verdict#commitment}. */
    record CommitVerdict(byte[] requestHash, int round, byte[] commitment) implements Command {}

    /** Tells the verdict that was committed to. */
    record RevealVerdict(byte[] requestHash, Verdict verdict) implements Command {}

    /** An auditor got no answer to this challenge: all of them shall ask, and a new round begins. */
    record PostChallenge(byte[] requestHash, Cell cell) implements Command {}

    /** A full node's signature under a block's header, see {@link io.plumbline.verifier.ledger.Certificate#message}. */
    record CastVote(long number, byte[] headerHash, byte[] signature) implements Command {}

    /**
     * A command with who asks it and a key that makes it one of its kind: applied once, however often it arrives.
     *
     * @param signer public key.
     * @param nonce 16 bytes.
     * @param body encoded command.
     * @param signature over all of it.
     */
    record Signed(byte[] signer, byte[] nonce, byte[] body, byte[] signature) {
        private static final int NONCE_BYTES = 16;
        private static final int MAX_BODY_BYTES = 4096;

        public static Signed of(Command command, Keys keys) {
            byte[] nonce = new byte[NONCE_BYTES];
            new SecureRandom().nextBytes(nonce);
            byte[] body = command.encode();
            return new Signed(keys.publicKey(), nonce, body, keys.sign(message(keys.publicKey(), nonce, body)));
        }

        private static byte[] message(byte[] signer, byte[] nonce, byte[] body) {
            return new CanonicalWriter()
                    .putText("plumbline command 1")
                    .putFixed(signer)
                    .putFixed(nonce)
                    .putBytes(body)
                    .toBytes();
        }

        public boolean signatureHolds() {
            return Keys.verify(signer, message(signer, nonce, body), signature);
        }

        /** 32 bytes that name this command. */
        public byte[] id() {
            return Blake3.hash(message(signer, nonce, body));
        }

        public byte[] encode() {
            return new CanonicalWriter()
                    .putFixed(signer)
                    .putFixed(nonce)
                    .putBytes(body)
                    .putFixed(signature)
                    .toBytes();
        }

        public static Signed decode(byte[] bytes) {
            CanonicalReader in = new CanonicalReader(bytes, "command");
            Signed signed = new Signed(
                    in.getFixed(Keys.PUBLIC_BYTES, "signer"),
                    in.getFixed(NONCE_BYTES, "nonce"),
                    in.getBytes("body"),
                    in.getFixed(Keys.SIGNATURE_BYTES, "signature"));
            in.end();
            if (signed.body.length > MAX_BODY_BYTES) {
                throw new MalformedException(
                        "Malformed command: its body is longer than " + MAX_BODY_BYTES + " bytes.");
            }
            return signed;
        }
    }

    default byte[] encode() {
        CanonicalWriter out = new CanonicalWriter();
        switch (this) {
            case RegisterNode c ->
                out.putInt(1)
                        .putLong(c.stake)
                        .putFixed(c.modelId)
                        .putLong(c.pricePerToken)
                        .putText(c.host)
                        .putInt(c.port);
            case OpenEscrow c ->
                out.putInt(2)
                        .putFixed(c.requestHash)
                        .putFixed(c.node)
                        .putLong(c.amount)
                        .putInt(c.level.ordinal());
            case SubmitReceipt c -> out.putInt(3).putBytes(c.receipt.encode());
            case CommitVerdict c ->
                out.putInt(4).putFixed(c.requestHash).putInt(c.round).putFixed(c.commitment);
            case RevealVerdict c -> c.verdict.write(out.putInt(5).putFixed(c.requestHash));
            case PostChallenge c -> Cells.write(out.putInt(6).putFixed(c.requestHash), c.cell);
            case CastVote c ->
                out.putInt(7).putLong(c.number).putFixed(c.headerHash).putFixed(c.signature);
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
                        in.getFixed(32, "model id"),
                        in.getLong("price"),
                        in.getText("host"),
                        in.getInt("port"));
            case 2 ->
                new OpenEscrow(
                        in.getFixed(32, "request hash"), in.getFixed(32, "node"), in.getLong("amount"), Case.level(in));
            case 3 -> new SubmitReceipt(Receipt.decode(in.getBytes("receipt")));
            case 4 ->
                new CommitVerdict(in.getFixed(32, "request hash"), in.getInt("round"), in.getFixed(32, "commitment"));
            case 5 -> new RevealVerdict(in.getFixed(32, "request hash"), Verdict.read(in));
            case 6 -> new PostChallenge(in.getFixed(32, "request hash"), Cells.read(in));
            case 7 ->
                new CastVote(
                        in.getLong("block number"),
                        in.getFixed(32, "header hash"),
                        in.getFixed(Keys.SIGNATURE_BYTES, "signature"));
            default -> throw new MalformedException("Malformed command: kind " + kind + " is not known.");
        };
        in.end();
        return command;
    }
}
