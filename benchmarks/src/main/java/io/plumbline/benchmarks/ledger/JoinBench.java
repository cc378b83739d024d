package io.plumbline.benchmarks.ledger;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.Readings;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.RemoteSequencer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Headline ledger-join: how long a full node that has lost its disk needs until it has all of the ledger again, while
 * commands go on, beside the same full node that is started again with its disk.
 */
@Parameters(
        commandNames = "join",
        commandDescription =
                "A wiped full node joins a ledger with many accounts under load, beside its start with its disk kept.")
public final class JoinBench implements Callable<Integer> {
    /** Small, so that a log of a megabyte has a file that its members can drop. */
    private static final int TERM_BYTES = 256 << 10;

    private static final long SECONDS_A_DAY = 86_400;

    @Parameter(names = "--rounds", description = "of each kind, alternating")
    private int rounds = 3;

    @Parameter(names = "--accounts", description = "that the ledger has")
    private int accounts = 1_000_000;

    @Parameter(names = "--rate", description = "commands a second that go on meanwhile")
    private int rate = 100;

    @Parameter(names = "--answers", description = "settled to measure what each leaves in the log")
    private int answers = 1_280;

    @Parameter(names = "--paced", description = "answers of these, settled one a second, as a quiet ledger's are")
    private int paced = 30;

    @Parameter(names = "--dir", description = "DIR: where the members keep their logs: the disk that is measured")
    private Path folder = Path.of("benchmarks", "target", "join");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final List<BenchLedger.Joined> wiped = new ArrayList<>();
    private final List<BenchLedger.Joined> kept = new ArrayList<>();

    @Override
    public Integer call() throws Exception {
        if (rounds < 1 || accounts < 0 || rate < 1 || rate > 1_000 || paced < 1 || answers <= paced) {
            throw new ParameterException(
                    "--rounds and --paced are 1 or more, --answers more than --paced, --accounts 0 or more, --rate 1 to"
                            + " 1000.");
        }
        Files.createDirectories(folder);
        Settlements settlements = new Settlements(accounts);
        ObjectNode details = new ObjectMapper().createObjectNode();
        try (BenchLedger ledger = new BenchLedger(folder, settlements.genesis(), settlements.fullNodes(), TERM_BYTES)) {
            bytesAnAnswer(settlements, ledger, details);
            try (Commands commands = new Commands(settlements, ledger, rate)) {
                for (int round = 0; round < rounds; round++) {
                    kept.add(ledger.join(follower(ledger), false));
                    shorten(ledger.cluster());
                    wiped.add(ledger.join(follower(ledger), true));
                    System.err.printf(
                            "round %d of %d: %.1f s wiped (%.1f s of it copying %.1f MB), %.1f s with its disk%n",
                            round + 1,
                            rounds,
                            wiped.getLast().appliedS(),
                            wiped.getLast().copiedS(),
                            wiped.getLast().copiedBytes() / 1e6,
                            kept.getLast().appliedS());
                }
                details.put("commands_meanwhile", commands.end());
            }
        }
        details.put("full_nodes", Settlements.FULL_NODES)
                .put("accounts", accounts)
                .put("commands_a_second", rate)
                .put("copying_s", BenchmarkResult.rounded(median(wiped, BenchLedger.Joined::copiedS)))
                .put("copied_bytes", Math.round(median(wiped, one -> one.copiedBytes())))
                .put("until_first_vote_s", BenchmarkResult.rounded(median(wiped, BenchLedger.Joined::votedS)));
        new BenchmarkResult(
                        "ledger-join",
                        readings(wiped, BenchLedger.Joined::appliedS),
                        "s until a wiped full node has a ledger of " + accounts + " accounts, confirmed",
                        true,
                        "the same full node started again with its disk",
                        readings(kept, BenchLedger.Joined::appliedS),
                        null,
                        "./plumbline bench join",
                        details)
                .write(results);
        return 0;
    }

    private interface Part {
        double of(BenchLedger.Joined one);
    }

    private static Readings readings(List<BenchLedger.Joined> all, Part part) {
        return new Readings(all.stream().mapToDouble(part::of).toArray());
    }

    private static double median(List<BenchLedger.Joined> all, Part part) {
        return readings(all, part).median();
    }

    /** Commands go by the first full node's ingress; the leader orders them. */
    private static int follower(BenchLedger ledger) throws InterruptedException {
        int leader = ledger.cluster().leader();
        return leader == ledger.cluster().size() - 1
                ? leader - 1
                : ledger.cluster().size() - 1;
    }

    /** Has all members drop the log's beginning, as a ledger that has run for long has. */
    private static void shorten(BenchCluster cluster) throws IOException, InterruptedException {
        for (int i = 0; i < 2; i++) {
            long[] before = new long[cluster.size()];
            for (int member = 0; member < before.length; member++) {
                before[member] = cluster.member(member).snapshots();
            }
            while (!cluster.member(cluster.leader()).snapshot()) {
                Thread.sleep(10);
            }
            long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
            for (int member = 0; member < before.length; member++) {
                while (cluster.member(member).snapshots() == before[member]) {
                    if (System.nanoTime() > end) {
                        throw new IOException("A snapshot was not taken within three minutes.");
                    }
                    Thread.sleep(10);
                }
            }
        }
        for (int member = 0; member < cluster.size(); member++) {
            cluster.member(member).purge();
            if (cluster.member(member).logStart() == 0) {
                throw new IOException("The log of " + cluster.member(member).logEnd()
                        + " bytes is too short to have a beginning that is dropped: name more --answers.");
            }
        }
    }

    /**
     * Bytes that an answer leaves in the log, from its escrow to its verdicts, its blocks and votes among it: of a busy
     * ledger, where many answers share a block, and of one answer a second.
     */
    private void bytesAnAnswer(Settlements settlements, BenchLedger ledger, ObjectNode details) throws Exception {
        try (Load load = new Load(LedgerBench.ingress(ledger, settlements))) {
            load.command(settlements.register(), System.nanoTime(), 1);
            load.drain();
            // The first block hashes every account: answers that came meanwhile would share one block.
            ledger.certifiedNs(load.height(load.sent() - 1));
            double busy = bytesAnAnswer(settlements, ledger, load, answers - paced, 0);
            double quiet = bytesAnAnswer(settlements, ledger, load, paced, TimeUnit.SECONDS.toNanos(1));
            details.put("log_bytes_an_answer", Math.round(busy))
                    .put("log_bytes_an_answer_at_one_a_second", Math.round(quiet))
                    .put("log_mb_a_day_at_one_a_second", BenchmarkResult.rounded(quiet * SECONDS_A_DAY / 1e6));
        }
    }

    /**
     * Each answer by itself, as a gateway that is not busy sends them.
     *
     * @param everyNs time of an answer, over which its messages are spread; 0 for all as soon as they are taken.
     */
    private static double bytesAnAnswer(
            Settlements settlements, BenchLedger ledger, Load load, int answers, long everyNs) throws Exception {
        Member leader = ledger.cluster().member(ledger.cluster().leader());
        long before = leader.logEnd();
        long begin = System.nanoTime();
        byte[] last = new byte[32];
        for (int i = 0; i < answers; i++) {
            List<byte[]> messages = settlements.settle(1, last);
            for (int k = 0; k < messages.size(); k++) {
                load.idleUntil(begin + i * everyNs + k * everyNs / messages.size());
                load.command(messages.get(k), System.nanoTime(), LedgerBench.WINDOW);
            }
        }
        load.drain();
        ledger.certifiedNs(load.height(load.sent() - 1));
        return (double) (leader.logEnd() - before) / answers;
    }

    /** Commands at a rate, until it is closed. */
    private static final class Commands implements AutoCloseable {
        private final AtomicBoolean isOver = new AtomicBoolean();
        private final AtomicLong count = new AtomicLong();
        private final AtomicReference<Exception> fault = new AtomicReference<>();
        private final Thread thread;

        Commands(Settlements settlements, BenchLedger ledger, int rate) {
            thread = Thread.ofPlatform().name("commands").start(() -> send(settlements, ledger, rate));
        }

        private void send(Settlements settlements, BenchLedger ledger, int rate) {
            long everyNs = TimeUnit.SECONDS.toNanos(1) / rate;
            try (RemoteSequencer client = new RemoteSequencer(
                    ledger.aeronDirectory(),
                    "localhost",
                    settlements.requester(),
                    List.of(ledger.ingresses().getFirst()))) {
                long due = System.nanoTime();
                while (!isOver.get()) {
                    client.submit(settlements.escrow());
                    count.incrementAndGet();
                    due = Math.max(due + everyNs, System.nanoTime() - everyNs);
                    TimeUnit.NANOSECONDS.sleep(Math.max(0, due - System.nanoTime()));
                }
            } catch (IOException | InterruptedException e) {
                fault.set(e);
            }
        }

        /** Ends them. @return how many were answered. */
        long end() throws IOException, InterruptedException {
            isOver.set(true);
            thread.join();
            if (fault.get() != null) {
                throw new IOException("Commands did not go on: " + fault.get().getMessage(), fault.get());
            }
            return count.get();
        }

        @Override
        public void close() {
            isOver.set(true);
        }
    }
}
