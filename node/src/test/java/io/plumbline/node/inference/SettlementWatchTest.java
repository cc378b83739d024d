package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.MemorySequencer;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Settlement.Status;
import io.plumbline.node.AttackNetwork;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class SettlementWatchTest {
    @TempDir
    Path folder;

    /** A full node that answers what one map has, and nothing to all other questions. */
    private record Liar(Map<Query, byte[]> answers, LongSupplier clockMs, AtomicInteger questions)
            implements Sequencer {
        @Override
        public Answer submit(byte[] signed) {
            return new Answer(1, clockMs.getAsLong(), Collections.singletonList(null));
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            questions.incrementAndGet();
            return answers.getOrDefault(query, new byte[0]);
        }

        @Override
        public long timeMs() {
            return clockMs.getAsLong();
        }

        @Override
        public void close() {}
    }

    private void looksAndEndsNothing(Genesis genesis, KeyPair node, Bytes32 request, Liar liar) throws Exception {
        Bytes32 any = Bytes32.ZERO;
        AnswerStore store =
                new AnswerStore(folder.resolve("answers"), new SignedRequests(folder.resolve("signed-requests")));
        store.put(new AnswerStore.Stored(
                new Receipt(1, any, request, any.bytes(), any.bytes(), 1024, 1, 0, 1_000, null, null).sign(node),
                new byte[8],
                new byte[8]));
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        Events events = new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
        CertifiedSettlements settlements =
                new CertifiedSettlements(new LedgerClient(liar, node, genesis.hash()), genesis);
        SettlementWatch watch = new SettlementWatch(store, settlements, events);
        try {
            for (int i = 0; i < 200 && liar.questions.get() < 2; i++) {
                Thread.sleep(100);
            }
        } finally {
            watch.close();
        }
        assertTrue(liar.questions.get() > 0, "it looks");
        assertEquals(1, store.owed().size(), heard.toString(StandardCharsets.UTF_8));
    }

    /** It says of everything that it is done, and of every case that there is none. */
    @Test
    void oneLyingFullNodeEndsNothingThatIsOwed() throws Exception {
        Liar liar = new Liar(Map.of(), System::currentTimeMillis, new AtomicInteger());
        Genesis genesis = new Genesis(List.of(KeyPair.random().publicKey()), List.of());
        looksAndEndsNothing(genesis, KeyPair.random(), Bytes32.ZERO, liar);
    }

    /** It shows a certified block of an hour ago, in which another escrow was over, and says that it is 1970. */
    @Test
    void anOldBlockEndsNothingWhateverTimeALyingFullNodeSays() throws Exception {
        KeyPair full = KeyPair.random();
        KeyPair node = KeyPair.random();
        Bytes32 request = Bytes32.of(Blake3.hash(new byte[1]));
        Genesis genesis =
                new Genesis(List.of(full.publicKey()), List.of(new Genesis.Deposit(node.publicKey(), 100_000)));
        MemorySequencer memory = new MemorySequencer(genesis, System.currentTimeMillis() - 3_600_000);
        memory.join((changed, of) -> {});
        LedgerClient ledger = new LedgerClient(memory, node, genesis.hash());
        AttackNetwork.apply(
                ledger, new Command.RegisterNode(50_000, Bytes32.of(Blake3.hash(new byte[2])), 1, "127.0.0.1", 9));
        AttackNetwork.apply(ledger, new Command.OpenEscrow(request, node.publicKey(), 1, 10, Level.SIGNED));
        assertTrue(ledger.declineEscrow(request).isApplied());
        memory.advance(1_000);
        BlockHeader open = memory.state(0).blocks().open();
        byte[] vote = full.sign(Certificate.message(genesis.hash(), 0, open.number(), open.hash()));
        AttackNetwork.apply(
                new LedgerClient(memory, full, genesis.hash()),
                new Command.CastVote(full.publicKey(), 0, open.number(), open.hash(), vote));
        CertifiedEntry old = ledger.prove(Kind.SETTLEMENT, request);
        assertEquals(Status.REFUNDED, Settlement.decode(old.value()).status());
        Liar liar = new Liar(Map.of(Query.PROOF, old.encode()), () -> 0, new AtomicInteger());
        looksAndEndsNothing(genesis, node, request, liar);
    }
}
