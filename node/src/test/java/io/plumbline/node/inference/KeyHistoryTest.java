package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.AttackNetwork;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KeyHistoryTest {
    private static final List<KeyPair> FULL =
            Stream.generate(KeyPair::random).limit(4).toList();
    private static final KeyPair NODE = KeyPair.random();
    private static final KeyPair OTHER = KeyPair.random();
    private static final Genesis GENESIS = new Genesis(
            FULL.stream().map(KeyPair::publicKey).toList(), List.of(new Genesis.Deposit(NODE.publicKey(), 100_000)));

    /** Four full nodes of one ledger, some of which say that there is nothing, and some of which are down. */
    private static final class FullNodes implements Sequencer {
        private final Sequencer honest;
        private final Set<Integer> liars;
        private final Set<Integer> down;
        private int asked;

        FullNodes(Sequencer honest, Set<Integer> liars, Set<Integer> down) {
            this.honest = honest;
            this.liars = liars;
            this.down = down;
        }

        @Override
        public Answer submit(byte[] signed) throws IOException {
            return honest.submit(signed);
        }

        @Override
        public byte[] ask(Query query, byte[] key) throws IOException {
            if (down.contains(asked)) {
                throw new IOException("It does not answer.");
            }
            return liars.contains(asked) ? new byte[0] : honest.ask(query, key);
        }

        @Override
        public void distrust() {
            asked = (asked + 1) % FULL.size();
        }

        @Override
        public long timeMs() {
            return honest.timeMs();
        }

        @Override
        public void close() {}
    }

    private static MemorySequencer ledger() throws IOException {
        MemorySequencer memory = new MemorySequencer(GENESIS, 1_000);
        memory.join((changed, of) -> {});
        AttackNetwork.apply(
                new LedgerClient(memory, NODE, GENESIS.hash()),
                new Command.RegisterNode(50_000, Bytes32.ZERO, 1, "127.0.0.1", 9));
        memory.advance(1_000);
        BlockHeader open = memory.state(0).blocks().open();
        for (KeyPair full : FULL.subList(0, 3)) {
            byte[] vote = full.sign(Certificate.message(GENESIS.hash(), 0, open.number(), open.hash()));
            AttackNetwork.apply(
                    new LedgerClient(memory, full, GENESIS.hash()),
                    new Command.CastVote(full.publicKey(), 0, open.number(), open.hash(), vote));
        }
        return memory;
    }

    private static boolean isNew(KeyPair keys, Set<Integer> liars, Set<Integer> down) throws IOException {
        FullNodes all = new FullNodes(ledger(), liars, down);
        return KeyHistory.isNew(
                new CertifiedSettlements(new LedgerClient(all, keys, GENESIS.hash()), GENESIS), keys.publicKey());
    }

    /** A node that takes its key for a new one would sign again for what its lost folder names, and lose its stake. */
    @Test
    void oneLyingFullNodeMakesNoKnownKeyNew() throws IOException {
        for (int liar = 0; liar < FULL.size(); liar++) {
            assertFalse(isNew(NODE, Set.of(liar), Set.of()), "liar " + liar);
            assertFalse(isNew(NODE, Set.of(liar), Set.of((liar + 1) % 4, (liar + 2) % 4)), "liar " + liar);
            assertFalse(isNew(NODE, Set.of(liar), Set.of((liar + 1) % 4, (liar + 2) % 4, (liar + 3) % 4)));
        }
    }

    @Test
    void aKeyThatNobodyKnowsIsNewAlsoWhereOneIsDown() throws IOException {
        assertTrue(isNew(OTHER, Set.of(), Set.of()));
        assertTrue(isNew(OTHER, Set.of(), Set.of(2)));
        assertTrue(isNew(OTHER, Set.of(1), Set.of(2)));
        assertFalse(isNew(OTHER, Set.of(), Set.of(0, 1, 2)), "too few answer");
    }
}
