package io.plumbline.benchmarks.load;

import static io.plumbline.benchmarks.load.Schedule.require;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.load.Exchange.Outcome;
import io.plumbline.benchmarks.load.FailoverPlot.Fault;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.node.demo.DemoNetwork;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/**
 * {@code plumbline load failover}: a network of processes on this host, asked at a steady rate while the ledger's
 * leader is killed, a follower loses its disk, and the inference node is killed. What each costs those who ask, and a
 * plot of all answers.
 */
@Parameters(
        commandNames = "failover",
        commandDescription =
                "A network that loses its leader, a follower's disk, its inference node: what clients see.")
final class FailoverLoad implements Callable<Integer> {
    private static final long DEPOSIT = 1_000_000_000;
    private static final long KILLED_FOR_MS = 2_000;
    private static final double SECOND = 1e9;

    @Parameter(names = "--rate", description = "answers a second that are asked for, evenly spaced")
    private double rate = 3;

    @Parameter(names = "--gap", description = "seconds from a fault to the next, and before the first")
    private int gap = 25;

    @Parameter(names = "--output", description = "tokens of an answer")
    private int output = 16;

    @Parameter(names = "--model", description = "DIR: a model as it is imported; the shipped one otherwise")
    private Path model = Path.of("models", "plumbline-stories-2m");

    @Parameter(names = "--timeout", description = "seconds that one request may take; then it has failed")
    private int timeout = 60;

    @Parameter(names = "--plot", description = "FILE.svg: the plot; beside the result's file where none is named")
    private Path plot;

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    private final List<Exchange> exchanges = Collections.synchronizedList(new ArrayList<>());
    private final List<Fault> faults = Collections.synchronizedList(new ArrayList<>());
    private DemoNetwork network;
    private long beginNs;

    @Override
    public Integer call() throws Exception {
        require(rate > 0 && Double.isFinite(rate), "--rate is above 0.");
        require(gap >= 5 && output > 0 && timeout > 0, "--gap is 5 or more, --output and --timeout 1 or more.");
        PrintStream silent = new PrintStream(PrintStream.nullOutputStream());
        try (DemoNetwork started = new DemoNetwork(silent, false, DEPOSIT)) {
            network = started;
            Path imported = network.folder().resolve("model");
            System.err.println("A network of four full nodes, an inference node and a gateway starts ...");
            ModelImport.run(model, imported, share -> {});
            network.start(imported, null, "--stake", "90000");
            return run();
        }
    }

    private int run() throws Exception {
        Latencies latencies = new Latencies(Scores.SEND_LAG, Scores.FIRST, Scores.END_TO_END);
        long lengthNs = TimeUnit.SECONDS.toNanos(4L * gap);
        String url = network.gateway() + "/v1";
        long began = System.currentTimeMillis();
        try (Target target = new Target(url, null, Duration.ofSeconds(timeout));
                Caller caller = new Caller(target)) {
            Workload.Shape shape = new Workload.Shape(
                    Lengths.parse("8-16", Lengths.MOST), Lengths.parse("" + output, Lengths.MOST), 0, true, 1);
            Workload workload =
                    new Workload(Workload.Api.CHAT, target.model(null), shape, "{\"temperature\":0}", "--extra");
            // Connections, code and escrows.
            for (int i = 0; i < 5; i++) {
                caller.exchange(workload.call(i), System.nanoTime());
            }
            beginNs = System.nanoTime();
            CompletableFuture<Void> faultsDone = CompletableFuture.runAsync(this::disturb);
            Pace pace = new Pace(1_000);
            long unsent;
            try (Progress _ = new Progress(this::line)) {
                unsent = pace.open(Arrivals.constant(rate), beginNs, lengthNs, (number, intendedNs) -> {
                    Exchange exchange = caller.exchange(workload.call(number), intendedNs);
                    latencies.record(Scores.SEND_LAG, exchange.sentNs() - intendedNs);
                    if (exchange.outcome() == Outcome.ANSWERED) {
                        latencies.record(Scores.FIRST, exchange.firstNs());
                        latencies.record(Scores.END_TO_END, exchange.endNs() - intendedNs);
                    }
                    exchanges.add(exchange);
                });
                await(faultsDone);
            }
            return finish(latencies, began, unsent);
        }
    }

    private static void await(CompletableFuture<Void> done) throws IOException {
        try {
            done.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
        }
    }

    private String line() {
        synchronized (exchanges) {
            long answered = exchanges.stream()
                    .filter(one -> one.outcome() == Outcome.ANSWERED)
                    .count();
            String last = faults.isEmpty()
                    ? "nothing has happened yet"
                    : faults.getLast().what();
            return "answered " + answered + " of " + exchanges.size() + "; " + last;
        }
    }

    /** One fault after the other, each when it is due. */
    private void disturb() {
        try {
            sleepUntil(1);
            String leader = network.leader();
            if (leader == null) {
                throw new IOException("No full node leads.");
            }
            Fault killed = happens("leader killed", () -> network.kill(leader));
            Thread.sleep(KILLED_FOR_MS);
            network.comeBack(leader);
            back(killed);
            sleepUntil(2);
            String now = network.leader();
            String follower = network.fullNodeNames().stream()
                    .filter(name -> !name.equals(now))
                    .findFirst()
                    .orElseThrow();
            Fault wiped = happens("follower wiped", () -> network.wipe(follower));
            network.comeBack(follower);
            back(wiped);
            sleepUntil(3);
            Fault gone = happens("inference node killed", () -> network.kill(DemoNetwork.INFERENCE_NODE));
            network.comeBack(DemoNetwork.INFERENCE_NODE);
            back(gone);
        } catch (IOException e) {
            throw new CompletionException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CompletionException(e);
        }
    }

    private interface Act {
        void run() throws IOException;
    }

    private Fault happens(String what, Act act) throws IOException {
        long atNs = System.nanoTime();
        act.run();
        Fault fault = new Fault(what, seconds(atNs), Double.NaN);
        faults.add(fault);
        return fault;
    }

    private void back(Fault fault) {
        faults.set(faults.indexOf(fault), new Fault(fault.what(), fault.at(), seconds(System.nanoTime())));
    }

    private double seconds(long ns) {
        return (ns - beginNs) / SECOND;
    }

    private void sleepUntil(int gaps) throws InterruptedException {
        long leftNs = beginNs + TimeUnit.SECONDS.toNanos((long) gaps * gap) - System.nanoTime();
        TimeUnit.NANOSECONDS.sleep(Math.max(0, leftNs));
    }

    private int finish(Latencies latencies, long began, long unsent) throws IOException {
        ObjectNode measured = new ObjectMapper().createObjectNode();
        measured.putObject("asked")
                .put("rate", rate)
                .put("gap_seconds", gap)
                .put("output_tokens", output)
                .put("model", model.toString());
        long answered = count(0, Double.MAX_VALUE, Outcome.ANSWERED);
        measured.put("requests", exchanges.size()).put("answered", answered).put("unsent", unsent);
        describe(measured, "before", 0, faults.getFirst().at(), Double.NaN);
        for (int i = 0; i < faults.size(); i++) {
            Fault fault = faults.get(i);
            double end = i + 1 < faults.size() ? faults.get(i + 1).at() : Double.MAX_VALUE;
            describe(measured, fault.what(), fault.at(), end, fault.back());
        }
        Path file = plot == null ? Path.of("target", "load", "failover.svg") : plot;
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.writeString(file, new FailoverPlot(exchanges, faults, beginNs, 4 * gap).svg());
        measured.put("plot", file.toString());
        List<String> wrong = new ArrayList<>();
        if (answered == 0) {
            wrong.add("nothing was answered");
        }
        if (unsent > 0) {
            wrong.add(unsent + " requests that were due were not sent");
        }
        String command = String.format(
                Locale.ROOT, "./plumbline load failover --rate %s --gap %d --output %d", rate, gap, output);
        return result.finish("failover", command, measured, latencies, began, wrong);
    }

    private long count(double from, double to, Outcome outcome) {
        return exchanges.stream()
                .filter(one -> isIn(one, from, to) && one.outcome() == outcome)
                .count();
    }

    /** An answer belongs to when it was due; one that failed, to the fault that it met. */
    private boolean isIn(Exchange one, double from, double to) {
        double at = seconds(one.outcome() == Outcome.ANSWERED ? one.intendedNs() : one.endNs());
        return at >= from && at < to;
    }

    /**
     * Says how the requests of a time ended.
     *
     * @param from when it begins, in seconds: when a fault happened.
     * @param back when what was killed was ready again; NaN for none.
     */
    private void describe(ObjectNode all, String what, double from, double to, double back) {
        List<Exchange> due =
                exchanges.stream().filter(one -> isIn(one, from, to)).toList();
        double longest = 0;
        double firstAnswer = Double.NaN;
        double lastFailed = Double.NaN;
        for (Exchange one : due) {
            double at = seconds(one.intendedNs());
            if (one.outcome() == Outcome.ANSWERED) {
                longest = Math.max(longest, seconds(one.endNs()) - at);
                firstAnswer = min(firstAnswer, seconds(one.endNs()) - from);
            } else {
                lastFailed = Double.isNaN(lastFailed) ? at - from : Math.max(lastFailed, at - from);
            }
        }
        ObjectNode row = all.putObject(what.replace(' ', '_')).put("at_s", BenchmarkResult.rounded(from));
        row.put("answered", count(from, to, Outcome.ANSWERED))
                .put("refused", count(from, to, Outcome.REFUSED))
                .put("failed", count(from, to, Outcome.FAILED))
                .put("longest_end_to_end_s", BenchmarkResult.rounded(longest));
        put(row, "answered_again_after_s", firstAnswer);
        put(row, "last_that_failed_was_due_after_s", lastFailed);
        put(row, "process_ready_after_s", back - from);
    }

    private static double min(double known, double found) {
        return Double.isNaN(known) ? found : Math.min(known, found);
    }

    private static void put(ObjectNode row, String name, double value) {
        if (!Double.isNaN(value)) {
            row.put(name, BenchmarkResult.rounded(value));
        }
    }
}
