package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.ReportDoubleVote;
import io.plumbline.ledger.state.Command.StateEpoch;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BlocksTest {
    private final List<KeyPair> full = Stream.generate(KeyPair::random).limit(4).toList();
    private final KeyPair node = KeyPair.random();
    private final Genesis genesis = new Genesis(
            full.stream().map(KeyPair::publicKey).toList(),
            700,
            Bytes32.ZERO,
            List.of(new Genesis.Deposit(node.publicKey(), 1_000)),
            Parameters.FREE);
    private final LedgerState state = new LedgerState(genesis);
    private int stakes;

    private void happen() {
        Command register = new RegisterNode(1 + stakes++, Bytes32.ZERO, 2, "127.0.0.1", 9);
        assertNull(
                state.apply(Signed.of(genesis.hash(), node, 1000, register), 5).getFirst());
    }

    private BlockHeader close() {
        happen();
        BlockHeader header = state.closeBlock(7);
        assertNotNull(header);
        return header;
    }

    private String vote(KeyPair keys, long number, byte[] hash) {
        return vote(state, keys, 0, number, hash);
    }

    private String vote(LedgerState on, KeyPair keys, long epoch, long number, byte[] hash) {
        byte[] signature = keys.sign(Certificate.message(genesis.hash(), epoch, number, hash));
        CastVote vote = new CastVote(keys.publicKey(), epoch, number, hash, signature);
        return on.apply(Signed.of(genesis.hash(), keys, 1000, vote), 8).getFirst();
    }

    @Test
    void quorumsAreLargeEnoughToShareAnHonestNode() {
        for (int n = 1; n <= 40; n++) {
            int liars = (n - 1) / 3;
            int quorum = Certificate.quorum(n);
            assertTrue(2 * quorum - n > liars, n + " full nodes: two quorums share more than may lie");
            assertTrue(quorum <= n - liars, n + " full nodes: the honest ones are enough");
        }
        assertEquals(3, Certificate.quorum(4));
        assertEquals(2, Certificate.quorum(3));
    }

    @Test
    void threeOfFourCertifyAndTwoDoNot() {
        BlockHeader header = close();
        assertEquals(0, header.number());
        assertNull(vote(full.get(0), 0, header.hash()));
        assertNull(vote(full.get(3), 0, header.hash()));
        assertNull(state.blocks().certified());
        assertNull(state.blocks().prove(Kind.ACCOUNT, node.publicKey()));
        assertNull(vote(full.get(1), 0, header.hash()));
        assertEquals(header.number(), state.blocks().certified().number());
        CertifiedEntry entry = CertifiedEntry.decode(
                state.blocks().prove(Kind.ACCOUNT, node.publicKey()).encode());
        assertNull(entry.fault(genesis.hash(), genesis.fullNodes()));
        assertArrayEquals(state.account(node.publicKey()).encode(), entry.value());
        CertifiedEntry none = state.blocks().prove(Kind.ACCOUNT, Bytes32.ZERO);
        assertNull(none.value());
        assertNull(none.fault(genesis.hash(), genesis.fullNodes()));
    }

    @Test
    void oneWaitsForSignaturesAtATimeAndVotesMakeNoBlocks() {
        BlockHeader first = close();
        happen();
        assertFalse(state.wantsBlock());
        assertNull(state.closeBlock(9), "the first is not certified");
        for (int i = 0; i < 3; i++) {
            vote(full.get(i), 0, first.hash());
        }
        BlockHeader second = state.closeBlock(10);
        assertEquals(1, second.number());
        for (int i = 0; i < 3; i++) {
            vote(full.get(i), 1, second.hash());
        }
        assertEquals(1, state.blocks().certified().number());
        assertFalse(state.wantsBlock(), "only votes came since");
    }

    @Test
    void whatIsNoVoteDoesNotCount() {
        BlockHeader header = close();
        byte[] other = header.hash();
        other[0] ^= 1;
        assertEquals("only full nodes sign blocks", vote(node, 0, header.hash()));
        assertEquals("block 0 is another one", vote(full.get(0), 0, other));
        assertEquals(1, state.blocks().dissent().size());
        assertEquals("there is no block 1 to sign", vote(full.get(0), 1, header.hash()));
        byte[] forged = full.get(1).sign(Certificate.message(genesis.hash(), 0, 0, header.hash()));
        CastVote others = new CastVote(full.get(0).publicKey(), 0, 0, header.hash(), forged);
        assertEquals(
                "the vote's signature does not hold",
                state.apply(Signed.of(genesis.hash(), full.get(0), 1000, others), 8)
                        .getFirst());
        assertNull(vote(full.get(1), 0, header.hash()));
        assertEquals("this full node has signed block 0 already", vote(full.get(1), 0, header.hash()));
        assertEquals("epoch 1 is not now; it is epoch 0", vote(state, full.get(2), 1, 0, header.hash()));
        assertNull(state.blocks().certified());
    }

    @Test
    void aProofWithAnythingChangedIsFalse() {
        BlockHeader header = close();
        for (int i = 0; i < 3; i++) {
            vote(full.get(i), 0, header.hash());
        }
        CertifiedEntry good = state.blocks().prove(Kind.ACCOUNT, node.publicKey());
        List<Bytes32> keys = genesis.fullNodes();
        BlockHeader h = good.header();
        byte[] value = good.value().clone();
        value[0] ^= 1;
        TreeMap<Integer, byte[]> fewer = new TreeMap<>(good.certificate().signatures());
        fewer.remove(0);
        TreeMap<Integer, byte[]> doubled = new TreeMap<>(fewer);
        doubled.put(3, fewer.get(1));
        List<CertifiedEntry> all = List.of(
                new CertifiedEntry(h, good.certificate(), good.kind(), good.id(), value, good.proof()),
                new CertifiedEntry(h, good.certificate(), good.kind(), good.id(), null, good.proof()),
                new CertifiedEntry(h, good.certificate(), Kind.NODE, good.id(), good.value(), good.proof()),
                new CertifiedEntry(h, good.certificate(), good.kind(), Bytes32.ZERO, good.value(), good.proof()),
                new CertifiedEntry(h, new Certificate(0, fewer), good.kind(), good.id(), good.value(), good.proof()),
                new CertifiedEntry(h, new Certificate(0, doubled), good.kind(), good.id(), good.value(), good.proof()),
                new CertifiedEntry(
                        h,
                        new Certificate(1, good.certificate().signatures()),
                        good.kind(),
                        good.id(),
                        good.value(),
                        good.proof()),
                new CertifiedEntry(
                        new BlockHeader(h.number() + 1, h.stateRoot(), h.range(), h.height(), h.timeMs()),
                        good.certificate(),
                        good.kind(),
                        good.id(),
                        good.value(),
                        good.proof()));
        assertNull(good.fault(genesis.hash(), keys));
        for (int i = 0; i < all.size(); i++) {
            assertNotNull(all.get(i).fault(genesis.hash(), keys), "change " + i);
        }
        assertNotNull(good.fault(Bytes32.ZERO, keys), "another ledger's");
        List<Bytes32> strangers =
                Stream.generate(() -> KeyPair.random().publicKey()).limit(4).toList();
        assertNotNull(good.fault(genesis.hash(), strangers));
    }

    /** Signatures of nobody are passed over where an entry is believed, and so they are where it is told who signed. */
    @Test
    void signaturesThatDoNotHoldAreNotCounted() {
        BlockHeader header = close();
        for (int i = 0; i < 3; i++) {
            vote(full.get(i), 0, header.hash());
        }
        CertifiedEntry good = state.blocks().prove(Kind.ACCOUNT, node.publicKey());
        TreeMap<Integer, byte[]> more = new TreeMap<>(good.certificate().signatures());
        more.put(3, new byte[KeyPair.SIGNATURE_BYTES]);
        more.put(4, more.get(0));
        CertifiedEntry padded = new CertifiedEntry(
                good.header(), new Certificate(0, more), good.kind(), good.id(), good.value(), good.proof());
        assertNull(padded.fault(genesis.hash(), genesis.fullNodes()));
        assertEquals(3, padded.signers(genesis.hash(), genesis.fullNodes()));
    }

    @Test
    void aSnapshotInTheMidstOfVotingGoesOn() {
        BlockHeader header = close();
        vote(full.get(0), 0, header.hash());
        vote(full.get(1), 0, new byte[32]);
        LedgerState back = LedgerState.decode(genesis, state.encode());
        assertArrayEquals(state.encode(), back.encode());
        assertArrayEquals(state.root(), back.root());
        assertArrayEquals(header.hash(), back.blocks().open().hash());
        assertEquals(1, back.blocks().dissent().size());
        for (int i = 2; i < 4; i++) {
            assertNull(vote(back, full.get(i), 0, 0, header.hash()));
        }
        assertEquals(0, back.blocks().certified().number());
        assertTrue(back.blocks().certificate().holds(genesis.hash(), genesis.fullNodes(), header));
        assertNull(back.blocks().prove(Kind.ACCOUNT, node.publicKey()), "its state was not in the snapshot");
    }

    private long stake(int place) {
        return state.account(full.get(place).publicKey()).stake();
    }

    @Test
    void whoSignsTwoBlocksOfANumberLosesItsStake() {
        BlockHeader header = close();
        assertNull(vote(full.get(0), 0, header.hash()));
        long total = state.total();
        assertEquals("block 0 is another one", vote(full.get(0), 0, new byte[32]));
        assertEquals(0, stake(0));
        assertEquals(List.of(0), List.copyOf(state.guilty().keySet()));
        assertEquals(total, state.total());
        // Anyone may hand in what it finds.
        byte[] other = full.get(1).sign(Certificate.message(genesis.hash(), 0, 0, new byte[32]));
        CastVote found = new CastVote(full.get(1).publicKey(), 0, 0, new byte[32], other);
        assertEquals(
                "block 0 is another one",
                state.apply(Signed.of(genesis.hash(), node, 1000, found), 9).getFirst());
        assertEquals(700, stake(1), "one word against ours is not yet a lie");
        assertNull(vote(full.get(1), 0, header.hash()));
        assertEquals(0, stake(1), "two are");
    }

    @Test
    void whoeverSignedOnceForAnotherBlockKeepsItsStake() {
        BlockHeader header = close();
        assertEquals("block 0 is another one", vote(full.get(3), 0, new byte[32]));
        for (int i = 0; i < 3; i++) {
            assertNull(vote(full.get(i), 0, header.hash()));
        }
        assertEquals(700, stake(3), "a lying leader may have shown it another log");
        assertEquals("block 0 is another one", vote(full.get(3), 0, hash(7)));
        assertEquals(700, stake(3), "which is shown with both signatures");
        assertEquals("block 0 is another one", vote(full.get(1), 0, new byte[32]));
        assertEquals(0, stake(1), "its signature under the certified one is in the certificate");
        assertEquals(List.of(1), List.copyOf(state.guilty().keySet()));
        assertEquals(3, state.auditors().size(), "it judges nobody any more");
        assertEquals(state.deposited(), state.total());
        assertArrayEquals(
                state.root(), LedgerState.decode(genesis, state.encode()).root());
    }

    private static byte[] hash(int first) {
        byte[] hash = new byte[32];
        hash[0] = (byte) first;
        return hash;
    }

    private CastVote signed(int place, long epoch, long number, byte[] hash) {
        KeyPair keys = full.get(place);
        byte[] signature = keys.sign(Certificate.message(genesis.hash(), epoch, number, hash));
        return new CastVote(keys.publicKey(), epoch, number, hash, signature);
    }

    private String report(CastVote one, CastVote other) {
        return state.apply(Signed.of(genesis.hash(), node, 1000, new ReportDoubleVote(one, other)), 9)
                .getFirst();
    }

    /** Two votes prove it whatever the ledger remembers: of an epoch long over, of a block that never was. */
    @Test
    void twoSignaturesOfOneKeyAreEvidenceAndNothingElseIs() {
        CastVote one = signed(2, 3, 99, hash(1));
        String nothing = "two votes are an offence where one full node signs two blocks of one number in one epoch";
        assertEquals(nothing, report(one, one));
        assertEquals(nothing, report(one, signed(2, 4, 99, hash(2))));
        assertEquals(nothing, report(one, signed(2, 3, 98, hash(2))));
        assertEquals(nothing, report(one, signed(1, 3, 99, hash(2))));
        CastVote forged = new CastVote(one.fullNode(), 3, 99, hash(2), one.signature());
        assertEquals("the vote's signature does not hold", report(one, forged));
        CastVote strangers = new CastVote(node.publicKey(), 3, 99, hash(2), one.signature());
        assertEquals("only full nodes sign blocks", report(strangers, one));
        assertEquals(700, stake(2));
        assertNull(report(one, signed(2, 3, 99, hash(2))));
        assertEquals(0, stake(2));
        assertNull(report(one, signed(2, 3, 99, hash(3))), "it is lost once");
        assertEquals(state.deposited(), state.total());
    }

    /** Even where more than may lie were caught, one of those that are left never judges alone. */
    @Test
    void fewerAuditorsThanCertifyAreNone() {
        for (int place = 1; place < 4; place++) {
            assertNull(report(signed(place, 0, 5, hash(1)), signed(place, 0, 5, hash(2))));
        }
        assertEquals(3, state.guilty().size());
        assertEquals(4, state.auditors().size());
    }

    private String step(KeyPair keys, long epoch, long number, Map<Long, byte[]> votes) {
        EpochStatement statement = EpochStatement.of(genesis.hash(), epoch, number, new TreeMap<>(votes), keys);
        return state.apply(Signed.of(genesis.hash(), keys, 1000, new StateEpoch(statement)), 9)
                .getFirst();
    }

    @Test
    void aStalledBlockIsSignedAnewInTheNextEpoch() {
        BlockHeader header = close();
        assertEquals("block 0 is another one", vote(full.get(3), 0, new byte[32]));
        assertNull(vote(full.get(0), 0, header.hash()));
        assertEquals("only full nodes begin epochs", step(node, 1, 0, Map.of()));
        assertEquals("the next epoch is 1, not 2", step(full.get(0), 2, 0, Map.of()));
        assertEquals("block 1 does not wait for signatures", step(full.get(0), 1, 1, Map.of()));
        assertNull(step(full.get(0), 1, 0, Map.of(0L, header.hash())));
        assertEquals("this full node has said so already", step(full.get(0), 1, 0, Map.of()));
        assertNull(step(full.get(3), 1, 0, Map.of(0L, new byte[32])));
        assertEquals(0, state.blocks().epoch());
        assertNull(step(full.get(1), 1, 0, Map.of()));
        assertEquals(1, state.blocks().epoch());
        assertEquals(3, state.blocks().statements().size());
        assertNull(step(full.get(2), 1, 0, Map.of()), "who comes late may still say what it signed");
        assertEquals("epoch 0 is not now; it is epoch 1", vote(full.get(1), 0, header.hash()));
        for (int i : new int[] {0, 1, 3}) {
            assertNull(vote(state, full.get(i), 1, 0, header.hash()));
        }
        assertEquals(1, state.blocks().certificate().epoch());
        assertNull(state.blocks().prove(Kind.ACCOUNT, node.publicKey()).fault(genesis.hash(), genesis.fullNodes()));
        assertTrue(state.guilty().isEmpty(), "what was signed in an epoch that ended is excused");
        assertArrayEquals(
                state.encode(), LedgerState.decode(genesis, state.encode()).encode());
    }
}
