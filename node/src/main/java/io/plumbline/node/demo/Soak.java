package io.plumbline.node.demo;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.cli.CommandOptions;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Terminal;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;

/**
 * A network of processes at saturation. In the first half of the time one process after the other is killed as it
 * stands and comes back; in the second half nothing is killed, and nothing may grow. At the end every answer that a
 * client has must be settled, and the full nodes must agree that no money was made or lost.
 */
@Parameters(
        commandNames = "soak",
        commandDescription =
                "Run a network at saturation, with kills and restarts, and check money, receipts and memory.")
public final class Soak extends CommandOptions implements Callable<Integer> {
    /** Requests may fail for so long after a process that was killed is ready again. */
    private static final long FAULT_MS = 30_000;

    /** A full node that is back judges an answer within this, also on a host that does much else at once. */
    private static final long AUDITS_AGAIN_MS = 120_000;

    /** Longest wait for the last settlements: the time an audit has, and the next block. */
    private static final long SETTLE_MS = 240_000;

    private static final long REPORT_MS = 60_000;

    /** Longest that settlements are asked for before the processes are looked at again. */
    private static final long LOOK_MS = 2_000;

    /** What the ledger's state and caches may grow by in the second half: they hold what is not paid yet. */
    private static final long HEAP_GROWTH = 64L << 20;

    private static final int DESCRIPTOR_GROWTH = 64;

    /** As many audits may be under way at once. */
    private static final int THREAD_GROWTH = 256;

    /** What may remain among temporary files. Shared objects that killed processes left would be tens of MiB. */
    private static final long TEMPORARY = 1 << 20;

    /** Of so many settlements the ledger's proof of one is checked. */
    private static final int PROVEN_ONE_IN = 8;

    /** More than any soak can spend. */
    private static final long DEPOSIT = 1_000_000_000_000L;

    @Parameter(description = "MINUTES")
    private List<String> arguments = new ArrayList<>();

    @Parameter(names = "--clients", description = "clients that ask without a pause")
    private int clients = 16;

    @Parameter(names = "--kill-every", description = "SECONDS from one kill to the next in the first half; 0 for none")
    private int killSeconds = 30;

    @Parameter(names = "--seed", description = "of what is asked and killed")
    private long seed = 1;

    private final ObjectMapper mapper = new ObjectMapper();
    private final PrintStream out;
    private final List<String> wrong = new ArrayList<>();
    private final Map<String, Integer> kills = new LinkedHashMap<>();
    private long settled;
    private long proven;
    private DemoNetwork network;
    private SoakClients load;
    private long begin;
    private String leader = "";
    private int leadersByThemselves;
    private volatile long faultUntilMs;

    public Soak() {
        this(System.out);
    }

    /** @param out receives the report. */
    public Soak(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() throws Exception {
        double minutes = minutes();
        try (DemoNetwork started = new DemoNetwork(out, false, DEPOSIT)) {
            network = started;
            try (ProgressBar bar = Terminal.progress("starting")) {
                Path imported = network.folder().resolve("model");
                ModelImport.run(
                        CommandOptions.shippedModel(), imported, share -> DemoNetwork.step(bar, (long) (share * 10)));
                network.start(imported, bar, "--stake", "90000");
            }
            return run((long) (minutes * TimeUnit.MINUTES.toMillis(1)));
        }
    }

    private double minutes() {
        try {
            if (arguments.size() == 1 && Double.parseDouble(arguments.getFirst()) > 0 && clients > 0) {
                return Double.parseDouble(arguments.getFirst());
            }
        } catch (NumberFormatException e) {
            // It is said below.
        }
        throw new ParameterException("Say for how many minutes, and with 1 client or more: plumbline soak 60");
    }

    private int run(long lengthMs) throws Exception {
        begin = System.currentTimeMillis();
        Random random = new Random(seed);
        Map<String, ProcessReading> middle = null;
        Map<String, ProcessReading> end;
        load = new SoakClients(clients, seed, network::gateway, () -> System.currentTimeMillis() < faultUntilMs);
        try {
            long nextKill = begin + TimeUnit.SECONDS.toMillis(killSeconds) / 2;
            long nextReport = begin + REPORT_MS;
            while (elapsed() < lengthMs) {
                Thread.sleep(500);
                look();
                if (killSeconds > 0 && elapsed() < lengthMs / 2 && System.currentTimeMillis() >= nextKill) {
                    kill(random);
                    nextKill = System.currentTimeMillis() + TimeUnit.SECONDS.toMillis(killSeconds);
                }
                if (middle == null && elapsed() >= 0.6 * lengthMs) {
                    middle = readings();
                }
                if (System.currentTimeMillis() >= nextReport) {
                    report();
                    nextReport += REPORT_MS;
                }
            }
            end = readings();
        } finally {
            load.finish();
        }
        settleRest();
        agree();
        load.failed().forEach((why, times) -> wrong.add(times + " requests failed while nothing was killed: " + why));
        if (load.answered() == 0) {
            wrong.add("nothing was answered");
        }
        conclude(middle, end);
        return wrong.isEmpty() ? 0 : 1;
    }

    private long elapsed() {
        return System.currentTimeMillis() - begin;
    }

    /** Finds processes that ended by themselves, and takes out what has been settled, oldest first. */
    private void look() throws InterruptedException {
        network.children().forEach((name, child) -> {
            if (!child.isAlive()) {
                throw new IllegalStateException(name + " ended by itself: " + lastWords(child));
            }
        });
        findLeader();
        long until = System.currentTimeMillis() + LOOK_MS;
        Iterator<String> oldest = load.unsettled().iterator();
        while (oldest.hasNext() && System.currentTimeMillis() < until) {
            String request = oldest.next();
            try {
                if (!isEnded(request)) {
                    return;
                }
                oldest.remove();
            } catch (IOException e) {
                // The gateway is just starting again.
                return;
            }
        }
    }

    /** Counts when another full node leads though none was killed: a host that is too busy loses time by it. */
    private void findLeader() {
        String now = network.leader();
        if (now != null) {
            boolean isOther = !leader.isEmpty() && !leader.equals(now);
            leadersByThemselves += isOther && System.currentTimeMillis() >= faultUntilMs ? 1 : 0;
            leader = now;
        }
    }

    private static String lastWords(ChildProcess child) {
        try {
            return child.lastWords();
        } catch (IOException e) {
            return e.getMessage();
        }
    }

    /** Whether a request's money is where it belongs; where it is elsewhere for good, that is noted. */
    private boolean isEnded(String request) throws IOException, InterruptedException {
        JsonNode found = network.get("/v1/receipts/" + request);
        String status = found.path("status").asText();
        if (status.equals(Settlement.Status.SETTLED.name())) {
            if (!found.path("finality").asText().equals("certified")) {
                return false;
            }
            if (settled % PROVEN_ONE_IN == 0) {
                prove(request);
            }
            settled++;
            return true;
        }
        if (status.equals(Settlement.Status.REFUNDED.name()) || status.equals(Settlement.Status.SLASHED.name())) {
            wrong.add("an answer was delivered and is " + status + ": " + request + ", " + found.path("reasons") + ", "
                    + found.path("verdicts"));
            return true;
        }
        return false;
    }

    /** Checks a settlement as its client would, asking nobody. */
    private void prove(String request) throws IOException, InterruptedException {
        try {
            CertifiedEntry entry = CertifiedEntry.decode(network.proof(request));
            Genesis genesis = network.genesis();
            String fault = entry.fault(genesis.hash(), genesis.fullNodes());
            if (fault == null && Settlement.decode(entry.value()).status() != Settlement.Status.SETTLED) {
                fault = "it is about another end";
            }
            if (fault != null) {
                wrong.add("the proof of " + request + "'s settlement is false: " + fault);
            }
            proven++;
        } catch (MalformedException e) {
            wrong.add("the proof of " + request + "'s settlement cannot be read: " + e.getMessage());
        }
    }

    private void kill(Random random) throws IOException, InterruptedException {
        List<String> names = new ArrayList<>(network.fullNodeNames());
        names.addAll(List.of(DemoNetwork.INFERENCE_NODE, DemoNetwork.GATEWAY));
        String name = names.get(random.nextInt(names.size()));
        faultUntilMs = Long.MAX_VALUE;
        long killed = System.currentTimeMillis();
        ChildProcess again = network.restart(name);
        kills.merge(name, 1, Integer::sum);
        if (network.fullNodeNames().contains(name)) {
            awaitAudit(name, again);
        }
        faultUntilMs = System.currentTimeMillis() + FAULT_MS;
        out.printf(
                Locale.ROOT,
                "%s  killed %s, back after %.1f s%n",
                clock(),
                name,
                (System.currentTimeMillis() - killed) / 1e3);
    }

    /** It knows at once what is to be judged. */
    private void awaitAudit(String name, ChildProcess fullNode) throws InterruptedException {
        try {
            fullNode.await(Event.Audited.class, event -> true, AUDITS_AGAIN_MS);
        } catch (IOException e) {
            wrong.add(name + " came back and judged nothing for " + AUDITS_AGAIN_MS / 1000 + " s: " + e.getMessage());
        }
    }

    private Map<String, ProcessReading> readings() throws InterruptedException {
        Map<String, ProcessReading> readings = new LinkedHashMap<>();
        for (Map.Entry<String, ChildProcess> child : network.children().entrySet()) {
            try {
                readings.put(child.getKey(), ProcessReading.of(child.getValue().pid()));
            } catch (IOException e) {
                out.println(clock() + "  memory of " + child.getKey() + " is not measured: " + e.getMessage());
            }
        }
        return readings;
    }

    private String clock() {
        long seconds = elapsed() / 1000;
        return String.format(Locale.ROOT, "%3d:%02d", seconds / 60, seconds % 60);
    }

    private void report() {
        out.printf(
                Locale.ROOT,
                "%s  answered %d (%.1f a second), settled %d, waiting %d, busy %d, gone %d, failed beside kills %d%n",
                clock(),
                load.answered(),
                1e3 * load.answered() / elapsed(),
                settled,
                load.unsettled().size(),
                load.busy(),
                load.gone(),
                load.failedInFaults());
    }

    private void settleRest() throws IOException, InterruptedException {
        long until = System.currentTimeMillis() + SETTLE_MS;
        while (!load.unsettled().isEmpty() && System.currentTimeMillis() < until) {
            for (Iterator<String> waiting = load.unsettled().iterator(); waiting.hasNext(); ) {
                if (isEnded(waiting.next())) {
                    waiting.remove();
                }
            }
            Thread.sleep(200);
        }
        for (String request : load.unsettled()) {
            wrong.add("an answer was delivered and came to no end within " + SETTLE_MS / 1000 + " s: " + request + ", "
                    + network.get("/v1/receipts/" + request));
        }
    }

    /** That the full nodes stand at one ledger, that nobody is accused, and that the money adds up. */
    private void agree() throws IOException {
        for (String name : network.fullNodeNames()) {
            JsonNode status = mapper.readTree(AdminSocket.ask(network.folder(name), "status"));
            if (status.path("total").asLong() != status.path("deposited").asLong()) {
                wrong.add(
                        name + ": " + status.path("deposited") + " was paid in, and there is " + status.path("total"));
            }
            if (!status.path("dissent").isEmpty() || !status.path("guilty").isEmpty()) {
                wrong.add(name + ": dissent " + status.path("dissent") + ", guilty " + status.path("guilty"));
            }
        }
    }

    private void conclude(Map<String, ProcessReading> middle, Map<String, ProcessReading> end) throws IOException {
        report();
        out.println("proven      " + proven + " settlements by the ledger's signatures alone");
        long temporary = size(network.temporary());
        if (temporary > TEMPORARY) {
            wrong.add(temporary + " bytes remain among the temporary files");
        }
        out.println("killed      " + (kills.isEmpty() ? "nothing" : kills));
        out.println("led by another while nothing was killed: " + leadersByThemselves + " times");
        out.printf(
                "%-16s %21s %21s %15s %15s %10s%n",
                "from 60 to 100 %", "live heap MiB", "resident MiB", "descriptors", "threads", "disk MiB");
        for (String name : end.keySet()) {
            ProcessReading a = middle == null ? null : middle.get(name);
            ProcessReading b = end.get(name);
            if (a == null) {
                continue;
            }
            out.printf(
                    Locale.ROOT,
                    "%-16s %10.1f %10.1f %10.1f %10.1f %7d %7d %7d %7d %10.1f%n",
                    name,
                    mib(a.heapBytes()),
                    mib(b.heapBytes()),
                    mib(a.residentBytes()),
                    mib(b.residentBytes()),
                    a.descriptors(),
                    b.descriptors(),
                    a.threads(),
                    b.threads(),
                    mib(size(network.folder(name))));
            grown(name, "bytes of live heap", a.heapBytes(), b.heapBytes(), HEAP_GROWTH);
            grown(name, "descriptors", a.descriptors(), b.descriptors(), DESCRIPTOR_GROWTH);
            grown(name, "threads", a.threads(), b.threads(), THREAD_GROWTH);
        }
        wrong.forEach(line -> out.println("WRONG  " + line));
        out.println(
                wrong.isEmpty()
                        ? "soak        good: every answer that was delivered is settled"
                        : "soak        " + wrong.size() + " things are wrong");
    }

    private static double mib(long bytes) {
        return bytes / (double) (1 << 20);
    }

    private void grown(String name, String what, long from, long to, long allowed) {
        if (to > from + allowed) {
            wrong.add(name + " grew from " + from + " to " + to + " " + what);
        }
    }

    private static long size(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.mapToLong(
                            file -> file.toFile().isFile() ? file.toFile().length() : 0)
                    .sum();
        }
    }
}
