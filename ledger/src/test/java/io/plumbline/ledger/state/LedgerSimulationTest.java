package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.DeclareFeed;
import io.plumbline.ledger.state.Command.DeclineEscrow;
import io.plumbline.ledger.state.Command.DepositMoney;
import io.plumbline.ledger.state.Command.FundFeed;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.ProposeDeal;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Transfer;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Histories of a ledger of four full nodes, one of them lying, in one thread: members fall behind, restart from
 * snapshots and catch up; commands and votes are lost, sent twice and late; blocks stall and epochs change; answers
 * are good or bad and judged. After every step what must hold is checked on every member. A failure names its seed.
 */
class LedgerSimulationTest {
    private static final int MEMBERS = 4;
    private static final int LIAR = 3;
    private static final int STEPS = 120;
    private static final long MONEY = 100_000;
    private static final long BOND = 5_000;
    private static final Bytes32 MODEL = Bytes32.ZERO;
    private static final KeyPair BANK = new KeyPair(Blake3.hash(new byte[] {3}));
    private static final List<KeyPair> FULL = new ArrayList<>();
    private static final List<KeyPair> PEOPLE = new ArrayList<>();

    static {
        for (int i = 0; i < MEMBERS; i++) {
            FULL.add(new KeyPair(Blake3.hash(new byte[] {1, (byte) i})));
            PEOPLE.add(new KeyPair(Blake3.hash(new byte[] {2, (byte) i})));
        }
    }

    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(KeyPair::publicKey).toList(),
            BOND,
            BANK.publicKey(),
            PEOPLE.stream()
                    .map(keys -> new Genesis.Deposit(keys.publicKey(), MONEY))
                    .toList(),
            // So short that prices are paid within a history.
            Parameters.DEFAULT.with("retainMs", 100_000));

    /** Stakes and asks them back, and does nothing else: what it must have is known. */
    private static final KeyPair SAVER = PEOPLE.get(0);

    private static final KeyPair REQUESTER = PEOPLE.get(1);
    private static final KeyPair NODE = PEOPLE.get(2);

    /** They report what they saw, once a round: whatever is lost, late or doubled is no offence. */
    private static final List<KeyPair> REPORTERS = List.of(PEOPLE.get(1), PEOPLE.get(3));

    private static final Feed FEED =
            new Feed(REQUESTER.publicKey(), "temperature", "degC", 1, -500, 600, 1_000, 800, 1, 60_000, MODEL, 3);

    /** Blobs that the inference node keeps for pay, being a data node too; the last one in the end only. */
    private static final List<KeptBlob> BLOBS =
            List.of(new KeptBlob(3_000, 1), new KeptBlob(1, 2), new KeptBlob(50_000, 3), new KeptBlob(9_000, 4));

    private final MemorySequencer order = new MemorySequencer(GENESIS, 1_000_000);
    private final SigningRecord[] signed = new SigningRecord[MEMBERS];

    /** On their way: votes, statements, verdicts. */
    private final List<Signed> inFlight = new ArrayList<>();

    /** The header hash that any certificate ever seen has for a number. */
    private final Map<Long, String> certified = new HashMap<>();

    private final List<byte[]> requests = new ArrayList<>();
    private final Map<String, Verdict> verdicts = new HashMap<>();
    private Random random;
    private long saved;
    private long asked;
    private int references;

    static long[] seeds() {
        long[] seeds = new long[40];
        Arrays.setAll(seeds, i -> i + 1);
        return seeds;
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void whateverHappensMoneyIsKeptAndNoTwoBlocksShareANumber(long seed) {
        String where = "seed " + seed;
        random = new Random(seed);
        Arrays.fill(signed, SigningRecord.NONE);
        for (int i = 0; i < MEMBERS; i++) {
            order.join((changed, node) -> {});
        }
        assertNull(
                submit(NODE, new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9)).getFirst());
        assertNull(submit(NODE, new RegisterDataNode(50_000, "127.0.0.1", 9)).getFirst());
        assertNull(submit(REQUESTER, new DeclareFeed(FEED)).getFirst());
        for (KeyPair reporter : REPORTERS) {
            assertNull(submit(reporter, new RegisterDataNode(10_000, "127.0.0.1", 9))
                    .getFirst());
            assertNull(submit(reporter, new FundFeed(FEED.id(), 100)).getFirst());
        }
        for (int step = 0; step < STEPS; step++) {
            happen();
            for (int member = 0; member < MEMBERS; member++) {
                check(member, where + ", step " + step);
            }
        }
        heal(where);
        // Nothing is late any more, and whatever happened before, the next round has its value.
        order.advance(FEED.roundMs() - order.timeMs() % FEED.roundMs());
        assertNull(submit(REPORTERS.getFirst(), seen(0)).getFirst(), where);
        long value = seen(0).value();
        order.advance(FEED.reportMs());
        submit(SAVER, new Bond(1));
        saved++;
        for (int member = 0; member < MEMBERS; member++) {
            order.catchUp(member);
        }
        assertTrue(order.state(0).equivocations().isEmpty(), where);
        assertEquals(value, order.state(0).feed(FEED.id()).latest().value(), where);
        proveOnce(where);
        for (int member = 0; member < MEMBERS; member++) {
            assertArrayEquals(order.state(0).root(), order.state(member).root(), where);
            check(member, where);
        }
    }

    /** A blob that is kept is challenged and paid, after all that happened before. */
    private void proveOnce(String where) {
        KeptBlob blob = BLOBS.getLast();
        assertNull(submit(REQUESTER, new ProposeDeal(terms(blob))).getFirst(), where);
        StorageDeal deal = order.state(0)
                .dealsOf(StorageTerms.ANY_NODE, Role.OFFERED, -1, 999)
                .getLast();
        assertNull(
                submit(NODE, new AcceptDeal(deal.number(), blob.answer(StorageChallenge.ofLength(deal.terms()))))
                        .getFirst(),
                where);
        order.advance(deal.terms().roundMs());
        heal(where);
        StorageDeal open = order.state(0).deal(deal.number());
        assertEquals(Phase.CHALLENGED, open.phase(), where);
        assertNull(
                submit(NODE, new ProveStorage(open.number(), 0, blob.answer(open.challenge())))
                        .getFirst(),
                where);
        heal(where);
        assertEquals(1, order.state(0).deal(deal.number()).proven(), where);
    }

    private static StorageTerms terms(KeptBlob blob) {
        return new StorageTerms(
                Bytes32.of(blob.id()), blob.length(), StorageTerms.ANY_NODE, 100_000, 2_000, 1_000, 3, 2, 5, 1_000);
    }

    /** Offers, and what the data node says to them and to challenges, which may come late, twice or never. */
    private void keep() {
        if (random.nextInt(4) == 0) {
            submit(REQUESTER, new ProposeDeal(terms(BLOBS.get(random.nextInt(BLOBS.size() - 1)))));
        }
        LedgerState state = order.state(0);
        List<Command> said = new ArrayList<>();
        for (StorageDeal deal : state.dealsOf(StorageTerms.ANY_NODE, Role.OFFERED, -1, 9)) {
            said.add(new AcceptDeal(deal.number(), blob(deal).answer(StorageChallenge.ofLength(deal.terms()))));
        }
        for (StorageDeal deal : state.dealsOf(NODE.publicKey(), Role.CHALLENGED, -1, 9)) {
            said.add(new ProveStorage(deal.number(), deal.proven(), blob(deal).answer(deal.challenge())));
        }
        said.forEach(command -> inFlight.add(Signed.of(GENESIS.hash(), NODE, order.timeMs() + 60_000, command)));
    }

    private static KeptBlob blob(StorageDeal deal) {
        return BLOBS.stream()
                .filter(blob -> deal.terms().blob().equals(Bytes32.of(blob.id())))
                .findFirst()
                .orElseThrow();
    }

    /**
     * In the end nothing is lost any more: all catch up and agree, and the liar, silent now, has kept nobody from
     * certifying.
     */
    private void heal(String where) {
        long before = order.state(0).blocks().certified() == null
                ? -1
                : order.state(0).blocks().certified().number();
        for (int round = 0; round < 12; round++) {
            order.advance(60);
            submit(SAVER, new Bond(1));
            saved++;
            for (int member = 0; member < LIAR; member++) {
                order.catchUp(member);
                vote(member);
            }
            if (round > 3) {
                // Honest nodes may each have stepped on alone; together they begin the next epoch.
                for (int member = 0; member < LIAR && round % 3 == 0; member++) {
                    step(member);
                }
            }
            deliver(inFlight.size());
        }
        for (int member = 0; member < MEMBERS; member++) {
            order.catchUp(member);
        }
        assertTrue(
                order.state(0).blocks().certified().number() > before + 1, where + ": nothing is certified any more");
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
        order.advance(random.nextInt(50));
        int member = random.nextInt(MEMBERS);
        switch (random.nextInt(12)) {
            case 0 -> save();
            case 1, 2 -> {
                ask();
                if (random.nextInt(3) == 0) {
                    pay();
                }
                report();
                keep();
            }
            case 3 -> judge(member);
            case 4, 5 -> {
                order.catchUp(member);
                vote(member);
            }
            case 6, 7 -> deliver(random.nextInt(5));
            case 8 -> {
                // Some of what is on its way is lost, some comes twice.
                if (!inFlight.isEmpty() && random.nextBoolean()) {
                    inFlight.remove(random.nextInt(inFlight.size()));
                } else if (!inFlight.isEmpty()) {
                    inFlight.add(inFlight.get(random.nextInt(inFlight.size())));
                }
            }
            case 9 -> order.restart(member);
            case 10 -> {
                if (random.nextInt(4) == 0) {
                    step(member);
                } else if (random.nextInt(20) == 0) {
                    order.advance(200_000);
                } else if (random.nextInt(3) == 0) {
                    order.advance(2_000);
                }
            }
            default -> order.catchUp(member);
        }
    }

    /** Has it applied at once by the first member, now and then a second time. */
    private List<String> submit(KeyPair by, Command... commands) {
        Signed one = Signed.of(GENESIS.hash(), by, order.timeMs() + 60_000, commands);
        List<String> reasons = order.submit(one.encode()).reasons();
        if (random.nextInt(4) == 0) {
            assertEquals(reasons, order.submit(one.encode()).reasons());
        }
        return reasons;
    }

    /** Acknowledged is applied, and once. */
    private void save() {
        long amount = 1 + random.nextInt(500);
        List<String> reasons = submit(SAVER, new Bond(amount), new Unbond(1), new Bond(MONEY * 2));
        saved += reasons.get(0) == null ? amount : 0;
        saved -= reasons.get(1) == null ? 1 : 0;
        assertTrue(reasons.get(2) != null);
        if (random.nextInt(3) == 0) {
            Bytes32 reference = Bytes32.of(Blake3.hash(new byte[] {(byte) references++}));
            assertNull(submit(BANK, new DepositMoney(REQUESTER.publicKey(), 50, reference))
                    .getFirst());
        }
        if (random.nextInt(3) == 0) {
            submit(REQUESTER, new Withdraw(1 + random.nextInt(30), "home"));
        }
    }

    /** People pay each other, more than they have now and then, and a key that nobody has used. */
    private void pay() {
        Bytes32 anybody = Bytes32.of(Blake3.hash(new byte[] {5, (byte) random.nextInt(4)}));
        Bytes32 to = random.nextInt(4) == 0
                ? anybody
                : PEOPLE.get(random.nextInt(PEOPLE.size())).publicKey();
        Bytes32 reference = random.nextBoolean() ? Bytes32.ZERO : anybody;
        KeyPair by = random.nextBoolean() ? REQUESTER : NODE;
        submit(by, new Transfer(to, random.nextInt(5) == 0 ? MONEY * 2 : random.nextInt(40), reference));
    }

    /** A data node's report, which may come late, twice or never. */
    private void report() {
        int place = random.nextInt(REPORTERS.size());
        inFlight.add(Signed.of(GENESIS.hash(), REPORTERS.get(place), order.timeMs() + 60_000, seen(place)));
    }

    /** The same whenever it is asked for in a round. */
    private ReportValue seen(int place) {
        long round = FEED.round(order.timeMs());
        long sawMs = round * FEED.roundMs();
        return new ReportValue(FEED.id(), round, 200 + (round + place) % 5, sawMs, sawMs, MODEL.bytes(), MODEL.bytes());
    }

    /** A request, and often its receipt. */
    private void ask() {
        Bytes32 request = Bytes32.of(Blake3.hash(new byte[] {4, (byte) asked, (byte) (asked++ >> 8)}));
        requests.add(request.bytes());
        submit(REQUESTER, new OpenEscrow(request, NODE.publicKey(), 2, 1 + random.nextInt(100), Level.AUDITED));
        int answer = random.nextInt(6);
        if (answer == 0) {
            submit(NODE, new DeclineEscrow(request));
        } else if (answer > 1) {
            byte[] any = new byte[32];
            Receipt receipt =
                    new Receipt(1, MODEL, request, any, any, 1024, 10, 90, random.nextInt(150), null, null).sign(NODE);
            inFlight.add(Signed.of(GENESIS.hash(), NODE, order.timeMs() + 60_000, new SubmitReceipt(receipt)));
        }
    }

    /**
     * A member says its word on some request: the honest ones that it is good, unless it is one in eight; the liar
     * whatever.
     */
    private void judge(int member) {
        if (requests.isEmpty()) {
            return;
        }
        Bytes32 request = Bytes32.of(requests.get(random.nextInt(requests.size())));
        Settlement one = order.state(0).findSettlement(request);
        if (one == null || one.receipt() == null) {
            return;
        }
        int round = one.audit().round();
        boolean isBad = member == LIAR ? random.nextBoolean() : request.bytes()[0] % 8 == 0;
        KeyPair keys = FULL.get(member);
        Verdict verdict = verdicts.computeIfAbsent(
                request.toString() + round + " " + member,
                name -> new Verdict(isBad ? Opinion.BAD : Opinion.GOOD, "", "", new byte[32], new byte[32]));
        inFlight.add(Signed.of(
                GENESIS.hash(),
                keys,
                order.timeMs() + 60_000,
                new CommitVerdict(request, round, verdict.commitment(request, round, keys.publicKey())),
                new RevealVerdict(request, verdict)));
    }

    private void deliver(int count) {
        for (int i = 0; i < count && !inFlight.isEmpty(); i++) {
            order.order(inFlight.remove(random.nextInt(inFlight.size())).encode());
        }
    }

    private void vote(int member) {
        Blocks blocks = order.state(member).blocks();
        BlockHeader open = blocks.open();
        if (open == null) {
            return;
        }
        byte[] hash = open.hash();
        long epoch = blocks.epoch();
        long number = open.number();
        if (member == LIAR) {
            if (random.nextInt(3) > 0) {
                random.nextBytes(hash);
            }
            epoch = random.nextInt(5) == 0 ? epoch + 1 : epoch;
        } else if (signed[member].refusal(epoch, number, hash, blocks.statements(), MEMBERS) != null) {
            return;
        } else {
            signed[member] = signed[member].voted(epoch, number, hash);
        }
        KeyPair keys = FULL.get(member);
        byte[] signature = keys.sign(Certificate.message(GENESIS.hash(), epoch, number, hash));
        // Anyone may carry a vote.
        KeyPair carrier = random.nextBoolean() ? keys : REQUESTER;
        inFlight.add(Signed.of(
                GENESIS.hash(),
                carrier,
                order.timeMs() + 60_000,
                new CastVote(keys.publicKey(), epoch, number, hash, signature)));
    }

    private void step(int member) {
        Blocks blocks = order.state(member).blocks();
        if (blocks.open() == null) {
            return;
        }
        long number = blocks.open().number();
        long epoch = blocks.epoch() + 1;
        SortedMap<Long, byte[]> votes;
        if (member == LIAR) {
            byte[] any = new byte[32];
            random.nextBytes(any);
            votes = random.nextBoolean() ? new TreeMap<>() : new TreeMap<>(Map.of(blocks.epoch(), any));
        } else {
            signed[member] = signed[member].promise(number, epoch);
            votes = signed[member].votesFor(number);
        }
        EpochStatement statement = EpochStatement.of(GENESIS.hash(), epoch, number, votes, FULL.get(member));
        inFlight.add(Signed.of(GENESIS.hash(), FULL.get(member), order.timeMs() + 60_000, new StateEpoch(statement)));
    }

    private void check(int member, String where) {
        LedgerState state = order.state(member);
        assertEquals(state.deposited(), state.total(), where + ": money is neither made nor lost");
        for (int honest = 0; honest < LIAR; honest++) {
            assertTrue(!state.guilty().containsKey(honest), where + ": an honest full node was found guilty");
        }
        assertEquals(
                state.total(), LedgerState.decode(GENESIS, state.encode()).total(), where + ": the sums are right");
        if (order.applied(member) == order.applied(0)) {
            assertArrayEquals(order.state(0).root(), state.root(), where + ": members disagree");
            long stake = state.account(SAVER.publicKey()).stake();
            assertEquals(saved, stake, where + ": what was acknowledged is applied, once");
        }
        BlockHeader header = state.blocks().certified();
        if (header == null) {
            return;
        }
        assertTrue(state.blocks().certificate().holds(GENESIS.hash(), GENESIS.fullNodes(), header), where);
        String hash = HexFormat.of().formatHex(header.hash());
        String before = certified.putIfAbsent(header.number(), hash);
        assertTrue(before == null || before.equals(hash), where + ": two certified blocks " + header.number());
        Bytes32 someone = PEOPLE.get(random.nextInt(PEOPLE.size())).publicKey();
        CertifiedEntry entry = state.blocks().prove(Kind.ACCOUNT, someone);
        if (entry != null) {
            assertNull(entry.fault(GENESIS.hash(), GENESIS.fullNodes()), where);
        }
    }
}
