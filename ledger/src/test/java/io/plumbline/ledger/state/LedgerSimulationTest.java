package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.ledger.CertifiedEntry;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Keys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Histories of a ledger of four full nodes, one of them lying, in one thread: members fall behind, restart from snapshots and catch up; commands
 * and votes are lost, sent twice and late. After every step what must hold is checked on every member. A failure names its seed.
 */
class LedgerSimulationTest {
    private static final int MEMBERS = 4;
    private static final int STEPS = 60;
    private static final long MONEY = 10_000;

    private static final List<Keys> FULL = new ArrayList<>();
    private static final List<Keys> PEOPLE = new ArrayList<>();

    static {
        for (int i = 0; i < MEMBERS; i++) {
            FULL.add(new Keys(Blake3.hash(new byte[] {1, (byte) i})));
            PEOPLE.add(new Keys(Blake3.hash(new byte[] {2, (byte) i})));
        }
    }

    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(Keys::publicKey).toList(),
            PEOPLE.stream()
                    .map(keys -> new Genesis.Deposit(keys.publicKey(), MONEY))
                    .toList());

    /** What is ordered: a command, or that a block is closed if one is wanted. */
    private record Ordered(Signed command, long atMs) {}

    private static final class Member {
        private final Keys keys;
        private LedgerState state = new LedgerState(GENESIS);
        private int applied;
        private long signed = -1;

        Member(Keys keys) {
            this.keys = keys;
        }
    }

    private final List<Ordered> log = new ArrayList<>();
    private final List<Member> members = new ArrayList<>();
    /** Votes on their way. */
    private final List<Signed> inFlight = new ArrayList<>();
    /** The header hash that any certificate ever seen has for a number. */
    private final Map<Long, String> certified = new HashMap<>();

    private Random random;
    private long nowMs = 1000;

    @ParameterizedTest
    @ValueSource(
            longs = {
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
                29, 30
            })
    void whateverHappensMoneyIsKeptAndNoTwoBlocksShareANumber(long seed) {
        String where = "seed " + seed;
        random = new Random(seed);
        FULL.forEach(keys -> members.add(new Member(keys)));
        for (int step = 0; step < STEPS; step++) {
            nowMs += random.nextInt(40);
            happen();
            for (Member member : members) {
                check(member, where + ", step " + step);
            }
        }
        // In the end nothing is lost any more: all catch up and agree, and the liar has kept nobody from certifying.
        for (int round = 0; round < 8; round++) {
            order(null);
            members.forEach(this::catchUp);
            for (Member member : members) {
                vote(member, false);
            }
            deliver(inFlight.size());
        }
        members.forEach(this::catchUp);
        for (Member member : members) {
            assertArrayEquals(members.getFirst().state.root(), member.state.root(), where);
            check(member, where);
        }
        assertTrue(members.getFirst().state.blocks().certified() != null, where + ": nothing was ever certified");
    }

    /** Thousands more: -Dplumbline.histories=N. */
    @Test
    void manyMoreHistories() {
        int histories = Integer.getInteger("plumbline.histories", 0);
        assumeTrue(histories > 0, "name how many with -Dplumbline.histories=N");
        for (long seed = 1000; seed < 1000 + histories; seed++) {
            new LedgerSimulationTest().whateverHappensMoneyIsKeptAndNoTwoBlocksShareANumber(seed);
        }
    }

    private void happen() {
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> order(command());
            case 3 -> order(null);
            case 4, 5 -> {
                Member one = members.get(random.nextInt(MEMBERS));
                catchUp(one);
                vote(one, one.keys == FULL.get(MEMBERS - 1));
            }
            case 6 -> deliver(random.nextInt(4));
            case 7 -> {
                // Some votes are lost, some come twice.
                if (!inFlight.isEmpty() && random.nextBoolean()) {
                    inFlight.remove(random.nextInt(inFlight.size()));
                } else if (!inFlight.isEmpty()) {
                    inFlight.add(inFlight.get(random.nextInt(inFlight.size())));
                }
            }
            case 8 -> restart(members.get(random.nextInt(MEMBERS)));
            default -> catchUp(members.get(random.nextInt(MEMBERS)));
        }
    }

    private Signed command() {
        Keys who = PEOPLE.get(random.nextInt(PEOPLE.size()));
        byte[] request = new byte[32];
        random.nextBytes(request);
        Command command = random.nextBoolean()
                ? new RegisterNode(1 + random.nextInt(2000), new byte[32], 2, "localhost", 9)
                : new OpenEscrow(
                        request,
                        PEOPLE.get(random.nextInt(PEOPLE.size())).publicKey(),
                        1 + random.nextInt(500),
                        Level.AUDITED);
        return Signed.of(command, who);
    }

    /** Appends to the log; now and then a second time, as a sender does who did not hear. */
    private void order(Signed command) {
        log.add(new Ordered(command, nowMs));
        if (command != null && random.nextInt(4) == 0) {
            log.add(new Ordered(command, nowMs));
        }
    }

    private void deliver(int count) {
        for (int i = 0; i < count && !inFlight.isEmpty(); i++) {
            order(inFlight.remove(random.nextInt(inFlight.size())));
        }
    }

    private void catchUp(Member member) {
        while (member.applied < log.size()) {
            Ordered next = log.get(member.applied++);
            if (next.command == null) {
                member.state.closeBlock(next.atMs);
            } else {
                member.state.apply(next.command, next.atMs);
            }
        }
    }

    private static void restart(Member member) {
        member.state = LedgerState.decode(GENESIS, member.state.encode());
    }

    private void vote(Member member, boolean isLying) {
        BlockHeader open = member.state.blocks().open();
        if (open == null || (!isLying && member.signed >= open.number() && random.nextBoolean())) {
            return;
        }
        byte[] hash = open.hash();
        if (isLying && random.nextInt(3) > 0) {
            random.nextBytes(hash);
        }
        member.signed = open.number();
        byte[] signature = member.keys.sign(Certificate.message(GENESIS.hash(), hash));
        inFlight.add(Signed.of(new CastVote(open.number(), hash, signature), member.keys));
    }

    private void check(Member member, String where) {
        LedgerState state = member.state;
        assertEquals(MONEY * PEOPLE.size(), state.total(), where + ": money is neither made nor lost");
        BlockHeader header = state.blocks().certified();
        if (header == null) {
            return;
        }
        assertTrue(state.blocks().certificate().holds(GENESIS.hash(), GENESIS.fullNodes(), header), where);
        String hash = HexFormat.of().formatHex(header.hash());
        String before = certified.putIfAbsent(header.number(), hash);
        assertTrue(before == null || before.equals(hash), where + ": two certified blocks " + header.number());
        byte[] someone = PEOPLE.get(random.nextInt(PEOPLE.size())).publicKey();
        CertifiedEntry entry = state.blocks().prove(Kind.ACCOUNT, someone);
        if (entry != null) {
            assertEquals(null, entry.fault(GENESIS.hash(), GENESIS.fullNodes()), where);
        }
        for (Member other : members) {
            if (other.applied == member.applied) {
                assertTrue(Arrays.equals(other.state.root(), state.root()), where + ": members disagree");
            }
        }
    }
}
