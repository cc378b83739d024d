package io.plumbline.benchmarks.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.Readings;
import io.plumbline.benchmarks.load.Arrivals;
import io.plumbline.benchmarks.load.Line;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.RemoteSequencer;
import io.plumbline.ledger.cluster.SessionKeys;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/**
 * Headlines ledger-rate and ledger-latency: the whole ledger with its votes and certificates, beside an Aeron Cluster
 * of as many members whose service does nothing.
 */
@Parameters(
        commandNames = "ledger",
        commandDescription =
                "Answers settled a second and how long ordering takes, by encrypted sessions with a full node's ingress, beside a bare Aeron Cluster.")
public final class LedgerBench implements Callable<Integer> {
    /** What a command by itself is, in bytes, with its frame. */
    private static final int ECHO_BYTES = 300;

    /** Envelopes on their way at once. */
    static final int WINDOW = 40;

    private static final int ACCOUNTS = 1_000_000;
    private static final int WARM = 2_000;

    @Parameter(names = "--rounds", description = "of each kind, alternating")
    private int rounds = 5;

    @Parameter(names = "--answers", description = "settled in a round")
    private int answers = 25_600;

    @Parameter(names = "--batch", description = "answers that each role speaks about at once")
    private int batch = Signed.MAX_COMMANDS;

    @Parameter(names = "--rate", description = "commands a second for the latency")
    private int rate = 200;

    @Parameter(names = "--seconds", description = "of the latency's load")
    private int seconds = 5;

    @Parameter(names = "--dir", description = "DIR: where the members keep their logs: the disk that is measured")
    private Path folder = Path.of("benchmarks", "target", "ledger");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final List<Double> settledRates = new ArrayList<>();
    private final List<Double> echoRates = new ArrayList<>();
    private final List<Double> smallRates = new ArrayList<>();
    private final List<Double> gaps = new ArrayList<>();
    private final List<Double> ledger99 = new ArrayList<>();
    private final List<Double> echo99 = new ArrayList<>();
    private final Histogram ledgerOrdered = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);
    private final Histogram ledgerCertified = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);
    private final Histogram echoOrdered = new Histogram(TimeUnit.MINUTES.toNanos(2), 3);

    @Override
    public Integer call() throws Exception {
        Files.createDirectories(folder);
        for (int round = -1; round < rounds; round++) {
            echo(round >= 0);
            ledger(round >= 0);
            if (round >= 0) {
                System.err.printf(
                        "round %d of %d: %.0f answers settled/s beside %.0f echoes/s; p99 %.2f and %.2f ms%n",
                        round + 1,
                        rounds,
                        settledRates.getLast(),
                        echoRates.getLast(),
                        ledger99.getLast(),
                        echo99.getLast());
            }
        }
        String peer = "Aeron Cluster, as many members on this machine, same fsync level, a service that only echoes";
        ObjectNode rateDetails = new ObjectMapper()
                .createObjectNode()
                .put("full_nodes", Settlements.FULL_NODES)
                .put("fsync_level", BenchCluster.FSYNC_LEVEL)
                .put("commands_an_answer", 2 + 2 * Settlements.FULL_NODES)
                .put("answers_spoken_about_at_once", batch)
                .put(
                        "commands_a_second",
                        BenchmarkResult.rounded(sample(settledRates).median() * (2 + 2 * Settlements.FULL_NODES)))
                .put(
                        "echoes_of_300_bytes_a_second",
                        BenchmarkResult.rounded(sample(smallRates).median()));
        new BenchmarkResult(
                        "ledger-rate",
                        sample(settledRates),
                        "answers/s settled and certified",
                        false,
                        peer + ", the same messages",
                        sample(echoRates),
                        null,
                        "./plumbline bench ledger",
                        rateDetails)
                .write(results);
        ObjectNode details = new ObjectMapper().createObjectNode().put("commands_a_second", rate);
        put(details.putObject("ordered_ms"), ledgerOrdered);
        put(details.putObject("certified_ms"), ledgerCertified);
        put(details.putObject("echo_ms"), echoOrdered);
        details.put("leader_lost_ms", BenchmarkResult.rounded(sample(gaps).median()))
                .put(
                        "leader_lost_ms_worst",
                        BenchmarkResult.rounded(sample(gaps).reading(gaps.size() - 1)));
        snapshot(details);
        new BenchmarkResult(
                        "ledger-latency",
                        sample(ledger99),
                        "ms from submit to ordered, p99",
                        true,
                        peer + " " + ECHO_BYTES + " bytes",
                        sample(echo99),
                        null,
                        "./plumbline bench ledger",
                        details)
                .write(results);
        return 0;
    }

    private static Readings sample(List<Double> values) {
        return new Readings(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static void put(ObjectNode json, Histogram histogram) {
        json.put("p50", ms(histogram, 50)).put("p99", ms(histogram, 99)).put("max", ms(histogram, 100));
    }

    private static double ms(Histogram histogram, double percentile) {
        return Math.round(histogram.getValueAtPercentile(percentile) / 1e4) / 100.0;
    }

    private void echo(boolean counts) throws Exception {
        Bytes32 any = Bytes32.ZERO;
        KeyPair one = KeyPair.random();
        List<KeyPair> members = Collections.nCopies(Settlements.FULL_NODES, one);
        SessionKeys keys = new SessionKeys(one, any);
        try (BenchCluster cluster = new BenchCluster(folder, any, members, i -> new EchoService())) {
            try (Load load = new Load(new ClusterLine(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys))) {
                burst(load, 2_000);
                long begin = System.nanoTime();
                burst(load, answers);
                double small = answers / ((System.nanoTime() - begin) / 1e9);
                List<byte[]> messages = new Settlements().settle(batch, new byte[32]);
                begin = System.nanoTime();
                for (int i = 0; i < answers; i += batch) {
                    for (byte[] message : messages) {
                        load.echo(message.length, System.nanoTime(), WINDOW);
                    }
                }
                load.drain();
                double perSecond = answers / ((System.nanoTime() - begin) / 1e9);
                if (counts) {
                    smallRates.add(small);
                    echoRates.add(perSecond);
                }
            }
            try (Load load = new Load(new ClusterLine(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys))) {
                String fault = load.paced(
                        Arrivals.constant(rate), lengthNs(), due -> load.echo(ECHO_BYTES, due, Integer.MAX_VALUE));
                requireRate(fault);
                if (counts) {
                    echo99.add(load.answers().getValueAtPercentile(99) / 1e6);
                    echoOrdered.add(load.answers());
                }
            }
        }
    }

    private void burst(Load load, int messages) throws IOException {
        for (int i = 0; i < messages; i++) {
            load.echo(ECHO_BYTES, System.nanoTime(), 1_000);
        }
        load.drain();
    }

    private void ledger(boolean counts) throws Exception {
        Settlements settlements = new Settlements();
        try (BenchLedger ledger = new BenchLedger(folder, settlements.genesis(), settlements.fullNodes())) {
            try (Load load = new Load(ingress(ledger, settlements))) {
                load.command(settlements.register(), System.nanoTime(), 1);
                settle(settlements, load, ledger, 10 * batch);
                double perSecond = settle(settlements, load, ledger, answers);
                if (counts) {
                    settledRates.add(perSecond);
                }
            }
            warm(settlements, ledger);
            try (Load load = paced(ingress(ledger, settlements), escrows(settlements))) {
                if (counts) {
                    ledger99.add(load.answers().getValueAtPercentile(99) / 1e6);
                    ledgerOrdered.add(load.answers());
                    certified(load, ledger);
                }
            }
            double gap = loseLeader(settlements, ledger);
            if (counts) {
                gaps.add(gap);
            }
        }
    }

    /** By the ingress of a full node that may lead, or not. */
    static Line ingress(BenchLedger ledger, Settlements settlements) {
        return new IngressLine(ledger.aeronDirectory(), ledger.ingresses().getFirst(), settlements.requester());
    }

    /**
     * Single commands go other ways through the code than many together: the echo, too, has had its kind of message
     * before it is timed.
     */
    private void warm(Settlements settlements, BenchLedger ledger) throws IOException {
        try (Load load = new Load(ingress(ledger, settlements))) {
            for (int i = 0; i < WARM; i++) {
                load.command(settlements.escrow(), System.nanoTime(), WINDOW);
            }
            load.drain();
        }
    }

    private static void requireRate(String fault) throws IOException {
        if (fault != null) {
            throw new IOException("The rate was missed: " + fault + ". Ask for a smaller --rate.");
        }
    }

    private long lengthNs() {
        return TimeUnit.SECONDS.toNanos(seconds);
    }

    private List<byte[]> escrows(Settlements settlements) {
        List<byte[]> escrows = new ArrayList<>();
        for (int i = 0; i < rate * seconds; i++) {
            escrows.add(settlements.escrow());
        }
        return escrows;
    }

    private Load paced(Line line, List<byte[]> commands) throws IOException {
        Load load = new Load(line);
        String fault = load.paced(
                Arrivals.constant(rate),
                lengthNs(),
                due -> load.command(commands.get(load.sent()), due, Integer.MAX_VALUE));
        requireRate(fault);
        return load;
    }

    /**
     * The longest that any of four clients waits when the leader ends under load, in milliseconds: each has begun
     * with another ingress.
     */
    private static double loseLeader(Settlements settlements, BenchLedger ledger) throws Exception {
        AtomicLong longestNs = new AtomicLong();
        AtomicLong calls = new AtomicLong();
        AtomicBoolean isOver = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < ledger.ingresses().size(); i++) {
            List<IngressAddress> ingresses = new ArrayList<>(ledger.ingresses());
            Collections.rotate(ingresses, i);
            threads.add(Thread.ofPlatform().start(() -> {
                try (RemoteSequencer client =
                        new RemoteSequencer(ledger.aeronDirectory(), "localhost", settlements.requester(), ingresses)) {
                    while (!isOver.get()) {
                        byte[] escrow;
                        synchronized (settlements) {
                            escrow = settlements.escrow();
                        }
                        long begin = System.nanoTime();
                        client.submit(escrow);
                        longestNs.accumulateAndGet(System.nanoTime() - begin, Math::max);
                        calls.incrementAndGet();
                        Thread.sleep(5);
                    }
                } catch (IOException | InterruptedException e) {
                    longestNs.set(Long.MAX_VALUE);
                }
            }));
        }
        Thread.sleep(2_000);
        longestNs.set(0);
        ledger.endLeader();
        Thread.sleep(4_000);
        isOver.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        return longestNs.get() / 1e6;
    }

    /** How long a snapshot of many accounts takes, and a start from one. */
    private void snapshot(ObjectNode details) throws Exception {
        Settlements settlements = new Settlements();
        List<Genesis.Deposit> deposits = new ArrayList<>();
        for (int i = 0; i < ACCOUNTS; i++) {
            deposits.add(new Genesis.Deposit(
                    Bytes32.of(Blake3.hash(ByteBuffer.allocate(4).putInt(i).array())), 1 + i));
        }
        Genesis genesis = new Genesis(settlements.genesis().fullNodes().subList(0, 1), deposits);
        try (BenchCluster cluster = new BenchCluster(
                folder,
                genesis.hash(),
                settlements.fullNodes().subList(0, 1),
                i -> new LedgerService(genesis, (changed, node) -> {}))) {
            Member member = cluster.member(cluster.leader());
            // The first has to hash all entries; those of a ledger that runs are hashed block by block.
            for (String name : List.of("first_snapshot_of_a_million_accounts_s", "snapshot_of_a_million_accounts_s")) {
                long before = member.snapshots();
                while (!member.snapshot()) {
                    Thread.sleep(10);
                }
                long begin = System.nanoTime();
                while (member.snapshots() == before) {
                    if (System.nanoTime() - begin > TimeUnit.MINUTES.toNanos(2)) {
                        throw new IOException("A snapshot was not taken within two minutes.");
                    }
                    Thread.sleep(1);
                }
                details.put(name, BenchmarkResult.rounded((System.nanoTime() - begin) / 1e9));
            }
        }
    }

    /** From due to certified, of all commands of a load. */
    private void certified(Load load, BenchLedger ledger) throws InterruptedException {
        for (int i = 0; i < load.sent(); i++) {
            ledgerCertified.recordValue(Math.max(0, ledger.certifiedNs(load.height(i)) - load.due(i)));
        }
    }

    /** Answers settled and certified a second. */
    private double settle(Settlements settlements, Load load, BenchLedger ledger, int count) throws Exception {
        byte[] last = new byte[32];
        List<byte[]> messages = new ArrayList<>();
        for (int i = 0; i < count; i += batch) {
            messages.addAll(settlements.settle(batch, last));
        }
        long begin = System.nanoTime();
        for (byte[] message : messages) {
            load.command(message, System.nanoTime(), WINDOW);
        }
        load.drain();
        double perSecond = count / ((ledger.certifiedNs(load.height(load.sent() - 1)) - begin) / 1e9);
        Settlement settled = ledger.client().findSettlement(Bytes32.of(last));
        if (settled.status() != Settlement.Status.SETTLED) {
            throw new IOException("The last answer is " + settled.status() + ", not settled.");
        }
        return perSecond;
    }
}
