package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.DeclineEscrow;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.state.SigningStart.Phase;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Histories in which the leader lies: it shows every member a log of its own, with commands left out, put in another
 * order and at other times, closes blocks when it likes, hands members each other's votes and statements as it likes,
 * signs whatever it likes, and hands in every pair of votes that it has seen as an offence. Members lose their disks
 * too, their signing histories with them. No honest full node loses its stake, and no two blocks of one number are
 * certified, whoever looks.
 */
@Tag("slow")
class LyingLeaderTest {
    private static final int MEMBERS = 4;
    private static final int LEADER = 3;
    private static final int ROUNDS = 40;
    private static final long BOND = 5_000;
    private static final List<KeyPair> FULL = keys(1, MEMBERS);
    private static final List<KeyPair> PEOPLE = keys(2, 3);
    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(KeyPair::publicKey).toList(),
            BOND,
            Bytes32.ZERO,
            PEOPLE.stream()
                    .map(keys -> new Genesis.Deposit(keys.publicKey(), 1_000_000))
                    .toList(),
            Parameters.DEFAULT);
    private static final Bytes32 LEDGER = GENESIS.hash();

    private final LedgerState[] states = new LedgerState[MEMBERS];
    private final SigningRecord[] signed = new SigningRecord[MEMBERS];
    /** All votes that the leader has seen. */
    private final List<CastVote> votes = new ArrayList<>();

    /** The hash of any certified block, by number, whoever has it. */
    private final Map<Long, String> certified = new HashMap<>();

    /** Of full nodes that have lost their signing histories, among others. */
    private final SigningStart[] starts = new SigningStart[MEMBERS];

    /** By which they know what is younger than their starts. */
    private final Signed[] markers = new Signed[MEMBERS];

    /** States that members had once, which the leader shows to those that have lost theirs. */
    private final List<byte[]> past = new ArrayList<>();

    private final long[] heard = new long[MEMBERS];

    /** For so many the leader lies no more than others do: or nothing would be certified after a loss. */
    private int fairRounds;

    private boolean isDiskLost;
    private boolean isWaitLeftOut;
    private static int regained;

    private Random random;
    private long nowMs = 1_000_000;
    private int requests;
    private static int dissents;
    private static int allCertified;

    private static List<KeyPair> keys(int kind, int count) {
        List<KeyPair> keys = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            keys.add(new KeyPair(Blake3.hash(new byte[] {(byte) kind, (byte) i, 7})));
        }
        return keys;
    }

    static long[] seeds() {
        long[] seeds = new long[24];
        Arrays.setAll(seeds, i -> i + 1);
        return seeds;
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noHonestFullNodeLosesItsStakeAndNoNumberHasTwoCertifiedBlocks(long seed) {
        go(seed);
    }

    /** Their disks are lost, what they signed with them, and the leader shows them what was long ago. */
    @ParameterizedTest
    @MethodSource("seeds")
    void noFullNodeThatLosesItsSigningHistoryLosesItsStake(long seed) {
        isDiskLost = true;
        go(seed);
    }

    @Test
    void withoutTheWaitAfterALossSomeLoseTheirStakes() {
        assertThrows(AssertionError.class, () -> {
            for (long seed : seeds()) {
                LyingLeaderTest one = new LyingLeaderTest();
                one.isDiskLost = true;
                one.isWaitLeftOut = true;
                one.go(seed);
            }
        });
    }

    private void go(long seed) {
        random = new Random(seed);
        for (int member = 0; member < MEMBERS; member++) {
            starts[member] = new SigningStart();
            starts[member].begin(new SigningSeen(member, 0, -1, true), SigningRecord.NONE);
        }
        fairRounds = isDiskLost ? 3 : 0;
        Arrays.fill(signed, SigningRecord.NONE);
        Arrays.setAll(states, i -> new LedgerState(GENESIS));
        for (int round = 0; round < ROUNDS; round++) {
            String where = "seed " + seed + ", round " + round;
            showDifferentLogs();
            if (isDiskLost && round % 3 == 0 && number(states[0]) >= 0) {
                past.add(states[0].encode());
            }
            for (int member = 0; member < MEMBERS; member++) {
                vote(member);
            }
            deliver(where);
            if (random.nextInt(4) == 0) {
                stepOn();
            }
            if (fairRounds > 0 && --fairRounds == 5 || fairRounds == 0 && random.nextInt(3) == 0) {
                restore();
            }
            // One at a time, while the others agree: two would need each other's signatures.
            if (isDiskLost && !doesOneWait() && doAgree() && random.nextInt(3) > 0) {
                lose(random.nextInt(LEADER));
                fairRounds = 8;
            }
        }
        allCertified += certified.size();
    }

    @AfterAll
    static void thereWasSomethingToSee() {
        assertTrue(allCertified > 100, allCertified + " blocks were certified");
        assertTrue(regained > 20, regained + " full nodes went on after a loss");
        assertTrue(dissents > 100, dissents + " votes were for another block");
    }

    private Signed sign(KeyPair by, Command... commands) {
        return Signed.of(LEDGER, by, nowMs + 60_000, commands);
    }

    private Signed command() {
        KeyPair by = PEOPLE.get(random.nextInt(PEOPLE.size()));
        Bytes32 request = Bytes32.of(Blake3.hash(new byte[] {9, (byte) requests, (byte) (requests++ >> 8)}));
        KeyPair node = PEOPLE.getFirst();
        return sign(
                by,
                switch (random.nextInt(4)) {
                    case 0 -> new RegisterNode(10_000 + random.nextInt(5), Bytes32.ZERO, 1, "127.0.0.1", 9);
                    case 1 -> new Withdraw(1 + random.nextInt(50), "home");
                    case 2 -> new OpenEscrow(request, node.publicKey(), 1, 10, Level.AUDITED);
                    default -> new Bond(1 + random.nextInt(50));
                });
    }

    /** Some members are shown what the others are not; then all close a block. */
    private void showDifferentLogs() {
        nowMs += 1 + random.nextInt(50);
        List<Signed> common = new ArrayList<>(List.of(command(), command()));
        for (int member = 0; member < LEADER; member++) {
            if (starts[member].phase() == Phase.STARTING) {
                Bytes32 any = Bytes32.ZERO;
                random.nextBytes(any.bytes());
                markers[member] = sign(FULL.get(member), new DeclineEscrow(any));
                common.add(markers[member]);
            }
        }
        Signed other = command();
        for (int member = 0; member < MEMBERS; member++) {
            boolean isDeceived = fairRounds == 0 && random.nextInt(4) == 0;
            List<Signed> shown = new ArrayList<>(common);
            if (isDeceived) {
                switch (random.nextInt(3)) {
                    case 0 -> shown.add(other);
                    case 1 -> shown.removeLast();
                    default -> shown = new ArrayList<>(common.reversed());
                }
            }
            for (Signed one : shown) {
                states[member].apply(one, nowMs);
            }
            if (member < LEADER) {
                look(member);
            }
            states[member].closeBlock(nowMs + (isDeceived ? random.nextInt(2) : 0));
        }
    }

    private void vote(int member) {
        if (member == LEADER) {
            // It signs whatever any of them waits for.
            for (LedgerState state : states) {
                BlockHeader open = state.blocks().open();
                if (open != null) {
                    cast(LEADER, state.blocks().epoch(), open.number(), open.hash());
                }
            }
            return;
        }
        Blocks blocks = states[member].blocks();
        BlockHeader open = blocks.open();
        if (!maySign(member) || open == null) {
            return;
        }
        long epoch = blocks.epoch();
        if (signed[member].refusal(epoch, open.number(), open.hash(), blocks.statements(), MEMBERS) == null) {
            signed[member] = signed[member].voted(epoch, open.number(), open.hash());
            cast(member, epoch, open.number(), open.hash());
        }
    }

    /** Whether its marker is in the order that it is shown. */
    private void look(int member) {
        SigningStart start = starts[member];
        SigningSeen seen = start.phase() == Phase.STARTING
                ? states[member].signingSeen(FULL.get(member).publicKey(), markers[member].id(LEDGER))
                : null;
        if (seen != null) {
            start.begin(seen, signed[member]);
        }
    }

    /** After a start, when it has heard for long enough that its key signs nowhere else. */
    private boolean maySign(int member) {
        starts[member].heardNothing();
        return starts[member].phase() == Phase.SIGNING;
    }

    /** Whether no block waits for signatures, and all honest full nodes have the same certified one. */
    private boolean doAgree() {
        return Arrays.stream(states, 0, LEADER)
                .allMatch(state -> state.blocks().open() == null && number(state) == number(states[0]));
    }

    /** Whether an honest full node does not sign yet. */
    private boolean doesOneWait() {
        return Arrays.stream(starts).anyMatch(start -> start.phase() != Phase.SIGNING);
    }

    /** It knows nothing any more of what it signed, and has of the ledger what the leader likes. */
    private void lose(int member) {
        if (past.isEmpty()) {
            return;
        }
        signed[member] = SigningRecord.NONE;
        states[member] = LedgerState.decode(GENESIS, past.get(random.nextInt(past.size())));
        heard[member] = number(states[member]);
        starts[member] = new SigningStart();
        if (isWaitLeftOut) {
            starts[member].begin(new SigningSeen(member, 0, -1, true), SigningRecord.NONE);
        }
    }

    private void cast(int member, long epoch, long number, byte[] hash) {
        KeyPair keys = FULL.get(member);
        byte[] signature = keys.sign(Certificate.message(LEDGER, epoch, number, hash));
        votes.add(new CastVote(keys.publicKey(), epoch, number, hash, signature));
    }

    /**
     * Hands members the newest votes as it likes, among them pairs of votes of one full node that it calls an
     * offence.
     */
    private void deliver(String where) {
        List<CastVote> newest = new ArrayList<>(votes.subList(Math.max(0, votes.size() - 24), votes.size()));
        Collections.shuffle(newest, random);
        for (CastVote vote : newest) {
            Signed once = sign(FULL.get(LEADER), vote);
            for (int member = 0; member < MEMBERS; member++) {
                if (fairRounds > 0 || random.nextInt(5) > 0) {
                    // Where it lies, members have even what is the same in commands of their own.
                    Signed shown = fairRounds > 0 ? once : sign(FULL.get(LEADER), vote);
                    String refusal = states[member].apply(shown, nowMs).getFirst();
                    dissents += refusal != null && refusal.endsWith("is another one") ? 1 : 0;
                    check(member, where);
                }
            }
        }
        for (int i = 0; i < 6 && !votes.isEmpty(); i++) {
            CastVote one = votes.get(random.nextInt(votes.size()));
            CastVote other = votes.get(random.nextInt(votes.size()));
            Signed report = sign(FULL.get(LEADER), new ReportDoubleVote(one, other));
            for (int member = 0; member < MEMBERS; member++) {
                if (fairRounds > 0 || member == i % MEMBERS) {
                    states[member].apply(report, nowMs);
                    check(member, where);
                }
            }
        }
    }

    /**
     * Operators of some members that wait have them step into the next epoch; the leader shows their statements to
     * some.
     */
    private void stepOn() {
        List<Signed> statements = new ArrayList<>();
        for (int member = 0; member < MEMBERS; member++) {
            Blocks blocks = states[member].blocks();
            if (blocks.open() == null
                    || starts[member].phase() != Phase.SIGNING
                    || blocks.open().number() <= signed[member].forgotten()) {
                continue;
            }
            long number = blocks.open().number();
            long epoch = blocks.epoch() + 1;
            SortedMap<Long, byte[]> said = new TreeMap<>();
            if (member != LEADER) {
                signed[member] = signed[member].promise(number, epoch);
                said = signed[member].votesFor(number);
            }
            KeyPair keys = FULL.get(member);
            statements.add(sign(keys, new StateEpoch(EpochStatement.of(LEDGER, epoch, number, said, keys))));
        }
        for (Signed statement : statements) {
            for (LedgerState state : states) {
                if (fairRounds > 0 || random.nextInt(6) > 0) {
                    state.apply(statement, nowMs);
                }
            }
        }
    }

    /**
     * Members that were left behind get the state of the one that has the longest certified chain; what they signed
     * they know.
     */
    private void restore() {
        LedgerState best = states[0];
        for (LedgerState state : states) {
            best = number(state) > number(best) ? state : best;
        }
        byte[] snapshot = best.encode();
        for (int member = 0; member < MEMBERS; member++) {
            states[member] = LedgerState.decode(GENESIS, snapshot);
            heard[member] = number(best);
            if (starts[member].phase() != Phase.SIGNING) {
                starts[member] = new SigningStart();
            }
        }
    }

    private static long number(LedgerState state) {
        return state.blocks().certified() == null
                ? -1
                : state.blocks().certified().number();
    }

    private void check(int member, String where) {
        LedgerState state = states[member];
        assertEquals(state.deposited(), state.total(), where);
        for (int honest = 0; honest < LEADER; honest++) {
            assertTrue(!state.guilty().containsKey(honest), where + ": honest " + honest + " " + state.guilty());
            assertEquals(BOND, state.account(FULL.get(honest).publicKey()).stake(), where);
        }
        BlockHeader header = state.blocks().certified();
        if (header != null) {
            String hash = HexFormat.of().formatHex(header.hash());
            String before = certified.putIfAbsent(header.number(), hash);
            assertTrue(before == null || before.equals(hash), where + ": two certified blocks " + header.number());
            if (header.number() > heard[member]) {
                heard[member] = header.number();
                long forgotten = starts[member].onCertified(
                        header.number(), state.blocks().certificate());
                if (forgotten >= 0) {
                    signed[member] = signed[member].forget(forgotten);
                    regained++;
                }
            }
        }
    }
}
