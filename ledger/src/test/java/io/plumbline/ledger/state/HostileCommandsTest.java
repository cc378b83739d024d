package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.BANK;
import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static io.plumbline.ledger.Money.receipt;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * What an account signs may be anything. An exception out of the state would end every member at once, and again at
 * every start.
 */
class HostileCommandsTest {
    private static final int BATCHES = 3_000;
    private static final int TOGETHER = 16;
    private static final long[] EXTREMES = {0, -1, 1, Long.MAX_VALUE, Long.MIN_VALUE, Integer.MAX_VALUE};

    private final LedgerState state = new LedgerState(genesis());
    private final Random random = new Random(7);
    private long now = 1_000_000;

    /** One of each kind, some of which are right as they are. */
    private List<Command> commands() {
        Bytes32 anything = Bytes32.ZERO;
        random.nextBytes(anything.bytes());
        int number = random.nextInt(20);
        KeyPair full = FULL_NODES.get(random.nextInt(FULL_NODES.size()));
        Verdict verdict = new Verdict(Opinion.BAD, "step", "place", new byte[32], new byte[32]);
        BlockHeader open = state.blocks().open();
        byte[] hash = open == null ? anything.bytes() : open.hash();
        long block = open == null ? 0 : open.number();
        byte[] vote = full.sign(Certificate.message(genesis().hash(), 0, block, hash));
        Feed feed =
                new Feed(REQUESTER.publicKey(), "any", "unit", 2, -9, 9, 1_000, 900, 1 + number % 3, 60_000, MODEL, 4);
        StorageTerms terms =
                new StorageTerms(MODEL, 2_000, StorageTerms.ANY_NODE, 9_000, 2_000, 1_000, 1 + number, 2, 3, 10);
        return List.of(
                new Command.ProposeDeal(terms),
                new Command.AcceptDeal(state.height() << 7, new byte[1_008]),
                new Command.ProveStorage(state.height() << 7, 0, new byte[2_000]),
                new Command.DeclareFeed(feed),
                new Command.FundFeed(feed.id(), 90),
                new Command.ReportValue(
                        feed.id(), feed.round(now), number % 4, now, now, anything.bytes(), anything.bytes()),
                new Command.RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000),
                new Command.OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 2, 250, Level.FULL),
                new Command.SubmitReceipt(receipt(number, 150)),
                new Command.ReportDoubleReceipt(receipt(number, 149)),
                new Command.DeclineEscrow(Bytes32.of(request(number))),
                new Command.CommitVerdict(
                        Bytes32.of(request(number)),
                        0,
                        verdict.commitment(Bytes32.of(request(number)), 0, full.publicKey())),
                new Command.RevealVerdict(Bytes32.of(request(number)), verdict),
                new Command.PostChallenge(Bytes32.of(request(number)), new Cell(0, 0, 8)),
                new Command.CastVote(full.publicKey(), 0, block, hash, vote),
                new Command.DepositMoney(REQUESTER.publicKey(), 1_000, anything),
                new Command.Withdraw(1, "somewhere"),
                new Command.Transfer(NODE.publicKey(), 5, anything),
                new Command.Bond(10),
                new Command.Unbond(10),
                new Command.RegisterDataNode(50_000, "127.0.0.1", 9000),
                new Command.NameSuccessor(anything),
                new Command.StateSnapshot(number, anything),
                Command.RotateKey.of(genesis().hash(), NODE.publicKey(), full),
                new Command.RegisterModel(MODEL, "name", "source"),
                new Command.ReportFeed("feed", number, new byte[8]),
                new Command.ProposeParameters(Parameters.DEFAULT),
                new Command.StateEpoch(EpochStatement.of(genesis().hash(), 1, block, new TreeMap<>(), full)));
    }

    /** Bytes of a command with some of them changed, or a number among them driven to its end. */
    private byte[] changed(byte[] command) {
        byte[] bytes = command.clone();
        for (int changes = random.nextInt(4); changes > 0; changes--) {
            int at = random.nextInt(bytes.length);
            if (random.nextBoolean() && at + Long.BYTES <= bytes.length) {
                byte[] extreme = new CanonicalWriter()
                        .putLong(EXTREMES[random.nextInt(EXTREMES.length)])
                        .toBytes();
                System.arraycopy(extreme, 0, bytes, at, Long.BYTES);
            } else {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
            }
        }
        return bytes;
    }

    private Signed signed(List<byte[]> commands, KeyPair keys) {
        CanonicalWriter body = new CanonicalWriter().putInt(commands.size());
        commands.forEach(body::putBytes);
        byte[] nonce = new byte[16];
        random.nextBytes(nonce);
        Signed unsigned = new Signed(keys.publicKey(), nonce, now + 1_000, body.toBytes(), new byte[64]);
        return new Signed(
                unsigned.signer(),
                nonce,
                unsigned.lastMs(),
                unsigned.body(),
                keys.sign(unsigned.id(genesis().hash()).bytes()));
    }

    /** A leader that lies about the time, up to its end. */
    @Test
    void whateverTheTimeIsSaidToBeSumsOfDeadlinesFit() {
        assertTrue(state.apply(signed(List.of(new Command.Bond(50).encode()), REQUESTER), now).stream()
                .allMatch(Objects::isNull));
        state.expire(Long.MAX_VALUE);
        long end = state.timeMs();
        for (Command command : List.of(
                new Command.RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000),
                new Command.OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 250, Level.FULL),
                new Command.SubmitReceipt(receipt(1, 150)),
                new Command.Unbond(10))) {
            KeyPair by = command instanceof Command.OpenEscrow ? REQUESTER : NODE;
            Signed signed = Signed.of(genesis().hash(), by, end + 1_000, command);
            assertNull(state.apply(signed, Long.MAX_VALUE).getFirst());
        }
        long next = state.nextDeadlineMs();
        assertTrue(next > end && next < end + Parameters.MAX_OPENING_MS, "the next deadline is at " + next);
        LedgerState back = LedgerState.decode(genesis(), state.encode());
        assertEquals(next, back.nextDeadlineMs());
        Signed late = Signed.of(genesis().hash(), NODE, Long.MAX_VALUE, new Command.Bond(1));
        assertTrue(state.apply(late, Long.MIN_VALUE).getFirst().contains("minutes"));
    }

    @Test
    void whateverIsSignedIsAppliedOrRefused() {
        List<KeyPair> signers = new ArrayList<>(FULL_NODES);
        signers.addAll(List.of(REQUESTER, NODE, BANK));
        int applied = 0;
        int refused = 0;
        for (int batch = 0; batch < BATCHES; batch++) {
            now += random.nextInt(200);
            List<Command> kinds = commands();
            List<byte[]> together = new ArrayList<>();
            for (int i = random.nextInt(TOGETHER) + 1; i > 0; i--) {
                together.add(changed(kinds.get(random.nextInt(kinds.size())).encode()));
            }
            for (String reason : state.apply(
                    signed(together, signers.get(random.nextInt(signers.size())))
                            .encode(),
                    now)) {
                applied += reason == null ? 1 : 0;
                refused += reason == null ? 0 : 1;
            }
            if (batch % 10 == 0) {
                state.closeBlock(now);
            }
            assertEquals(state.deposited(), state.total(), "money is neither made nor lost");
        }
        assertTrue(applied > BATCHES / 30 && refused > BATCHES / 30, applied + " applied, " + refused + " refused");
    }
}
