package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.Money;
import io.plumbline.ledger.state.Command.DeclareFeed;
import io.plumbline.ledger.state.Command.FundFeed;
import io.plumbline.ledger.state.Command.ProposeParameters;
import io.plumbline.ledger.state.Command.RegisterDataNode;
import io.plumbline.ledger.state.Command.ReportFeed;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Command.Unbond;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.FeedProof;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.lightclient.ProofCheck;
import io.plumbline.verifier.lightclient.ProofRefusedException;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Feeds: who may report what and when, what a round comes to, who is paid for it, and what lies cost. */
class FeedsTest {
    private static final long STAKE = 20_000;
    private static final long MONEY = 50_000;
    private static final long ROUND_MS = 60_000;
    private static final long REPORT_MS = 10_000;
    private static final Bytes32 POLICY = Bytes32.of(Blake3.hash(new byte[] {1}));
    private static final Bytes32 BODY = Bytes32.of(Blake3.hash(new byte[] {2}));

    /** In the order of their keys, in which they are named and paid. */
    private static final List<KeyPair> NODES = Stream.generate(KeyPair::random)
            .limit(5)
            .sorted(Comparator.comparing(keys -> keys.publicKey()))
            .toList();

    private static final KeyPair OWNER = Money.REQUESTER;
    private static final Genesis GENESIS = genesis(Parameters.DEFAULT);
    private static final Feed FEED = feed(3, 10);

    private LedgerState state = new LedgerState(GENESIS);

    /** A minute begins at the twentieth. */
    private long now = 20 * ROUND_MS;

    private static Genesis genesis(Parameters parameters) {
        List<Genesis.Deposit> deposits = new ArrayList<>(Money.genesis().deposits());
        NODES.forEach(node -> deposits.add(new Genesis.Deposit(node.publicKey(), MONEY)));
        return new Genesis(Money.genesis().fullNodes(), 1_000, Money.BANK.publicKey(), deposits, parameters);
    }

    private static Feed feed(int leastReports, long pay) {
        return new Feed(
                OWNER.publicKey(),
                "temperature in Zurich",
                "degC",
                1,
                -500,
                600,
                ROUND_MS,
                REPORT_MS,
                leastReports,
                2 * ROUND_MS,
                POLICY,
                pay);
    }

    @AfterEach
    void moneyIsNeitherMadeNorLostAndTheStateSurvivesItsEncoding() {
        assertEquals(state.deposited(), state.total());
        LedgerState back = LedgerState.decode(GENESIS, state.encode());
        assertArrayEquals(state.root(), back.root());
        assertArrayEquals(state.encode(), back.encode());
        assertEquals(state.total(), back.total());
        assertEquals(state.nextDeadlineMs(), back.nextDeadlineMs());
    }

    private String apply(KeyPair by, Command... commands) {
        return state.apply(Signed.of(GENESIS.hash(), by, now + 60_000, commands), now)
                .getFirst();
    }

    /** A feed with a fund, and data nodes with stakes. */
    private void begin(Feed feed, long fund) {
        assertNull(apply(OWNER, new DeclareFeed(feed)));
        if (fund > 0) {
            assertNull(apply(OWNER, new FundFeed(feed.id(), fund)));
        }
        NODES.forEach(node -> assertNull(apply(node, new RegisterDataNode(STAKE, "127.0.0.1", 9))));
    }

    private ReportValue report(Feed feed, long value) {
        return new ReportValue(feed.id(), feed.round(now), value, now - 30, now - 10, BODY.bytes(), POLICY.bytes());
    }

    private String report(int node, long value) {
        return apply(NODES.get(node), report(FEED, value));
    }

    private void close() {
        now = FEED.closesMs(FEED.round(now));
        state.expire(now);
    }

    private DeclaredFeed feed() {
        return state.feed(FEED.id());
    }

    private Account account(int node) {
        return state.account(NODES.get(node).publicKey());
    }

    private long owed(int node) {
        return state.owed(NODES.get(node).publicKey());
    }

    private void certify() {
        BlockHeader header = state.closeBlock(now);
        for (KeyPair full : Money.FULL_NODES.subList(0, 2)) {
            byte[] hash = header.hash();
            byte[] signature = full.sign(Certificate.message(GENESIS.hash(), 0, header.number(), hash));
            assertNull(apply(full, new Command.CastVote(full.publicKey(), 0, header.number(), hash, signature)));
        }
    }

    @Test
    void aDeclarationCostsWhatAnEntryCostsAndOnceOnly() {
        long had = state.account(OWNER.publicKey()).balance();
        assertNull(apply(OWNER, new DeclareFeed(FEED.ownedBy(Bytes32.ZERO))));
        assertEquals(had - 101, state.account(OWNER.publicKey()).balance());
        assertNull(apply(OWNER, new DeclareFeed(FEED)), "its owner is its signer, whatever it names");
        assertEquals(had - 102, state.account(OWNER.publicKey()).balance());
        assertEquals(1, state.feedsAfter(null, 9).size());
        assertArrayEquals(FEED.encode(), state.feedsAfter(null, 9).getFirst().encode());
        assertNull(apply(NODES.getFirst(), new DeclareFeed(FEED)), "another's of the same terms is another feed");
        List<Feed> both = state.feedsAfter(null, 9);
        assertEquals(2, both.size());
        assertEquals(1, state.feedsAfter(both.getFirst().id(), 9).size());
        assertTrue(both.get(0).id().compareTo(both.get(1).id()) < 0);
    }

    @Test
    void whatADeclarationMayNotSayIsRefused() {
        Feed f = FEED;
        Bytes32 o = f.owner();
        List<Feed> wrong = List.of(
                new Feed(o, "", "", 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "n".repeat(256), "", 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a\u001b[2J", "", 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a\u202eb", "", 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "u".repeat(65), 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 19, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", -1, 0, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 2, 1, 1_000, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 999, 1, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, Long.MAX_VALUE, 1, 1, Long.MAX_VALUE, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1_001, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1L << 28, Feed.MAX_REPORT_MS + 1, 1, 1L << 28, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 0, 1, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1, 0, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1, 65, 1_000, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1, 1, 999, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1, 1, Long.MAX_VALUE, POLICY, 0),
                new Feed(o, "a", "", 1, 0, 1, 1_000, 1, 1, 1_000, POLICY, -1));
        for (Feed feed : wrong) {
            assertNotNull(feed.fault(), feed.toString());
            assertEquals(feed.fault(), apply(OWNER, new DeclareFeed(feed)));
        }
        assertTrue(state.feedsAfter(null, 9).isEmpty());
        assertNull(new Feed(o, "a", "", 1, 0, 1, 1_000, 1_000, 1, 1_000, POLICY, 0).fault());
    }

    /** Whatever a quorum makes of the parameters: a stake that was asked back answers until its rounds are closed. */
    @Test
    void noUnbondingTimeIsShorterThanReportsAreTaken() {
        Parameters shortest = Parameters.DEFAULT
                .with("commitMs", 1)
                .with("revealMs", 1)
                .with("escrowMs", 1)
                .with("retainMs", 1)
                .with("maxAuditors", 1);
        assertNotNull(shortest.with("unbondMs", Feed.MAX_REPORT_MS).fault());
    }

    @Test
    void aLiarAmongThreeIsOutvotedNamedAndUnpaid() {
        begin(FEED, 1_000);
        assertNull(report(0, 213));
        assertNull(report(1, 600));
        assertNull(report(2, 215));
        assertNull(feed().latest());
        assertEquals(3, feed().openReports());
        assertEquals(FEED.closesMs(20), state.nextDeadlineMs());
        close();
        FeedValue value = feed().latest();
        assertEquals(213, value.value(), "of the two that count, the lower one");
        assertEquals(0, value.spread());
        assertEquals(3, value.reports());
        assertEquals(20, value.round());
        assertEquals(FEED.closesMs(20), value.timeMs());
        assertEquals(List.of(NODES.get(1).publicKey()), value.outliers());
        assertEquals(List.of(10L, 0L, 10L), List.of(owed(0), owed(1), owed(2)));
        assertEquals(980, feed().fund());
        assertEquals(STAKE, account(1).stake(), "who is wrong loses no stake");
        assertEquals(-1, feed().openRound());
        long before = account(0).balance();
        certify();
        assertEquals(before + 10, account(0).balance());
        CertifiedEntry entry = state.blocks().prove(Kind.FEED_VALUE, FeedValue.id(FEED.id(), 20));
        assertNull(entry.fault(GENESIS.hash(), GENESIS.fullNodes()));
        assertArrayEquals(value.encode(), entry.value());
    }

    @Test
    void aFundThatIsTooSmallIsSharedAlikeAndAnEmptyOneStopsNothing() {
        begin(FEED, 11);
        for (int node = 0; node < 4; node++) {
            assertNull(report(node, 200 + node));
        }
        close();
        assertEquals(List.of(2L, 2L, 2L, 2L), List.of(owed(0), owed(1), owed(2), owed(3)));
        assertEquals(3, feed().fund());
        now = 21 * ROUND_MS;
        for (int node = 0; node < 4; node++) {
            assertNull(report(node, 100));
        }
        close();
        assertEquals(100, feed().latest().value());
        assertEquals(3, feed().fund());
    }

    @Test
    void tooFewReportsGiveNoValueAndPayNobody() {
        begin(FEED, 1_000);
        assertNull(report(0, 213));
        assertNull(report(1, 213));
        close();
        assertNull(feed().latest());
        assertEquals(1, feed().missed());
        assertEquals(0, owed(0));
        assertEquals(1_000, feed().fund());
        assertTrue(state.feedValues(FEED.id()).isEmpty());
        now += 30 * ROUND_MS;
        state.expire(now);
        assertEquals(1, feed().missed(), "rounds in which nobody reported are nothing, however many");
        assertEquals(Long.MAX_VALUE, state.nextDeadlineMs());
    }

    @Test
    void onlyTheOpenRoundTakesReports() {
        begin(FEED, 0);
        now += REPORT_MS - 1;
        assertNull(report(0, 1), "the last moment");
        ReportValue of20 = report(FEED, 1);
        now += 1;
        assertTrue(apply(NODES.get(1), of20).contains("round 20 takes no reports"), "late");
        now += 1_000;
        assertTrue(report(1, 1).contains("takes no reports"), "early for the next");
        now = 21 * ROUND_MS;
        assertTrue(apply(NODES.get(1), of20).contains("round 20 takes no reports"), "later still");
        ReportValue r = report(FEED, 1);
        for (long round : new long[] {22, 20, -1, Long.MAX_VALUE, Long.MIN_VALUE}) {
            ReportValue other =
                    new ReportValue(r.feed(), round, 1, r.sentMs(), r.receivedMs(), r.bodyHash(), r.certificateHash());
            assertTrue(apply(NODES.get(1), other).contains("takes no reports"));
        }
        assertNull(report(1, 1));
    }

    @Test
    void whatIsOutOfBoundsOrOfAnotherTimeIsRefused() {
        begin(FEED, 0);
        for (long value : new long[] {-501, 601, Long.MAX_VALUE, Long.MIN_VALUE}) {
            assertTrue(report(0, value).contains("is not in -500..600"), "value " + value);
        }
        long oldest = now - FEED.maxAgeMs();
        long[][] wrong = {
            {oldest - 1, oldest},
            {now, now - 1},
            {now, now + 60_001},
            {0, now},
            {Long.MIN_VALUE, now},
            {Long.MAX_VALUE, Long.MIN_VALUE},
            {now, Long.MAX_VALUE}
        };
        for (long[] times : wrong) {
            ReportValue report = new ReportValue(FEED.id(), 20, 1, times[0], times[1], BODY.bytes(), POLICY.bytes());
            assertTrue(apply(NODES.getFirst(), report).contains("was asked at"), Arrays.toString(times));
        }
        assertNull(apply(
                NODES.get(0), new ReportValue(FEED.id(), 20, -500, oldest, oldest, BODY.bytes(), POLICY.bytes())));
        assertNull(apply(
                NODES.get(1), new ReportValue(FEED.id(), 20, 600, now, now + 60_000, BODY.bytes(), POLICY.bytes())));
        assertTrue(apply(NODES.get(2), new ReportValue(BODY, 20, 1, now, now, BODY.bytes(), POLICY.bytes()))
                .contains("no such feed"));
        assertTrue(apply(OWNER, new FundFeed(BODY, 1)).contains("no such feed"));
    }

    @Test
    void onlyDataNodesWithTheirStakeReport() {
        begin(FEED, 0);
        assertTrue(apply(OWNER, report(FEED, 1)).contains("only data nodes"));
        assertNull(apply(NODES.getFirst(), new Unbond(STAKE - Parameters.DEFAULT.minStake() + 1)));
        assertTrue(report(0, 1).contains("only data nodes"));
    }

    @Test
    void twoReportsOfOneNodeForOneRoundCostItAllItsStake() {
        begin(FEED, 1_000);
        for (int node = 0; node < 4; node++) {
            assertNull(report(node, 210));
        }
        assertTrue(report(3, 210).contains("taken before"), "the same again does nothing");
        assertEquals(STAKE, account(3).stake());
        // It is sorry already.
        assertNull(apply(NODES.get(3), new Unbond(STAKE - 5)));
        assertEquals(STAKE - 5, account(3).unbonding());
        certify();
        assertTrue(report(3, 9_999).contains("lost its stake of " + STAKE), "whatever else is wrong with it");
        assertEquals(new Account(account(3).balance(), 0), account(3));
        Equivocation named = state.equivocations().get(NODES.get(3).publicKey());
        assertEquals(STAKE, named.lost());
        assertEquals(20, named.round());
        assertNotEquals(Blake3.hex(named.first()), Blake3.hex(named.second()));
        assertTrue(state.wantsBlock(), "a block says so");
        certify();
        CertifiedEntry entry =
                state.blocks().prove(Kind.EQUIVOCATION, NODES.get(3).publicKey());
        assertArrayEquals(named.encode(), entry.value());
        assertNull(apply(NODES.get(3), new RegisterDataNode(10_000, "127.0.0.1", 9)));
        assertTrue(report(3, 210).contains("reports no more"), "nor with another stake");
        close();
        assertEquals(3, feed().latest().reports());
        assertEquals(0, owed(3));
    }

    /** An answer that was fetched at another time or place is another report, though the value is the same. */
    @Test
    void anotherContentIsAnotherReportThoughTheValueIsTheSame() {
        begin(FEED, 0);
        ReportValue one = report(FEED, 5);
        assertNull(apply(NODES.getFirst(), one));
        ReportValue other = new ReportValue(
                one.feed(), 20, 5, one.sentMs(), one.receivedMs(), POLICY.bytes(), one.certificateHash());
        assertTrue(apply(NODES.getFirst(), other).contains("lost its stake"));
        close();
        assertEquals(1, feed().missed(), "none is left of this round");
    }

    @Test
    void aRoundTakesNoMoreReportsThanItMay() {
        begin(FEED, 0);
        for (int i = 0; i < Feed.MAX_REPORTS + 1; i++) {
            KeyPair node = KeyPair.random();
            Bytes32 reference = Bytes32.of(Blake3.hash(new byte[] {3, (byte) i}));
            assertNull(apply(Money.BANK, new Command.DepositMoney(node.publicKey(), MONEY, reference)));
            assertNull(apply(node, new RegisterDataNode(STAKE, "127.0.0.1", 9)));
            String refusal = apply(node, report(FEED, 7));
            assertEquals(i < Feed.MAX_REPORTS, refusal == null, refusal);
        }
        close();
        assertEquals(Feed.MAX_REPORTS, feed().latest().reports());
    }

    @Test
    void onlyTheLastValuesStay() {
        begin(feed(1, 0), 0);
        Feed feed = feed(1, 0);
        for (int i = 0; i < Feeds.KEPT_VALUES + 3; i++) {
            assertNull(apply(NODES.getFirst(), report(feed, i)));
            now += ROUND_MS;
        }
        state.expire(now);
        List<FeedValue> values = state.feedValues(feed.id());
        assertEquals(Feeds.KEPT_VALUES, values.size());
        assertEquals(3, values.getFirst().value());
        certify();
        assertNull(state.blocks()
                .prove(Kind.FEED_VALUE, FeedValue.id(feed.id(), 22))
                .value());
        assertNotNull(state.blocks()
                .prove(Kind.FEED_VALUE, FeedValue.id(feed.id(), 23))
                .value());
    }

    @Test
    void aSnapshotInTheMiddleOfARoundGoesOnAsIfNothingHadBeen() {
        begin(FEED, 100);
        assertNull(report(0, 213));
        assertNull(report(1, 215));
        LedgerState other = LedgerState.decode(GENESIS, state.encode());
        Signed third = Signed.of(GENESIS.hash(), NODES.get(2), now + 60_000, report(FEED, 500));
        Signed second = Signed.of(GENESIS.hash(), NODES.get(1), now + 60_000, report(FEED, 216));
        for (LedgerState one : List.of(state, other)) {
            assertNull(one.apply(third, now).getFirst());
            assertTrue(one.apply(second, now).getFirst().contains("lost its stake"));
            one.expire(FEED.closesMs(20));
        }
        assertArrayEquals(state.encode(), other.encode());
        assertArrayEquals(state.root(), other.root());
        assertEquals(1, feed().missed());
    }

    /** Reports that are in nobody's entry yet are in the root all the same: members agree on what they count. */
    @Test
    void openReportsAreInTheStateTree() {
        begin(FEED, 0);
        LedgerState other = LedgerState.decode(GENESIS, state.encode());
        assertNull(report(0, 213));
        Signed signed = Signed.of(GENESIS.hash(), NODES.get(0), now + 60_000, report(FEED, 214));
        assertNull(other.apply(signed, now).getFirst());
        certify();
        byte[] entry = state.blocks().prove(Kind.DECLARED_FEED, FEED.id()).value();
        assertArrayEquals(feed().encode(), entry);
        assertNotEquals(Blake3.hex(entry), Blake3.hex(other.feed(FEED.id()).encode()));
    }

    @Test
    void aLightClientTakesACertifiedValueWhileItIsFreshAndNothingElse() throws Exception {
        begin(FEED, 0);
        TrustedLedger trusted = new TrustedLedger(GENESIS.hash(), GENESIS.fullNodes());
        certify();
        byte[] none = state.blocks().prove(Kind.DECLARED_FEED, FEED.id()).encode();
        assertEquals(ProofCheck.NO_VALUE, refused(none, trusted, FEED.id(), now));
        for (int node = 0; node < 3; node++) {
            assertNull(report(node, 213 + node));
        }
        close();
        certify();
        CertifiedEntry entry = state.blocks().prove(Kind.DECLARED_FEED, FEED.id());
        FeedProof proof = FeedProof.check(entry.encode(), trusted, FEED.id(), now);
        assertEquals(214, proof.feed().latest().value());
        assertEquals(1, proof.feed().latest().spread());
        assertEquals("temperature in Zurich", proof.feed().name());
        assertEquals(OWNER.publicKey(), proof.feed().owner());
        long last = now + FEED.maxAgeMs();
        assertNotNull(FeedProof.check(entry.encode(), trusted, FEED.id(), last));
        assertEquals(ProofCheck.STALE, refused(entry.encode(), trusted, FEED.id(), last + 1), "an old block");
        byte[] forged = entry.value().clone();
        int value = forged.length - 32 - 8 - 4 - 4 - 8 - 8;
        assertEquals(214, forged[value] & 0xFF);
        forged[value]++;
        CertifiedEntry lie = new CertifiedEntry(
                entry.header(), entry.certificate(), entry.kind(), entry.id(), forged, entry.proof());
        assertEquals(ProofCheck.STATE, refused(lie.encode(), trusted, FEED.id(), now));
        assertEquals(ProofCheck.FEED, refused(entry.encode(), trusted, BODY, now));
        byte[] absent = state.blocks().prove(Kind.DECLARED_FEED, BODY).encode();
        assertEquals(ProofCheck.ABSENT, refused(absent, trusted, BODY, now));
        byte[] account = state.blocks().prove(Kind.ACCOUNT, OWNER.publicKey()).encode();
        assertEquals(ProofCheck.KIND, refused(account, trusted, FEED.id(), now));
        assertEquals(ProofCheck.MALFORMED, refused(new byte[9], trusted, FEED.id(), now));
        TrustedLedger others = new TrustedLedger(
                GENESIS.hash(), List.of(NODES.get(0).publicKey(), NODES.get(1).publicKey()));
        assertEquals(ProofCheck.QUORUM, refused(entry.encode(), others, FEED.id(), now));
        // No data node reports any more: the newest block still has the value, and its own time says how old it is.
        now = last + 1;
        assertNull(apply(OWNER, new FundFeed(FEED.id(), 1)));
        certify();
        byte[] old = state.blocks().prove(Kind.DECLARED_FEED, FEED.id()).encode();
        assertEquals(ProofCheck.STALE, refused(old, trusted, FEED.id(), 0));
    }

    private static ProofCheck refused(byte[] proof, TrustedLedger trusted, Bytes32 feed, long nowMs) {
        return assertThrows(ProofRefusedException.class, () -> FeedProof.check(proof, trusted, feed, nowMs))
                .check();
    }

    @Test
    void underOlderRulesACommandOfFeedsLeavesNoTraceJustAsInABuildThatCannotReadIt() {
        Genesis five = genesis(Parameters.DEFAULT.with("rules=5"));
        LedgerState old = new LedgerState(five);
        byte[] chain = old.chain();
        for (Command command : List.of(new DeclareFeed(FEED), new FundFeed(BODY, 1), report(FEED, 1))) {
            Signed signed = Signed.of(five.hash(), OWNER, now + 60_000, command, new Command.Bond(1));
            String refusal = old.apply(signed, now).getFirst();
            assertTrue(refusal.contains("since rules 6"), refusal);
        }
        assertEquals(1_000_000, old.account(OWNER.publicKey()).balance(), "no fee");
        assertArrayEquals(chain, old.chain());
        KeyPair node = NODES.getFirst();
        Signed reported = Signed.of(
                five.hash(),
                node,
                now + 60_000,
                new RegisterDataNode(STAKE, "127.0.0.1", 9),
                new ReportFeed("weather", 1, new byte[] {1}));
        assertEquals(Arrays.asList(null, null), old.apply(reported, now), "as it was");
        byte[] snapshot = old.encode();
        assertTrue(new String(snapshot, StandardCharsets.ISO_8859_1).contains("plumbline ledger 7"));
        old = LedgerState.decode(five, snapshot);
        for (KeyPair full : Money.FULL_NODES) {
            ProposeParameters six = new ProposeParameters(Parameters.DEFAULT.with("rules=6"));
            old.apply(Signed.of(five.hash(), full, now + 60_000, six), now);
        }
        assertEquals(6, old.parameters().rules());
        Signed again = Signed.of(five.hash(), node, now + 60_000, new ReportFeed("weather", 2, new byte[] {1}));
        assertTrue(old.apply(again, now).getFirst().contains("declared feeds"));
        assertNull(old.apply(Signed.of(five.hash(), OWNER, now + 60_000, new DeclareFeed(FEED)), now)
                .getFirst());
        assertNotNull(old.report(node.publicKey(), "weather"), "what stood stays");
        assertNotNull(LedgerState.decode(five, old.encode()).feed(FEED.id()));
    }

    @Test
    void aSnapshotWithAnotherFeedsValueOrTooMuchOfAnythingIsRefused() {
        begin(FEED, 100);
        for (int node = 0; node < 3; node++) {
            assertNull(report(node, 213));
        }
        close();
        byte[] snapshot = state.encode();
        byte[] value = feed().latest().encode();
        int at = find(snapshot, value);
        for (int changed : new int[] {at, at + 32 + 8 + 8 + 15, at + 32 + 8 + 8 + 8 + 3, at + 32 + 8 + 8 + 8 + 4}) {
            byte[] wrong = snapshot.clone();
            wrong[changed] ^= (byte) 0x80;
            assertThrows(MalformedException.class, () -> LedgerState.decode(GENESIS, wrong), "byte " + changed);
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
    void overRandomReportsMoneyIsNeitherMadeNorLostAndMembersAgree() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<Feed> feeds = List.of(feed(1, 3), feed(2, 40), feed(4, Books.MAX_DEPOSITED));
        feeds.forEach(feed -> assertNull(apply(OWNER, new DeclareFeed(feed))));
        NODES.forEach(node -> assertNull(apply(node, new RegisterDataNode(STAKE, "127.0.0.1", 9))));
        LedgerState other = LedgerState.decode(GENESIS, state.encode());
        int taken = 0;
        for (int step = 0; step < 2_000; step++) {
            Feed feed = feeds.get(random.nextInt(feeds.size()));
            KeyPair node = NODES.get(random.nextInt(NODES.size()));
            Command command = switch (random.nextInt(40)) {
                case 0, 1 -> new FundFeed(feed.id(), random.nextInt(1_000));
                case 2 -> new Unbond(random.nextInt(3_000));
                case 3 -> new RegisterDataNode(STAKE, "127.0.0.1", 9);
                default ->
                    // The same content in a round, mostly.
                    new ReportValue(
                            feed.id(),
                            feed.round(now),
                            random.nextInt(200) == 0
                                    ? random.nextInt(800)
                                    : 200 + node.publicKey().bytes()[0] % 5,
                            feed.round(now) * ROUND_MS - 1,
                            feed.round(now) * ROUND_MS,
                            BODY.bytes(),
                            POLICY.bytes());
            };
            Signed signed = Signed.of(GENESIS.hash(), node, now + 60_000, command);
            String refusal = state.apply(signed, now).getFirst();
            taken += refusal == null && command instanceof ReportValue ? 1 : 0;
            assertEquals(refusal, other.apply(signed, now).getFirst(), "seed " + seed);
            assertEquals(state.deposited(), state.total(), "seed " + seed);
            now += random.nextInt(10) == 0 ? random.nextInt((int) ROUND_MS) : random.nextInt(900);
            if (random.nextInt(50) == 0) {
                assertArrayEquals(state.root(), other.root(), "seed " + seed);
                other = LedgerState.decode(GENESIS, other.encode());
                assertArrayEquals(state.root(), other.root(), "seed " + seed);
                assertArrayEquals(state.encode(), other.encode(), "seed " + seed);
            }
        }
        assertTrue(taken > 50, "seed " + seed + ": " + taken + " reports were taken");
    }
}
