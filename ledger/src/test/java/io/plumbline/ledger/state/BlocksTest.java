package io.plumbline.ledger.state;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.Command.RegisterNode;
import io.plumbline.ledger.state.Command.Signed;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.ledger.CertifiedEntry;
import io.plumbline.verifier.ledger.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.Keys;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BlocksTest {
    private final List<Keys> full = Stream.generate(Keys::random).limit(4).toList();
    private final Keys node = Keys.random();
    private final Genesis genesis = new Genesis(
            full.stream().map(Keys::publicKey).toList(), List.of(new Genesis.Deposit(node.publicKey(), 1_000)));
    private final LedgerState state = new LedgerState(genesis);
    private int stakes;

    private void happen() {
        Command register = new RegisterNode(1 + stakes++, new byte[32], 2, "localhost", 9);
        assertNull(state.apply(Signed.of(register, node), 5));
    }

    private BlockHeader close() {
        happen();
        BlockHeader header = state.closeBlock(7);
        assertNotNull(header);
        return header;
    }

    private String vote(Keys keys, long number, byte[] hash) {
        byte[] signature = keys.sign(Certificate.message(genesis.hash(), hash));
        return state.apply(Signed.of(new CastVote(number, hash, signature), keys), 8);
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
        CertifiedEntry none = state.blocks().prove(Kind.ACCOUNT, new byte[32]);
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
        byte[] forged = full.get(1).sign(Certificate.message(genesis.hash(), header.hash()));
        assertEquals(
                "the vote's signature does not hold",
                state.apply(Signed.of(new CastVote(0, header.hash(), forged), full.get(0)), 8));
        assertNull(vote(full.get(0), 0, header.hash()));
        assertEquals("this full node has signed block 0 already", vote(full.get(0), 0, header.hash()));
        assertNull(state.blocks().certified());
    }

    @Test
    void aProofWithAnythingChangedIsFalse() {
        BlockHeader header = close();
        for (int i = 0; i < 3; i++) {
            vote(full.get(i), 0, header.hash());
        }
        CertifiedEntry good = state.blocks().prove(Kind.ACCOUNT, node.publicKey());
        List<byte[]> keys = genesis.fullNodes();
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
                new CertifiedEntry(h, good.certificate(), good.kind(), new byte[32], good.value(), good.proof()),
                new CertifiedEntry(h, new Certificate(fewer), good.kind(), good.id(), good.value(), good.proof()),
                new CertifiedEntry(h, new Certificate(doubled), good.kind(), good.id(), good.value(), good.proof()),
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
        assertNotNull(good.fault(new byte[32], keys), "another ledger's");
        List<byte[]> strangers =
                Stream.generate(() -> Keys.random().publicKey()).limit(4).toList();
        assertNotNull(good.fault(genesis.hash(), strangers));
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
            byte[] signature = full.get(i).sign(Certificate.message(genesis.hash(), header.hash()));
            assertNull(back.apply(Signed.of(new CastVote(0, header.hash(), signature), full.get(i)), 8));
        }
        assertEquals(0, back.blocks().certified().number());
        assertTrue(back.blocks().certificate().holds(genesis.hash(), genesis.fullNodes(), header));
        assertNull(back.blocks().prove(Kind.ACCOUNT, node.publicKey()), "its state was not in the snapshot");
    }
}
