package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.BANK;
import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static io.plumbline.ledger.Money.receipt;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.DepositMoney;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.RegisterModel;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportFeed;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class LedgerStateTest {
    private final LedgerState state = new LedgerState(genesis());
    private long now = 1_000_000;

    private Signed signed(Command command, KeyPair keys) {
        return Signed.of(genesis().hash(), keys, now + 60_000, command);
    }

    /** Has all that happened certified: what is owed is paid. */
    private void certify() {
        BlockHeader header = state.closeBlock(now);
        for (KeyPair full : FULL_NODES.subList(0, header == null ? 0 : 2)) {
            byte[] signature = full.sign(Certificate.message(genesis().hash(), 0, header.number(), header.hash()));
            assertNull(apply(new CastVote(full.publicKey(), 0, header.number(), header.hash(), signature), full));
        }
    }

    private String apply(Command command, KeyPair keys) {
        long before = state.total();
        String refusal = state.apply(signed(command, keys), now).getFirst();
        long deposited = command instanceof DepositMoney deposit && refusal == null ? deposit.amount() : 0;
        assertEquals(before + deposited, state.total(), "money is neither made nor lost");
        assertEquals(state.deposited(), state.total());
        return refusal;
    }

    private void ordered(int number) {
        if (state.nodes().isEmpty()) {
            assertNull(apply(new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000), NODE));
        }
        assertNull(apply(new OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 2, 250, Level.FULL), REQUESTER));
        assertNull(apply(new SubmitReceipt(receipt(number, 150)), NODE));
    }

    private static final byte[] WORK = new byte[32];

    private static Verdict good() {
        return new Verdict(Opinion.GOOD, "", "", WORK, new byte[32]);
    }

    private static Verdict bad() {
        return new Verdict(Opinion.BAD, "QKV", "layer 1, token 3", WORK, new byte[32]);
    }

    private static Verdict silent() {
        return new Verdict(Opinion.SILENT, "SILENCE", "layer 2, token 7", WORK, new byte[32]);
    }

    private String commit(int number, KeyPair auditor, Verdict verdict) {
        int round = state.findSettlement(Bytes32.of(request(number))).audit().round();
        byte[] commitment = verdict.commitment(Bytes32.of(request(number)), round, auditor.publicKey());
        return apply(new CommitVerdict(Bytes32.of(request(number)), round, commitment), auditor);
    }

    private String reveal(int number, KeyPair auditor, Verdict verdict) {
        return apply(new RevealVerdict(Bytes32.of(request(number)), verdict), auditor);
    }

    /** All three commit, then reveal in order. */
    private void judge(int number, Verdict... verdicts) {
        for (int i = 0; i < 3; i++) {
            assertNull(commit(number, FULL_NODES.get(i), verdicts[i]));
        }
        for (int i = 0; i < 3; i++) {
            assertNull(reveal(number, FULL_NODES.get(i), verdicts[i]));
        }
    }

    private Status status(int number) {
        return state.findSettlement(Bytes32.of(request(number))).status();
    }

    @Test
    void aQuorumOfGoodVerdictsRefundsTheRestAndPaysTheNodeWhenNoEvidenceCanCome() {
        ordered(1);
        for (KeyPair node : FULL_NODES) {
            assertEquals(Status.AUDITING, status(1));
            assertNull(commit(1, node, node == FULL_NODES.get(2) ? bad() : good()));
        }
        assertEquals(Status.REVEALING, status(1));
        assertNull(reveal(1, FULL_NODES.get(0), good()));
        assertEquals(Status.REVEALING, status(1));
        assertNull(reveal(1, FULL_NODES.get(1), good()));
        assertEquals(Status.SETTLED, status(1));
        assertEquals(new Account(999_500, 0), state.account(REQUESTER.publicKey()), "ordered is not paid");
        assertEquals(350, state.owed(REQUESTER.publicKey()));
        certify();
        assertEquals(new Account(999_850, 0), state.account(REQUESTER.publicKey()));
        assertNull(reveal(1, FULL_NODES.get(2), bad()), "a late verdict is recorded");
        assertEquals(Status.SETTLED, status(1));
        now += Parameters.DEFAULT.retainMs() - 1;
        state.expire(now);
        assertEquals(0, state.owed(NODE.publicKey()), "evidence may still come");
        now++;
        state.expire(now);
        assertEquals(150, state.owed(NODE.publicKey()));
        certify();
        assertEquals(new Account(50_150, 50_000), state.account(NODE.publicKey()));
    }

    @Test
    void whatMostAuditorsCallBadIsNotPaidAndTheStakeWaitsForEvidence() {
        ordered(1);
        judge(1, good(), bad(), bad());
        assertEquals(Status.REFUNDED, status(1));
        assertEquals(
                List.of("QKV at layer 1, token 3", "QKV at layer 1, token 3"),
                state.findSettlement(Bytes32.of(request(1))).reasons());
        certify();
        assertEquals(new Account(50_000, 50_000), state.account(NODE.publicKey()));
        assertEquals(new Account(1_000_000, 0), state.account(REQUESTER.publicKey()));
        assertEquals(1, state.node(NODE.publicKey()).faults(), "whoever chooses a node sees it");
        assertFalse(state.node(NODE.publicKey()).slashed());
    }

    @Test
    void whatNobodyCanJudgeIsRefundedAndCostsTheNodeItsPriceAlone() {
        ordered(1);
        judge(1, silent(), silent(), good());
        assertEquals(Status.REFUNDED, status(1));
        certify();
        assertEquals(new Account(50_000, 50_000), state.account(NODE.publicKey()));
        assertEquals(new Account(1_000_000, 0), state.account(REQUESTER.publicKey()));
        ordered(2);
        now += Parameters.DEFAULT.commitMs();
        state.expire(now);
        assertEquals(Status.REFUNDED, status(2), "no auditor came");
        assertNull(apply(new OpenEscrow(Bytes32.of(request(3)), NODE.publicKey(), 5, 1, Level.FULL), REQUESTER));
        now += Parameters.DEFAULT.escrowMs();
        state.expire(now);
        assertEquals(Status.REFUNDED, status(3), "no receipt came");
        certify();
        assertEquals(new Account(1_000_000, 0), state.account(REQUESTER.publicKey()));
    }

    @Test
    void oneAuditorThatIsDownHoldsUpAnAnswerForAMomentOnly() {
        ordered(1);
        assertNull(commit(1, FULL_NODES.get(0), good()));
        assertNull(commit(1, FULL_NODES.get(1), good()));
        assertTrue(reveal(1, FULL_NODES.get(0), good()).contains("may still commit"));
        now += Parameters.DEFAULT.graceMs();
        assertNull(reveal(1, FULL_NODES.get(0), good()));
        assertTrue(commit(1, FULL_NODES.get(2), good()).contains("is over"), "what is revealed could be copied");
        assertTrue(reveal(1, FULL_NODES.get(2), good()).contains("not the verdict that was committed to"));
        assertNull(reveal(1, FULL_NODES.get(1), good()));
        assertEquals(Status.SETTLED, status(1));
    }

    @Test
    void aVerdictThatWasNotCommittedToIsRefused() {
        ordered(1);
        for (KeyPair node : FULL_NODES) {
            assertNull(commit(1, node, good()));
        }
        assertTrue(reveal(1, FULL_NODES.get(0), bad()).contains("not the verdict"));
        assertNull(reveal(1, FULL_NODES.get(0), good()));
        assertTrue(reveal(1, FULL_NODES.get(0), good()).contains("already"));
    }

    @Test
    void whoShowsNoWorkIsNamedAndDoesNotCount() {
        ordered(1);
        byte[] guessed = new byte[32];
        guessed[7] = 1;
        Verdict lazy = new Verdict(Opinion.GOOD, "", "", guessed, new byte[32]);
        judge(1, good(), lazy, good());
        assertEquals(Status.SETTLED, status(1));
        assertEquals(
                List.of(FULL_NODES.get(1).publicKey()),
                state.findSettlement(Bytes32.of(request(1))).audit().lazy());
        ordered(2);
        judge(2, good(), lazy, silent());
        assertEquals(Status.REFUNDED, status(2), "one who works and one who does not are no majority");
    }

    @Test
    void anUnansweredChallengeIsPutToAllAndTheyCommitAnew() {
        ordered(1);
        Cell cell = new Cell(1, 3, 4);
        assertNull(commit(1, FULL_NODES.get(0), good()));
        assertNull(apply(new PostChallenge(Bytes32.of(request(1)), cell), FULL_NODES.get(1)));
        assertEquals(
                List.of(cell),
                state.findSettlement(Bytes32.of(request(1))).audit().postedCells());
        assertTrue(apply(new PostChallenge(Bytes32.of(request(1)), cell), FULL_NODES.get(1))
                .contains("already"));
        assertTrue(apply(new PostChallenge(Bytes32.of(request(1)), cell), NODE).contains("auditors"));
        byte[] old =
                good().commitment(Bytes32.of(request(1)), 0, FULL_NODES.get(2).publicKey());
        assertTrue(apply(new CommitVerdict(Bytes32.of(request(1)), 0, old), FULL_NODES.get(2))
                .contains("round 0 is over"));
        judge(1, bad(), silent(), bad());
        assertEquals(Status.REFUNDED, status(1));
    }

    @Test
    void whatIsNotAllowedIsRefusedWithAReason() {
        ordered(1);
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 5, 1, Level.FULL), REQUESTER)
                .contains("already"));
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 2_000_000, 1, Level.FULL), REQUESTER)
                .contains("not covered"));
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(2)), Bytes32.ZERO, 5, 1, Level.FULL), REQUESTER)
                .contains("not registered"));
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 1, 5, Level.FULL), REQUESTER)
                .contains("asks 2 a token"));
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 2, -5, Level.FULL), REQUESTER)
                .contains("1 to 4294967296 tokens"));
        assertTrue(apply(
                        new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), Long.MAX_VALUE, 2, Level.FULL),
                        REQUESTER)
                .contains("can be counted"));
        assertTrue(apply(new SubmitReceipt(receipt(1, 150)), NODE).contains("already"));
        assertTrue(apply(new SubmitReceipt(receipt(7, 150)), NODE).contains("no escrow"));
        assertNull(apply(new OpenEscrow(Bytes32.of(request(3)), NODE.publicKey(), 2, 250, Level.FULL), REQUESTER));
        assertTrue(apply(new SubmitReceipt(receipt(3, 201)), NODE).contains("price"));
        assertTrue(commit(3, FULL_NODES.get(0), good()).contains("no receipt"));
        assertTrue(commit(1, REQUESTER, good()).contains("auditors"));
        assertNull(commit(1, FULL_NODES.get(0), good()));
        assertTrue(commit(1, FULL_NODES.get(0), bad()).contains("already"));
    }

    @Test
    void oneCommandIsAppliedOnceAndAForgedOneNever() {
        apply(new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000), NODE);
        Signed signed = signed(new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 250, Level.FULL), REQUESTER);
        Signed forged =
                new Signed(NODE.publicKey(), signed.nonce(), signed.lastMs(), signed.body(), signed.signature());
        assertTrue(state.apply(forged, now).getFirst().contains("signature"));
        Signed longer = new Signed(
                REQUESTER.publicKey(), signed.nonce(), signed.lastMs() + 1, signed.body(), signed.signature());
        assertTrue(state.apply(longer, now).getFirst().contains("signature"));
        assertNull(state.apply(signed, now).getFirst());
        long balance = state.account(REQUESTER.publicKey()).balance();
        assertNull(state.apply(signed, now).getFirst(), "who asks again hears what became of it");
        assertEquals(balance, state.account(REQUESTER.publicKey()).balance(), "and nothing is done twice");
        Signed refused = signed(new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 5, 1, Level.FULL), REQUESTER);
        assertEquals(state.apply(refused, now), state.apply(refused, now + 1));
        byte[] bytes = signed.encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(MalformedException.class, () -> Signed.decode(cut));
            assertNotNull(state.apply(cut, now).getFirst());
        }
        Signed nonsense = new Signed(REQUESTER.publicKey(), new byte[16], now, new byte[] {9, 0, 0, 0}, new byte[64]);
        assertNotNull(state.apply(nonsense, now).getFirst());
    }

    @Test
    void aCommandIsNotAppliedAfterItsTimeAndOnlyThenForgotten() {
        apply(new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000), NODE);
        Signed bond = Signed.of(genesis().hash(), NODE, now + 100, new Bond(10));
        Signed late = Signed.of(genesis().hash(), NODE, now + 100, new Bond(10));
        assertNull(state.apply(bond, now).getFirst());
        now += 100;
        assertNull(state.apply(bond, now).getFirst());
        now += 1;
        assertTrue(state.apply(bond, now).getFirst().contains("after its time"), "it is forgotten, and too late");
        assertTrue(state.apply(late, now).getFirst().contains("after its time"));
        assertTrue(
                state.apply(late, now - 500).getFirst().contains("after its time"),
                "a clock that steps back is not believed");
        Signed eternal = Signed.of(genesis().hash(), NODE, now + Signed.MAX_LIFE_MS + 1, new Bond(10));
        assertTrue(state.apply(eternal, now).getFirst().contains("minutes"), "what is remembered must end");
        assertEquals(50_010, state.account(NODE.publicKey()).stake());
    }

    @Test
    void commandsThatComeTogetherAreAppliedInOrderEachByItself() {
        Signed all = Signed.of(
                genesis().hash(),
                REQUESTER,
                now + 1000,
                new Bond(400),
                new Unbond(500),
                new Unbond(100),
                new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 5, 1, Level.FULL));
        List<String> reasons = state.apply(all, now);
        assertNull(reasons.get(0));
        assertTrue(reasons.get(1).contains("not covered by 400"), reasons.get(1));
        assertNull(reasons.get(2));
        assertTrue(reasons.get(3).contains("not registered"), reasons.get(3));
        assertEquals(reasons, state.apply(all, now));
        assertEquals(
                new Account(999_600, 300, 100, now + Parameters.DEFAULT.unbondMs()),
                state.account(REQUESTER.publicKey()));
    }

    @Test
    void aStakeAnswersForItsOwnerUntilItsTimeIsOver() {
        ordered(1);
        assertNull(apply(new Unbond(50_000), NODE));
        assertTrue(apply(new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 5, 1, Level.FULL), REQUESTER)
                .contains("asked its stake back"));
        judge(1, bad(), bad(), bad());
        certify();
        assertNull(apply(new Bond(1_000), REQUESTER));
        assertNull(apply(new Unbond(1_000), REQUESTER));
        long before = state.account(REQUESTER.publicKey()).balance();
        now += Parameters.DEFAULT.unbondMs();
        state.expire(now);
        assertEquals(new Account(before + 1_000, 0), state.account(REQUESTER.publicKey()));
    }

    @Test
    void announcingOneselfAgainCostsNothing() {
        RegisterNode register = new RegisterNode(50_000, MODEL, 2, "127.0.0.1", 9000);
        assertNull(apply(register, NODE));
        assertNull(apply(register, NODE));
        assertEquals(new Account(50_000, 50_000), state.account(NODE.publicKey()));
    }

    @Test
    void moneyComesInOnTheBanksWordOnceAndGoesOutOnACertificate() {
        DepositMoney deposit = new DepositMoney(REQUESTER.publicKey(), 700, Bytes32.of(request(9)));
        assertTrue(apply(deposit, REQUESTER).contains("only the bank"));
        assertNull(apply(deposit, BANK));
        assertTrue(apply(deposit, BANK).contains("taken before"));
        assertEquals(1_000_700, state.account(REQUESTER.publicKey()).balance());
        assertTrue(apply(new DepositMoney(NODE.publicKey(), Long.MAX_VALUE, Bytes32.of(request(8))), BANK)
                .contains("more than the ledger can count"));
        assertTrue(apply(new Withdraw(2_000_000, "home"), REQUESTER).contains("not covered"));
        Signed withdraw = signed(new Withdraw(1_000_700, "home"), REQUESTER);
        assertNull(state.apply(withdraw, now).getFirst());
        certify();
        Bytes32 id = LedgerState.withdrawalId(withdraw.id(genesis().hash()), 0);
        CertifiedEntry entry = state.blocks().prove(Kind.WITHDRAWAL, id);
        assertNull(entry.fault(genesis().hash(), genesis().fullNodes()));
        assertNotNull(entry.value(), "what the bank pays by");
        assertEquals(0, state.account(REQUESTER.publicKey()).balance());
        assertEquals(state.deposited(), state.total());
    }

    /** Until rules 6; since then they report on declared feeds, see {@link FeedsTest}. */
    @Test
    void dataNodesReportInSequenceByOlderRules() {
        Genesis five = new Genesis(
                genesis().fullNodes(), 1_000, genesis().bank(), genesis().deposits(), Parameters.FREE.with("rules=5"));
        LedgerState old = new LedgerState(five);
        Function<Command, String> apply = command -> old.apply(Signed.of(five.hash(), NODE, now + 1_000, command), now)
                .getFirst();
        ReportFeed report = new ReportFeed("weather", 5, new byte[] {1});
        assertTrue(apply.apply(report).contains("only data nodes"));
        assertNull(apply.apply(new RegisterDataNode(100, "127.0.0.1", 9)));
        assertNull(apply.apply(report));
        assertTrue(apply.apply(report).contains("is not after 5"));
        assertArrayEquals(
                new byte[] {1}, old.report(NODE.publicKey(), "weather").value());
        assertTrue(apply.apply(new ReportFeed("weather", 6, new byte[FeedReport.MAX_VALUE_BYTES + 1]))
                .contains("at most"));
    }

    @Test
    void nobodyOwnsAModelsId() {
        assertNull(apply(new RegisterModel(MODEL, "stories", ""), NODE));
        assertNull(apply(new RegisterModel(MODEL, "stories 2", ""), NODE));
        assertNull(apply(new RegisterModel(MODEL, "mine", ""), REQUESTER), "which takes nothing from the first");
    }

    @Test
    void aQuorumOfFullNodesChangesWhatTheLedgerRunsBy() {
        Parameters d = Parameters.FREE;
        Parameters wished = d.with("graceMs", 1).with("maxAuditors=1").with("minStake", 10);
        assertTrue(apply(new ProposeParameters(wished), NODE).contains("only full nodes"));
        assertNull(apply(new ProposeParameters(wished), FULL_NODES.get(0)));
        assertNull(apply(new ProposeParameters(d), FULL_NODES.get(1)));
        assertEquals(d, state.parameters());
        assertNull(apply(new ProposeParameters(wished), FULL_NODES.get(1)));
        assertEquals(wished, state.parameters());
        assertTrue(apply(new RegisterNode(9, MODEL, 2, "127.0.0.1", 9), NODE).contains("below the least"));
        ordered(1);
        assertEquals(
                1,
                state.findSettlement(Bytes32.of(request(1))).audit().auditors().size());
        String why = apply(new ProposeParameters(d.with("unbondMs", 1)), FULL_NODES.get(0));
        assertTrue(why.contains("a stake must answer"), why);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> d.with("tax=5"))
                .getMessage()
                .contains("no parameter is called tax"));
    }

    @Test
    void whatCameToItsEndLeavesTheStateAfterAWhileAndItsProofStaysGood() {
        ordered(1);
        judge(1, good(), good(), good());
        certify();
        CertifiedEntry proof = state.blocks().prove(Kind.SETTLEMENT, Bytes32.of(request(1)));
        now += Parameters.DEFAULT.retainMs();
        state.expire(now);
        assertNull(state.findSettlement(Bytes32.of(request(1))));
        certify();
        assertNull(state.blocks().prove(Kind.SETTLEMENT, Bytes32.of(request(1))).value());
        assertNull(proof.fault(genesis().hash(), genesis().fullNodes()));
        assertEquals(Status.SETTLED, Settlement.decode(proof.value()).status());
    }

    @Test
    void aStateSurvivesItsEncodingAtEveryStepOfARandomHistory() {
        Random random = new Random(20261121);
        List<Integer> open = new ArrayList<>();
        for (int step = 0; step < 200; step++) {
            switch (random.nextInt(3)) {
                case 0 -> {
                    if (open.size() < 100) {
                        ordered(open.size() + 1);
                        open.add(open.size() + 1);
                    }
                }
                case 1 -> {
                    int number = 1 + random.nextInt(100);
                    KeyPair node = FULL_NODES.get(random.nextInt(3));
                    Verdict verdict = random.nextInt(4) == 0 ? bad() : good();
                    if (state.findSettlement(Bytes32.of(request(number))) != null) {
                        commit(number, node, verdict);
                        reveal(number, node, verdict);
                        apply(new PostChallenge(Bytes32.of(request(number)), new Cell(0, 1, 2)), node);
                    }
                    now += random.nextInt(4_000);
                }
                default ->
                    apply(
                            new OpenEscrow(
                                    Bytes32.of(request(101 + random.nextInt(5))), NODE.publicKey(), 1, 1, Level.FULL),
                            REQUESTER);
            }
            LedgerState back = LedgerState.decode(genesis(), state.encode());
            assertArrayEquals(state.root(), back.root(), "seed 20261121, step " + step);
        }
        byte[] bytes = state.encode();
        assertThrows(
                MalformedException.class, () -> LedgerState.decode(genesis(), Arrays.copyOf(bytes, bytes.length - 1)));
        Genesis other = new Genesis(genesis().fullNodes(), List.of());
        assertThrows(MalformedException.class, () -> LedgerState.decode(other, bytes));
    }
}
