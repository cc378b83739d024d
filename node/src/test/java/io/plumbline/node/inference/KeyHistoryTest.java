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
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.ArrayList;
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

    /** One that says that there is nothing. */
    private record Liar(Sequencer honest) implements Sequencer {
        @Override
        public Answer submit(byte[] signed) throws IOException {
            return honest.submit(signed);
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            return new byte[0];
        }

        @Override
        public long timeMs() {
            return honest.timeMs();
        }

        @Override
        public void close() {}
    }

    /** One that does not answer. */
    private record Down() implements Sequencer {
        @Override
        public Answer submit(byte[] signed) throws IOException {
            throw new IOException("It does not answer.");
        }

        @Override
        public byte[] ask(Query query, byte[] key) throws IOException {
            throw new IOException("It does not answer.");
        }

        @Override
        public long timeMs() {
            return 0;
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
        MemorySequencer honest = ledger();
        List<LedgerClient> each = new ArrayList<>();
        for (int i = 0; i < FULL.size(); i++) {
            Sequencer one = down.contains(i) ? new Down() : liars.contains(i) ? new Liar(honest) : honest;
            each.add(new LedgerClient(one, keys, GENESIS.hash()));
        }
        return KeyHistory.isNew(each, GENESIS, keys.publicKey());
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
