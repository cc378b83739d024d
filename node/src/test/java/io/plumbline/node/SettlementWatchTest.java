package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.Question;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettlementWatchTest {
    @TempDir
    Path folder;

    /** It says of everything that it is done, and of every case that there is none. */
    @Test
    void oneLyingFullNodeEndsNothingThatIsOwed() throws Exception {
        Keys node = Keys.random();
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
            public byte[] ask(Question question, byte[] key) {
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
        Genesis genesis = new Genesis(List.of(Keys.random().publicKey()), List.of());
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        Events events = new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
        CertifiedCases cases = new CertifiedCases(new LedgerClient(liar, node, genesis.hash()), genesis);
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
