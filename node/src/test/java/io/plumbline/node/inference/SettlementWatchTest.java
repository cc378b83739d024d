package io.plumbline.node.inference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class SettlementWatchTest {
    @TempDir
    Path folder;

    /** It says of everything that it is done, and of every case that there is none. */
    @Test
    void oneLyingFullNodeEndsNothingThatIsOwed() throws Exception {
        KeyPair node = KeyPair.random();
        byte[] any = new byte[32];
        AnswerStore store = new AnswerStore(folder.resolve("answers"));
        store.put(new AnswerStore.Stored(
                new Receipt(1, any, any, any, any, 1024, 1, 0, 1_000, null, null).sign(node),
                new byte[8],
                new byte[8]));
        AtomicInteger asked = new AtomicInteger();
        Sequencer liar = new Sequencer() {
            @Override
            public Answer submit(byte[] signed) {
                return new Answer(1, System.currentTimeMillis(), Collections.singletonList(null));
            }

            @Override
            public byte[] ask(Query query, byte[] key) {
                asked.incrementAndGet();
                return new byte[0];
            }

            @Override
            public long timeMs() {
                return System.currentTimeMillis();
            }

            @Override
            public void close() {}
        };
        Genesis genesis = new Genesis(List.of(KeyPair.random().publicKey()), List.of());
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        Events events = new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
        CertifiedSettlements cases = new CertifiedSettlements(new LedgerClient(liar, node, genesis.hash()), genesis);
        SettlementWatch watch = new SettlementWatch(store, cases, events);
        try {
            for (int i = 0; i < 200 && asked.get() < 2; i++) {
                Thread.sleep(100);
            }
        } finally {
            watch.close();
        }
        assertTrue(asked.get() > 0, "it looks");
        assertEquals(1, store.owed().size(), heard.toString(StandardCharsets.UTF_8));
    }
}
