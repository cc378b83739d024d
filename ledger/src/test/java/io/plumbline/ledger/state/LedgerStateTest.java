package io.plumbline.ledger.state;

import static io.plumbline.ledger.Money.FULL_NODES;
import static io.plumbline.ledger.Money.MODEL;
import static io.plumbline.ledger.Money.NODE;
import static io.plumbline.ledger.Money.REQUESTER;
import static io.plumbline.ledger.Money.genesis;
import static io.plumbline.ledger.Money.receipt;
import static io.plumbline.ledger.Money.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.OpenEscrow;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.ledger.state.Command.SubmitReceipt;
import io.plumbline.ledger.state.Command.Verdict;
import io.plumbline.ledger.state.LedgerState.Account;
import io.plumbline.ledger.state.LedgerState.Status;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.Keys;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LedgerStateTest {
    private final LedgerState state = new LedgerState(genesis());

    private String apply(Command command, Keys keys) {
        long before = state.total();
        String refusal = state.apply(Signed.of(command, keys));
        assertEquals(before, state.total(), "money is neither made nor lost");
        return refusal;
    }

    private void ordered(int number) {
        if (state.nodes().isEmpty()) {
            assertNull(apply(new RegisterNode(50_000, MODEL, 2, "localhost", 9000), NODE));
        }
        assertNull(apply(new OpenEscrow(request(number), NODE.publicKey(), 500), REQUESTER));
        assertNull(apply(new SubmitReceipt(receipt(number, 150)), NODE));
    }

    private static Verdict good(int number) {
        return new Verdict(request(number), true, "", "");
    }

    private static Verdict bad(int number) {
        return new Verdict(request(number), false, "QKV", "layer 1, token 3");
    }

    @Test
    void aQuorumOfGoodVerdictsPaysTheNodeAndRefundsTheRest() {
        ordered(1);
        assertNull(apply(good(1), FULL_NODES.get(0)));
        assertEquals(Status.ORDERED, state.findCase(request(1)).status());
        assertNull(apply(good(1), FULL_NODES.get(1)));
        assertEquals(Status.SETTLED, state.findCase(request(1)).status());
        assertEquals(new Account(50_150, 50_000), state.account(NODE.publicKey()));
        assertEquals(new Account(999_850, 0), state.account(REQUESTER.publicKey()));
        assertNull(apply(bad(1), FULL_NODES.get(2)), "a late verdict is recorded");
        assertEquals(Status.SETTLED, state.findCase(request(1)).status());
    }

    @Test
    void aQuorumOfBadVerdictsSlashesTheNodeAndMakesTheRequesterWhole() {
        ordered(1);
        assertNull(apply(bad(1), FULL_NODES.get(2)));
        assertNull(apply(good(1), FULL_NODES.get(0)));
        assertEquals(Status.ORDERED, state.findCase(request(1)).status());
        assertNull(apply(bad(1), FULL_NODES.get(1)));
        assertEquals(Status.SLASHED, state.findCase(request(1)).status());
        assertEquals(
                List.of("QKV at layer 1, token 3", "QKV at layer 1, token 3"),
                state.findCase(request(1)).reasons());
        assertEquals(new Account(50_000, 0), state.account(NODE.publicKey()));
        assertEquals(new Account(1_025_000, 0), state.account(REQUESTER.publicKey()));
        assertEquals(6_250, state.account(FULL_NODES.get(1).publicKey()).balance());
        assertEquals(0, state.account(FULL_NODES.get(0).publicKey()).balance());
        assertTrue(apply(new OpenEscrow(request(2), NODE.publicKey(), 5), REQUESTER)
                .contains("slashed"));
    }

    @Test
    void whatIsNotAllowedIsRefusedWithAReason() {
        ordered(1);
        assertTrue(apply(new OpenEscrow(request(1), NODE.publicKey(), 5), REQUESTER)
                .contains("already"));
        assertTrue(apply(new OpenEscrow(request(2), NODE.publicKey(), 2_000_000), REQUESTER)
                .contains("not covered"));
        assertTrue(apply(new OpenEscrow(request(2), new byte[32], 5), REQUESTER).contains("not registered"));
        assertTrue(apply(new OpenEscrow(request(2), NODE.publicKey(), -5), REQUESTER)
                .contains("not covered"));
        assertTrue(apply(new SubmitReceipt(receipt(1, 150)), NODE).contains("already"));
        assertTrue(apply(new SubmitReceipt(receipt(7, 150)), NODE).contains("no escrow"));
        assertNull(apply(new OpenEscrow(request(3), NODE.publicKey(), 500), REQUESTER));
        assertTrue(apply(new SubmitReceipt(receipt(3, 201)), NODE).contains("price"));
        assertTrue(apply(good(3), FULL_NODES.get(0)).contains("no receipt"));
        assertTrue(apply(good(1), REQUESTER).contains("only a full node"));
        assertNull(apply(good(1), FULL_NODES.get(0)));
        assertTrue(apply(bad(1), FULL_NODES.get(0)).contains("already"));
    }

    @Test
    void oneCommandIsAppliedOnceAndAForgedOneNever() {
        apply(new RegisterNode(50_000, MODEL, 2, "localhost", 9000), NODE);
        Signed signed = Signed.of(new OpenEscrow(request(1), NODE.publicKey(), 500), REQUESTER);
        Signed forged = new Signed(NODE.publicKey(), signed.nonce(), signed.body(), signed.signature());
        assertTrue(state.apply(forged).contains("signature"));
        assertNull(state.apply(signed));
        assertTrue(state.apply(signed).contains("before"));
        byte[] bytes = signed.encode();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThrows(MalformedException.class, () -> Signed.decode(cut));
        }
        Signed nonsense = new Signed(REQUESTER.publicKey(), new byte[16], new byte[] {9, 0, 0, 0}, new byte[64]);
        assertNotNull(state.apply(nonsense));
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
                case 1 -> apply(good(1 + random.nextInt(100)), FULL_NODES.get(random.nextInt(3)));
                default -> apply(new OpenEscrow(request(101 + random.nextInt(5)), NODE.publicKey(), 1), REQUESTER);
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
