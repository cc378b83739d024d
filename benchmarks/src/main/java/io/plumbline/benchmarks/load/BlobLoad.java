package io.plumbline.benchmarks.load;

import static io.plumbline.benchmarks.load.Schedule.require;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.load.BlobCaller.Held;
import io.plumbline.benchmarks.load.BlobCaller.Put;
import io.plumbline.data.store.BlobIds;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.MemoryBlob;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.node.data.BlobServer;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * {@code plumbline load blobs}: data nodes under load, blobs got whole and by range and put, each byte that is got
 * proven by the blob's id.
 */
@Parameters(
        commandNames = "blobs",
        commandDescription = "Data nodes: blobs got whole and by range, every byte verified, and put.")
final class BlobLoad implements Callable<Integer> {
    /** Bytes of the largest blob: one that is put is in memory. */
    private static final int MOST_BYTES = 256 << 20;

    @Parameter(
            names = "--url",
            description = "URL,...: data nodes, asked in turns, as http://HOST:PORT; one is started here where none is"
                    + " named")
    private List<String> urls = List.of();

    @Parameter(
            names = "--api-key",
            description = "for data nodes that ask for one; the variable PLUMBLINE_API_KEY otherwise")
    private String apiKey = System.getenv("PLUMBLINE_API_KEY");

    @Parameter(
            names = "--id",
            description = "ID,...: blobs to get that all the nodes have; new ones are put there before the load, and"
                    + " removed after it, where none is named")
    private List<String> ids = List.of();

    @Parameter(names = "--blobs", description = "how many are put before the load, to be got in it")
    private int blobs = 64;

    @Parameter(names = "--bytes", description = "of a blob that is put: 65536, 16-65536, exp:100000 or normal:9000,500")
    private String bytes = "65536-1048576";

    @Parameter(names = "--ranges", description = "share of gets, 0 to 1, that ask for a range")
    private double ranges;

    @Parameter(names = "--range-bytes", description = "of a range, in the same forms")
    private String rangeBytes = "16384-262144";

    @Parameter(names = "--put", description = "share of requests, 0 to 1, that put a new blob")
    private double put;

    @Parameter(names = "--timeout", description = "seconds that one request may take; then it has failed")
    private int timeout = 120;

    @Parameter(names = "--dir", description = "DIR: where a data node that is started here keeps its blobs")
    private Path folder = Path.of("target", "load", "blobs");

    @ParametersDelegate
    private Schedule schedule = new Schedule();

    @ParametersDelegate
    private LoadResult result = new LoadResult();

    @Override
    public Integer call() throws Exception {
        schedule.requireSound();
        require(ranges >= 0 && ranges <= 1, "--ranges is a share from 0 to 1.");
        require(put >= 0 && put <= 1, "--put is a share from 0 to 1.");
        require(blobs > 0 && blobs <= 1_000_000, "--blobs is from 1 to 1000000.");
        require(timeout > 0, "--timeout is 1 or more.");
        BlobCaller.Shape shape = new BlobCaller.Shape(
                Lengths.option("--bytes", bytes, MOST_BYTES),
                Lengths.option("--range-bytes", rangeBytes, MOST_BYTES),
                ranges,
                put,
                schedule.seed());
        List<Bytes32> named = read(ids, BlobIds::parse, "--id: ");
        List<BlobNode> nodes = read(urls, url -> new BlobNode(url, apiKey), "--url: ");
        require(!nodes.isEmpty() || named.isEmpty(), "--id names blobs of data nodes: name those by --url.");
        if (!nodes.isEmpty()) {
            return load(nodes, named, shape);
        }
        Path own = Files.createTempDirectory(Files.createDirectories(folder), "node-");
        try (BlobStore store = BlobStore.open(own, Long.MAX_VALUE);
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace)) {
            return load(List.of(new BlobNode("http://127.0.0.1:" + server.port(), null)), named, shape);
        } finally {
            Directories.delete(own);
        }
    }

    private interface Reader<T> {
        T read(String text);
    }

    private static <T> List<T> read(List<String> texts, Reader<T> reader, String option) {
        List<T> all = new ArrayList<>();
        for (String text : texts) {
            try {
                all.add(reader.read(text));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(option + e.getMessage());
            }
        }
        return all;
    }

    private int load(List<BlobNode> nodes, List<Bytes32> named, BlobCaller.Shape shape) throws Exception {
        BlobContents contents = new BlobContents();
        List<Put> prepared = new ArrayList<>();
        List<Held> held = new ArrayList<>();
        BlobCaller caller = new BlobCaller(nodes, held, shape, contents, TimeUnit.SECONDS.toNanos(timeout));
        try {
            for (BlobNode node : nodes) {
                requireReached(node);
            }
            if (named.isEmpty()) {
                prepare(nodes, shape, contents, held, prepared);
            } else {
                find(nodes, named, held);
            }
            return measure(caller);
        } finally {
            if (!urls.isEmpty()) {
                remove(prepared);
                remove(caller.puts());
            }
        }
    }

    private static void requireReached(BlobNode node) throws IOException {
        try {
            node.list(null);
        } catch (IOException e) {
            throw new IOException(
                    e.getMessage() + " Start one with ./plumbline data-node, or leave --url out: then one is started"
                            + " here for the load.",
                    e);
        }
    }

    private void prepare(
            List<BlobNode> nodes, BlobCaller.Shape shape, BlobContents contents, List<Held> held, List<Put> prepared)
            throws IOException {
        SplittableRandom random = new SplittableRandom(schedule.seed());
        for (int i = 0; i < blobs; i++) {
            int length = Math.max(BlobCaller.LEAST_BYTES, shape.bytes().draw(random));
            try (MemoryBlob blob = new MemoryBlob(MemorySegment.ofArray(contents.make(length, -1L - i)))) {
                for (BlobNode node : nodes) {
                    BlobCaller.put(node, blob, prepared);
                }
                held.add(new Held(blob.id(), length));
            } catch (BlobNode.RefusedException e) {
                throw new IOException(
                        e.getMessage() + " Name a key by --api-key or by the variable PLUMBLINE_API_KEY, or blobs that"
                                + " are there by --id.",
                        e);
            }
        }
    }

    private static void find(List<BlobNode> nodes, List<Bytes32> named, List<Held> held) throws IOException {
        for (Bytes32 id : named) {
            long length = 0;
            for (BlobNode node : nodes) {
                try {
                    length = node.bytes(id);
                } catch (NoSuchBlobException e) {
                    throw new IOException(
                            e.getMessage() + " Put it there with ./plumbline blob put, or name another by --id.", e);
                }
            }
            held.add(new Held(id, length));
        }
    }

    private int measure(BlobCaller caller) throws Exception {
        long began = System.currentTimeMillis();
        long beginNs = System.nanoTime();
        BlobScores scores = new BlobScores(beginNs + schedule.warmUpNs(), beginNs + schedule.lengthNs());
        Pace pace = schedule.pace();
        try (Progress _ = new Progress(() -> line(scores, pace))) {
            scores.tally()
                    .unsent(schedule.run(
                            pace, beginNs, (number, intendedNs) -> scores.add(caller.request(number, intendedNs))));
        }
        ObjectNode measured = new ObjectMapper().createObjectNode();
        describe(measured.putObject("asked"));
        scores.describe(measured);
        return result.finish(
                "blobs",
                command(),
                measured,
                scores.latencies(),
                began,
                scores.faults(schedule.isOpen(), schedule.mostErrors()));
    }

    /** Removes what the load has put; a node that refuses is named once, and keeps the rest. */
    private static void remove(Collection<Put> puts) {
        List<BlobNode> failed = new ArrayList<>();
        for (Put one : puts) {
            try {
                if (!failed.contains(one.node())) {
                    one.node().delete(one.id());
                }
            } catch (NoSuchBlobException e) {
                // It never got there.
            } catch (IOException e) {
                failed.add(one.node());
                System.err.println("plumbline load: blobs of this load are left at the node: " + e.getMessage());
            }
        }
    }

    private static String line(BlobScores scores, Pace pace) {
        return String.format(
                Locale.ROOT,
                "done %d, failed %d, under way %d; get p99 %.4g, range p99 %.4g, put p99 %.4g ms",
                scores.tally().of(Exchange.Outcome.ANSWERED),
                scores.tally().of(Exchange.Outcome.FAILED),
                pace.underWay(),
                scores.latencies().ms(BlobCaller.Kind.GET.latencies, 99),
                scores.latencies().ms(BlobCaller.Kind.RANGE.latencies, 99),
                scores.latencies().ms(BlobCaller.Kind.PUT.latencies, 99));
    }

    private void describe(ObjectNode asked) {
        asked.put("url", urls.isEmpty() ? "a data node in this process" : String.join(",", urls));
        schedule.describe(asked);
        asked.put("blobs", ids.isEmpty() ? blobs : ids.size()).put("bytes", bytes);
        asked.put("ranges", ranges).put("range_bytes", rangeBytes).put("put", put);
    }

    /** The command that does the same again; a key is in no file. */
    private String command() {
        return "./plumbline load blobs"
                + (urls.isEmpty() ? "" : " --url " + String.join(",", urls))
                + (ids.isEmpty() ? " --blobs " + blobs : " --id " + String.join(",", ids))
                + " --bytes " + bytes
                + (ranges == 0 ? "" : " --ranges " + ranges + " --range-bytes " + rangeBytes)
                + (put == 0 ? "" : " --put " + put)
                + schedule.words();
    }
}
