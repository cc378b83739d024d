package io.plumbline.ledger.state;

import io.plumbline.verifier.blake3.Domain;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/**
 * Commands of one account under one signature, with a key that makes them one of their kind: applied once, however
 * often they arrive, and not at all after a time that their sender chose. So a sender who never heard knows by then.
 *
 * @param signer public key.
 * @param nonce 16 bytes.
 * @param lastMs cluster time after which they are not applied any more.
 * @param body encoded commands, see {@link #commands}.
 * @param signature over all of it and the hash of the ledger's genesis.
 */
public record Signed(Bytes32 signer, byte[] nonce, long lastMs, byte[] body, byte[] signature) {
    /** Commands that may come together. */
    public static final int MAX_COMMANDS = 128;

    /** Longest life of a command that is on its way. */
    public static final long MAX_LIFE_MS = 600_000;

    private static final int NONCE_BYTES = 16;

    /** Bytes of all commands together: what surely fits into one message to the cluster. */
    public static final int MAX_BODY_BYTES = 64 << 10;

    /** Bytes of the longest commands with what stands around them. */
    public static final int MAX_BYTES = MAX_BODY_BYTES + 256;

    private static final Domain CONTEXT = new Domain("plumbline 2026-11 ledger commands");

    private static final SecureRandom RANDOM = new SecureRandom();

    /** @param ledger hash of the genesis of the ledger that they are for, 32 bytes: no other takes them. */
    public static Signed of(Bytes32 ledger, KeyPair keys, long lastMs, Command... commands) {
        return of(ledger, keys, lastMs, List.of(commands));
    }

    public static Signed of(Bytes32 ledger, KeyPair keys, long lastMs, List<Command> commands) {
        byte[] nonce = new byte[NONCE_BYTES];
        RANDOM.nextBytes(nonce);
        CanonicalWriter body = new CanonicalWriter().putInt(commands.size());
        commands.forEach(command -> body.putBytes(command.encode()));
        byte[] bytes = body.toBytes();
        Bytes32 signer = keys.publicKey();
        return new Signed(
                signer, nonce, lastMs, bytes, keys.sign(CONTEXT, content(ledger, signer, nonce, lastMs, bytes)));
    }

    /** Whose hash is signed. */
    private static byte[] content(Bytes32 ledger, Bytes32 signer, byte[] nonce, long lastMs, byte[] body) {
        return new CanonicalWriter()
                .putBytes32(ledger)
                .putBytes32(signer)
                .putFixed(nonce)
                .putLong(lastMs)
                .putBytes(body)
                .toBytes();
    }

    private static Bytes32 id(Bytes32 ledger, Bytes32 signer, byte[] nonce, long lastMs, byte[] body) {
        return Bytes32.of(CONTEXT.hash(content(ledger, signer, nonce, lastMs, body)));
    }

    /**
     * Reads what a keeper of keys is asked to sign, see {@link io.plumbline.verifier.receipt.RemoteSecret}.
     *
     * @return the commands, without a signature.
     * @throws MalformedException where they are none, or for another ledger.
     */
    public static Signed unsigned(Bytes32 ledger, byte[] content) {
        CanonicalReader in = new CanonicalReader(content, "commands");
        if (!in.getBytes32("ledger").equals(ledger)) {
            throw new MalformedException("Malformed commands: they are for another ledger.");
        }
        Signed read = new Signed(
                in.getBytes32("signer"),
                in.getFixed(NONCE_BYTES, "nonce"),
                in.getLong("last time"),
                in.getBytes("body"),
                new byte[0]);
        in.end();
        return read;
    }

    /** Signs what {@link #unsigned} has read, with the key of its signer. */
    public byte[] signature(Bytes32 ledger, KeyPair keys) {
        return keys.sign(CONTEXT, content(ledger, signer, nonce, lastMs, body));
    }

    /** Whether its signer signed it for this ledger. */
    public boolean signatureHolds(Bytes32 ledger) {
        return KeyPair.verify(signer, id(ledger).bytes(), signature);
    }

    /**
     * 32 bytes that name these commands on a ledger, and that are signed: the signature's own hash is a tenth as fast
     * over a long body.
     */
    public Bytes32 id(Bytes32 ledger) {
        return id(ledger, signer, nonce, lastMs, body);
    }

    /** What is asked, in order. */
    public List<Command> commands() {
        CanonicalReader in = new CanonicalReader(body, "commands");
        int count = in.getInt("count");
        if (count < 1 || count > MAX_COMMANDS) {
            throw new MalformedException(
                    "Malformed commands: they are " + count + ", and may be 1 to " + MAX_COMMANDS + ".");
        }
        List<Command> commands = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            commands.add(Command.decode(in.getBytes("command")));
        }
        in.end();
        return commands;
    }

    public byte[] encode() {
        return new CanonicalWriter()
                .putBytes32(signer)
                .putFixed(nonce)
                .putLong(lastMs)
                .putBytes(body)
                .putFixed(signature)
                .toBytes();
    }

    public static Signed decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "command");
        Signed signed = new Signed(
                in.getBytes32("signer"),
                in.getFixed(NONCE_BYTES, "nonce"),
                in.getLong("last time"),
                in.getBytes("body"),
                in.getFixed(KeyPair.SIGNATURE_BYTES, "signature"));
        in.end();
        if (signed.body.length > MAX_BODY_BYTES) {
            throw new MalformedException("Malformed command: its body is longer than " + MAX_BODY_BYTES + " bytes.");
        }
        return signed;
    }
}
