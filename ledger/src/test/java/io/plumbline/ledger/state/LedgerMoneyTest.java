package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.Accuse;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.DeclineEscrow;
import io.plumbline.ledger.state.Command.DepositMoney;
import io.plumbline.ledger.state.Command.HandInEvidence;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RegisterModel;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.Command.Withdraw;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Attacks on money and state with the parameters that a ledger begins with: what they cost, and that they gain
 * nothing.
 */
class LedgerMoneyTest {
    private static final long STAKE = 20_000;
    private static final Genesis GENESIS = genesis(10_000);
    private static final Bytes32 LEDGER = GENESIS.hash();

    private final LedgerState state = new LedgerState(GENESIS);
    private long now = 1_000_000;

    private static Genesis genesis(long bond) {
        return new Genesis(
                Money.genesis().fullNodes(),
                bond,
                Money.BANK.publicKey(),
                Money.genesis().deposits(),
                Parameters.DEFAULT);
    }

    @AfterEach
    void moneyIsNeitherMadeNorLostAndTheStateSurvivesItsEncoding() {
        assertEquals(state.deposited(), state.total());
        LedgerState back = LedgerState.decode(GENESIS, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertArrayEquals(state.encode(), back.encode());
        assertEquals(state.total(), back.total(), "sums that are kept are those of what there is");
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(LEDGER, by, now + 60_000, commands), now).getFirst();
    }

    private void certify() {
        for (BlockHeader header; (header = state.closeBlock(++now)) != null; ) {
            for (KeyPair full : FULL_NODES.subList(0, 2)) {
                byte[] signature = full.sign(Certificate.message(LEDGER, 0, header.number(), header.hash()));
                assertNull(apply(
                        full, new Command.CastVote(full.publicKey(), 0, header.number(), header.hash(), signature)));
            }
        }
    }

    private long balance(KeyPair keys) {
        return state.account(keys.publicKey()).balance();
    }

    private long stake(KeyPair keys) {
        return state.account(keys.publicKey()).stake();
    }

    private void register(long pricePerToken) {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, pricePerToken, "127.0.0.1", 9)));
    }

    private static Receipt receipt(int number, long price, int prompt, int output) {
        byte[] any = new byte[32];
        return new Receipt(1, MODEL, Bytes32.of(request(number)), any, any, 1024, prompt, output, price, null, null)
                .sign(NODE);
    }

    private void answered(int number, long tokens) {
        assertNull(apply(
                REQUESTER, new OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 2, tokens, Level.AUDITED)));
        assertNull(apply(NODE, new SubmitReceipt(receipt(number, 2 * tokens, 1, (int) tokens - 1))));
    }

    private void judge(int number, Opinion... opinions) {
        List<Verdict> verdicts = new ArrayList<>();
        int round = state.findSettlement(Bytes32.of(request(number))).audit().round();
        for (int i = 0; i < opinions.length; i++) {
            Verdict verdict = new Verdict(opinions[i], "", "", new byte[32], new byte[32]);
            verdicts.add(verdict);
            byte[] commitment = verdict.commitment(
                    Bytes32.of(request(number)), round, FULL_NODES.get(i).publicKey());
            assertNull(apply(FULL_NODES.get(i), new CommitVerdict(Bytes32.of(request(number)), round, commitment)));
        }
        for (int i = 0; i < opinions.length; i++) {
            assertNull(apply(FULL_NODES.get(i), new RevealVerdict(Bytes32.of(request(number)), verdicts.get(i))));
        }
    }

    @Test
    void anOldReceiptUnderANewEscrowIsTakenFromNobodyButItsNode() {
        register(2);
        answered(1, 100);
        Receipt old = receipt(1, 200, 1, 99);
        judge(1, Opinion.GOOD, Opinion.GOOD, Opinion.GOOD);
        certify();
        now += Parameters.DEFAULT.retainMs() + 1;
        state.expire(now);
        assertNull(
                state.findSettlement(Bytes32.of(request(1))), "it has left the state, and its node has forgotten it");
        OpenEscrow again = new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 1_000, Level.SIGNED);
        List<String> answers =
                state.apply(Signed.of(LEDGER, REQUESTER, now + 60_000, again, new SubmitReceipt(old)), now);
        assertNull(answers.getFirst());
        assertTrue(answers.get(1).contains("only the node that an escrow names"), answers.get(1));
        assertNull(
                apply(NODE, new DeclineEscrow(Bytes32.of(request(1)))), "so the node can still give the escrow back");
        assertEquals(STAKE, stake(NODE));
    }

    @Test
    void whatCostsNothingToOpenIsBoundedByItsNodesStake() {
        register(0);
        int opened = 0;
        byte[] request = new byte[32];
        while (opened < 3_000) {
            request[0] = (byte) opened;
            request[1] = (byte) (opened >> 8);
            String refusal =
                    apply(REQUESTER, new OpenEscrow(Bytes32.of(request.clone()), NODE.publicKey(), 0, 1, Level.SIGNED));
            if (refusal != null) {
                assertTrue(refusal.contains("every request reserves"), refusal);
                break;
            }
            opened++;
        }
        assertEquals(STAKE / (Parameters.DEFAULT.minStake() / 1_000), opened);
        // Without an answer there is nothing to prove: they leave the state soon after they are over.
        now += Parameters.DEFAULT.answerMs(1) + Parameters.DEFAULT.escrowMs() + 1;
        state.expire(now);
        state.expire(now + Parameters.DEFAULT.escrowMs() + 1);
        assertNull(state.findSettlement(Bytes32.of(request(1))));
    }

    /** Full nodes are upgraded one after the other: those that are not yet cannot read a wish for newer rules. */
    @Test
    void aWishForNewerRulesIsToNewCodeWhatItIsToOld() {
        Genesis old = new Genesis(
                GENESIS.fullNodes(), 10_000, GENESIS.bank(), GENESIS.deposits(), Parameters.DEFAULT.with("rules=3"));
        byte[] unread = new CanonicalWriter()
                .putInt(1)
                .putBytes(new byte[] {99, 0, 0, 0})
                .toBytes();
        for (KeyPair by : List.of(REQUESTER, FULL_NODES.getFirst())) {
            Signed wish = Signed.of(
                    old.hash(), by, now + 60_000, new Command.ProposeParameters(Parameters.DEFAULT.with("rules=4")));
            Signed withOthers = Signed.of(
                    old.hash(),
                    by,
                    now + 60_000,
                    new Command.ProposeParameters(Parameters.DEFAULT.with("rules=4")),
                    new Bond(1));
            for (Signed signed : List.of(wish, withOthers)) {
                LedgerState ours = new LedgerState(old);
                ours.apply(signed, now);
                // A build that cannot read it counts one command more, and changes nothing else.
                LedgerState theirs = new LedgerState(old);
                assertNotNull(theirs.apply(
                                new Signed(
                                        signed.signer(), signed.nonce(), signed.lastMs(), unread, signed.signature()),
                                now)
                        .getFirst());
                assertArrayEquals(theirs.root(), ours.root());
                assertEquals(theirs.wantsBlock(), ours.wantsBlock());
                assertEquals(
                        theirs.account(by.publicKey()).balance(),
                        ours.account(by.publicKey()).balance());
            }
        }
    }

    @Test
    void aNodeHasItsShareOfTheStateAndNoMore() {
        Genesis small = new Genesis(
                GENESIS.fullNodes(),
                10_000,
                GENESIS.bank(),
                GENESIS.deposits(),
                Parameters.DEFAULT.with("minStake", 1));
        LedgerState ledger = new LedgerState(small);
        assertNull(ledger.apply(
                        Signed.of(small.hash(), NODE, now + 60_000, new RegisterNode(5, MODEL, 0, "127.0.0.1", 9)), now)
                .getFirst());
        for (int i = 0; i <= 50; i++) {
            String refusal = ledger.apply(
                            Signed.of(
                                    small.hash(),
                                    REQUESTER,
                                    now + 60_000,
                                    new OpenEscrow(Bytes32.of(request(i)), NODE.publicKey(), 0, 1, Level.SIGNED)),
                            now)
                    .getFirst();
            assertEquals(i == 50, refusal != null, refusal);
            assertTrue(i < 50 || refusal.contains("10 requests for each unit of its stake"), refusal);
        }
        // A request that has left the state makes room, in a copy that was made of a snapshot too.
        now += Parameters.DEFAULT.escrowMs();
        ledger.expire(now);
        now += Parameters.DEFAULT.escrowMs() + 1;
        ledger.expire(now);
        LedgerState copy = LedgerState.decode(small, ledger.encode());
        assertNull(copy.apply(
                        Signed.of(
                                small.hash(),
                                REQUESTER,
                                now + 60_000,
                                new OpenEscrow(Bytes32.of(request(99)), NODE.publicKey(), 0, 1, Level.SIGNED)),
                        now)
                .getFirst());
    }

    @Test
    void whatNobodyHasJudgedLeavesTheStateSoon() {
        register(2);
        answered(1, 10);
        judge(1, Opinion.CANNOT_JUDGE, Opinion.CANNOT_JUDGE, Opinion.CANNOT_JUDGE);
        assertEquals(
                Status.REFUNDED, state.findSettlement(Bytes32.of(request(1))).status());
        now += Parameters.DEFAULT.escrowMs() + 1;
        state.expire(now);
        assertNull(state.findSettlement(Bytes32.of(request(1))), "what nobody has judged leaves the state soon");
        answered(2, 10);
        judge(2, Opinion.BAD, Opinion.BAD, Opinion.BAD);
        now += Parameters.DEFAULT.escrowMs() + 1;
        state.expire(now);
        assertNotNull(state.findSettlement(Bytes32.of(request(2))), "evidence may come");
    }

    @Test
    void rulesGoForwardWhenAQuorumWishesThemAndNeverBack() {
        Genesis old = new Genesis(
                GENESIS.fullNodes(), 10_000, GENESIS.bank(), GENESIS.deposits(), Parameters.DEFAULT.with("rules=3"));
        LedgerState ledger = new LedgerState(Genesis.decode(old.encode()));
        assertEquals(3, ledger.parameters().rules());
        for (KeyPair full : FULL_NODES) {
            assertNull(ledger.apply(
                            Signed.of(
                                    old.hash(),
                                    full,
                                    now + 60_000,
                                    new Command.ProposeParameters(Parameters.DEFAULT.with("rules=4"))),
                            now)
                    .getFirst());
        }
        assertEquals(4, ledger.parameters().rules());
        Command.ProposeParameters back = new Command.ProposeParameters(Parameters.DEFAULT.with("rules=3"));
        String refusal = ledger.apply(Signed.of(old.hash(), FULL_NODES.getFirst(), now + 60_000, back), now)
                .getFirst();
        assertTrue(refusal.contains("does not go back"), refusal);
        assertEquals(4, LedgerState.decode(old, ledger.encode()).parameters().rules());
        String unknown = apply(
                FULL_NODES.getFirst(),
                new Command.ProposeParameters(Parameters.DEFAULT.with("rules=" + (Parameters.KNOWN_RULES + 1))));
        assertTrue(unknown.contains("knows rules"), unknown);
    }

    @Test
    void aCommandThatWasSignedForOneLedgerIsRefusedByEveryOther() {
        LedgerState other = new LedgerState(genesis(20_000));
        Signed withdraw = Signed.of(LEDGER, REQUESTER, now + 60_000, new Withdraw(500_000, "an address"));
        Signed deposit = Signed.of(
                LEDGER, Money.BANK, now + 60_000, new DepositMoney(NODE.publicKey(), 777, Bytes32.of(request(9))));
        assertNull(state.apply(withdraw, now).getFirst());
        assertNull(state.apply(deposit, now).getFirst());
        assertTrue(other.apply(withdraw, now).getFirst().contains("signature"));
        assertTrue(other.apply(deposit, now).getFirst().contains("signature"));
        assertEquals(1_000_000, other.account(REQUESTER.publicKey()).balance());
    }

    @Test
    void thePriceIsTheEscrowsWhateverTheNodeAsksLater() {
        register(1);
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 1, 276, Level.AUDITED)));
        register(100_000);
        assertTrue(apply(NODE, new SubmitReceipt(receipt(1, 276, 20, 3))).contains("above the escrow's"));
        assertTrue(apply(NODE, new SubmitReceipt(receipt(1, 277, 20, 257))).contains("for 276 at most"));
        assertTrue(apply(NODE, new SubmitReceipt(receipt(1, 23, -20, 43))).contains("above the escrow's"));
        assertNull(apply(NODE, new SubmitReceipt(receipt(1, 23, 20, 3))));
        long before = balance(NODE);
        judge(1, Opinion.GOOD, Opinion.GOOD, Opinion.GOOD);
        now += Parameters.DEFAULT.retainMs();
        state.expire(now);
        certify();
        assertEquals(before + 23, balance(NODE));
    }

    @Test
    void aNodeIsAuditedAtNoLevelThatItDeclines() {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9, Level.AUDITED, 0)));
        assertTrue(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 1, 50, Level.FULL))
                .contains("audited at AUDITED at most"));
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 1, 50, Level.AUDITED)));
    }

    /** What a node announces for its model, with the tokens and the level, is the time that an audit has. */
    @Test
    void aLongAnswerAuditedInFullHasTheTimeThatItsOpeningTakes() {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9, Level.FULL, 400)));
        assertTrue(apply(NODE, new RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9, Level.FULL, 60_001))
                .contains("opening time"));
        for (Level level : List.of(Level.FULL, Level.AUDITED)) {
            int number = level.ordinal() + 1;
            assertNull(
                    apply(REQUESTER, new OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 1, 1_000, level)));
            assertNull(apply(NODE, new SubmitReceipt(receipt(number, 1_000, 1, 999))));
            long commit = Parameters.DEFAULT.commitMs();
            assertEquals(
                    now + commit + (level == Level.FULL ? 400_000 : 0),
                    state.findSettlement(Bytes32.of(request(number))).audit().deadlineMs());
        }
    }

    @Test
    void aNodeThatAnnouncesDaysHasAnHour() {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, 1, "127.0.0.1", 9, Level.FULL, 60_000)));
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 1, 1_000, Level.FULL)));
        assertNull(apply(NODE, new SubmitReceipt(receipt(1, 1_000, 1, 999))));
        long longest = Parameters.DEFAULT.commitMs() + 3_600_000;
        assertEquals(
                now + longest,
                state.findSettlement(Bytes32.of(request(1))).audit().deadlineMs());
        assertEquals(3_600_000, state.node(NODE.publicKey()).openingMs(Level.FULL, 1_000), "a requester sees it");
        assertEquals(60_000, state.node(NODE.publicKey()).openingMs(Level.FULL, 1));
        assertEquals(0, state.node(NODE.publicKey()).openingMs(Level.AUDITED, 1_000));
        Parameters many = Parameters.DEFAULT.with("maxAuditors", 64);
        assertNull(many.fault());
        assertTrue(many.with("unbondMs", 80 * 3_600_000L).fault().contains("a stake must answer"));
    }

    @Test
    void aStakeIsReservedForEachOpenRequestAndCannotLeaveMeanwhile() {
        register(2);
        // Twenty thousand cover five thousand four times: 2,500 tokens at two.
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 2_000, Level.AUDITED)));
        assertEquals(16_000, state.reserved(NODE.publicKey()));
        assertTrue(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 2, 501, Level.AUDITED))
                .contains("does not cover"));
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 2, 500, Level.AUDITED)));
        assertTrue(apply(NODE, new Unbond(1)).contains("open requests reserve 20000"));
        assertNull(apply(NODE, new SubmitReceipt(receipt(1, 4_000, 10, 1_990))));
        judge(1, Opinion.GOOD, Opinion.GOOD, Opinion.GOOD);
        assertEquals(4_000, state.reserved(NODE.publicKey()));
        assertNull(apply(NODE, new Unbond(16_000)));
    }

    @Test
    void aFullNodesBondStaysAsLongAsItsVotesCount() {
        KeyPair full = FULL_NODES.get(2);
        assertTrue(apply(full, new Unbond(1)).contains("a full node's bond of 10000 stays"));
        assertNull(apply(Money.BANK, new DepositMoney(full.publicKey(), 500, Bytes32.of(request(8)))));
        assertNull(apply(full, new Bond(500)));
        assertTrue(apply(full, new Unbond(501)).contains("not covered by 500"));
        assertNull(apply(full, new Unbond(500)));
    }

    /**
     * Silence where a challenge was posted costs what was reserved: more than the answer was worth, and nobody has
     * it.
     */
    @Test
    void aPostedChallengeThatIsLeftUnansweredCostsTheStakeThatCoversTheRequest() {
        register(2);
        answered(1, 100);
        assertNull(apply(FULL_NODES.get(0), new PostChallenge(Bytes32.of(request(1)), new Cell(0, 0, 1))));
        judge(1, Opinion.SILENT, Opinion.SILENT, Opinion.SILENT);
        assertEquals(
                Status.REFUNDED, state.findSettlement(Bytes32.of(request(1))).status());
        assertEquals(STAKE - 4 * 200, stake(NODE));
        assertEquals(1, state.node(NODE.publicKey()).faults());
        answered(2, 100);
        judge(2, Opinion.SILENT, Opinion.SILENT, Opinion.SILENT);
        assertEquals(STAKE - 4 * 200, stake(NODE), "without a posted challenge nothing was left unanswered");
        answered(3, 100);
        assertNull(apply(FULL_NODES.get(0), new PostChallenge(Bytes32.of(request(3)), new Cell(0, 0, 1))));
        judge(3, Opinion.SILENT, Opinion.GOOD, Opinion.GOOD);
        assertEquals(STAKE - 4 * 200, stake(NODE), "one auditor's word costs nothing");
    }

    @Test
    void auditorsThatWorkShareTheFeeAndWhereNoneDidTheRequesterHasItBack() {
        register(2);
        long before = balance(REQUESTER);
        answered(1, 80);
        assertEquals(before - 160 - 8 - 1, balance(REQUESTER), "escrow, audit fee, and the command's");
        judge(1, Opinion.GOOD, Opinion.GOOD, Opinion.GOOD);
        certify();
        assertEquals(4, balance(FULL_NODES.get(0)));
        answered(2, 80);
        now += Parameters.DEFAULT.commitMs();
        state.expire(now);
        certify();
        assertEquals(
                Status.REFUNDED, state.findSettlement(Bytes32.of(request(2))).status());
        assertEquals(before - 160 - 8 - 2, balance(REQUESTER), "the second one came back whole");
    }

    /** Evidence that proves nothing: of another receipt, of nothing, too large, too late, somebody else's. */
    @Test
    void falseEvidenceCostsItsMakerAndTheNodeNothing() {
        register(2);
        answered(1, 100);
        long before = balance(REQUESTER);
        byte[] nonsense = new byte[100_000];
        Accuse accuse = new Accuse(Bytes32.of(request(1)), Blake3.hash(nonsense), nonsense.length);
        assertTrue(apply(REQUESTER, new HandInEvidence(new byte[9])).contains("has accused nobody"));
        assertTrue(apply(REQUESTER, new Accuse(Bytes32.of(request(1)), request(1), Accuse.MAX_BYTES + 1))
                .contains("16777216 bytes"));
        assertTrue(apply(REQUESTER, new Accuse(Bytes32.of(request(7)), request(1), 9))
                .contains("no answer to this request"));
        assertNull(apply(REQUESTER, accuse));
        assertTrue(apply(REQUESTER, accuse).contains("finish it first"));
        byte[] part = Arrays.copyOf(nonsense, HandInEvidence.MAX_BYTES);
        assertNull(apply(REQUESTER, new HandInEvidence(part)));
        assertTrue(apply(REQUESTER, new HandInEvidence(new byte[HandInEvidence.MAX_BYTES + 1]))
                .contains("does not follow"));
        LedgerState half = LedgerState.decode(GENESIS, state.encode());
        assertArrayEquals(state.root(), half.root());
        assertArrayEquals(state.encode(), half.encode());
        assertNull(apply(REQUESTER, new HandInEvidence(part)));
        byte[] last = new byte[nonsense.length - 2 * part.length];
        assertTrue(apply(REQUESTER, new HandInEvidence(last)).contains("Malformed evidence"));
        certify();
        assertEquals(before - 1_000 - 9, balance(REQUESTER), "the deposit and nine commands' fees");
        assertEquals(STAKE, stake(NODE));
        assertNull(apply(REQUESTER, accuse));
        now += 120_001;
        state.expire(now);
        certify();
        assertTrue(apply(REQUESTER, new HandInEvidence(new byte[9])).contains("has accused nobody"), "too late");
        assertEquals(STAKE, stake(NODE));
        assertFalse(state.node(NODE.publicKey()).slashed());
    }

    /** Receipts that an escrow waits for are free, and nothing else is: it would fill the state for nothing. */
    @Test
    void onlyReceiptsThatAreTakenAsTheyStandCostNoFee() {
        register(2);
        for (int number = 1; number <= 3; number++) {
            assertNull(apply(
                    REQUESTER, new OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 2, 100, Level.AUDITED)));
        }
        long before = balance(NODE);
        assertNull(apply(NODE, new SubmitReceipt(receipt(1, 200, 1, 99)), new SubmitReceipt(receipt(2, 200, 1, 99))));
        assertEquals(before, balance(NODE));
        SubmitReceipt dear = new SubmitReceipt(receipt(3, 201, 1, 99));
        SubmitReceipt good = new SubmitReceipt(receipt(3, 200, 1, 99));
        Command[] same = new Command[Signed.MAX_COMMANDS];
        Arrays.fill(same, dear);
        assertTrue(apply(NODE, same).contains("above the escrow's"));
        assertEquals(before - Signed.MAX_COMMANDS, balance(NODE), "refused receipts cost what other commands do");
        assertNull(apply(NODE, good, good));
        assertEquals(before - Signed.MAX_COMMANDS - 2, balance(NODE), "one receipt twice is not awaited twice");
    }

    /** One unit of a stranger would shut a node out for as long as an answer may take, again and again. */
    @Test
    void aNodeDeclinesAnEscrowThatNoRequestCameForAndWorksForOthers() {
        register(1);
        KeyPair griefer = KeyPair.random();
        assertNull(apply(Money.BANK, new DepositMoney(griefer.publicKey(), 5_010, Bytes32.of(request(8)))));
        assertNull(apply(griefer, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 1, 5_000, Level.AUDITED)));
        OpenEscrow honest = new OpenEscrow(Bytes32.of(request(2)), NODE.publicKey(), 1, 10, Level.AUDITED);
        assertTrue(apply(REQUESTER, honest).contains("does not cover"));
        long before = balance(NODE);
        Command.DeclineEscrow decline = new Command.DeclineEscrow(Bytes32.of(request(1)));
        assertTrue(apply(REQUESTER, decline).contains("only the node"));
        assertNull(apply(NODE, decline));
        assertEquals(before, balance(NODE), "it costs nothing");
        assertEquals(0, state.reserved(NODE.publicKey()));
        assertEquals(
                Status.REFUNDED, state.findSettlement(Bytes32.of(request(1))).status());
        certify();
        assertEquals(5_009, balance(griefer), "escrow and audit fee came back");
        assertNull(apply(REQUESTER, honest));
        assertTrue(apply(NODE, decline).contains("no escrow waits"));
        assertEquals(before - 1, balance(NODE), "a refused one costs what any command does");
        assertNull(apply(NODE, new SubmitReceipt(receipt(2, 10, 1, 9))));
        assertTrue(
                apply(NODE, new Command.DeclineEscrow(Bytes32.of(request(2)))).contains("no escrow waits"));
        assertTrue(apply(NODE, new SubmitReceipt(receipt(1, 10, 1, 9))).contains("has a receipt already, or is over"));
    }

    @Test
    void anUnusedEscrowLapsesAfterTheTimeThatItsTokensMayTake() {
        register(0);
        long[] tokens = {1, 100, 960, 1_000, 1L << 32};
        long[] ms = {120_500, 170_000, 600_000, 600_000, 600_000};
        for (int i = 0; i < tokens.length; i++) {
            assertNull(apply(
                    REQUESTER, new OpenEscrow(Bytes32.of(request(i)), NODE.publicKey(), 0, tokens[i], Level.SIGNED)));
            assertEquals(
                    now + ms[i],
                    state.findSettlement(Bytes32.of(request(i))).audit().deadlineMs());
        }
        now += 120_500;
        state.expire(now);
        assertEquals(
                Status.REFUNDED, state.findSettlement(Bytes32.of(request(0))).status());
        assertEquals(
                Status.ESCROWED, state.findSettlement(Bytes32.of(request(1))).status());
    }

    @Test
    void aBatchPaysAllItsFeesBeforeItsFirstCommandSpendsThem() {
        register(1);
        KeyPair cheap = KeyPair.random();
        assertNull(apply(Money.BANK, new DepositMoney(cheap.publicKey(), 128, Bytes32.of(request(8)))));
        List<Command> commands = new ArrayList<>();
        commands.add(new OpenEscrow(Bytes32.of(request(7)), NODE.publicKey(), 1, 127, Level.SIGNED));
        for (int i = 1; i < Signed.MAX_COMMANDS; i++) {
            commands.add(new Command.RegisterDataNode(1, "a name", 0));
        }
        assertTrue(apply(cheap, commands.toArray(Command[]::new)).contains("not covered by a balance of 0"));
        assertEquals(0, balance(cheap));
    }

    /** The model's description is in the evidence: a refusal quotes none of it, or a little. */
    @Test
    void aRefusalIsShortHoweverLongWhatItIsAbout() {
        register(2);
        answered(1, 100);
        byte[] evidence = new CanonicalWriter()
                .putText("plumbline evidence 1")
                .putText("plumbline-model 1\n" + "\u0007x".repeat(200_000) + "\n")
                .toBytes();
        assertNull(apply(
                REQUESTER,
                new Accuse(Bytes32.of(request(1)), Accuse.hash(evidence, REQUESTER.publicKey()), evidence.length)));
        int before = state.encode().length;
        String last = null;
        for (int at = 0; at < evidence.length; at += HandInEvidence.MAX_BYTES) {
            int end = Math.min(evidence.length, at + HandInEvidence.MAX_BYTES);
            last = apply(REQUESTER, new HandInEvidence(Arrays.copyOfRange(evidence, at, end)));
        }
        assertTrue(last.length() <= Reason.MAX_CHARS, last);
        String quoted = Reason.bounded("it says " + "\u0007x".repeat(200_000));
        assertEquals(Reason.MAX_CHARS, quoted.length());
        assertTrue(quoted.contains("?x?x") && quoted.endsWith("..."), quoted);
        assertTrue(state.encode().length < before + 2_000, "the evidence and its quotes are gone");
    }

    @Test
    void keysWithoutMoneyLeaveNothingBehind() {
        byte[] before = state.encode();
        long height = state.height();
        for (int k = 0; k < 50; k++) {
            List<Command> commands = new ArrayList<>();
            for (int i = 0; i < 80; i++) {
                commands.add(new RegisterModel(Bytes32.of(request(i)), "n".repeat(255), "s".repeat(255)));
            }
            Signed signed = Signed.of(LEDGER, KeyPair.random(), now + 600_000, commands);
            assertTrue(state.apply(signed, now).getFirst().contains("needs a deposit"));
        }
        assertEquals(height + 50, state.height());
        assertTrue(state.encode().length - before.length < 100, "but for counters");
        KeyPair poor = KeyPair.random();
        assertNull(apply(Money.BANK, new DepositMoney(poor.publicKey(), 2, Bytes32.of(request(8)))));
        assertTrue(apply(poor, new RegisterModel(Bytes32.of(request(1)), "mine", ""))
                .contains("the fee of 100"));
        assertEquals(1, balance(poor), "a refused command has its fee, too");
        assertTrue(apply(poor, new Bond(1), new Bond(1)).contains("needs a deposit"));
        assertEquals(1, balance(poor));
    }

    @Test
    void whatStaysInTheStateCostsAFee() {
        long before = balance(NODE);
        register(2);
        assertEquals(before - STAKE - 100 - 1, balance(NODE));
        register(3);
        assertEquals(before - STAKE - 100 - 2, balance(NODE), "once for one entry");
        assertNull(apply(NODE, new RegisterModel(MODEL, "stories", "")));
        assertEquals(before - STAKE - 200 - 3, balance(NODE));
        assertNull(apply(REQUESTER, new RegisterModel(MODEL, "others", "")), "nobody's id is taken");
        assertNull(apply(NODE, new Withdraw(10, "home")));
        assertEquals(before - STAKE - 300 - 4 - 10, balance(NODE));
        certify();
        assertEquals(state.deposited(), state.total());
    }

    @Test
    void anAccountWithoutMoneyIsNoEntry() {
        KeyPair passing = KeyPair.random();
        assertNull(apply(Money.BANK, new DepositMoney(passing.publicKey(), 211, Bytes32.of(request(8)))));
        certify();
        assertNotNull(state.blocks().prove(Kind.ACCOUNT, passing.publicKey()).value());
        assertNull(apply(passing, new Withdraw(110, "home")));
        certify();
        assertEquals(Account.NONE, state.account(passing.publicKey()));
        assertNull(state.blocks().prove(Kind.ACCOUNT, passing.publicKey()).value());
    }

    /** An exception out of the state would end every full node, and again at every start. */
    @Test
    void amountsThatNoNumberHoldsAreRefused() {
        Parameters dear = Parameters.DEFAULT.with("auditFee", 1L << 40);
        Genesis genesis = new Genesis(
                Money.genesis().fullNodes(),
                10,
                Money.BANK.publicKey(),
                Money.genesis().deposits(),
                dear);
        LedgerState other = new LedgerState(genesis);
        List<Command> nodes = List.of(new RegisterNode(STAKE, MODEL, 0, "127.0.0.1", 9));
        assertNull(other.apply(Signed.of(genesis.hash(), NODE, now, nodes), now).getFirst());
        OpenEscrow escrow = new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 0, 1L << 32, Level.FULL);
        String refusal = other.apply(Signed.of(genesis.hash(), REQUESTER, now, escrow), now)
                .getFirst();
        assertTrue(refusal.contains("an audit fee of " + Long.MAX_VALUE + " are not covered"), refusal);
        assertTrue(apply(Money.BANK, new DepositMoney(NODE.publicKey(), Books.MAX_DEPOSITED, Bytes32.of(request(8))))
                .contains("more than the ledger can count"));
        long room = Books.MAX_DEPOSITED - state.deposited();
        assertNull(apply(Money.BANK, new DepositMoney(NODE.publicKey(), room, Bytes32.of(request(8)))));
        List<Genesis.Deposit> deposits = List.of(new Genesis.Deposit(Bytes32.ZERO, Books.MAX_DEPOSITED - 9));
        assertThrows(
                IllegalArgumentException.class,
                () -> new Genesis(Money.genesis().fullNodes(), 10, Bytes32.ZERO, deposits, dear));
        assertNotNull(new Genesis(Money.genesis().fullNodes(), 3, Bytes32.ZERO, deposits, dear));
    }

    @Test
    void aGenesisWithOneKeyTwiceIsRefused() {
        Bytes32 key = NODE.publicKey();
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class, () -> new Genesis(List.of(key, REQUESTER.publicKey(), key), List.of()));
        assertTrue(e.getMessage().contains("the same key"), e.getMessage());
        assertNotNull(new Genesis(List.of(key, REQUESTER.publicKey()), List.of()));
    }
}
