package io.plumbline.benchmarks.sessions;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.BenchmarkResult;
import io.plumbline.benchmarks.Readings;
import io.plumbline.benchmarks.load.Arrivals;
import io.plumbline.benchmarks.load.Latencies;
import io.plumbline.benchmarks.load.LoadResult;
import io.plumbline.benchmarks.load.MessageLoad;
import io.plumbline.benchmarks.load.Progress;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code plumbline load sessions}: round trips at a steady rate, and as many messages as go through, by our sessions,
 * raw Aeron and gRPC-Java in turns.
 */
@Parameters(
        commandNames = "sessions",
        commandDescription = "Round trips and throughput of encrypted sessions, beside raw Aeron and gRPC-Java.")
public final class SessionLoad implements Callable<Integer> {
    /** Bytes on their way at once where throughput is measured, and messages at least and at most. */
    private static final int WINDOW_BYTES = 4 << 20;

    private static final int LEAST_WINDOW = 2;
    private static final int MOST_WINDOW = 256;

    @Parameter(names = "--bytes", description = "lengths of messages")
    private List<Integer> lengths = List.of(64, 1 << 10, 64 << 10, 4 << 20);

    @Parameter(names = "--peers", description = "of aeron and grpc those beside ours; none: leave the name out")
    private List<String> peers = List.of("aeron", "grpc");

    @Parameter(names = "--rate", description = "messages a second for round trips, or as many as --rate-bytes has")
    private int rate = 500;

    @Parameter(names = "--rate-bytes", description = "bytes a second for round trips at most")
    private long rateBytes = 64 << 20;

    @Parameter(names = "--seconds", description = "of each reading")
    private double seconds = 2;

    @Parameter(names = "--rounds", description = "readings of each, in turns")
    private int rounds = 5;

    @Parameter(names = "--results", description = "DIR: of headlines; none are written where none is named")
    private Path results;

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    private final Map<String, List<Double>> throughput = new TreeMap<>();
    private final Map<String, List<Double>> median = new TreeMap<>();
    private final Map<String, List<Double>> tail = new TreeMap<>();
    private final List<String> faults = new ArrayList<>();
    private volatile String now = "starting";

    @Override
    public Integer call() throws Exception {
        List<Echo> ways = requireSound();
        List<String> names = new ArrayList<>();
        lengths.forEach(length -> ways.forEach(way -> names.add(name(way, length))));
        Latencies latencies = new Latencies(names.toArray(String[]::new));
        long began = System.currentTimeMillis();
        Path folder = Files.createTempDirectory("plumbline-sessions");
        try (Progress _ = new Progress(() -> now)) {
            // The first round is for the compilers, and is not kept.
            for (int round = 0; round <= rounds; round++) {
                for (int length : lengths) {
                    for (Echo way : ways) {
                        now = "round " + round + " of " + rounds + ": " + name(way, length);
                        roundTrips(way, length, folder, round == 0 ? null : latencies);
                        burst(way, length, folder, round > 0);
                    }
                }
            }
        } finally {
            Directories.delete(folder);
        }
        ObjectNode measured = new ObjectMapper().createObjectNode();
        ObjectNode versions = measured.putObject("versions");
        ways.forEach(way -> versions.put(way.title, way.version()));
        ObjectNode rates = measured.putObject("throughput_mb_per_s");
        throughput.forEach((name, values) -> rates.put(name, readings(values).toString()));
        ObjectNode ratios = measured.putObject("p50_over_raw_aeron");
        lengths.forEach(length -> ratio(ratios, median, length, Echo.AERON));
        ObjectNode tails = measured.putObject("p99_over_grpc");
        lengths.forEach(length -> ratio(tails, tail, length, Echo.GRPC));
        if (results != null && faults.isEmpty()) {
            writeHeadlines(measured);
        }
        return result.finish("sessions", command(), measured, latencies, began, faults);
    }

    private List<Echo> requireSound() {
        List<Echo> ways = new ArrayList<>(List.of(Echo.OURS));
        for (String peer : peers) {
            ways.add(Arrays.stream(Echo.values())
                    .filter(way -> way != Echo.OURS && way.name().equalsIgnoreCase(peer))
                    .findFirst()
                    .orElseThrow(() -> new ParameterException("--peers are aeron and grpc, not " + peer + ".")));
        }
        if (lengths.stream().anyMatch(n -> n < Echo.LEAST_BYTES || n > Endpoint.MAX_MESSAGE_BYTES / 8)) {
            throw new ParameterException(
                    "--bytes are from " + Echo.LEAST_BYTES + " to " + Endpoint.MAX_MESSAGE_BYTES / 8 + ".");
        }
        if (rate < 1 || rateBytes < 1 || !(seconds > 0) || seconds > 3600 || rounds < 1) {
            throw new ParameterException("--rate, --rate-bytes and --rounds are 1 or more, --seconds up to 3600.");
        }
        return ways;
    }

    private static String name(Echo way, int length) {
        String size = length % (1 << 20) == 0
                ? (length >> 20) + " MiB"
                : length % (1 << 10) == 0 ? (length >> 10) + " KiB" : length + " B";
        return way.title + " " + size;
    }

    private interface Work {
        void with(MessageLoad load, MessageLoad.Send send) throws IOException;
    }

    /** Opens a way, sends some messages that do not count, and hands over what sends more. */
    private static void over(Echo way, int length, int window, Path folder, Work work) throws IOException {
        UnsafeBuffer message = new UnsafeBuffer(new byte[length]);
        try (MessageLoad load = new MessageLoad(
                way.open(Files.createTempDirectory(folder, "driver").resolve("d")))) {
            MessageLoad.Send send = due -> {
                Echo.begin(message, load.sent());
                load.offer(message, length, due, window);
            };
            for (int i = 0; i < 2 * window; i++) {
                send.at(System.nanoTime());
            }
            load.drain();
            load.answers().reset();
            work.with(load, send);
        }
    }

    /** @param latencies null where the reading does not count. */
    private void roundTrips(Echo way, int length, Path folder, Latencies latencies) throws IOException {
        double perSecond = Math.min(rate, Math.max(1, rateBytes / (double) length));
        over(way, length, LEAST_WINDOW, folder, (load, unpaced) -> {
            UnsafeBuffer message = new UnsafeBuffer(new byte[length]);
            long lengthNs = (long) (seconds * TimeUnit.SECONDS.toNanos(1));
            String fault = load.paced(Arrivals.constant(perSecond), lengthNs, due -> {
                Echo.begin(message, load.sent());
                load.offer(message, length, due, Integer.MAX_VALUE);
            });
            if (fault != null && latencies != null) {
                faults.add(name(way, length) + ": " + fault);
            }
            if (latencies != null) {
                latencies.histogram(name(way, length)).add(load.answers());
                median.computeIfAbsent(name(way, length), _ -> new ArrayList<>())
                        .add(load.answers().getValueAtPercentile(50) / 1e3);
                tail.computeIfAbsent(name(way, length), _ -> new ArrayList<>())
                        .add(load.answers().getValueAtPercentile(99) / 1e3);
            }
        });
    }

    /** As many messages as go there and back, with so many on their way. */
    private void burst(Echo way, int length, Path folder, boolean counts) throws IOException {
        int window = Math.clamp(WINDOW_BYTES / length, LEAST_WINDOW, MOST_WINDOW);
        over(way, length, window, folder, (load, send) -> {
            int before = load.sent();
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < seconds * TimeUnit.SECONDS.toNanos(1)) {
                send.at(System.nanoTime());
            }
            load.drain();
            double mbPerS = (load.sent() - before) * (double) length / 1e6 / ((System.nanoTime() - begin) / 1e9);
            if (counts) {
                throughput
                        .computeIfAbsent(name(way, length), _ -> new ArrayList<>())
                        .add(mbPerS);
            }
        });
    }

    private static Readings readings(List<Double> values) {
        return new Readings(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static void ratio(ObjectNode json, Map<String, List<Double>> of, int length, Echo peer) {
        List<Double> theirs = of.get(name(peer, length));
        if (theirs != null) {
            double ours = readings(of.get(name(Echo.OURS, length))).median();
            json.put(
                    name(Echo.OURS, length),
                    BenchmarkResult.rounded(ours / readings(theirs).median()));
        }
    }

    private void writeHeadlines(ObjectNode measured) throws IOException {
        int small = lengths.contains(1 << 10) ? 1 << 10 : lengths.getFirst();
        int large = lengths.contains(64 << 10) ? 64 << 10 : lengths.getLast();
        String there = " there and back at " + rate + " messages/s";
        headline("session-rtt", median, small, Echo.AERON, "us" + there + ", p50", true, measured);
        headline("session-tail", tail, small, Echo.GRPC, "us" + there + ", p99", true, measured);
        headline("session-throughput", throughput, large, Echo.AERON, "MB/s there and back", false, measured);
    }

    private void headline(
            String name,
            Map<String, List<Double>> of,
            int length,
            Echo peer,
            String unit,
            boolean isLessBetter,
            ObjectNode details)
            throws IOException {
        if (of.containsKey(name(peer, length))) {
            new BenchmarkResult(
                            name,
                            readings(of.get(name(Echo.OURS, length))),
                            unit + ", " + name(Echo.OURS, length).substring(Echo.OURS.title.length() + 1),
                            isLessBetter,
                            peer.title + " " + peer.version() + ", the same messages in the clear, in this process",
                            readings(of.get(name(peer, length))),
                            null,
                            command() + " --results benchmarks/results",
                            details)
                    .write(results);
        }
    }

    private String command() {
        return String.format(
                Locale.ROOT,
                "./plumbline load sessions --bytes %s --rate %d --seconds %s --rounds %d",
                String.join(",", lengths.stream().map(String::valueOf).toList()),
                rate,
                seconds,
                rounds);
    }
}
