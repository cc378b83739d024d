package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.ProposeDeal;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedDeal;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.DealProof;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.ProofCheck;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Storage deals: who may make them, what proves that a blob is there, what is paid for it, and what a loss costs. */
class StorageDealsTest {
    private static final long STAKE = 20_000;
    private static final long MONEY = 50_000;
    private static final long PRICE = 30;
    private static final long COLLATERAL = 4_000;
    private static final KeyPair CLIENT = Money.REQUESTER;
    private static final KeyPair NODE = KeyPair.random();
    private static final KeyPair OTHER = KeyPair.random();
    private static final KeptBlob BLOB = new KeptBlob(100_000, 1);
    private static final Genesis GENESIS = genesis(Parameters.DEFAULT);

    private LedgerState state = new LedgerState(GENESIS);
    private long now = 72_000_000;

    private static Genesis genesis(Parameters parameters) {
        List<Genesis.Deposit> deposits = new ArrayList<>(Money.genesis().deposits());
        for (KeyPair node : List.of(NODE, OTHER)) {
            deposits.add(new Genesis.Deposit(node.publicKey(), MONEY));
        }
        return new Genesis(Money.genesis().fullNodes(), 1_000, Money.BANK.publicKey(), deposits, parameters);
    }

    private static StorageTerms terms(int rounds) {
        return BLOB.terms(NODE.publicKey(), rounds, 4, PRICE, COLLATERAL);
    }

    @AfterEach
    void moneyIsNeitherMadeNorLostAndTheStateSurvivesItsEncoding() {
        assertEquals(state.deposited(), state.total());
        LedgerState back = LedgerState.decode(GENESIS, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertArrayEquals(state.encode(), back.encode());
        assertEquals(state.total(), back.total());
        assertEquals(state.nextDeadlineMs(), back.nextDeadlineMs());
        for (KeyPair one : List.of(NODE, OTHER, CLIENT)) {
            assertEquals(state.reserved(one.publicKey()), back.reserved(one.publicKey()));
            for (Role role : Role.values()) {
                assertEquals(numbers(state, one, role), numbers(back, one, role));
            }
        }
    }

    private static List<Long> numbers(LedgerState state, KeyPair of, Role role) {
        return state.dealsOf(of.publicKey(), role, -1, 99).stream()
                .map(StorageDeal::number)
                .toList();
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, commands), now)
                .getFirst();
    }

    private void certify() {
        BlockHeader header = state.closeBlock(now);
        for (KeyPair full : Money.FULL_NODES.subList(0, 2)) {
            byte[] hash = header.hash();
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), hash));
            assertNull(apply(full, new Command.CastVote(full.publicKey(), 0, header.number(), hash, signature)));
        }
    }

    /** Certifies until nothing is left to be: the money has arrived. */
    private void settle() {
        while (state.wantsBlock()) {
            certify();
        }
    }

    private void register() {
        for (KeyPair node : List.of(NODE, OTHER)) {
            assertNull(apply(node, new RegisterDataNode(STAKE, "127.0.0.1", 9)));
        }
    }

    private StorageDeal propose(StorageTerms terms) {
        assertNull(apply(CLIENT, new ProposeDeal(terms)));
        return state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 99).getLast();
    }

    private static AcceptDeal accept(StorageDeal deal) {
        return new AcceptDeal(deal.number(), BLOB.answer(StorageChallenge.ofLength(deal.terms())));
    }

    /** A deal that NODE holds. */
    private StorageDeal held(StorageTerms terms) {
        register();
        StorageDeal deal = propose(terms);
        assertNull(apply(NODE, accept(deal)));
        settle();
        return find(deal);
    }

    private StorageDeal find(StorageDeal deal) {
        return state.deal(deal.number());
    }

    /** To the end of the round, and the challenge after it. */
    private StorageDeal challenged(StorageDeal deal) {
        now = find(deal).atMs();
        state.expire(now);
        assertEquals(Phase.CALLED, find(deal).phase());
        settle();
        assertEquals(Phase.CHALLENGED, find(deal).phase());
        return find(deal);
    }

    private static ProveStorage proof(StorageDeal deal) {
        return new ProveStorage(deal.number(), deal.proven(), BLOB.answer(deal.challenge()));
    }

    /** An account's balance, with the money that comes when the next blocks are certified. */
    private long money(KeyPair of) {
        return state.account(of.publicKey()).balance() + state.owed(of.publicKey());
    }

    private long stake() {
        return state.account(NODE.publicKey()).stake();
    }

    @Test
    void whatIsProvenRoundByRoundIsPaidOnCertificatesAndTheStakeIsFreeInTheEnd() {
        StorageDeal deal = held(terms(3));
        assertEquals(1_000_000 - 1 - 100 - 3 * PRICE, money(CLIENT), "fee, entry and the whole price");
        assertEquals(COLLATERAL, state.reserved(NODE.publicKey()));
        assertEquals(List.of(deal.number()), numbers(state, NODE, Role.HELD));
        assertEquals(STAKE, stake(), "which stays where it is");
        assertNotNull(apply(NODE, new Unbond(STAKE - COLLATERAL + 1)), "and cannot be asked back");
        settle();
        for (int round = 0; round < 3; round++) {
            StorageDeal open = challenged(deal);
            assertEquals(round, open.proven());
            long had = state.account(NODE.publicKey()).balance();
            assertNull(apply(NODE, proof(open)));
            assertEquals(had - 1, state.account(NODE.publicKey()).balance(), "not before it is certified");
            assertEquals(PRICE, state.owed(NODE.publicKey()));
            settle();
            assertEquals(had - 1 + PRICE, state.account(NODE.publicKey()).balance());
        }
        assertEquals(Phase.FULFILLED, find(deal).phase());
        assertEquals(0, state.reserved(NODE.publicKey()));
        assertEquals(1_000_000 - 1 - 100 - 3 * PRICE, money(CLIENT));
        now = find(deal).atMs();
        state.expire(now);
        assertNull(find(deal), "a day later it leaves the state");
        assertTrue(state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 9).isEmpty());
    }

    @Test
    void anOfferThatNobodyAcceptsGoesBack() {
        register();
        StorageDeal deal = propose(terms(3));
        assertEquals(List.of(deal.number()), numbers(state, NODE, Role.OFFERED));
        now = deal.atMs() - 1;
        state.expire(now);
        assertEquals(Phase.OFFERED, find(deal).phase());
        now++;
        assertTrue(apply(NODE, accept(deal)).contains("no such offer"), "it came at the offer's end");
        assertEquals(Phase.LAPSED, find(deal).phase());
        assertEquals(1_000_000 - 101, money(CLIENT));
        settle();
        assertEquals(1_000_000 - 101, state.account(CLIENT.publicKey()).balance());
        assertTrue(numbers(state, NODE, Role.OFFERED).isEmpty());
    }

    @Test
    void whatIsNotAnsweredCostsTheCollateralIsOfferedToOthersAndElseRefunded() {
        StorageDeal deal = held(terms(3));
        assertNull(apply(NODE, proof(challenged(deal))));
        settle();
        StorageDeal open = challenged(deal);
        now = open.atMs();
        state.expire(now);
        assertEquals(Phase.OVERDUE, find(deal).phase(), "late, until a quorum has signed that it is");
        assertEquals(STAKE, stake());
        long burned = burned();
        settle();
        StorageDeal lost = find(deal);
        assertEquals(Phase.OFFERED, lost.phase());
        assertEquals(1, lost.losses());
        assertEquals(1, lost.proven());
        assertEquals(STAKE - COLLATERAL, stake());
        assertEquals(burned + COLLATERAL, burned(), "to nobody");
        assertEquals(0, state.reserved(NODE.publicKey()));
        assertEquals(
                1, state.dealsOf(StorageTerms.ANY_NODE, Role.OFFERED, -1, 9).size());
        // Another data node takes the rest of the term.
        assertNull(apply(OTHER, accept(lost)));
        assertEquals(COLLATERAL, state.reserved(OTHER.publicKey()));
        for (int round = 1; round < 3; round++) {
            assertTrue(apply(NODE, new ProveStorage(deal.number(), round, new byte[0]))
                    .contains("no such deal of this data node"));
            long had = money(OTHER);
            assertNull(apply(OTHER, proof(challenged(deal))));
            assertEquals(had - 1 + PRICE, money(OTHER));
            settle();
        }
        assertEquals(Phase.FULFILLED, find(deal).phase());
    }

    /** All that left the ledger: what nobody has. */
    private long burned() {
        long left = state.total();
        List<KeyPair> all = new ArrayList<>(Money.FULL_NODES);
        all.addAll(List.of(NODE, OTHER, CLIENT, Money.NODE));
        for (KeyPair one : all) {
            left -= state.account(one.publicKey()).total() + state.owed(one.publicKey());
        }
        return left
                - state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 99).stream()
                        .mapToLong(StorageDeal::escrow)
                        .sum();
    }

    @Test
    void aLossThatNobodyTakesOnIsRefunded() {
        StorageDeal deal = held(terms(3));
        assertNull(apply(NODE, proof(challenged(deal))));
        settle();
        now = challenged(deal).atMs();
        state.expire(now);
        settle();
        now = find(deal).atMs();
        state.expire(now);
        assertEquals(Phase.LAPSED, find(deal).phase());
        assertEquals(1_000_000 - 101 - PRICE, money(CLIENT), "all but the round that was proven");
        settle();
    }

    @Test
    void aLateProofCountsWhileNoQuorumHasSignedThatItIsLate() {
        StorageDeal deal = held(terms(2));
        StorageDeal open = challenged(deal);
        // A leader's clock is ahead, or nothing is certified: the order says it is late, and no full node signs it.
        now = open.atMs() + 5 * open.terms().proofMs();
        state.expire(now);
        BlockHeader header = state.closeBlock(now);
        assertNotNull(header);
        assertNull(apply(NODE, proof(find(deal))));
        assertEquals(Phase.HELD, find(deal).phase());
        for (KeyPair full : Money.FULL_NODES.subList(0, 2)) {
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), header.hash()));
            assertNull(
                    apply(full, new Command.CastVote(full.publicKey(), 0, header.number(), header.hash(), signature)));
        }
        assertEquals(Phase.HELD, find(deal).phase(), "the certificate finds nothing to take");
        assertEquals(STAKE, stake());
    }

    @Test
    void aProofAfterTheCertificateOfItsEndIsTooLate() {
        StorageDeal deal = held(terms(2));
        StorageDeal open = challenged(deal);
        now = open.atMs();
        state.expire(now);
        settle();
        assertTrue(apply(NODE, proof(open)).contains("no such deal of this data node"));
    }

    @Test
    void aChallengeIsDrawnFromSignaturesThatNobodyHadBeforeTheRoundEnded() {
        StorageDeal deal = held(terms(9));
        LedgerState otherSigners = LedgerState.decode(GENESIS, state.encode());
        byte[] first = challenged(deal).seed();
        otherSigners.expire(now);
        BlockHeader header = otherSigners.closeBlock(now);
        for (KeyPair full : Money.FULL_NODES.subList(1, 3)) {
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), header.hash()));
            Command vote = new Command.CastVote(full.publicKey(), 0, header.number(), header.hash(), signature);
            assertNull(otherSigners
                    .apply(Signed.of(GENESIS.hash(), full, now + 60_000, vote), now)
                    .getFirst());
        }
        assertFalse(Arrays.equals(first, otherSigners.deal(deal.number()).seed()));
        assertNull(apply(NODE, proof(find(deal))));
        settle();
        assertFalse(Arrays.equals(first, challenged(deal).seed()), "and each round anew");
    }

    @Test
    void hostileProofsAreRefusedAndChangeNothing() {
        StorageDeal deal = held(terms(3));
        StorageDeal twin = propose(new KeptBlob(100_000, 2).terms(OTHER.publicKey(), 3, 4, PRICE, COLLATERAL));
        assertTrue(apply(NODE, new ProveStorage(deal.number(), 0, new byte[0])).contains("takes no proof now"));
        StorageDeal open = challenged(deal);
        byte[] right = BLOB.answer(open.challenge());
        String wrong = "what came is not the chunks of this blob";
        byte[] flipped = right.clone();
        flipped[right.length - 1] ^= 1;
        byte[] otherSeed = Blake3.hash(new byte[] {1});
        List<byte[]> slices = List.of(
                new byte[0],
                Arrays.copyOf(right, right.length - 1),
                Arrays.copyOf(right, right.length + 1),
                new byte[right.length],
                flipped,
                new KeptBlob(100_000, 2).answer(open.challenge()),
                BLOB.answer(StorageChallenge.drawn(open.terms(), otherSeed)),
                BLOB.answer(StorageChallenge.ofLength(open.terms())));
        for (byte[] slice : slices) {
            assertTrue(apply(NODE, new ProveStorage(deal.number(), 0, slice)).contains(wrong));
        }
        assertTrue(apply(OTHER, new ProveStorage(deal.number(), 0, right)).contains("no such deal of this data node"));
        assertTrue(apply(NODE, new ProveStorage(deal.number() + 1, 0, right)).contains("no such deal"));
        assertTrue(apply(NODE, new ProveStorage(twin.number(), 0, right)).contains("no such deal"));
        for (int round : new int[] {-1, 1, 2, Integer.MAX_VALUE}) {
            assertTrue(
                    apply(NODE, new ProveStorage(deal.number(), round, right)).contains("takes no proof now"));
        }
        assertEquals(0, state.owed(NODE.publicKey()));
        assertEquals(Phase.CHALLENGED, find(deal).phase());
        assertNull(apply(NODE, new ProveStorage(deal.number(), 0, right)));
        assertTrue(
                apply(NODE, new ProveStorage(deal.number(), 0, right)).contains("takes no proof now"),
                "paid once, however often it is shown");
        settle();
        assertTrue(apply(NODE, new ProveStorage(deal.number(), 1, right)).contains("takes no proof now"));
        challenged(deal);
        assertTrue(apply(NODE, new ProveStorage(deal.number(), 1, right)).contains(wrong), "the last round's answer");
    }

    @Test
    void onlyTheDataNodeThatIsAskedAcceptsOnceWithAStakeAndTheLastChunk() {
        register();
        StorageDeal deal = propose(terms(3));
        assertTrue(apply(OTHER, accept(deal)).contains("for another data node"));
        assertTrue(apply(CLIENT, accept(deal)).contains("for another data node"));
        byte[] last = accept(deal).lastChunk();
        byte[] flipped = last.clone();
        flipped[0] ^= 1;
        for (byte[] slice : List.of(new byte[0], flipped, Arrays.copyOf(last, last.length + 32))) {
            assertTrue(apply(NODE, new AcceptDeal(deal.number(), slice)).contains("not the last chunk"));
        }
        assertTrue(apply(NODE, new AcceptDeal(deal.number() + 1, last)).contains("no such offer"));
        assertNull(apply(NODE, new Unbond(STAKE - 9_999)));
        assertTrue(apply(NODE, accept(deal)).contains("stake of 10000"));
        assertNull(apply(NODE, new Command.Bond(9_999)));
        assertNull(apply(NODE, accept(deal)));
        assertTrue(apply(NODE, accept(deal)).contains("no such offer"), "taken once");
        StorageDeal again = propose(terms(1));
        assertTrue(apply(NODE, accept(again)).contains("a copy of this blob for this client already"));
        StorageDeal any = propose(BLOB.terms(StorageTerms.ANY_NODE, 1, 1, PRICE, STAKE));
        assertNull(apply(OTHER, accept(any)), "all of its stake");
        assertEquals(0, state.account(OTHER.publicKey()).stake() - state.reserved(OTHER.publicKey()));
    }

    @Test
    void aStakeAnswersForEachDealByItself() {
        register();
        List<KeptBlob> blobs = List.of(new KeptBlob(10, 3), new KeptBlob(11, 4), new KeptBlob(12, 5));
        for (int i = 0; i < 3; i++) {
            StorageDeal deal = propose(blobs.get(i).terms(NODE.publicKey(), 1, 1, 1, 8_000));
            AcceptDeal accept =
                    new AcceptDeal(deal.number(), blobs.get(i).answer(StorageChallenge.ofLength(deal.terms())));
            String refusal = apply(NODE, accept);
            assertEquals(i < 2, refusal == null, refusal);
        }
        assertEquals(16_000, state.reserved(NODE.publicKey()));
    }

    @Test
    void whatADealReservesAnswersForNoRequest() {
        KeyPair both = NODE;
        assertNull(apply(both, new Command.RegisterNode(STAKE, Bytes32.ZERO, 2, "127.0.0.1", 9)));
        held(BLOB.terms(both.publicKey(), 1, 1, PRICE, STAKE - 1_000));
        String refusal = apply(
                CLIENT, new Command.OpenEscrow(Bytes32.of(Money.request(1)), both.publicKey(), 2, 126, Level.SIGNED));
        assertTrue(refusal.contains("free stake of 1000"), refusal);
        assertNull(apply(
                CLIENT, new Command.OpenEscrow(Bytes32.of(Money.request(1)), both.publicKey(), 2, 125, Level.SIGNED)));
        assertNotNull(apply(both, new Unbond(1)));
    }

    /** A false length would have chunks asked for that there are not, or never those that there are. */
    @ParameterizedTest
    @ValueSource(ints = {1, 1_023, 1_024, 1_025, 50_000, 65_536, 99_999, 100_001, 101_376, 200_000})
    void aFalseLengthCannotBeAccepted(int said) {
        register();
        StorageTerms t = terms(2);
        StorageTerms lie = new StorageTerms(
                t.blob(), said, t.dataNode(), t.offerMs(), t.roundMs(), t.proofMs(), 2, 4, PRICE, COLLATERAL);
        StorageDeal deal = propose(lie);
        byte[] honest = BLOB.answer(StorageChallenge.ofLength(t));
        byte[] fitted = Arrays.copyOf(
                honest, Math.toIntExact(StorageChallenge.ofLength(lie).slice().bytes()));
        for (byte[] slice : List.of(honest, fitted)) {
            assertTrue(apply(NODE, new AcceptDeal(deal.number(), slice)).contains("not the last chunk"));
        }
        if (said < 100_000) {
            byte[] chunk = new KeptBlob(100_000, 1).answer(StorageChallenge.ofLength(lie), said);
            assertTrue(apply(NODE, new AcceptDeal(deal.number(), chunk)).contains("not the last chunk"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1_000, 1_024, 1_025, 16_385, 100_000})
    void everyLengthCanBeProven(int length) {
        register();
        KeptBlob blob = new KeptBlob(length, length);
        StorageDeal deal = propose(blob.terms(StorageTerms.ANY_NODE, 2, 16, PRICE, COLLATERAL));
        assertNull(apply(OTHER, new AcceptDeal(deal.number(), blob.answer(StorageChallenge.ofLength(deal.terms())))));
        settle();
        StorageDeal open = challenged(deal);
        byte[] answer = blob.answer(open.challenge());
        assertTrue(answer.length <= StorageChallenge.MAX_SLICE_BYTES);
        assertNull(apply(OTHER, new ProveStorage(deal.number(), 0, answer)));
    }

    @Test
    void whatAnOfferMayNotSayIsRefused() {
        register();
        StorageTerms t = terms(3);
        Bytes32 b = t.blob();
        Bytes32 n = NODE.publicKey();
        List<StorageTerms> wrong = List.of(
                new StorageTerms(b, 0, n, 60_000, 4_000, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, -1, n, 60_000, 4_000, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1L << 41, n, 60_000, 4_000, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 999, 4_000, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, Long.MAX_VALUE, 4_000, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 1_999, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, Long.MAX_VALUE, 1_000, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 999, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 2_001, 1, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 0, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, Integer.MAX_VALUE, 1, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 0, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 17, 1, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, 0, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 2, 1, Long.MAX_VALUE / 2, 99),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, 1, 0),
                new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, 1, Long.MAX_VALUE));
        for (StorageTerms terms : wrong) {
            assertNotNull(terms.fault(), terms.toString());
            assertEquals(terms.fault(), apply(CLIENT, new ProposeDeal(terms)));
        }
        StorageTerms cheap = new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, 1, 9);
        assertTrue(apply(CLIENT, new ProposeDeal(cheap)).contains("below the least, 10"));
        StorageTerms unknown = new StorageTerms(b, 1, CLIENT.publicKey(), 60_000, 4_000, 1_000, 1, 1, 1, 99);
        assertTrue(apply(CLIENT, new ProposeDeal(unknown)).contains("no such data node"));
        long balance = state.account(CLIENT.publicKey()).balance();
        StorageTerms dear = new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, balance - 100, 99);
        assertTrue(apply(CLIENT, new ProposeDeal(dear)).contains("not covered"), "the fee of the entry is missing");
        assertTrue(state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 9).isEmpty());
        StorageTerms all = new StorageTerms(b, 1, n, 60_000, 4_000, 1_000, 1, 1, balance - 103, 99);
        assertNull(apply(CLIENT, new ProposeDeal(all)));
        assertEquals(1, state.account(CLIENT.publicKey()).balance());
    }

    @Test
    void aLongerSliceThanThereIsIsNoCommand() {
        byte[] long1 = new byte[StorageChallenge.MAX_SLICE_BYTES + 1];
        Admission admission = new Admission(GENESIS.hash(), new SignatureChecks(GENESIS.hash()));
        for (Command command : List.of(new ProveStorage(1, 0, long1), new AcceptDeal(1, long1))) {
            byte[] signed =
                    Signed.of(GENESIS.hash(), NODE, now + 60_000, command).encode();
            assertTrue(admission.refusal(signed).contains("is longer than " + StorageChallenge.MAX_SLICE_BYTES));
        }
        Command longest = new ProveStorage(1, 0, new byte[StorageChallenge.MAX_SLICE_BYTES]);
        assertNull(admission.refusal(
                Signed.of(GENESIS.hash(), NODE, now + 60_000, longest).encode()));
    }

    /** Two reports for one round cost a data node all of its stake, and its deals go on with what is left: nothing. */
    @Test
    void aDealOutlivesTheStakeThatAnsweredForIt() {
        StorageDeal deal = held(terms(3));
        Feed feed =
                new Feed(CLIENT.publicKey(), "any", "", 0, 0, 9, 3_600_000, 3_600_000, 1, 3_600_000, Bytes32.ZERO, 0);
        assertNull(apply(CLIENT, new Command.DeclareFeed(feed)));
        for (int value = 1; value <= 2; value++) {
            apply(NODE, new ReportValue(feed.id(), feed.round(now), value, now, now, new byte[32], new byte[32]));
        }
        assertEquals(0, stake());
        settle();
        assertNull(apply(NODE, proof(challenged(deal))));
        settle();
        now = challenged(deal).atMs();
        state.expire(now);
        settle();
        assertEquals(Phase.OFFERED, find(deal).phase());
        assertEquals(0, stake());
    }

    @Test
    void aLightClientTakesACertifiedDealAndNothingElse() throws Exception {
        StorageDeal deal = held(terms(3));
        StorageDeal open = challenged(deal);
        apply(CLIENT, new Command.Bond(1));
        settle();
        TrustedLedger trusted = new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes());
        CertifiedEntry entry = state.blocks().prove(Kind.STORAGE_DEAL, StorageDeal.id(deal.number()));
        assertArrayEquals(open.encode(), entry.value());
        CertifiedDeal read =
                DealProof.check(entry.encode(), trusted, deal.number()).deal();
        assertEquals(open.phase().name(), read.phase().name());
        assertEquals(NODE.publicKey(), read.dataNode());
        assertEquals(CLIENT.publicKey(), read.client());
        assertEquals(Bytes32.of(BLOB.id()), read.blob());
        List<Long> expected = List.of(100_000L, 3_600_000L, 600_000L, 3L, 4L, PRICE, COLLATERAL, 0L, 0L, open.atMs());
        assertEquals(
                expected,
                List.of(
                        read.bytes(),
                        read.roundMs(),
                        read.proofMs(),
                        (long) read.rounds(),
                        (long) read.chunks(),
                        read.price(),
                        read.collateral(),
                        (long) read.proven(),
                        (long) read.losses(),
                        read.atMs()));
        byte[] forged = entry.value().clone();
        forged[forged.length - 32 - 8 - 8 - 4 - 4]++;
        CertifiedEntry lie = new CertifiedEntry(
                entry.header(), entry.certificate(), entry.kind(), entry.id(), forged, entry.proof());
        assertEquals(ProofCheck.STATE, refused(lie.encode(), trusted, deal.number()));
        assertEquals(ProofCheck.DEAL, refused(entry.encode(), trusted, deal.number() + 1));
        byte[] absent = state.blocks()
                .prove(Kind.STORAGE_DEAL, StorageDeal.id(deal.number() + 1))
                .encode();
        assertEquals(ProofCheck.ABSENT, refused(absent, trusted, deal.number() + 1));
        byte[] account = state.blocks().prove(Kind.ACCOUNT, CLIENT.publicKey()).encode();
        assertEquals(ProofCheck.KIND, refused(account, trusted, deal.number()));
        assertEquals(ProofCheck.MALFORMED, refused(new byte[9], trusted, deal.number()));
        TrustedLedger others = new TrustedLedger(GENESIS.hash(), List.of(NODE.publicKey(), OTHER.publicKey()));
        assertEquals(ProofCheck.QUORUM, refused(entry.encode(), others, deal.number()));
    }

    private static ProofCheck refused(byte[] proof, TrustedLedger trusted, long deal) {
        return assertThrows(ProofRefusedException.class, () -> DealProof.check(proof, trusted, deal))
                .check();
    }

    /** The two readers share no code, and must name the phases alike. */
    @Test
    void theLightClientKnowsEveryPhase() {
        assertEquals(
                Arrays.stream(Phase.values()).map(Enum::name).toList(),
                Arrays.stream(CertifiedDeal.Phase.values()).map(Enum::name).toList());
    }

    @Test
    void underOlderRulesACommandOfDealsLeavesNoTraceJustAsInABuildThatCannotReadIt() {
        Genesis six = genesis(Parameters.DEFAULT.with("rules=6"));
        LedgerState old = new LedgerState(six);
        byte[] chain = old.chain();
        for (Command command : List.of(
                new ProposeDeal(terms(1)), new AcceptDeal(1, new byte[1]), new ProveStorage(1, 0, new byte[1]))) {
            Signed signed = Signed.of(six.hash(), CLIENT, now + 60_000, command, new Command.Bond(1));
            String refusal = old.apply(signed, now).getFirst();
            assertTrue(refusal.contains("since rules 7"), refusal);
        }
        assertEquals(1_000_000, old.account(CLIENT.publicKey()).balance(), "no fee");
        assertArrayEquals(chain, old.chain());
        byte[] snapshot = old.encode();
        assertTrue(new String(snapshot, StandardCharsets.ISO_8859_1).contains("plumbline ledger 8"));
        old = LedgerState.decode(six, snapshot);
        for (KeyPair full : Money.FULL_NODES) {
            ProposeParameters seven = new ProposeParameters(Parameters.DEFAULT.with("rules=7"));
            old.apply(Signed.of(six.hash(), full, now + 60_000, seven), now);
        }
        assertEquals(7, old.parameters().rules());
        StorageTerms any = BLOB.terms(StorageTerms.ANY_NODE, 1, 1, 1, 10);
        assertNull(old.apply(Signed.of(six.hash(), CLIENT, now + 60_000, new ProposeDeal(any)), now)
                .getFirst());
        LedgerState back = LedgerState.decode(six, old.encode());
        assertEquals(1, back.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 9).size());
    }

    @Test
    void aSnapshotWithADealThatCannotBeIsRefused() {
        StorageDeal deal = held(terms(3));
        byte[] snapshot = state.encode();
        byte[] encoded = find(deal).encode();
        int at = find(snapshot, encoded);
        int afterTerms = encoded.length - 32 - 8 - 8 - 4 - 4 - 4 - 32;
        int phase = at + afterTerms + 32;
        for (int changed : new int[] {at - 1, at + 7, at + 40 + 39, phase, phase + 3, phase + 4, phase + 11}) {
            byte[] wrong = snapshot.clone();
            wrong[changed] ^= (byte) 0x85;
            assertThrows(MalformedException.class, () -> LedgerState.decode(GENESIS, wrong), "byte " + (changed - at));
        }
    }

    private static int find(byte[] all, byte[] part) {
        for (int at = 0; at + part.length <= all.length; at++) {
            if (Arrays.equals(all, at, at + part.length, part, 0, part.length)) {
                return at;
            }
        }
        throw new AssertionError("it is not there");
    }

    @Test
    void overRandomDealsMoneyIsNeitherMadeNorLostAndMembersAgree() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        register();
        List<KeptBlob> blobs = List.of(BLOB, new KeptBlob(1, 7), new KeptBlob(3_000, 8), new KeptBlob(20_000, 9));
        int paid = 0;
        int lost = 0;
        LedgerState other = LedgerState.decode(GENESIS, state.encode());
        // Longer where chance has brought too little of what is looked at.
        for (int step = 0; step < 600 || (paid <= 10 || lost <= 2) && step < 20_000; step++) {
            KeyPair node = random.nextBoolean() ? NODE : OTHER;
            KeptBlob blob = blobs.get(random.nextInt(blobs.size()));
            List<StorageDeal> all = state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 99);
            StorageDeal deal = all.stream()
                    .filter(one ->
                            random.nextInt(4) > 0 && (one.phase().isChallenged() || one.phase() == Phase.OFFERED))
                    .findFirst()
                    .orElse(null);
            KeptBlob kept = deal == null
                    ? blob
                    : blobs.stream()
                            .filter(one -> deal.terms().blob().equals(Bytes32.of(one.id())))
                            .findFirst()
                            .orElseThrow();
            boolean answers = deal != null && (deal.phase().isChallenged() && random.nextInt(6) > 0);
            KeyPair by = answers && deal.dataNode().equals(OTHER.publicKey()) ? OTHER : node;
            Command command = deal == null || random.nextInt(20) == 0
                    ? new ProposeDeal(blob.terms(
                            random.nextBoolean() ? StorageTerms.ANY_NODE : node.publicKey(),
                            1 + random.nextInt(3),
                            1 + random.nextInt(16),
                            1 + random.nextInt(900),
                            10 + random.nextInt(3_000)))
                    : answers
                            ? new ProveStorage(deal.number(), deal.proven(), kept.answer(deal.challenge()))
                            : random.nextInt(20) == 0
                                    ? new Unbond(1 + random.nextInt(200))
                                    : new AcceptDeal(
                                            deal.number(), kept.answer(StorageChallenge.ofLength(deal.terms())));
            Signed signed =
                    Signed.of(GENESIS.hash(), command instanceof ProposeDeal ? CLIENT : by, now + 60_000, command);
            String refusal = state.apply(signed, now).getFirst();
            paid += refusal == null && command instanceof ProveStorage ? 1 : 0;
            assertEquals(refusal, other.apply(signed, now).getFirst(), "seed " + seed);
            now += random.nextInt(6) == 0 ? random.nextInt(2_000_000) : random.nextInt(9_000);
            if (random.nextInt(3) == 0) {
                BlockHeader header = state.closeBlock(now);
                BlockHeader same = other.closeBlock(now);
                assertEquals(header == null, same == null);
                for (int place = 0; place < 2 && header != null; place++) {
                    KeyPair full = Money.FULL_NODES.get(place);
                    byte[] signature =
                            full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), header.hash()));
                    Signed vote = Signed.of(
                            GENESIS.hash(),
                            full,
                            now + 60_000,
                            new Command.CastVote(full.publicKey(), 0, header.number(), header.hash(), signature));
                    state.apply(vote, now);
                    other.apply(vote, now);
                }
            }
            assertEquals(state.deposited(), state.total(), "seed " + seed);
            if (random.nextInt(50) == 0) {
                assertArrayEquals(state.root(), other.root(), "seed " + seed);
                other = LedgerState.decode(GENESIS, other.encode());
                assertArrayEquals(state.encode(), other.encode(), "seed " + seed);
                assertEquals(state.total(), other.total(), "seed " + seed);
            }
            lost = Math.max(
                    lost,
                    state.dealsOf(CLIENT.publicKey(), Role.ANY, -1, 99).stream()
                            .mapToInt(StorageDeal::losses)
                            .sum());
        }
        assertTrue(paid > 10 && lost > 2, "seed " + seed + ": " + paid + " rounds paid, " + lost + " deals lost");
    }

    @Test
    void pagesGoOnAfterTheLastNumber() {
        register();
        List<Long> numbers = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            numbers.add(propose(terms(1 + i)).number());
        }
        assertEquals(numbers, numbers(state, NODE, Role.OFFERED));
        List<StorageDeal> page = state.dealsOf(CLIENT.publicKey(), Role.ANY, numbers.get(1), 2);
        assertEquals(
                numbers.subList(2, 4), page.stream().map(StorageDeal::number).toList());
        assertNotEquals(numbers.get(0), numbers.get(1));
    }
}
