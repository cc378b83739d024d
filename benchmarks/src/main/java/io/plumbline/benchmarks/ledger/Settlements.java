package io.plumbline.benchmarks.ledger;

import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.ledger.state.Verdict;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers as the ledger sees them, signed beforehand: for each an escrow, a receipt, and four auditors' commitments
 * and verdicts. What each role has to say about several answers goes together, as gateways, nodes and auditors that
 * are busy do.
 */
public final class Settlements {
    static final int FULL_NODES = 4;
    /** Of the node: its share of the state is ten requests for each unit. */
    private static final long STAKE = 1_000_000;

    private static final int TOKENS = 50;
    private static final long PRICE = 2L * TOKENS;
    private static final long LIFE_MS = 500_000;
    private static final Bytes32 MODEL = Bytes32.ZERO;

    private final KeyPair requester = KeyPair.random();
    private final KeyPair node = KeyPair.random();
    private final List<KeyPair> fullNodes = new ArrayList<>();
    private final Genesis genesis;

    /** Hashed once: a genesis of a million deposits is 40 MB, and every message is bound to its hash. */
    private final Bytes32 genesisHash;

    private long requests;

    /** Of new keys. */
    public Settlements() {
        this(0);
    }

    /** @param accounts that the ledger begins with, beside those that it is used by. */
    Settlements(int accounts) {
        for (int i = 0; i < FULL_NODES; i++) {
            fullNodes.add(KeyPair.random());
        }
        genesis = new Genesis(
                fullNodes.stream().map(KeyPair::publicKey).toList(),
                1_000,
                Bytes32.ZERO,
                deposits(accounts),
                Parameters.FREE);
        genesisHash = genesis.hash();
    }

    private List<Genesis.Deposit> deposits(int accounts) {
        List<Genesis.Deposit> deposits = new ArrayList<>(List.of(
                new Genesis.Deposit(requester.publicKey(), 1L << 50), new Genesis.Deposit(node.publicKey(), STAKE)));
        for (int i = 0; i < accounts; i++) {
            Bytes32 key =
                    Bytes32.of(Blake3.hash(ByteBuffer.allocate(4).putInt(i).array()));
            deposits.add(new Genesis.Deposit(key, 1 + i));
        }
        return deposits;
    }

    /** Of the ledger that they are for: the requester and the node have deposits. */
    public Genesis genesis() {
        return genesis;
    }

    List<KeyPair> fullNodes() {
        return fullNodes;
    }

    KeyPair requester() {
        return requester;
    }

    private byte[] sign(KeyPair keys, List<Command> commands) {
        return Signed.of(genesisHash, keys, System.currentTimeMillis() + LIFE_MS, commands)
                .encode();
    }

    /** The node's registration, which comes first. */
    public byte[] register() {
        return sign(node, List.of(new Command.RegisterNode(STAKE, MODEL, 2, "127.0.0.1", 9)));
    }

    /** One command by itself. */
    public byte[] escrow() {
        return sign(
                requester,
                List.of(new Command.OpenEscrow(
                        Bytes32.of(next()), node.publicKey(), PRICE / TOKENS, TOKENS, Level.FULL)));
    }

    private byte[] next() {
        return Blake3.hash(ByteBuffer.allocate(8).putLong(requests++).array());
    }

    /**
     * So many answers from escrow to settlement.
     *
     * @param last receives the last one's request hash.
     * @return messages in the order they must come in.
     */
    public List<byte[]> settle(int answers, byte[] last) {
        List<Bytes32> hashes = new ArrayList<>();
        for (int i = 0; i < answers; i++) {
            hashes.add(Bytes32.of(next()));
        }
        System.arraycopy(hashes.getLast().bytes(), 0, last, 0, last.length);
        List<byte[]> messages = new ArrayList<>();
        messages.add(sign(
                requester,
                map(
                        hashes,
                        hash -> new Command.OpenEscrow(hash, node.publicKey(), PRICE / TOKENS, TOKENS, Level.FULL))));
        byte[] any = new byte[32];
        messages.add(sign(
                node,
                map(
                        hashes,
                        hash -> new Command.SubmitReceipt(
                                new Receipt(1, MODEL, hash, any, any, 1024, 10, TOKENS - 10, PRICE, null, null)
                                        .sign(node)))));
        Verdict good = new Verdict(Opinion.GOOD, "", "", new byte[32], new byte[32]);
        for (KeyPair auditor : fullNodes) {
            messages.add(sign(
                    auditor,
                    map(
                            hashes,
                            hash -> new Command.CommitVerdict(
                                    hash, 0, good.commitment(hash, 0, auditor.publicKey())))));
        }
        for (KeyPair auditor : fullNodes) {
            messages.add(sign(auditor, map(hashes, hash -> new Command.RevealVerdict(hash, good))));
        }
        return messages;
    }

    private interface Each {
        Command of(Bytes32 hash);
    }

    private static List<Command> map(List<Bytes32> hashes, Each each) {
        return hashes.stream().map(each::of).toList();
    }
}
