package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.feed.SourcePolicy;
import io.plumbline.data.feed.SourceValue;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.data.DataNode;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.http.Origins;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Media;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
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
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.CloseHelper;

/**
 * Headline feeds: reports a second that one data node fetches, archives, signs and has on the ledger in time, beside
 * the bodies written alone. More feeds are given to it until rounds are missed.
 */
@Parameters(commandNames = "feeds", commandDescription = "Feeds that one data node reports on in time.")
final class FeedBench implements Callable<Integer> {
    private static final long ROUND_MS = 1_000;

    /** Share of reports that come in time where a node is said to keep up. */
    private static final double KEPT = 0.99;

    private static final String BODY = "{\"request\": %d, \"stations\": [{\"name\": \"Basel\", \"level\": 2.%02d}]}";

    @Parameter(names = "--feeds", description = "numbers of feeds that are tried, the fewest first")
    private List<Integer> counts = List.of(50, 100, 200, 300, 400, 600, 800, 1000);

    @Parameter(names = "--rounds", description = "rounds of a second that are counted for each number")
    private int rounds = 10;

    @Parameter(names = "--dir", description = "DIR: on the disk that is written to")
    private Path dir = Path.of(System.getProperty("java.io.tmpdir"));

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final KeyPair data = KeyPair.random();
    private final KeyPair owner = KeyPair.random();
    private final List<AutoCloseable> open = new ArrayList<>();
    private final Reports reports = new Reports();
    private final List<byte[]> policies = new ArrayList<>();
    private Path folder;
    private Network network;
    private LedgerClient ledger;

    /** Counts what the data node tells. */
    private static final class Reports extends OutputStream {
        private static final byte[] REPORTED = "\"event\":\"reported\"".getBytes(StandardCharsets.US_ASCII);
        private final AtomicInteger count = new AtomicInteger();
        private int matched;

        @Override
        public synchronized void write(int b) {
            matched = b == REPORTED[matched] ? matched + 1 : b == REPORTED[0] ? 1 : 0;
            if (matched == REPORTED.length) {
                matched = 0;
                count.incrementAndGet();
            }
        }
    }

    @Override
    public Integer call() throws Exception {
        folder = Files.createTempDirectory(dir, "feeds-");
        try {
            start();
            measure();
        } finally {
            CloseHelper.closeAll(open);
            Directories.delete(folder);
        }
        return 0;
    }

    private void start() throws IOException {
        KeyPair full = KeyPair.random();
        Path model = folder.resolve("model");
        ModelImport.run(Path.of("models", "plumbline-stories-2m"), model, share -> {});
        network = Network.onThisHost(new Genesis(
                List.of(full.publicKey()),
                List.of(new Deposit(data.publicKey(), 10_000_000), new Deposit(owner.publicKey(), 10_000_000))));
        Events silent = new Events(new PrintStream(PrintStream.nullOutputStream()));
        open.add(FullNode.launch(
                network,
                full,
                new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                silent,
                (code, why) -> {}));
        Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
        open.addFirst(media);
        ledger = network.ledger(media.directory(), "localhost", owner);
        open.addFirst(ledger);
    }

    private void measure() throws Exception {
        HttpServer source = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1_000);
        AtomicInteger asked = new AtomicInteger();
        source.createContext("/", http -> {
            int number = asked.getAndIncrement();
            byte[] body = String.format(BODY, number, number % 100).getBytes(StandardCharsets.US_ASCII);
            http.sendResponseHeaders(200, body.length);
            http.getResponseBody().write(body);
            http.close();
        });
        source.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        source.start();
        open.addFirst(() -> source.stop(0));
        String url = "http://localhost:" + source.getAddress().getPort();
        Set<Bytes32> feeds = new HashSet<>();
        Readings best = null;
        int kept = 0;
        for (int count : counts) {
            declare(feeds, count, url);
            double[] inTime = reported(feeds);
            double share = new Readings(inTime).median() / count;
            System.out.printf("%d feeds: %.1f %% of reports in time%n", count, 100 * share);
            if (share < KEPT) {
                break;
            }
            best = new Readings(inTime);
            kept = count;
        }
        if (best == null) {
            throw new IOException("Not even " + counts.getFirst() + " feeds are reported on in time on this host.");
        }
        SourcePolicy policy = SourcePolicy.parse(policies.getFirst());
        SourceFetch fetch = new SourceFetch(true);
        Readings read = new Readings(rates(kept, i -> {
            long value = SourceValue.read(policy, fetch.get(policy.url()).body(), 2);
            if (value / 100 != 2) {
                throw new IOException("A value is " + value + ".");
            }
        }));
        Path files = Files.createDirectories(folder.resolve("files"));
        Readings written = new Readings(rates(kept, i -> write(files.resolve("body-" + i))));
        ObjectNode details = new ObjectMapper()
                .createObjectNode()
                .put("most feeds without a round that is missed", kept)
                .put("sources asked and read alone, a second", read.toString());
        new BenchmarkResult(
                        "feeds",
                        best,
                        "reports a second of one data node: fetched, archived, signed, on the ledger in time",
                        false,
                        "as many files with the bodies alone, written and fsynced by as many threads",
                        written,
                        null,
                        "./plumbline bench feeds",
                        details)
                .write(results);
    }

    private static void write(Path file) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.wrap(BODY.getBytes(StandardCharsets.US_ASCII)));
            out.force(true);
        }
        Files.delete(file);
    }

    private void declare(Set<Bytes32> feeds, int count, String url) throws IOException {
        List<Command> commands = new ArrayList<>();
        for (int i = feeds.size(); i < count; i++) {
            byte[] text = ("{\"plumbline\": \"source 1\", \"url\": \"" + url + "/station-" + i
                            + ".json\", \"format\": \"json\", \"path\": \"$.stations[0].level\"}")
                    .getBytes(StandardCharsets.UTF_8);
            policies.add(text);
            Bytes32 policy = SourcePolicy.parse(text).id();
            Feed feed = new Feed(
                    owner.publicKey(), "level " + i, "m", 2, 0, 1_500, ROUND_MS, ROUND_MS, 1, 60_000, policy, 0);
            feeds.add(feed.id());
            commands.add(new Command.DeclareFeed(feed));
        }
        for (LedgerClient.Outcome outcome : ledger.submit(commands)) {
            if (!outcome.isApplied()) {
                throw new IOException("A feed is not declared: " + outcome.reason());
            }
        }
    }

    /** Reports a second, a reading a second. */
    private double[] reported(Set<Bytes32> feeds) throws Exception {
        DataNode.Context context = new DataNode.Context(
                folder.resolve("data"),
                "localhost",
                0,
                Origins.LOCAL,
                1_000_000,
                1L << 40,
                Duration.ofDays(30),
                RateLimit.none(),
                Duration.ofDays(1),
                Duration.ZERO,
                Duration.ofHours(1),
                feeds,
                new SourceFetch(true),
                null);
        Events events = new Events(new PrintStream(reports, false, StandardCharsets.UTF_8));
        double[] perSecond = new double[rounds];
        try (DataNode node = DataNode.launch(network, data, context, null, null, events, (code, why) -> {})) {
            BlobNode here = new BlobNode("http://localhost:" + node.port(), null);
            for (byte[] policy : policies) {
                try (MemoryBlob blob = new MemoryBlob(MemorySegment.ofArray(policy))) {
                    new Upload(here, RateLimit.none()).run(blob, Progress.none());
                }
            }
            // Feeds are heard of, policies read, code compiled.
            Thread.sleep(10 * ROUND_MS);
            for (int i = 0; i < rounds; i++) {
                int before = reports.count.get();
                Thread.sleep(ROUND_MS);
                perSecond[i] = reports.count.get() - before;
            }
        }
        return perSecond;
    }

    private interface Work {
        void run(int i) throws Exception;
    }

    /** How often a second it is done by {@code threads} threads, a reading a round. */
    private double[] rates(int threads, Work work) throws Exception {
        double[] rates = new double[rounds];
        for (int round = -2; round < rounds; round++) {
            long begin = System.nanoTime();
            List<Future<?>> done = new ArrayList<>();
            try (ExecutorService all = Executors.newVirtualThreadPerTaskExecutor()) {
                for (int i = 0; i < threads; i++) {
                    int which = i;
                    done.add(all.submit(() -> {
                        work.run(which);
                        return null;
                    }));
                }
            }
            for (Future<?> one : done) {
                one.get();
            }
            if (round >= 0) {
                rates[round] = threads * 1e9 / (System.nanoTime() - begin);
            }
        }
        return rates;
    }
}
