package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.receipt;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.CommitVerdict;
import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.PostChallenge;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.RevealVerdict;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Four auditors of one answer, the last of which lies. */
class AuditRoundsTest {
    private static final int LIAR = 3;
    private static final long STAKE = 50_000;
    private static final Verdict GOOD = verdict(Opinion.GOOD);

    private final List<KeyPair> auditors =
            List.of(KeyPair.random(), KeyPair.random(), KeyPair.random(), KeyPair.random());
    private final Genesis genesis = new Genesis(
            auditors.stream().map(KeyPair::publicKey).toList(),
            10_000,
            Money.BANK.publicKey(),
            Money.genesis().deposits(),
            Parameters.DEFAULT);
    private final LedgerState state = new LedgerState(genesis);
    private long now = 1_000_000;

    @BeforeEach
    void answerOneRequest() {
        assertNull(apply(NODE, new RegisterNode(STAKE, MODEL, 2, "127.0.0.1", 9)));
        assertNull(apply(REQUESTER, new OpenEscrow(Bytes32.of(request(1)), NODE.publicKey(), 2, 250, Level.FULL)));
        assertNull(apply(NODE, new SubmitReceipt(receipt(1, 150))));
    }

    private String apply(KeyPair by, Command command) {
        return state.apply(Signed.of(genesis.hash(), by, now + 60_000, command), now)
                .getFirst();
    }

    private static Verdict verdict(Opinion opinion) {
        return new Verdict(opinion, "", "", new byte[32], new byte[32]);
    }

    private String commit(int auditor, Verdict verdict) {
        int round = state.findSettlement(Bytes32.of(request(1))).audit().round();
        byte[] commitment = verdict.commitment(
                Bytes32.of(request(1)), round, auditors.get(auditor).publicKey());
        return apply(auditors.get(auditor), new CommitVerdict(Bytes32.of(request(1)), round, commitment));
    }

    private String reveal(int auditor, Verdict verdict) {
        return apply(auditors.get(auditor), new RevealVerdict(Bytes32.of(request(1)), verdict));
    }

    private Status status() {
        return state.findSettlement(Bytes32.of(request(1))).status();
    }

    /** The liar that is among the first shuts nobody out: two good verdicts are no majority. */
    @Test
    void anHonestAuditorHasItsTimeWhereALiarWasFaster() {
        Verdict slander = verdict(Opinion.BAD);
        assertNull(commit(LIAR, slander));
        now += 20_000;
        assertNull(commit(0, GOOD));
        now += 500;
        assertNull(commit(1, GOOD));
        now += 10 * Parameters.DEFAULT.graceMs();
        state.expire(now);
        assertNull(commit(2, GOOD));
        assertEquals(Status.REVEALING, status());
        assertNull(reveal(LIAR, slander));
        for (int honest = 0; honest < LIAR; honest++) {
            assertNull(reveal(honest, GOOD));
        }
        assertEquals(Status.SETTLED, status());
    }

    @Test
    void aLiarThatSaysNothingHoldsUpAnAnswerForTheTimeOfOneRound() {
        for (int honest = 0; honest < LIAR; honest++) {
            assertNull(commit(honest, GOOD));
        }
        assertTrue(reveal(0, GOOD).contains("may still commit"));
        now += Parameters.DEFAULT.commitMs();
        for (int honest = 0; honest < LIAR; honest++) {
            assertNull(reveal(honest, GOOD));
        }
        assertEquals(Status.SETTLED, status());
    }

    private void allSay(Opinion opinion) {
        Verdict verdict = verdict(opinion);
        for (int honest = 0; honest < LIAR; honest++) {
            assertNull(commit(honest, verdict));
        }
        assertNull(commit(LIAR, verdict(Opinion.SILENT)));
        reveal(LIAR, verdict(Opinion.SILENT));
        for (int honest = 0; honest < LIAR; honest++) {
            reveal(honest, verdict);
        }
    }

    private String post(int auditor, Cell cell) {
        return apply(auditors.get(auditor), new PostChallenge(Bytes32.of(request(1)), cell));
    }

    private long stake() {
        return state.account(NODE.publicKey()).stake();
    }

    @Test
    void auditorsThatCannotJudgeCostTheNodeNothingWhateverALiarPosts() {
        assertNull(post(LIAR, new Cell(0, 0, 1)));
        allSay(Opinion.CANNOT_JUDGE);
        assertEquals(Status.REFUNDED, status());
        assertEquals(STAKE, stake());
        assertEquals(0, state.node(NODE.publicKey()).faults());
    }

    @Test
    void silenceCostsTheReservedStakeWhereMoreHaveHadNoAnswerThanMayLie() {
        assertNull(post(0, new Cell(0, 0, 1)));
        assertNull(post(1, new Cell(0, 0, 1)));
        allSay(Opinion.SILENT);
        assertEquals(Status.REFUNDED, status());
        assertEquals(STAKE - 4 * 500, stake());
        assertEquals(1, state.node(NODE.publicKey()).faults());
    }

    @Test
    void oneAuditorsPostIsNoSilenceOfTheNode() {
        assertNull(post(LIAR, new Cell(0, 0, 1)));
        allSay(Opinion.SILENT);
        assertEquals(Status.REFUNDED, status());
        assertEquals(STAKE, stake());
    }

    @Test
    void aChallengeIsAboutTokensThatTheModelRanOver() {
        String refusal = post(LIAR, new Cell(0, 99, 100));
        assertTrue(refusal.contains("ran over 99 tokens"), refusal);
        assertNull(post(LIAR, new Cell(0, 98, 99)));
    }
}
