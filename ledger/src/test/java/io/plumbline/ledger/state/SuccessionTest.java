package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.DeclareFeed;
import io.plumbline.ledger.state.Command.NameSuccessor;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.ProposeDeal;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.RotateKey;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A node's key is replaced: what goes with it, what stays and answers, and what a thief of the old key cannot do. */
class SuccessionTest {
    private static final long STAKE = 20_000;
    private static final KeyPair OLD = Money.NODE;
    private static final KeyPair NEXT = KeyPair.random();
    private static final KeyPair LAST = KeyPair.random();
    private static final KeyPair THIEF = KeyPair.random();
    private static final KeyPair CLIENT = Money.REQUESTER;
    private static final KeptBlob BLOB = new KeptBlob(20_000, 1);
    private static final Parameters RULES = Parameters.DEFAULT;
    private static final Genesis GENESIS = genesis(RULES);

    private LedgerState state = new LedgerState(GENESIS);
    private long now = 72_000_000;

    private static Genesis genesis(Parameters parameters) {
        List<Genesis.Deposit> deposits = new ArrayList<>(Money.genesis().deposits());
        deposits.add(new Genesis.Deposit(THIEF.publicKey(), 50_000));
        return new Genesis(Money.genesis().fullNodes(), 1_000, Money.BANK.publicKey(), deposits, parameters);
    }

    @AfterEach
    void moneyIsNeitherMadeNorLostAndTheStateSurvivesItsEncoding() {
        assertEquals(state.deposited(), state.total());
        LedgerState back = LedgerState.decode(GENESIS, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertArrayEquals(state.encode(), back.encode());
        for (KeyPair one : List.of(OLD, NEXT, LAST)) {
            assertEquals(state.reserved(one.publicKey()), back.reserved(one.publicKey()));
            assertEquals(state.node(one.publicKey()), back.node(one.publicKey()));
            assertEquals(state.succession(one.publicKey()), back.succession(one.publicKey()));
        }
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, commands), now)
                .getFirst();
    }

    private void certify() {
        while (state.wantsBlock()) {
            BlockHeader header = state.closeBlock(now);
            for (KeyPair full : Money.FULL_NODES.subList(0, 2)) {
                byte[] hash = header.hash();
                byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), hash));
                assertNull(apply(full, new Command.CastVote(full.publicKey(), 0, header.number(), hash, signature)));
            }
        }
    }

    private static RotateKey rotation(KeyPair old, KeyPair next) {
        return RotateKey.of(GENESIS.hash(), old.publicKey(), next);
    }

    /** An inference node and a data node with one key, that named its successor before it put up a stake. */
    private void register() {
        assertNull(apply(OLD, new NameSuccessor(NEXT.publicKey())));
        assertNull(apply(OLD, new RegisterNode(STAKE, Money.MODEL, 2, "127.0.0.1", 9)));
        assertNull(apply(OLD, new RegisterDataNode(STAKE, "127.0.0.1", 8)));
    }

    private void requireRefused(String why, KeyPair by, Command command) {
        String refusal = apply(by, command);
        assertTrue(refusal != null && refusal.contains(why), refusal);
    }

    private Account account(KeyPair keys) {
        return state.account(keys.publicKey());
    }

    @Test
    void allMoneyAndWhatTheKeyIsRegisteredAsGoToTheSuccessor() {
        register();
        assertNull(apply(OLD, new Unbond(5_000)));
        long balance = account(OLD).balance();
        Node before = state.node(OLD.publicKey());
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        Account after = account(NEXT);
        assertEquals(STAKE - 5_000, after.stake());
        assertEquals(5_000, after.unbonding());
        assertEquals(now + RULES.unbondMs(), after.releaseMs(), "what was asked back waits as before");
        assertEquals(balance - RULES.fee() - RULES.registrationFee(), after.balance());
        assertEquals(0, account(OLD).total(), "a thief finds nothing");
        Node node = state.node(NEXT.publicKey());
        assertEquals(before, node.withKey(OLD.publicKey()), "address, model, terms and faults");
        assertEquals(List.of(node), List.copyOf(state.nodes()), "clients are shown the successor alone");
        assertEquals(before, state.node(OLD.publicKey()), "auditors find it for what is open");
        assertEquals(List.of(new DataNode(NEXT.publicKey(), "127.0.0.1", 8)), List.copyOf(state.dataNodesAfter(null)));
        assertNull(apply(NEXT, new RegisterNode(STAKE - 5_000, Money.MODEL, 3, "127.0.0.1", 10)), "its stake is there");
        certify();
        CertifiedEntry entry = state.blocks().prove(Kind.SUCCESSION, OLD.publicKey());
        assertArrayEquals(state.succession(OLD.publicKey()).encode(), entry.value());
    }

    @Test
    void aKeyThatWasReplacedBeginsNothingNew() {
        register();
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        requireRefused(RotateKey.REPLACED + " by " + NEXT.publicKey(), OLD, new Unbond(1));
        assertNull(apply(CLIENT, new Command.Transfer(OLD.publicKey(), 5_000, Bytes32.ZERO)));
        certify();
        for (Command command : List.of(
                new RegisterNode(STAKE, Money.MODEL, 2, "127.0.0.1", 9),
                new RegisterDataNode(STAKE, "127.0.0.1", 9),
                new Bond(5),
                new NameSuccessor(THIEF.publicKey()),
                rotation(OLD, NEXT))) {
            requireRefused(RotateKey.REPLACED + " by " + NEXT.publicKey(), OLD, command);
        }
        requireRefused(
                "not registered",
                CLIENT,
                new OpenEscrow(Bytes32.of(Money.request(1)), OLD.publicKey(), 2, 100, Level.SIGNED));
        requireRefused("not covered", OLD, new Unbond(1));
        requireRefused("neither nobody's nor one that was replaced", THIEF, new NameSuccessor(OLD.publicKey()));
    }

    @Test
    void aThiefOfTheKeyHasNoStakeFollowItSoonerThanItCouldAskItBack() {
        register();
        certify();
        // It has named another, and that counts when a stake that it asked back now would be free.
        assertNull(apply(OLD, new NameSuccessor(THIEF.publicKey())));
        long freeMs = now + RULES.unbondMs();
        requireRefused("not in force before " + freeMs, OLD, rotation(OLD, THIEF));
        now = freeMs - 1;
        requireRefused("not in force", OLD, rotation(OLD, THIEF));
        // Its owner, who has the successor that was named before, takes over at any time until then.
        LedgerState before = LedgerState.decode(GENESIS, state.encode());
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        assertEquals(STAKE, account(NEXT).stake());
        // Or names it again, at once, and the thief begins anew.
        state = before;
        assertNull(apply(OLD, new NameSuccessor(NEXT.publicKey())));
        now = freeMs + 1;
        requireRefused("not in force", OLD, rotation(OLD, THIEF));
        assertNull(apply(OLD, new NameSuccessor(LAST.publicKey())));
        now += RULES.unbondMs();
        assertNull(apply(OLD, rotation(OLD, LAST)), "in force when its time has come");
    }

    @Test
    void bothKeysSignAndForOneLedgerAndOneKeyAlone() {
        register();
        byte[] another = RotateKey.of(Bytes32.ZERO, OLD.publicKey(), NEXT).signature();
        byte[] ofAnother = RotateKey.of(GENESIS.hash(), LAST.publicKey(), NEXT).signature();
        byte[] byThief = RotateKey.of(GENESIS.hash(), OLD.publicKey(), THIEF).signature();
        Admission admission = new Admission(GENESIS.hash(), new SignatureChecks(GENESIS.hash()));
        for (byte[] signature : List.of(another, ofAnother, byThief, new byte[64])) {
            RotateKey forged = new RotateKey(NEXT.publicKey(), signature);
            requireRefused("the successor has not signed it", OLD, forged);
            assertTrue(admission
                    .refusal(Signed.of(GENESIS.hash(), OLD, now, forged).encode())
                    .contains("a signature in a RotateKey does not hold"));
        }
        assertNull(admission.refusal(
                Signed.of(GENESIS.hash(), OLD, now, rotation(OLD, NEXT)).encode()));
        requireRefused("not in force", THIEF, rotation(THIEF, NEXT));
        assertEquals(STAKE, account(OLD).stake());
    }

    @Test
    void aSuccessorHasNothingOfItsOwnThatTheStakeWouldBeMixedWith() {
        register();
        requireRefused("another key", OLD, new NameSuccessor(OLD.publicKey()));
        requireRefused("stand in the genesis", OLD, new NameSuccessor(Money.BANK.publicKey()));
        requireRefused(
                "stand in the genesis",
                OLD,
                new NameSuccessor(Money.FULL_NODES.getFirst().publicKey()));
        requireRefused("stand in the genesis", Money.FULL_NODES.getFirst(), new NameSuccessor(NEXT.publicKey()));
        requireRefused("nobody", OLD, new NameSuccessor(Bytes32.ZERO));
        assertNull(apply(CLIENT, new Command.Transfer(NEXT.publicKey(), 500, Bytes32.ZERO)));
        certify();
        assertNull(apply(NEXT, new Bond(100)));
        requireRefused("no stake and no registration of its own", OLD, rotation(OLD, NEXT));
        assertNull(apply(THIEF, new NameSuccessor(LAST.publicKey())));
        requireRefused("neither a registration nor a stake", THIEF, rotation(THIEF, LAST));
    }

    private void answer(int number) {
        assertNull(apply(OLD, new SubmitReceipt(Money.receipt(number, 150))));
    }

    @Test
    void openRequestsAreAnsweredByTheOldKeyAndTheStakeAnswersForThem() {
        register();
        for (int number = 1; number <= 2; number++) {
            assertNull(apply(
                    CLIENT, new OpenEscrow(Bytes32.of(Money.request(number)), OLD.publicKey(), 2, 100, Level.SIGNED)));
        }
        long reserved = state.reserved(OLD.publicKey());
        assertEquals(2 * 4 * 200, reserved);
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        assertEquals(0, state.reserved(OLD.publicKey()));
        assertEquals(reserved, state.reserved(NEXT.publicKey()));
        requireRefused("open requests reserve " + reserved, NEXT, new Unbond(STAKE));
        assertEquals(2, state.escrowsOf(OLD.publicKey()).size(), "the old process finds them");
        answer(1);
        Settlement one = state.findSettlement(Bytes32.of(Money.request(1)));
        assertEquals(OLD.publicKey(), one.node());
        assertEquals("127.0.0.1", state.node(one.node()).host(), "auditors ask where it was");
        // Replaced once more: what the first key left open goes with the stake.
        assertNull(apply(NEXT, new NameSuccessor(LAST.publicKey())));
        now += RULES.unbondMs();
        state.expire(now);
        assertEquals(0, state.reserved(NEXT.publicKey()), "all of it has ended meanwhile");
        assertNull(apply(NEXT, rotation(NEXT, LAST)));
        assertEquals(0, account(OLD).total() + account(NEXT).total(), "what was earned goes with it too");
        assertEquals(STAKE, account(LAST).stake());
    }

    @Test
    void storageDealsGoOnWithTheSuccessor() {
        register();
        StorageTerms terms = BLOB.terms(OLD.publicKey(), 3, 2, 30, 4_000);
        assertNull(apply(CLIENT, new ProposeDeal(terms)));
        StorageDeal deal = state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 9).getFirst();
        assertNull(apply(OLD, new AcceptDeal(deal.number(), BLOB.answer(StorageChallenge.ofLength(terms)))));
        certify();
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        assertEquals(4_000, state.reserved(NEXT.publicKey()));
        now = state.deal(deal.number()).atMs();
        state.expire(now);
        certify();
        certify();
        ProveStorage proof = new ProveStorage(
                deal.number(), 0, BLOB.answer(state.deal(deal.number()).challenge()));
        requireRefused(RotateKey.REPLACED, OLD, proof);
        assertNull(apply(NEXT, proof));
        assertEquals(1, state.deal(deal.number()).proven());
        // The first challenge that is left unanswered takes the collateral, as from the old key.
        for (int step = 0; step < 2; step++) {
            certify();
            now = state.deal(deal.number()).atMs();
            state.expire(now);
            certify();
        }
        assertEquals(1, state.deal(deal.number()).losses());
        assertEquals(0, state.reserved(NEXT.publicKey()));
        assertEquals(STAKE - 4_000, account(NEXT).stake());
    }

    /** With a few successors named beforehand one stake would report for a whole round. */
    @Test
    void aKeyThatHasReportedInAnOpenRoundIsReplacedWhenTheRoundIsClosed() {
        register();
        Feed feed = new Feed(
                CLIENT.publicKey(), "temperature", "degC", 1, -500, 600, 1_000, 500, 1, 60_000, Money.MODEL, 3);
        assertNull(apply(CLIENT, new DeclareFeed(feed)));
        byte[] any = new byte[32];
        assertNull(apply(OLD, new ReportValue(feed.id(), feed.round(now), 213, now - 9, now - 1, any, any)));
        requireRefused("a round that is still open", OLD, rotation(OLD, NEXT));
        now += 600;
        assertNull(apply(OLD, rotation(OLD, NEXT)));
        now += 400;
        requireRefused(
                RotateKey.REPLACED, OLD, new ReportValue(feed.id(), feed.round(now), 213, now - 9, now - 1, any, any));
        assertNull(apply(NEXT, new ReportValue(feed.id(), feed.round(now), 213, now - 9, now - 1, any, any)));
    }

    /** A snapshot comes from another full node, and is read before a quorum has confirmed it. */
    @Test
    void keysThatReplaceEachOtherInACircleAreNoSnapshot() {
        Bytes32[] keys = {OLD.publicKey(), NEXT.publicKey(), LAST.publicKey()};
        for (int length = 1; length <= 3; length++) {
            CanonicalWriter out = new CanonicalWriter().putInt(length);
            for (int i = 0; i < length; i++) {
                Succession one = new Succession(keys[i], keys[(i + 1) % length], Bytes32.ZERO, 0, true, null);
                out.putFixed(one.encode());
            }
            assertThrows(
                    MalformedException.class,
                    () -> Successions.read(new Entries(), new CanonicalReader(out.toBytes(), "successions")));
        }
        // Whatever the order in which a chain stands there, the last of it answers for all.
        CanonicalWriter out = new CanonicalWriter().putInt(2);
        out.putFixed(new Succession(keys[1], keys[2], Bytes32.ZERO, 0, true, null).encode());
        out.putFixed(new Succession(keys[0], keys[1], Bytes32.ZERO, 0, true, null).encode());
        Successions chain = Successions.read(new Entries(), new CanonicalReader(out.toBytes(), "successions"));
        assertEquals(keys[2], chain.holder(keys[0]));
        assertEquals(keys[2], chain.holder(keys[1]));
        assertEquals(keys[2], chain.holder(keys[2]));
    }

    @Test
    void ledgersOfRulesBeforeKnowNothingOfIt() {
        Genesis seven = genesis(RULES.with("rules=7"));
        LedgerState before = new LedgerState(seven);
        Signed named = Signed.of(seven.hash(), OLD, now + 60_000, new NameSuccessor(NEXT.publicKey()));
        String refusal = before.apply(named, now).getFirst();
        assertTrue(refusal.contains("replaced by another since rules 8, and this ledger runs by rules 7"), refusal);
        assertEquals(100_000, before.account(OLD.publicKey()).balance(), "no fee, as of a build that cannot read it");
        for (KeyPair full : Money.FULL_NODES.subList(0, 2)) {
            before.apply(
                    Signed.of(seven.hash(), full, now + 60_000, new ProposeParameters(RULES.with("rules=8"))), now);
        }
        assertEquals(8, before.parameters().rules());
        LedgerState back = LedgerState.decode(seven, before.encode());
        assertNull(back.apply(Signed.of(seven.hash(), OLD, now + 60_000, new NameSuccessor(NEXT.publicKey())), now)
                .getFirst());
    }
}
