package io.plumbline.benchmarks.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.Arrivals;
import io.plumbline.benchmarks.load.Latencies;
import io.plumbline.benchmarks.load.LoadResult;
import io.plumbline.benchmarks.load.Progress;
import io.plumbline.ledger.cluster.SessionKeys;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * {@code plumbline load ledger}: commands, or whole answers from escrow to settlement, at a rate, through the encrypted
 * session of one client with the ingress of one of four full nodes; then the same messages through a bare Aeron
 * Cluster.
 */
@Parameters(
        commandNames = "ledger",
        commandDescription = "Commands or whole answers at a rate: ordered and certified, beside a bare Aeron Cluster.")
public final class LedgerLoad implements Callable<Integer> {
    private static final String ORDERED = "ordered";
    private static final String CERTIFIED = "certified";
    private static final String ECHO = "echo_of_aeron_cluster";

    /** Answers that are settled one after the other before the load. */
    private static final int WARM_ANSWERS = 256;

    @Parameter(names = "--of", description = "commands (an escrow each) or answers (ten messages each, to settlement)")
    private String of = "commands";

    @Parameter(names = "--rate", description = "of them a second, sent when they are due")
    private double rate = 200;

    @Parameter(names = "--arrivals", description = "poisson or constant")
    private String arrivals = "poisson";

    @Parameter(names = "--seconds", description = "of the load")
    private int seconds = 10;

    @Parameter(names = "--seed", description = "of Poisson arrivals")
    private long seed = 1;

    @Parameter(names = "--no-peer", description = "without the bare Aeron Cluster")
    private boolean alone;

    @Parameter(names = "--dir", description = "DIR: where the members keep their logs: the disk that is measured")
    private Path folder = Path.of("target", "load", "ledger");

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    private final Latencies latencies = new Latencies(ORDERED, CERTIFIED, ECHO);
    private final List<String> faults = new ArrayList<>();
    private volatile String now = "starting";

    @Override
    public Integer call() throws Exception {
        requireSound();
        Files.createDirectories(folder);
        long began = System.currentTimeMillis();
        ObjectNode measured = new ObjectMapper().createObjectNode();
        try (Progress _ = new Progress(() -> now)) {
            Settlements settlements = new Settlements();
            byte[] last = new byte[32];
            List<List<byte[]>> work = work(settlements, last);
            measured.put("full_nodes", Settlements.FULL_NODES).put("fsync_level", BenchCluster.FSYNC_LEVEL);
            measured.put(of, work.size());
            measured.put("messages", work.stream().mapToInt(List::size).sum());
            ledger(settlements, work, last, measured);
            if (!alone) {
                echo(work);
            }
        }
        String command = String.format(
                Locale.ROOT,
                "./plumbline load ledger --of %s --rate %s --arrivals %s --seconds %d --seed %d%s",
                of,
                rate,
                arrivals,
                seconds,
                seed,
                alone ? " --no-peer" : "");
        return result.finish("ledger", command, measured, latencies, began, faults);
    }

    private void requireSound() {
        require(List.of("commands", "answers").contains(of), "--of is commands or answers.");
        require(List.of("poisson", "constant").contains(arrivals), "--arrivals is poisson or constant.");
        require(
                rate > 0 && rate <= 100_000 && seconds > 0,
                "--rate is above 0 and 100000 at most, --seconds 1 or more.");
        require(rate * seconds <= 1_000_000, "--rate times --seconds is a million at most: all is signed beforehand.");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new ParameterException(otherwise);
        }
    }

    private Arrivals times() {
        return arrivals.equals("constant") ? Arrivals.constant(rate) : Arrivals.poisson(rate, seed);
    }

    private long lengthNs() {
        return TimeUnit.SECONDS.toNanos(seconds);
    }

    /**
     * The messages for each time, signed beforehand.
     *
     * @param last receives the request hash of the last answer.
     */
    private List<List<byte[]>> work(Settlements settlements, byte[] last) {
        List<List<byte[]>> work = new ArrayList<>();
        Arrivals times = times();
        while (times.nextNs() < lengthNs()) {
            now = "signing, " + work.size() + " " + of;
            work.add(of.equals("answers") ? settlements.settle(1, last) : List.of(settlements.escrow()));
        }
        return work;
    }

    private void ledger(Settlements settlements, List<List<byte[]>> work, byte[] last, ObjectNode measured)
            throws Exception {
        now = "four full nodes begin";
        try (BenchLedger ledger = new BenchLedger(folder, settlements.genesis(), settlements.fullNodes())) {
            try (Load warm = new Load(LedgerBench.ingress(ledger, settlements))) {
                warm.command(settlements.register(), System.nanoTime(), 1);
                for (int i = 0; i < WARM_ANSWERS; i++) {
                    for (byte[] message : settlements.settle(1, new byte[32])) {
                        warm.command(message, System.nanoTime(), LedgerBench.WINDOW);
                    }
                }
                warm.drain();
            }
            try (Load load = new Load(LedgerBench.ingress(ledger, settlements))) {
                List<Integer> ends = new ArrayList<>();
                String fault = load.paced(times(), lengthNs(), due -> {
                    for (byte[] message : work.get(ends.size())) {
                        load.command(message, due, Integer.MAX_VALUE);
                    }
                    ends.add(load.sent() - 1);
                    now = "ledger: " + ends.size() + " of " + work.size() + " " + of + " sent";
                });
                latencies.histogram(ORDERED).add(load.answers());
                for (int end : ends) {
                    latencies.record(CERTIFIED, ledger.certifiedNs(load.height(end)) - load.due(end));
                }
                addFault("ledger", fault);
                double tookS = (ledger.certifiedNs(load.height(ends.getLast())) - load.due(0)) / 1e9;
                measured.put(of + "_certified_per_s", BenchmarkResult.rounded(ends.size() / tookS));
            }
            if (of.equals("answers") && faults.isEmpty()) {
                Settlement.Status status =
                        ledger.client().findSettlement(Bytes32.of(last)).status();
                if (status != Settlement.Status.SETTLED) {
                    faults.add("the last answer is " + status + ", not settled");
                }
            }
        }
    }

    private void addFault(String what, String fault) {
        if (fault != null) {
            faults.add(what + ": " + fault);
        }
    }

    private void echo(List<List<byte[]>> work) throws Exception {
        now = "Aeron Cluster begins";
        Bytes32 any = Bytes32.ZERO;
        KeyPair one = KeyPair.random();
        List<KeyPair> members = Collections.nCopies(Settlements.FULL_NODES, one);
        SessionKeys keys = new SessionKeys(one, any);
        try (BenchCluster cluster = new BenchCluster(folder, any, members, i -> new EchoService())) {
            try (Load warm = new Load(new ClusterLine(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys))) {
                for (int i = 0; i < 10 * WARM_ANSWERS; i++) {
                    warm.echo(work.getFirst().getFirst().length, System.nanoTime(), LedgerBench.WINDOW);
                }
                warm.drain();
            }
            try (Load load = new Load(new ClusterLine(cluster.aeronDirectory(), cluster.ingressEndpoints(), keys))) {
                int[] sent = {0};
                String fault = load.paced(times(), lengthNs(), due -> {
                    for (byte[] message : work.get(sent[0]++)) {
                        load.echo(message.length, due, Integer.MAX_VALUE);
                    }
                    now = "Aeron Cluster: " + sent[0] + " of " + work.size() + " " + of + " sent";
                });
                latencies.histogram(ECHO).add(load.answers());
                addFault("Aeron Cluster", fault);
            }
        }
    }
}
