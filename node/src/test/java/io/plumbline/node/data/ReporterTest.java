package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
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
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReporterTest {
    private static final long YEAR_MS = TimeUnit.DAYS.toMillis(365);

    @TempDir
    private Path folder;

    /** A full node that names feeds, says that it is so much later than it is, and takes everything. */
    private static final class Ahead implements Sequencer {
        private final List<Feed> feeds;
        private final long aheadMs;
        private final List<byte[]> submitted = Collections.synchronizedList(new ArrayList<>());
        private volatile int distrusted;

        Ahead(List<Feed> feeds, long aheadMs) {
            this.feeds = feeds;
            this.aheadMs = aheadMs;
        }

        @Override
        public Answer submit(byte[] signed) {
            submitted.add(signed);
            return new Answer(1, timeMs(), Collections.singletonList(null));
        }

        @Override
        public byte[] ask(Query query, byte[] key) {
            if (query != Query.FEEDS || key.length > 0) {
                return new CanonicalWriter().putInt(0).toBytes();
            }
            CanonicalWriter page = new CanonicalWriter().putInt(feeds.size());
            feeds.forEach(feed -> page.putFixed(feed.encode()));
            return page.toBytes();
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

    private Ahead reports(long aheadMs, int count) throws Exception {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE)) {
            return reports(aheadMs, count, store, store, List.of());
        }
    }

    /** @param policies where the policy is put. */
    private Ahead reports(long aheadMs, int count, BlobStore policies, BlobStore store, List<Peer> peers)
            throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            serve(server);
            String policy = "{\"plumbline\": \"source 1\", \"url\": \"http://localhost:" + server.getLocalPort()
                    + "/\", \"format\": \"json\", \"path\": \"$\"}";
            Bytes32 id =
                    policies.put(new ByteArrayInputStream(policy.getBytes(StandardCharsets.UTF_8)), Progress.none());
            List<Feed> feeds = IntStream.range(0, count)
                    .mapToObj(
                            i -> new Feed(Bytes32.ZERO, "level " + i, "m", 0, 0, 100, 10_000, 5_000, 1, 20_000, id, 0))
                    .sorted(Comparator.comparing(Feed::id))
                    .toList();
            Ahead ledger = new Ahead(feeds, aheadMs);
            List<Event> told = Collections.synchronizedList(new ArrayList<>());
            ReportFile file = new ReportFile(folder.resolve("reports"));
            Reporter reporter = new Reporter(
                    feeds.stream().map(Feed::id).collect(Collectors.toSet()),
                    new LedgerClient(ledger, KeyPair.random(), Bytes32.ZERO),
                    store,
                    () -> peers,
                    new SourceFetch(true),
                    file,
                    told::add);
            reporter.start();
            try {
                for (int i = 0; i < 150 && ledger.submitted.size() < count; i++) {
                    Thread.sleep(100);
                }
            } finally {
                reporter.close();
            }
            if (ledger.submitted.isEmpty()) {
                assertNull(file.last(feeds.getFirst().id()), told.toString());
            }
            return ledger;
        }
    }

    @Test
    void aRoundIsReportedWhereTheLedgersTimeIsAboutThisHosts() throws Exception {
        assertEquals(1, reports(20_000, 1).submitted.size());
    }

    /** Whoever says a false length of a policy would keep its feeds from being reported, for good. */
    @Test
    void aPolicyIsFetchedThoughADataNodeSaysAFalseLengthOfIt() throws Exception {
        try (BlobStore policies = BlobStore.open(folder.resolve("policies"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(policies, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
                BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                LyingNode liar = new LyingNode(77, Map.of())) {
            List<Peer> peers = List.of(
                    new Peer(Bytes32.ZERO, liar.node()),
                    new Peer(Bytes32.ZERO, new BlobNode("http://127.0.0.1:" + server.port(), null)));
            assertEquals(1, reports(0, 1, policies, store, peers).submitted.size());
        }
    }

    /** More than a blob may have pins. */
    @Test
    void manyFeedsOfOnePolicyAndOneBodyAreAllReported() throws Exception {
        int count = BlobStat.MOST_PINS + 6;
        int reported = reports(0, count).submitted.size();
        // More where a round has begun in between.
        assertTrue(reported >= count, reported + " of " + count);
    }

    /** A report is never contradicted, so one of a round that is a year ahead would be the last for a year. */
    @Test
    void aFullNodeThatSaysAWrongTimeIsNotReportedTo() throws Exception {
        Ahead lying = reports(YEAR_MS, 1);
        assertEquals(List.of(), lying.submitted);
        assertTrue(lying.distrusted > 0, "another is asked");
    }
}
