package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.Bond;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.Transfer;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Payments between accounts: what they cost, when they arrive, and what they cannot do. */
class TransferTest {
    private static final KeyPair PAYER = Money.REQUESTER;
    private static final Bytes32 PAYEE = Money.NODE.publicKey();
    private static final Bytes32 STRANGER = KeyPair.random().publicKey();
    private static final Bytes32 NOTHING = Bytes32.ZERO;
    private static final Bytes32 INVOICE = Bytes32.of(Blake3.hash(new byte[] {9}));
    private static final long FEE = Parameters.DEFAULT.fee();
    private static final long ENTRY = Parameters.DEFAULT.registrationFee();
    private static final Genesis GENESIS = genesis(Parameters.DEFAULT);

    private LedgerState state = new LedgerState(GENESIS);
    private long now = 1_000_000;

    private static Genesis genesis(Parameters parameters) {
        Genesis money = Money.genesis();
        return new Genesis(money.fullNodes(), 1_000, money.bank(), money.deposits(), parameters);
    }

    private String pay(KeyPair by, Bytes32 to, long amount, Bytes32 reference) {
        return state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, new Transfer(to, amount, reference)), now)
                .getFirst();
    }

    private long balance(Bytes32 key) {
        return state.account(key).balance();
    }

    /** A quorum signs the next block; false where none is wanted. */
    private boolean certify() {
        BlockHeader header = state.closeBlock(now);
        for (KeyPair full : header == null ? List.<KeyPair>of() : Money.FULL_NODES.subList(0, 2)) {
            byte[] hash = header.hash();
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), hash));
            Command vote = new Command.CastVote(full.publicKey(), 0, header.number(), hash, signature);
            assertNull(state.apply(Signed.of(GENESIS.hash(), full, now + 60_000, vote), now)
                    .getFirst());
        }
        return header != null;
    }

    @Test
    void aPaymentIsTakenAtOnceAndGivenWhenItsBlockIsCertified() {
        long had = balance(PAYER.publicKey());
        long hadPayee = balance(PAYEE);
        assertNull(pay(PAYER, PAYEE, 500, NOTHING));
        assertEquals(had - 500 - FEE, balance(PAYER.publicKey()));
        assertEquals(hadPayee, balance(PAYEE), "nothing is paid by what one leader ordered");
        assertEquals(500, state.owed(PAYEE));
        assertTrue(certify());
        assertEquals(hadPayee + 500, balance(PAYEE));
        assertTrue(state.paymentsTo(PAYEE, -1).isEmpty(), "it names nothing, and leaves nothing");
    }

    @Test
    void whatIsNotCoveredIsRefusedAndNothingMoves() {
        long had = balance(PAYER.publicKey());
        for (long amount : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, had, had - ENTRY - FEE + 1}) {
            long before = balance(PAYER.publicKey());
            String refusal = pay(PAYER, STRANGER, amount, NOTHING);
            assertTrue(refusal != null && refusal.contains("not above 0"), amount + ": " + refusal);
            assertEquals(before - FEE, balance(PAYER.publicKey()));
            had = balance(PAYER.publicKey());
        }
        assertNull(pay(PAYER, STRANGER, had - ENTRY - FEE, NOTHING), "all that there is");
        assertEquals(0, balance(PAYER.publicKey()));
        assertEquals(state.deposited(), state.total());
    }

    @Test
    void aStakeIsNotPaidWith() {
        long had = balance(PAYER.publicKey());
        Bond all = new Bond(had - FEE);
        assertNull(state.apply(Signed.of(GENESIS.hash(), PAYER, now + 60_000, all), now)
                .getFirst());
        assertNotNull(pay(PAYER, PAYEE, 1, NOTHING));
    }

    @Test
    void oneselfAndKeysThatStandForNobodyAreNotPaid() {
        Bytes32 outside = new Bytes32(0, 0, 0, 1);
        for (Bytes32 nobody : List.of(PAYER.publicKey(), Bytes32.ZERO, outside)) {
            String refusal = pay(PAYER, nobody, 10, NOTHING);
            assertTrue(refusal != null && refusal.contains("nobody"), refusal);
        }
        assertEquals(state.deposited(), state.total());
    }

    @Test
    void anAccountAndANamedPaymentCostWhatEntriesCost() {
        long had = balance(PAYER.publicKey());
        assertNull(pay(PAYER, STRANGER, 7, INVOICE));
        assertEquals(had - 7 - FEE - 2 * ENTRY, balance(PAYER.publicKey()));
        certify();
        had = balance(PAYER.publicKey());
        assertNull(pay(PAYER, STRANGER, 7, NOTHING));
        assertEquals(had - 7 - FEE, balance(PAYER.publicKey()), "the account is there");
    }

    @Test
    void aPayeeFindsWhatNamesWhatItIsForWithItsProofForADay() {
        assertNull(pay(PAYER, PAYEE, 5, INVOICE));
        assertNull(pay(PAYER, PAYEE, 6, NOTHING));
        assertNull(pay(PAYER, STRANGER, 7, INVOICE));
        assertNull(pay(PAYER, PAYEE, 8, INVOICE));
        List<Payment> found = new ArrayList<>(state.paymentsTo(PAYEE, -1));
        assertEquals(List.of(5L, 8L), found.stream().map(Payment::amount).toList());
        assertEquals(INVOICE, found.getFirst().reference());
        assertEquals(PAYER.publicKey(), found.getFirst().from());
        Collection<Payment> later = state.paymentsTo(PAYEE, found.getFirst().number());
        assertEquals(1, later.size());
        certify();
        CertifiedEntry proof =
                state.blocks().prove(Kind.PAYMENT, Payment.id(found.getFirst().number()));
        assertNull(proof.fault(GENESIS.hash(), GENESIS.fullNodes()));
        assertArrayEquals(found.getFirst().encode(), proof.value());
        state = LedgerState.decode(GENESIS, state.encode());
        assertEquals(2, state.paymentsTo(PAYEE, -1).size(), "a snapshot has them");
        byte[] root = state.root();
        now += Parameters.DEFAULT.retainMs();
        assertEquals(now, state.nextDeadlineMs());
        state.expire(now);
        assertTrue(state.paymentsTo(PAYEE, -1).isEmpty());
        assertTrue(certify(), "its going is in a block");
        assertTrue(!Arrays.equals(root, state.root()));
    }

    @Test
    void aPaymentSentAgainIsPaidOnce() {
        Signed signed = Signed.of(GENESIS.hash(), PAYER, now + 60_000, new Transfer(PAYEE, 10, INVOICE));
        assertNull(state.apply(signed, now).getFirst());
        long left = balance(PAYER.publicKey());
        assertNull(state.apply(signed, now).getFirst());
        assertEquals(left, balance(PAYER.publicKey()));
        assertEquals(1, state.paymentsTo(PAYEE, -1).size());
    }

    @Test
    void underOlderRulesAPaymentLeavesNoTraceJustAsInABuildThatCannotReadIt() {
        Genesis four = genesis(Parameters.DEFAULT.with("rules=4"));
        state = new LedgerState(four);
        Signed paying = Signed.of(four.hash(), PAYER, now + 60_000, new Transfer(PAYEE, 10, INVOICE), new Bond(1));
        byte[] chain = state.chain();
        long had = balance(PAYER.publicKey());
        String refusal = state.apply(paying, now).getFirst();
        assertTrue(refusal.contains("since rules 5"), refusal);
        assertEquals(had, balance(PAYER.publicKey()), "no fee");
        assertArrayEquals(chain, state.chain());
        assertEquals(1, state.height());
        byte[] snapshot = state.encode();
        assertTrue(new String(snapshot, StandardCharsets.ISO_8859_1).contains("plumbline ledger 6"));
        state = LedgerState.decode(four, snapshot);
        for (KeyPair full : Money.FULL_NODES) {
            ProposeParameters five = new ProposeParameters(Parameters.DEFAULT.with("rules=5"));
            state.apply(Signed.of(four.hash(), full, now + 60_000, five), now);
        }
        assertEquals(5, state.parameters().rules());
        assertNull(state.apply(paying, now).getFirst(), "it was never looked at before");
        assertEquals(
                1,
                LedgerState.decode(four, state.encode()).paymentsTo(PAYEE, -1).size());
    }

    @Test
    void aSnapshotOfAnUnknownFormIsRefused() {
        byte[] snapshot = state.encode();
        snapshot[new String(snapshot, StandardCharsets.ISO_8859_1).indexOf("ledger 11") + 7] = 'x';
        MalformedException e = assertThrows(MalformedException.class, () -> LedgerState.decode(GENESIS, snapshot));
        assertTrue(e.getMessage().contains("ledger x1"), e.getMessage());
    }

    @Test
    void overRandomPaymentsMoneyIsNeitherMadeNorLost() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<KeyPair> people = new ArrayList<>(List.of(PAYER, Money.NODE, Money.BANK, Money.FULL_NODES.getFirst()));
        for (int i = 0; i < 4; i++) {
            people.add(KeyPair.random());
        }
        int paid = 0;
        for (int step = 0; step < 600; step++) {
            KeyPair by = people.get(random.nextInt(people.size()));
            Bytes32 to = people.get(random.nextInt(people.size())).publicKey();
            long amount =
                    random.nextInt(3) == 0 ? balance(by.publicKey()) - random.nextInt(300) : random.nextInt(5_000) - 10;
            paid += pay(by, to, amount, random.nextBoolean() ? INVOICE : NOTHING) == null ? 1 : 0;
            assertEquals(state.deposited(), state.total(), "seed " + seed);
            for (KeyPair one : people) {
                assertTrue(balance(one.publicKey()) >= 0, "seed " + seed);
            }
            if (random.nextInt(8) == 0) {
                certify();
                now += random.nextInt(20) == 0 ? Parameters.DEFAULT.retainMs() : 20;
            }
            if (random.nextInt(40) == 0) {
                byte[] root = state.root();
                state = LedgerState.decode(GENESIS, state.encode());
                assertArrayEquals(root, state.root(), "seed " + seed);
            }
        }
        assertTrue(paid > 100, "seed " + seed + ": " + paid + " were paid");
    }
}
