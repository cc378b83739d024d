package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.order.Query;
import io.plumbline.ledger.order.Sequencer;
import io.plumbline.ledger.state.Feed;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReporterTest {
    private static final long YEAR_MS = TimeUnit.DAYS.toMillis(365);

    @TempDir
    private Path folder;

    /** A full node that names a feed, says that it is so much later than it is, and takes everything. */
    private static final class Ahead implements Sequencer {
        private final Feed feed;
        private final long aheadMs;
        private final List<byte[]> submitted = Collections.synchronizedList(new ArrayList<>());
        private volatile int distrusted;

        Ahead(Feed feed, long aheadMs) {
            this.feed = feed;
            this.aheadMs = aheadMs;
        }

        @Override
        public Answer submit(byte[] signed) {
            submitted.add(signed);
            return new Answer(1, timeMs(), Collections.singletonList(null));
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            boolean isFirst = query == Query.FEEDS && key.length == 0;
            CanonicalWriter page = new CanonicalWriter().putInt(isFirst ? 1 : 0);
            return (isFirst ? page.putFixed(feed.encode()) : page).toBytes();
        }

        @Override
        public void distrust() {
            distrusted++;
        }

        @Override
        public long timeMs() {
            return System.currentTimeMillis() + aheadMs;
        }

        @Override
        public void close() {}
    }

    private static void serve(ServerSocket server) {
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                    socket.getInputStream().readNBytes(16);
                    socket.getOutputStream().write("HTTP/1.0 200 OK\r\n\r\n7".getBytes(StandardCharsets.US_ASCII));
                } catch (java.io.IOException e) {
                    // The test is over.
                }
            }
        });
    }

    private Ahead reports(long aheadMs) throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            serve(server);
            String policy = "{\"plumbline\": \"source 1\", \"url\": \"http://localhost:" + server.getLocalPort()
                    + "/\", \"format\": \"json\", \"path\": \"$\"}";
            Bytes32 id = store.put(new ByteArrayInputStream(policy.getBytes(StandardCharsets.UTF_8)), Progress.none());
            Feed feed = new Feed(Bytes32.ZERO, "level", "m", 0, 0, 100, 10_000, 5_000, 1, 20_000, id, 0);
            Ahead ledger = new Ahead(feed, aheadMs);
            List<Event> told = Collections.synchronizedList(new ArrayList<>());
            ReportFile file = new ReportFile(folder.resolve("reports"));
            Reporter reporter = new Reporter(
                    Set.of(feed.id()),
                    new LedgerClient(ledger, KeyPair.random(), Bytes32.ZERO),
                    store,
                    List::of,
                    new SourceFetch(true),
                    file,
                    told::add);
            reporter.start();
            try {
                for (int i = 0; i < 70 && ledger.submitted.isEmpty(); i++) {
                    Thread.sleep(100);
                }
            } finally {
                reporter.close();
            }
            if (ledger.submitted.isEmpty()) {
                assertNull(file.last(feed.id()), told.toString());
            }
            return ledger;
        }
    }

    @Test
    void aRoundIsReportedWhereTheLedgersTimeIsAboutThisHosts() throws Exception {
        assertEquals(1, reports(20_000).submitted.size());
    }

    /** A report is never contradicted, so one of a round that is a year ahead would be the last for a year. */
    @Test
    void aFullNodeThatSaysAWrongTimeIsNotReportedTo() throws Exception {
        Ahead lying = reports(YEAR_MS);
        assertEquals(List.of(), lying.submitted);
        assertTrue(lying.distrusted > 0, "another is asked");
    }
}
