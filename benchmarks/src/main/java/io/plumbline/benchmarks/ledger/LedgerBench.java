package io.plumbline.benchmarks.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.Headline;
import io.plumbline.benchmarks.Sample;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.SessionKeys;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Signed;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/** Headlines ledger-rate and ledger-latency: the whole ledger with its votes and certificates, beside an Aeron Cluster of as many members whose service does nothing. */
@Parameters(
        commandNames = "ledger",
        commandDescription = "Answers settled a second and how long ordering takes, beside a bare Aeron Cluster.")
public final class LedgerBench implements Callable<Integer> {
    /** What a command by itself is, in bytes, with its frame. */
    private static final int ECHO_BYTES = 300;

    /** Envelopes on their way at once. */
    private static final int WINDOW = 40;

    private static final int ACCOUNTS = 1_000_000;

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
                        Headline.rounded(sample(settledRates).median() * (2 + 2 * Settlements.FULL_NODES)))
                .put(
                        "echoes_of_300_bytes_a_second",
                        Headline.rounded(sample(smallRates).median()));
        new Headline(
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
        details.put("leader_lost_ms", Headline.rounded(sample(gaps).median()))
                .put("leader_lost_ms_worst", Headline.rounded(sample(gaps).reading(gaps.size() - 1)));
        snapshot(details);
        new Headline(
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

    private static Sample sample(List<Double> values) {
        return new Sample(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static void put(ObjectNode json, Histogram histogram) {
        json.put("p50", ms(histogram, 50)).put("p99", ms(histogram, 99)).put("max", ms(histogram, 100));
    }

    private static double ms(Histogram histogram, double percentile) {
        return Math.round(histogram.getValueAtPercentile(percentile) / 1e4) / 100.0;
    }

    private void echo(boolean counts) throws Exception {
        byte[] any = new byte[32];
        try (BenchCluster cluster = new BenchCluster(folder, Settlements.FULL_NODES, any, i -> new EchoService())) {
            SessionKeys keys = new SessionKeys(Keys.random(), any);
            try (Load load = new Load(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys)) {
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
            try (Load load = new Load(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys)) {
                paced(n -> load.echo(ECHO_BYTES, n, Integer.MAX_VALUE), load);
                if (counts) {
                    echo99.add(load.ordered().getValueAtPercentile(99) / 1e6);
                    echoOrdered.add(load.ordered());
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

    private interface Send {
        void at(long dueNs) throws IOException;
    }

    /** Sends at a steady rate, whatever becomes of it, so that a pause counts for all that it held up. */
    private void paced(Send send, Load load) throws IOException {
        send(send, load);
        load.drain();
    }

    private void send(Send send, Load load) throws IOException {
        long gap = TimeUnit.SECONDS.toNanos(1) / rate;
        long first = System.nanoTime() + gap;
        for (int i = 0; i < rate * seconds; i++) {
            load.idleUntil(first + i * gap);
            send.at(first + i * gap);
        }
    }

    /** Blocks and when they were certified, by height, as the first member sees it. */
    private static final class Certified implements Replica.Listener {
        private final ConcurrentSkipListMap<Long, Long> atNs = new ConcurrentSkipListMap<>();
        private final Voter voter;

        Certified(Voter voter) {
            this.voter = voter;
        }

        @Override
        public void onAudit(Case changed, Node node) {
            // Nobody audits: verdicts are part of the load.
        }

        @Override
        public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
            voter.onBlock(header, epoch, statements);
        }

        @Override
        public void onCertified(BlockHeader header, Certificate certificate) {
            atNs.put(header.height(), System.nanoTime());
            voter.onCertified(header.number());
        }
    }

    private void ledger(boolean counts) throws Exception {
        Settlements settlements = new Settlements();
        byte[] genesis = settlements.genesis().hash();
        List<Certified> listeners = new ArrayList<>();
        Path votes = Files.createTempDirectory(folder, "votes-");
        for (int i = 0; i < Settlements.FULL_NODES; i++) {
            listeners.add(new Certified(new Voter(
                    settlements.fullNodes().get(i),
                    genesis,
                    Settlements.FULL_NODES,
                    votes.resolve("votes" + i),
                    e -> {})));
        }
        try (BenchCluster cluster = new BenchCluster(
                folder,
                Settlements.FULL_NODES,
                genesis,
                i -> new LedgerService(settlements.genesis(), listeners.get(i)))) {
            List<LedgerClient> clients = new ArrayList<>();
            for (int i = 0; i < Settlements.FULL_NODES; i++) {
                LedgerClient client = LedgerClient.connect(
                        cluster.aeronDirectory(),
                        cluster.ingressEndpoints(),
                        "localhost",
                        settlements.fullNodes().get(i),
                        genesis);
                clients.add(client);
                listeners.get(i).voter.begin(client);
            }
            try {
                SessionKeys keys = new SessionKeys(settlements.requester(), genesis);
                try (Load load = new Load(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys)) {
                    load.command(settlements.register(), System.nanoTime(), 1);
                    settle(settlements, load, clients.getFirst(), listeners.getFirst(), 10 * batch);
                    double perSecond = settle(settlements, load, clients.getFirst(), listeners.getFirst(), answers);
                    if (counts) {
                        settledRates.add(perSecond);
                    }
                }
                List<byte[]> escrows = new ArrayList<>();
                for (int i = 0; i < rate * seconds; i++) {
                    escrows.add(settlements.escrow());
                }
                try (Load load = new Load(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys)) {
                    paced(n -> load.command(escrows.get(load.sent()), n, Integer.MAX_VALUE), load);
                    if (counts) {
                        ledger99.add(load.ordered().getValueAtPercentile(99) / 1e6);
                        ledgerOrdered.add(load.ordered());
                        certified(load, listeners.getFirst());
                    }
                }
                try (Load load = new Load(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys)) {
                    double gap = loseLeader(settlements, cluster, load);
                    if (counts) {
                        gaps.add(gap);
                    }
                }
            } finally {
                listeners.forEach(listener -> listener.voter.close());
                clients.forEach(LedgerClient::close);
            }
        }
    }

    /** Milliseconds without an answer when the leader ends under load. */
    private double loseLeader(Settlements settlements, BenchCluster cluster, Load load) throws Exception {
        Member leader = cluster.leader();
        long endLeader = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        Thread ending = Thread.ofPlatform().start(() -> {
            LockSupport.parkNanos(endLeader - System.nanoTime());
            cluster.remove(leader);
        });
        // What was on its way to the leader is lost: nobody waits for it here.
        send(n -> load.command(settlements.escrow(), n, Integer.MAX_VALUE), load);
        ending.join();
        return load.longestGapNs() / 1e6;
    }

    /** How long a snapshot of many accounts takes, and a start from one. */
    private void snapshot(ObjectNode details) throws Exception {
        Settlements settlements = new Settlements();
        List<Genesis.Deposit> deposits = new ArrayList<>();
        for (int i = 0; i < ACCOUNTS; i++) {
            deposits.add(new Genesis.Deposit(
                    Blake3.hash(ByteBuffer.allocate(4).putInt(i).array()), 1 + i));
        }
        Genesis genesis = new Genesis(settlements.genesis().fullNodes().subList(0, 1), deposits);
        try (BenchCluster cluster =
                new BenchCluster(folder, 1, genesis.hash(), i -> new LedgerService(genesis, (changed, node) -> {}))) {
            Member member = cluster.leader();
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
                details.put(name, Headline.rounded((System.nanoTime() - begin) / 1e9));
            }
        }
    }

    /** From due to certified, of all commands of a load. */
    private void certified(Load load, Certified blocks) throws InterruptedException {
        long last = load.height(load.sent() - 1);
        while (blocks.atNs.ceilingEntry(last) == null) {
            Thread.sleep(5);
        }
        for (int i = 0; i < load.sent(); i++) {
            long at = blocks.atNs.ceilingEntry(load.height(i)).getValue();
            ledgerCertified.recordValue(Math.max(0, at - load.due(i)));
        }
    }

    /** Answers settled and certified a second. */
    private double settle(Settlements settlements, Load load, LedgerClient client, Certified blocks, int count)
            throws Exception {
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
        long height = load.height(load.sent() - 1);
        while (blocks.atNs.ceilingEntry(height) == null) {
            Thread.sleep(1);
        }
        double perSecond = count / ((blocks.atNs.ceilingEntry(height).getValue() - begin) / 1e9);
        Case settled = client.findCase(last);
        if (settled.status() != Case.Status.SETTLED) {
            throw new IOException("The last answer is " + settled.status() + ", not settled.");
        }
        return perSecond;
    }
}
