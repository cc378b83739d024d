package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static io.plumbline.ledger.Money.receipt;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.util.Arrays;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class AdmissionTest {
    private static final Bytes32 GENESIS = genesis().hash();

    private final Admission admission = new Admission(GENESIS, new SignatureChecks(GENESIS));

    private String refusal(KeyPair keys, Command... commands) {
        return admission.refusal(Signed.of(GENESIS, keys, 60_000, commands).encode());
    }

    private static CastVote vote(KeyPair full, long epochSigned, long epochSaid) {
        byte[] hash = new byte[32];
        byte[] signature = full.sign(Certificate.message(GENESIS, epochSigned, 3, hash));
        return new CastVote(full.publicKey(), epochSaid, 3, hash, signature);
    }

    @Test
    void whatIsSignedIsLetInAndSaysSoAgain() {
        KeyPair full = FULL_NODES.getFirst();
        for (int again = 0; again < 2; again++) {
            assertNull(refusal(REQUESTER, new Bond(1), new Bond(2)));
            assertNull(refusal(REQUESTER, vote(full, 0, 0)), "anyone may hand in a vote");
            assertNull(refusal(REQUESTER, new SubmitReceipt(receipt(1, 5))));
            assertNull(refusal(full, new StateEpoch(EpochStatement.of(GENESIS, 1, 0, new TreeMap<>(), full))));
        }
    }

    @Test
    void everyByteOfItIsSigned() {
        byte[] signed = Signed.of(GENESIS, REQUESTER, 60_000, new Bond(1)).encode();
        assertNull(admission.refusal(signed));
        for (int i = 0; i < signed.length; i++) {
            byte[] changed = signed.clone();
            changed[i] ^= 1;
            assertTrue(admission.refusal(changed) != null, "byte " + i);
        }
        assertNull(admission.refusal(signed));
    }

    @Test
    void whatOthersShallHaveSignedIsLookedAtToo() {
        KeyPair full = FULL_NODES.getFirst();
        assertEquals("a signature in a CastVote does not hold", refusal(REQUESTER, new Bond(1), vote(full, 0, 1)));
        Receipt forged = new Receipt(
                1, Bytes32.ZERO, Bytes32.ZERO, new byte[32], new byte[32], 64, 1, 1, 1, NODE.publicKey(), new byte[64]);
        assertEquals("a signature in a SubmitReceipt does not hold", refusal(REQUESTER, new SubmitReceipt(forged)));
        assertEquals(
                "a signature in a ReportDoubleReceipt does not hold",
                refusal(REQUESTER, new Command.ReportDoubleReceipt(forged)));
        assertEquals(
                "a signature in a StateEpoch does not hold",
                refusal(REQUESTER, new StateEpoch(EpochStatement.of(GENESIS, 1, 0, new TreeMap<>(), full))));
    }

    @Test
    void fewSignaturesOfOthersComeTogetherAndANodesOwnReceiptsAsManyAsGo() {
        Command[] receipts = new Command[Signed.MAX_COMMANDS];
        Arrays.fill(receipts, new SubmitReceipt(receipt(1, 5)));
        assertNull(refusal(NODE, receipts));
        assertNull(refusal(REQUESTER, Arrays.copyOf(receipts, Admission.MAX_OTHERS_SIGNATURES)));
        String why = refusal(REQUESTER, Arrays.copyOf(receipts, Admission.MAX_OTHERS_SIGNATURES + 1));
        assertTrue(why.contains("bring 17 signatures of others") && why.contains("send the rest apart"), why);
        Command[] twice = new Command[Admission.MAX_OTHERS_SIGNATURES / 2 + 1];
        CastVote vote = vote(FULL_NODES.getFirst(), 0, 1);
        Arrays.fill(twice, new ReportDoubleVote(vote, vote));
        assertTrue(refusal(REQUESTER, twice).contains("bring 18 signatures"), "none of which is looked at");
        Arrays.fill(receipts, new Command.ReportDoubleReceipt(receipt(1, 5)));
        assertTrue(refusal(NODE, receipts).contains("bring 128 signatures"), "a node's own are others' here");
    }
}
