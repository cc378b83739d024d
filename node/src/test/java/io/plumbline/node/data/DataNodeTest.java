package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.erasure.StripedPut;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.FeedValue;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.http.Origins;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Media;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data nodes on a ledger: found there, one's damage repaired by another, models fetched by their ids alone. */
@Tag("slow")
class DataNodeTest {
    @TempDir
    private Path folder;

    private final List<AutoCloseable> running = new ArrayList<>();
    private final KeyPair[] keys = {KeyPair.random(), KeyPair.random(), KeyPair.random(), KeyPair.random()};
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private final Events events = new Events(new PrintStream(told, true, StandardCharsets.UTF_8));
    private final Set<Bytes32> feeds = new HashSet<>();
    private final KeyPair client = KeyPair.random();
    private StorageOffer offer;
    private Network network;
    private Path model;
    private LedgerClient ledger;
    private Media media;

    @BeforeEach
    void start() throws IOException {
        KeyPair full = KeyPair.random();
        model = folder.resolve("model");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        List<Deposit> deposits = Stream.concat(Arrays.stream(keys), Stream.of(client))
                .map(key -> new Deposit(key.publicKey(), 10_000))
                .toList();
        network = Network.onThisHost(new Genesis(List.of(full.publicKey()), deposits));
        running.add(FullNode.launch(
                network,
                full,
                new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                events,
                (code, why) -> {}));
        media = new Media(folder.resolve("driver"), e -> {}, () -> {});
        running.addFirst(media);
        ledger = network.ledger(media.directory(), "localhost", KeyPair.random());
        running.addFirst(ledger);
    }

    @AfterEach
    void stop() {
        CloseHelper.closeAll(running);
    }

    private DataNode start(int which, Duration scrubEvery) throws IOException {
        DataNode.Context place = new DataNode.Context(
                folder.resolve("data" + which),
                "localhost",
                0,
                Origins.LOCAL,
                1_000,
                1L << 30,
                scrubEvery,
                RateLimit.none(),
                Duration.ofDays(1),
                Duration.ZERO,
                Duration.ofMillis(200),
                feeds,
                new SourceFetch(
                        host -> new InetAddress[] {InetAddress.getByName("127.0.0." + (which == 3 ? 2 : 1))},
                        true,
                        (SSLSocketFactory) SSLSocketFactory.getDefault()),
                offer);
        return DataNode.launch(network, keys[which], place, null, null, events, (code, why) -> {});
    }

    private void awaitTold(String text) throws InterruptedException {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!told.toString(StandardCharsets.UTF_8).contains(text)) {
            assertTrue(System.nanoTime() < end, "told: " + told);
            Thread.sleep(20);
        }
    }

    @Test
    void nodesAreFoundOnTheLedgerRepairEachOtherAndGiveModelsByTheirIds() throws Exception {
        byte[] bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        // Written while the node does not run, as a disk's damage is.
        Bytes32 id;
        try (BlobStore store = BlobStore.open(folder.resolve("data0/store"), Long.MAX_VALUE)) {
            id = store.put(new ByteArrayInputStream(bytes), Progress.none());
            store.pin(id, "test");
            Path file = store.folder().resolve("blobs/" + id.toString().substring(0, 2) + "/" + id);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap(new byte[1000]), 1 << 20);
            }
        }
        try (BlobStore store = BlobStore.open(folder.resolve("data1/store"), Long.MAX_VALUE)) {
            store.put(new ByteArrayInputStream(bytes), Progress.none());
        }
        try (DataNode second = start(1, Duration.ofDays(30));
                DataNode first = start(0, Duration.ZERO)) {
            awaitTold("\"damagedBytes\":16384");
            awaitTold("\"event\":\"repaired\"");
            List<BlobNode> nodes = DataNodes.of(ledger);
            assertEquals(2, nodes.size());
            assertTrue(nodes.stream().anyMatch(node -> node.name().endsWith(":" + first.port())));
            BlobNode repaired = new BlobNode("http://localhost:" + first.port(), null);
            assertEquals(new BlobNode.Remote(bytes.length, false, List.of("test"), bytes.length), repaired.stat(id));

            Bytes32 modelId = Bytes32.of(ModelPush.run(model, repaired, RateLimit.none(), Progress.none()));
            Path pulled = folder.resolve("pulled");
            List<Long> told = new ArrayList<>();
            ModelPull.run(modelId, nodes, RateLimit.none(), pulled, new ModelPull.Listener() {
                @Override
                public void begins(long all) {
                    told.add(-all);
                }

                @Override
                public void more(long some) {
                    told.add(some);
                }

                @Override
                public void warn(String warning) {
                    // The second node has nothing of the model.
                }
            });
            assertTrue(told.stream().mapToLong(Long::longValue).sum() >= 0, "all that was announced has come");
            try (LoadedModel original = LoadedModel.open(model);
                    LoadedModel copy = LoadedModel.open(pulled)) {
                copy.verify(share -> {});
                assertEquals(original.id(), copy.id());
                assertArrayEquals(original.stopTokens(), copy.stopTokens());
            }
            // Again, it is there.
            ModelPull.run(modelId, nodes, RateLimit.none(), pulled, silent());

            IOException none = assertThrows(
                    NoSuchBlobException.class,
                    () -> ModelPull.run(Bytes32.ZERO, nodes, RateLimit.none(), folder.resolve("none"), silent()));
            assertTrue(none.getMessage().contains("Blob 0000"), none.getMessage());
            IOException notAModel = assertThrows(
                    IOException.class,
                    () -> ModelPull.run(id, nodes, RateLimit.none(), folder.resolve("none"), silent()));
            assertTrue(notAModel.getMessage().contains("is no model"), notAModel.getMessage());
            assertFalse(Files.exists(folder.resolve("none")));
            assertTrue(second.port() > 0);
        }
    }

    @Test
    void aShardThatIsGoneIsMadeAgainByANodeThatHasNone() throws Exception {
        byte[] bytes = new byte[5 << 20];
        new Random(2).nextBytes(bytes);
        Path file = Files.write(folder.resolve("file"), bytes);
        List<DataNode> nodes = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                nodes.add(start(i, Duration.ofDays(30)));
            }
            List<BlobNode> sources = DataNodes.of(ledger);
            StripedBlob blob =
                    StripedPut.run(file, sources.subList(0, 3), sources, 2, "test", RateLimit.none(), Progress.none());
            DataNode killed = nodes.stream()
                    .filter(node -> sources.getFirst().name().endsWith(":" + node.port()))
                    .findFirst()
                    .orElseThrow();
            nodes.remove(killed);
            killed.close();
            awaitTold("\"event\":\"repaired\"");
            BlobNode mended = sources.get(3);
            assertEquals(blob.shardBytes(), mended.bytes(blob.shards().getFirst()));
            Path to = folder.resolve("whole");
            StripedGet.run(blob, List.of(sources.get(1), mended), RateLimit.none(), to, Progress.none(), told -> {});
            assertArrayEquals(bytes, Files.readAllBytes(to));
        } finally {
            CloseHelper.closeAll(nodes);
        }
    }

    private void put(DataNode at, byte[] bytes) throws IOException {
        BlobNode node = new BlobNode("http://localhost:" + at.port(), null);
        try (FileBlob blob = FileBlob.of(Files.write(folder.resolve("blob"), bytes), Progress.none())) {
            new Upload(node, RateLimit.none()).run(blob, Progress.none());
        }
    }

    private static StorageTerms terms(
            Bytes32 blob, int bytes, KeyPair node, long offerMs, long roundMs, int rounds, long price) {
        return new StorageTerms(blob, bytes, node.publicKey(), offerMs, roundMs, roundMs / 2, rounds, 4, price, 300);
    }

    /** A deal when it is as it should be. */
    private StorageDeal await(long number, Predicate<StorageDeal> what) throws Exception {
        long end = System.nanoTime() + 60_000_000_000L;
        StorageDeal deal = ledger.deal(number);
        while (!what.test(deal)) {
            assertTrue(System.nanoTime() < end, deal + "; told: " + told);
            Thread.sleep(50);
            deal = ledger.deal(number);
        }
        return deal;
    }

    @Test
    void whatIsKeptForPayIsProvenAndPaidAndIsTakenOnOrRefundedWhereItsHolderIsGone() throws Exception {
        offer = new StorageOffer(new BigDecimal("0.5"), 500, Duration.ofSeconds(1));
        byte[] shared = new byte[300_001];
        new Random(3).nextBytes(shared);
        byte[] alone = Arrays.copyOf(shared, 5_000);
        byte[] late = Arrays.copyOf(shared, 6_000);
        List<DataNode> nodes = new ArrayList<>();
        try (LedgerClient owner = network.ledger(media.directory(), "localhost", client)) {
            for (int i = 0; i < 3; i++) {
                nodes.add(start(i, Duration.ofDays(30)));
            }
            put(nodes.get(0), shared);
            put(nodes.get(2), shared);
            put(nodes.get(0), alone);
            List<LedgerClient.Outcome> made = owner.submit(List.of(
                    new Command.ProposeDeal(
                            terms(Bytes32.of(Blake3.hash(shared)), 300_001, keys[2], 9_000, 7_000, 3, 20)),
                    new Command.ProposeDeal(
                            terms(Bytes32.of(Blake3.hash(shared)), 300_001, keys[0], 9_000, 2_000, 3, 10)),
                    new Command.ProposeDeal(terms(Bytes32.of(Blake3.hash(alone)), 5_000, keys[0], 6_000, 2_000, 3, 10)),
                    new Command.ProposeDeal(
                            terms(Bytes32.of(Blake3.hash(late)), 6_000, keys[2], 30_000, 600_000, 1, 10))));
            assertTrue(made.stream().allMatch(LedgerClient.Outcome::isApplied), made.toString());
            List<StorageDeal> deals = ledger.deals(client.publicKey(), StorageDeal.Role.ANY, -1);
            for (StorageDeal deal : deals.subList(0, 3)) {
                await(deal.number(), now -> now.phase() != Phase.OFFERED);
            }
            nodes.removeFirst().close();
            // Another begins again with what stands on the ledger.
            nodes.removeLast().close();
            nodes.add(start(2, Duration.ofDays(30)));
            awaitTold("its blob cannot be had yet");
            put(nodes.getLast(), late);
            // The third, which had nothing of the blob, has fetched it and holds the deal.
            StorageDeal second = await(
                    deals.get(1).number(),
                    now -> now.losses() > 0 && now.dataNode().equals(keys[1].publicKey()));
            BlobNode taker = new BlobNode("http://localhost:" + nodes.getFirst().port(), null);
            BlobNode.Remote there = taker.stat(Bytes32.of(Blake3.hash(shared)));
            assertEquals(300_001, there.bytes());
            assertTrue(there.pins().contains("deal-" + second.number()), there.toString());
            // A blob that no other has is refunded.
            StorageDeal third = await(deals.get(2).number(), now -> now.phase() == Phase.LAPSED);
            await(deals.get(3).number(), now -> now.phase() == Phase.HELD);
            // Meanwhile the one that lives is paid for what it proves.
            await(deals.get(0).number(), now -> now.proven() > 0 && now.losses() == 0);
            awaitTold("\"event\":\"storage-proven\"");
            long left = 10_000 - 60 - 30 - 10 - 10L * third.proven();
            long end = System.nanoTime() + 20_000_000_000L;
            while ((ledger.account(client.publicKey()).balance() != left
                            || ledger.account(keys[2].publicKey()).balance() < 9_020)
                    && System.nanoTime() < end) {
                Thread.sleep(50);
            }
            assertEquals(left, ledger.account(client.publicKey()).balance());
            assertEquals(1_000 - 2 * 300, ledger.account(keys[0].publicKey()).stake());
            assertEquals(1_000, ledger.account(keys[2].publicKey()).stake());
            long earned = ledger.account(keys[2].publicKey()).balance() - 9_000;
            assertTrue(earned >= 20 && earned % 20 == 0, "" + earned);
        } finally {
            CloseHelper.closeAll(nodes);
        }
    }

    @Test
    void aDataNodeTakesWhatPaysEnoughAndNothingElse() {
        StorageOffer two = new StorageOffer(new BigDecimal("2.5"), 500, Duration.ofSeconds(10));
        // A GiB for a day at 2.5, for six hours 0.625; half of that for half a GiB.
        long sixHours = 6 * 3_600_000L;
        Bytes32 any = StorageTerms.ANY_NODE;
        assertNull(two.refusal(new StorageTerms(any, 1 << 30, any, 9_000, 24 * 3_600_000L, 10_000, 9, 1, 3, 500)));
        assertTrue(two.refusal(new StorageTerms(any, 1 << 30, any, 9_000, 24 * 3_600_000L, 10_000, 9, 1, 2, 500))
                .contains("less than 2.5"));
        assertNull(two.refusal(new StorageTerms(any, 1 << 30, any, 9_000, sixHours, 10_000, 9, 1, 1, 1)));
        long fits = (long) ((1L << 30) * 4 / 2.5);
        assertNull(two.refusal(new StorageTerms(any, fits, any, 9_000, sixHours, 10_000, 9, 1, 1, 1)));
        assertNotNull(two.refusal(new StorageTerms(any, fits + 1, any, 9_000, sixHours, 10_000, 9, 1, 1, 1)));
        assertNotNull(two.refusal(new StorageTerms(any, 1, any, 9_000, sixHours, 10_000, 9, 1, 1, 501)));
        assertNotNull(two.refusal(new StorageTerms(any, 1, any, 9_000, sixHours, 9_999, 9, 1, 1, 1)));
        StorageTerms most = new StorageTerms(any, 1L << 40, any, 9_000, 1L << 40, 10_000, 1, 1, Long.MAX_VALUE / 4, 1);
        assertNull(two.refusal(most), "no number overflows");
    }

    /** A source on loopback: its page is there at one address, and another one, that lies, at another. */
    private HttpServer source(int lastByte, int port, AtomicReference<String> body) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0." + lastByte, port), 0);
        server.createContext("/level", http -> {
            byte[] bytes = body.get().getBytes(StandardCharsets.UTF_8);
            http.sendResponseHeaders(200, bytes.length);
            http.getResponseBody().write(bytes);
            http.close();
        });
        server.start();
        running.addFirst(() -> server.stop(0));
        return server;
    }

    @Test
    void whatThreeOfFourReportIsTheValueAndTheLiarIsNamedAndUnpaid() throws Exception {
        AtomicReference<String> truth = new AtomicReference<>("{\"river\":{\"level\":2.75}}");
        HttpServer honest = source(1, 0, truth);
        int port = honest.getAddress().getPort();
        source(2, port, new AtomicReference<>("{\"river\":{\"level\":9.99}}"));
        byte[] policy = ("{\"plumbline\":\"source 1\",\"url\":\"http://river.example:" + port
                        + "/level\",\"format\":\"json\",\"path\":\"$.river.level\"}")
                .getBytes(StandardCharsets.UTF_8);
        Feed feed = new Feed(
                keys[0].publicKey(),
                "river level",
                "m",
                2,
                0,
                1_500,
                2_000,
                1_800,
                3,
                60_000,
                Bytes32.of(Blake3.hash(policy)),
                7);
        // Declared by the first node's account, and its policy put at the first node alone: the others find it there.
        try (LedgerClient owner = network.ledger(media.directory(), "localhost", keys[0])) {
            assertTrue(owner.submit(new Command.DeclareFeed(feed)).isApplied());
            assertTrue(owner.submit(new Command.FundFeed(feed.id(), 1_000)).isApplied());
        }
        feeds.add(feed.id());
        try (BlobStore store = BlobStore.open(folder.resolve("data0/store"), Long.MAX_VALUE)) {
            store.put(new ByteArrayInputStream(policy), Progress.none());
        }
        List<DataNode> nodes = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                nodes.add(start(i, Duration.ofDays(30)));
            }
            FeedValue value = null;
            long end = System.nanoTime() + 60_000_000_000L;
            while ((value == null || value.reports() < 4) && System.nanoTime() < end) {
                Thread.sleep(100);
                value = ledger.feed(feed.id()).declared().latest();
            }
            assertEquals(275, value.value());
            assertEquals(4, value.reports());
            assertEquals(List.of(keys[3].publicKey()), value.outliers());
            awaitTold("\"event\":\"reported\"");
            // The bytes that came are kept, and are those that were signed for.
            BlobNode node = new BlobNode("http://localhost:" + nodes.getFirst().port(), null);
            Bytes32 body = Bytes32.of(Blake3.hash(truth.get().getBytes(StandardCharsets.UTF_8)));
            assertEquals(truth.get().length(), node.bytes(body));

            // A source that changes its form, or says what cannot be, is not reported, and that is said.
            truth.set("{\"river\":{\"level\":\"high\"}}");
            awaitTold("what stands at the declared place is no number");
            truth.set("{\"river\":{\"level\":99}}");
            awaitTold("which is outside of what the feed takes, 0 to 1500");
        } finally {
            CloseHelper.closeAll(nodes);
        }
    }

    /** A node that ends between keeping its report and handing it in says the same again for the round, or nothing. */
    @Test
    void aReportIsOnDiskBeforeItIsSigned() throws Exception {
        ReportFile file = new ReportFile(folder.resolve("reports"));
        Bytes32 feed = Bytes32.of(Blake3.hash(new byte[] {1}));
        assertNull(file.last(feed));
        Command.ReportValue report = new Command.ReportValue(feed, 5, -7, 1, 2, new byte[32], new byte[32]);
        file.keep(report);
        Command.ReportValue again = new ReportFile(folder.resolve("reports")).last(feed);
        assertArrayEquals(report.encode(), again.encode());
        // A fetch for a round may end when the next one was reported, and a second report of a round says other times.
        for (long round : new long[] {4, 5}) {
            Command.ReportValue late = new Command.ReportValue(feed, round, 8, 3, 4, new byte[32], new byte[32]);
            IOException refused = assertThrows(IOException.class, () -> file.keep(late));
            assertTrue(refused.getMessage().contains("round 5 was reported before"), refused.getMessage());
            assertArrayEquals(report.encode(), file.last(feed).encode());
        }
        Files.write(folder.resolve("reports").resolve(feed.toString()), new byte[5]);
        assertThrows(IOException.class, () -> file.last(feed));
    }

    private static ModelPull.Listener silent() {
        return new ModelPull.Listener() {
            @Override
            public void begins(long bytes) {}

            @Override
            public void more(long bytes) {}

            @Override
            public void warn(String warning) {}
        };
    }
}
