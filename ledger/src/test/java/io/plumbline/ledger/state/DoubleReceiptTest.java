package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportDoubleReceipt;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A node that shows its client one receipt and hands another in for the same request. */
class DoubleReceiptTest {
    private static final long STAKE = 20_000;
    private static final KeyPair FINDER = KeyPair.random();
    private static final Bytes32 FIRST = Bytes32.of(request(1));

    private Genesis genesis = genesis(Parameters.DEFAULT);
    private LedgerState state = new LedgerState(genesis);
    private long now = 1_000_000;

    private static Genesis genesis(Parameters parameters) {
        return new Genesis(
                Money.genesis().fullNodes(),
                10_000,
                Money.BANK.publicKey(),
                Arrays.asList(
                        new Genesis.Deposit(REQUESTER.publicKey(), 1_000_000),
                        new Genesis.Deposit(NODE.publicKey(), 100_000),
                        new Genesis.Deposit(FINDER.publicKey(), 1_000)),
                parameters);
    }

    @BeforeEach
    void aNodeIsAskedTwoThings() {
        ask();
    }

    private void ask() {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, 2, "127.0.0.1", 9)));
        for (int number = 1; number <= 2; number++) {
            assertNull(apply(
                    REQUESTER, new OpenEscrow(Bytes32.of(request(number)), NODE.publicKey(), 2, 100, Level.AUDITED)));
        }
    }

    @AfterEach
    void moneyIsNeitherMadeNorLostAndTheStateSurvivesItsEncoding() {
        assertEquals(state.deposited(), state.total());
        LedgerState back = LedgerState.decode(genesis, state.encode());
        assertArrayEquals(state.root(), back.root());
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(genesis.hash(), by, now + 60_000, commands), now)
                .getLast();
    }

    private void certify() {
        for (BlockHeader header; (header = state.closeBlock(++now)) != null; ) {
            for (KeyPair full : FULL_NODES.subList(0, 2)) {
                byte[] signature = full.sign(Certificate.message(genesis.hash(), 0, header.number(), header.hash()));
                assertNull(apply(
                        full, new Command.CastVote(full.publicKey(), 0, header.number(), header.hash(), signature)));
            }
        }
    }

    private static Receipt receipt(long price, int tokens) {
        byte[] any = new byte[32];
        return new Receipt(1, MODEL, FIRST, any, any, 1024, 1, tokens - 1, price, null, null).sign(NODE);
    }

    private void judgedGood() {
        Verdict good = new Verdict(Opinion.GOOD, "", "", new byte[32], new byte[32]);
        for (KeyPair full : FULL_NODES) {
            assertNull(apply(full, new CommitVerdict(FIRST, 0, good.commitment(FIRST, 0, full.publicKey()))));
        }
        for (KeyPair full : FULL_NODES) {
            assertNull(apply(full, new RevealVerdict(FIRST, good)));
        }
    }

    private long balance(KeyPair keys) {
        return state.account(keys.publicKey()).balance();
    }

    private long stake() {
        return state.account(NODE.publicKey()).stake();
    }

    @Test
    void theNodeLosesItsStakeAndTheRequesterHasBackWhatWasPaid() {
        long before = balance(REQUESTER);
        assertNull(apply(NODE, new SubmitReceipt(receipt(200, 100))));
        judgedGood();
        certify();
        assertEquals(Status.SETTLED, state.findSettlement(FIRST).status());
        assertNull(apply(FINDER, new ReportDoubleReceipt(receipt(20, 10))));
        certify();
        assertEquals(0, stake());
        assertTrue(state.node(NODE.publicKey()).slashed());
        assertEquals(Status.SLASHED, state.findSettlement(FIRST).status());
        assertEquals(1_000 - 1, balance(FINDER), "less the fee: it may have copied what passed through its hands");
        assertEquals(
                before + 200 + 200 + 8 + STAKE / 10,
                balance(REQUESTER),
                "the price, the escrow that no answer came for, and a tenth of the stake");
        assertEquals(
                Status.REFUNDED,
                state.findSettlement(Bytes32.of(request(2))).status(),
                "nobody waits for a node that was caught");
    }

    @Test
    void itCountsOnceWhileItIsAuditedAndWhenItWasRefundedToo() {
        assertNull(apply(NODE, new SubmitReceipt(receipt(200, 100))));
        assertNull(apply(FINDER, new ReportDoubleReceipt(receipt(199, 100))));
        certify();
        long found = balance(FINDER);
        String again = apply(FINDER, new ReportDoubleReceipt(receipt(198, 100)));
        assertTrue(again.contains("proven false already"), again);
        certify();
        assertEquals(found - 1, balance(FINDER), "what is refused costs its fee");
        assertEquals(0, stake());
    }

    @Test
    void theReceiptThatWasHandedInIsNoOffenceWhateverItsSignature() {
        Receipt honest = receipt(200, 100);
        assertNull(apply(NODE, new SubmitReceipt(honest)));
        String same = apply(FINDER, new ReportDoubleReceipt(honest));
        assertTrue(same.contains("this is it"), same);
        assertEquals(STAKE, stake());
    }

    @Test
    void whatTheNodeHasNotSignedTakesNothingFromIt() {
        assertNull(apply(NODE, new SubmitReceipt(receipt(200, 100))));
        Receipt others = receipt(20, 10).sign(KeyPair.random());
        Receipt forged = new Receipt(
                1, MODEL, FIRST, new byte[32], new byte[32], 1, 1, 1, 1, NODE.publicKey(), others.signature());
        for (Receipt wrong : new Receipt[] {others, forged}) {
            String refusal = apply(FINDER, new ReportDoubleReceipt(wrong));
            assertTrue(refusal.contains("not signed by the node"), refusal);
        }
        assertEquals(STAKE, stake());
    }

    @Test
    void withoutAnAnswerOnTheLedgerThereIsNothingToCompare() {
        String none = apply(FINDER, new ReportDoubleReceipt(receipt(20, 10)));
        assertTrue(none.contains("no answer to this request"), none);
        assertNull(apply(NODE, new SubmitReceipt(receipt(200, 100))));
        judgedGood();
        now += Parameters.DEFAULT.retainMs() + 1;
        state.expire(now);
        String late = apply(FINDER, new ReportDoubleReceipt(receipt(20, 10)));
        assertTrue(late.contains("not any more"), late);
        assertEquals(STAKE, stake());
    }

    @Test
    void underOlderRulesItLeavesNoTraceJustAsInABuildThatCannotReadIt() {
        genesis = genesis(Parameters.DEFAULT.with("rules=7"));
        state = new LedgerState(genesis);
        ask();
        assertNull(apply(NODE, new SubmitReceipt(receipt(200, 100))));
        byte[] chain = state.chain();
        String refusal = apply(FINDER, new ReportDoubleReceipt(receipt(20, 10)));
        assertTrue(refusal.contains("since rules 8"), refusal);
        assertEquals(1_000, balance(FINDER), "no fee");
        assertArrayEquals(chain, state.chain());
        for (KeyPair full : FULL_NODES) {
            apply(full, new ProposeParameters(Parameters.DEFAULT.with("rules=8")));
        }
        assertEquals(8, state.parameters().rules());
        assertNull(apply(FINDER, new ReportDoubleReceipt(receipt(20, 10))));
        assertEquals(0, stake());
    }
}
