package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.data.erasure.ShardSources;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedPut;
import io.plumbline.data.erasure.StripedRepair;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.data.BlobServer;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.agrona.CloseHelper;

/**
 * Headlines blob-put, blob-get, blob-sources, blob-repair and blob-range: a store beside write and fsync; a fetch that
 * checks every byte beside the slowest of disk, wire and hash, and of several nodes beside one; a lost shard made
 * again; a mebibyte from inside of a huge blob beside the same bytes unproven.
 */
@Parameters(
        commandNames = "blobs",
        commandDescription = "Blobs put, fetched and read by range, beside disk, wire and hash alone.")
final class BlobBench implements Callable<Integer> {
    private static final double MB = 1e6;
    private static final int PIECE_BYTES = 1 << 20;

    private static final int SHARDS = 6;
    private static final int DATA_SHARDS = 4;

    /** Data nodes that are fetched from at once, each behind a line of so many bytes a second. */
    private static final int SOURCES = 4;

    private static final long LINE_BYTES = 100_000_000;
    private static final int LINE_PIECE_BYTES = 64 << 10;

    /** Mebibytes of a huge blob that are not holes, and asked for. */
    private static final int RANGES = 200;

    @Parameter(names = "--mib", description = "size of the blob that is put and fetched")
    private int mib = 1024;

    @Parameter(names = "--gib", description = "size of the blob that ranges are read of; sparse, 0 to go without")
    private int gib = 100;

    @Parameter(names = "--rounds", description = "readings")
    private int rounds = 5;

    @Parameter(names = "--dir", description = "DIR: on the disk that is measured")
    private Path dir = Path.of(System.getProperty("java.io.tmpdir"));

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private Path folder;

    @Override
    public Integer call() throws Exception {
        folder = Files.createTempDirectory(dir, "blobs-");
        try {
            whole();
            several();
            repair();
            if (gib > 0) {
                range();
            }
        } finally {
            Directories.delete(folder);
        }
        return 0;
    }

    private void whole() throws IOException {
        Path source = folder.resolve("source");
        fill(source);
        double[] put = new double[rounds];
        double[] written = new double[rounds];
        double[] get = new double[rounds];
        double[] wire = new double[rounds];
        double[] hash = new double[rounds];
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace)) {
            Bytes32 id;
            try (FileBlob blob = FileBlob.of(source, Progress.none())) {
                id = blob.id();
            }
            BlobNode node = new BlobNode("http://127.0.0.1:" + server.port(), null);
            for (int i = -1; i < rounds; i++) {
                // Ours before and after the peer's two: what a disk has just freed or written bears on what comes next.
                double ourPut = put(store, source, id);
                double plain = write(source, folder.resolve("plain")) + write(source, folder.resolve("plain"));
                ourPut = (ourPut + put(store, source, id)) / 2;
                plain /= 2;
                double ourGet = get(List.of(node), id);
                double theWire = wire(server.port(), id);
                double theHash = hash(source, id);
                if (i >= 0) {
                    put[i] = rate(ourPut);
                    written[i] = rate(plain);
                    get[i] = rate(ourGet);
                    wire[i] = rate(theWire);
                    hash[i] = rate(theHash);
                }
                System.out.printf(
                        "put %.0f, written %.0f, got %.0f, sent %.0f, hashed %.0f MB/s%n",
                        rate(ourPut), rate(plain), rate(ourGet), rate(theWire), rate(theHash));
            }
        }
        new BenchmarkResult(
                        "blob-put",
                        new Readings(put),
                        "MB/s put into a store, hashed, with its outboard, on disk",
                        false,
                        "the same file read, written and fsynced",
                        new Readings(written),
                        null,
                        "./plumbline bench blobs --gib 0",
                        null)
                .write(results);
        ObjectNode details = new ObjectMapper()
                .createObjectNode()
                .put("written and fsynced, MB/s", new Readings(written).toString())
                .put("sent over HTTP on loopback unread, MB/s", new Readings(wire).toString())
                .put("hashed on one core, MB/s", new Readings(hash).toString());
        new BenchmarkResult(
                        "blob-get",
                        new Readings(get),
                        "MB/s fetched over loopback, every byte proven, on disk; server and reader on the same cores",
                        false,
                        "the least of disk (write and fsync), wire (HTTP on loopback) and BLAKE3 on one core",
                        least(new Readings(written), new Readings(wire), new Readings(hash)),
                        null,
                        "./plumbline bench blobs --gib 0",
                        details)
                .write(results);
    }

    private static Readings least(Readings... all) {
        return Arrays.stream(all)
                .min(Comparator.comparingDouble(Readings::median))
                .orElseThrow();
    }

    private double rate(double seconds) {
        return mib * 1048576.0 / MB / seconds;
    }

    private void fill(Path file) throws IOException {
        byte[] block = new byte[PIECE_BYTES];
        Random random = new Random(2);
        try (OutputStream out = Files.newOutputStream(file)) {
            for (int i = 0; i < mib; i++) {
                random.nextBytes(block);
                out.write(block);
            }
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static double seconds(Work work) throws IOException {
        long begin = System.nanoTime();
        work.run();
        return (System.nanoTime() - begin) / 1e9;
    }

    private static double put(BlobStore store, Path source, Bytes32 expected) throws IOException {
        if (store.stat(expected) != null) {
            store.delete(expected);
        }
        Bytes32[] id = new Bytes32[1];
        double seconds = seconds(() -> {
            try (InputStream in = Files.newInputStream(source)) {
                id[0] = store.put(in, Progress.none());
            }
        });
        requireSame(expected, id[0]);
        return seconds;
    }

    private static void requireSame(Bytes32 expected, Bytes32 found) throws IOException {
        if (!expected.equals(found)) {
            throw new IOException("Two hashes of one file: " + expected + " and " + found + ".");
        }
    }

    private static double write(Path source, Path to) throws IOException {
        double seconds = seconds(() -> {
            byte[] piece = new byte[PIECE_BYTES];
            try (InputStream in = Files.newInputStream(source);
                    FileChannel out = FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                for (int read = in.read(piece); read > 0; read = in.read(piece)) {
                    for (ByteBuffer left = ByteBuffer.wrap(piece, 0, read); left.hasRemaining(); ) {
                        out.write(left);
                    }
                }
                out.force(true);
            }
        });
        Files.delete(to);
        return seconds;
    }

    private double get(List<? extends BlobSource> nodes, Bytes32 id) throws IOException {
        Path to = folder.resolve("got");
        double seconds = seconds(() -> {
            Download download = new Download(nodes, RateLimit.none(), System.err::println);
            try (PartialBlob blob = PartialBlob.besideFile(id, download.bytes(id), to)) {
                download.run(blob, Progress.none());
            }
        });
        try (FileBlob blob = FileBlob.of(to, Progress.none())) {
            requireSame(id, blob.id());
        }
        Files.delete(to);
        return seconds;
    }

    private static double wire(int port, Bytes32 id) throws IOException {
        return seconds(() -> {
            try (InputStream in = plain(port, id, null)) {
                byte[] piece = new byte[256 << 10];
                while (in.read(piece) > 0) {
                    Thread.onSpinWait();
                }
            }
        });
    }

    private static InputStream plain(int port, Bytes32 id, ByteRange range) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + "/v1/blobs/" + id)
                .toURL()
                .openConnection();
        if (range != null) {
            connection.setRequestProperty("Range", "bytes=" + range.from() + "-" + (range.to() - 1));
        }
        return connection.getInputStream();
    }

    private static double hash(Path source, Bytes32 id) throws IOException {
        byte[][] found = new byte[1][];
        double seconds = seconds(() -> {
            try (Arena arena = Arena.ofConfined();
                    FileChannel channel = FileChannel.open(source, StandardOpenOption.READ)) {
                MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
                found[0] = Blake3.plain().update(bytes).digest();
            }
        });
        requireSame(id, Bytes32.of(found[0]));
        return seconds;
    }

    /** The same blob of one node and of several whose lines are slower than this host. */
    private void several() throws IOException {
        Path source = folder.resolve("source");
        double[] one = new double[rounds];
        double[] all = new double[rounds];
        List<AutoCloseable> open = new ArrayList<>();
        try {
            BlobStore store = BlobStore.open(folder.resolve("shared"), Long.MAX_VALUE);
            open.addFirst(store);
            Bytes32 id;
            try (InputStream in = Files.newInputStream(source)) {
                id = store.put(in, Progress.none());
            }
            List<BlobSource> nodes = new ArrayList<>();
            for (int i = 0; i < SOURCES; i++) {
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
                open.addFirst(server);
                nodes.add(new SlowSource(new BlobNode("http://127.0.0.1:" + server.port(), null), LINE_BYTES));
            }
            for (int i = 0; i < rounds; i++) {
                one[i] = rate(get(nodes.subList(0, 1), id));
                all[i] = rate(get(nodes, id));
                System.out.printf("got %.0f of one, %.0f MB/s of %d%n", one[i], all[i], SOURCES);
            }
        } finally {
            CloseHelper.closeAll(open);
        }
        new BenchmarkResult(
                        "blob-sources",
                        new Readings(all),
                        "MB/s fetched of " + SOURCES + " data nodes at once, each of which gives "
                                + Math.round(LINE_BYTES / MB) + " MB/s",
                        false,
                        "one of them alone",
                        new Readings(one),
                        null,
                        "./plumbline bench blobs --gib 0",
                        null)
                .write(results);
    }

    /** A data node behind a line of its own. */
    private static final class SlowSource implements BlobSource {
        private final BlobSource source;
        private final RateLimit line;

        SlowSource(BlobSource source, long bytesPerSecond) {
            this.source = source;
            this.line = RateLimit.of(bytesPerSecond);
        }

        @Override
        public String name() {
            return source.name();
        }

        @Override
        public long bytes(Bytes32 id) throws IOException {
            return source.bytes(id);
        }

        @Override
        public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
            return new FilterInputStream(source.range(id, bytes, range)) {
                @Override
                public int read(byte[] target, int offset, int length) throws IOException {
                    int read = super.read(target, offset, Math.min(length, LINE_PIECE_BYTES));
                    line.take(Math.max(0, read));
                    return read;
                }
            };
        }
    }

    private static int port(BlobNode node) {
        return URI.create(node.name()).getPort();
    }

    /** One of six shards is gone; it is read of four others and made again. */
    private void repair() throws IOException {
        List<AutoCloseable> open = new ArrayList<>();
        List<BlobStore> stores = new ArrayList<>();
        List<BlobNode> nodes = new ArrayList<>();
        try {
            for (int i = 0; i < SHARDS; i++) {
                BlobStore store = BlobStore.open(folder.resolve("node" + i), Long.MAX_VALUE);
                open.addFirst(store);
                BlobServer server = new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
                open.addFirst(server);
                stores.add(store);
                nodes.add(new BlobNode("http://127.0.0.1:" + server.port(), null));
            }
            Path source = folder.resolve("source");
            StripedBlob blob =
                    StripedPut.run(source, nodes, nodes, DATA_SHARDS, "bench", RateLimit.none(), Progress.none());
            double kept =
                    stores.stream().mapToLong(store -> store.usage().bytes()).sum() / (double) blob.bytes();
            double[] ours = new double[rounds];
            double[] written = new double[rounds];
            double[] quarter = new double[rounds];
            Path shard = folder.resolve("shard");
            for (int i = -1; i < rounds; i++) {
                stores.getFirst().delete(blob.shards().getFirst());
                double seconds = seconds(() ->
                        StripedRepair.run(blob, 0, new ShardSources(blob, nodes), stores.getFirst(), Progress.none()));
                try (FileChannel out =
                        FileChannel.open(shard, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    try (StoredBlob stored =
                            stores.getFirst().open(blob.shards().getFirst())) {
                        byte[] piece = new byte[PIECE_BYTES];
                        for (long at = 0; at < stored.bytes(); at += piece.length) {
                            int length = (int) Math.min(piece.length, stored.bytes() - at);
                            stored.read(at, piece, 0, length);
                            out.write(ByteBuffer.wrap(piece, 0, length));
                        }
                    }
                }
                double plain = write(shard, folder.resolve("plain"));
                Files.delete(shard);
                double theWire = 0;
                for (int j = 1; j <= DATA_SHARDS; j++) {
                    theWire += wire(port(nodes.get(j)), blob.shards().get(j));
                }
                System.out.printf(
                        "made again %.0f, written %.0f MB/s%n",
                        blob.shardBytes() / MB / seconds, blob.shardBytes() / MB / plain);
                if (i >= 0) {
                    ours[i] = blob.shardBytes() / MB / seconds;
                    written[i] = blob.shardBytes() / MB / plain;
                    quarter[i] = blob.shardBytes() / MB / theWire;
                }
            }
            new BenchmarkResult(
                            "blob-repair",
                            new Readings(ours),
                            "MB/s of a lost shard made again of four others over HTTP, proven, on disk",
                            false,
                            "the least of disk (write and fsync) and wire (four shards over HTTP on loopback, unread)",
                            least(new Readings(written), new Readings(quarter)),
                            null,
                            "./plumbline bench blobs --gib 0",
                            new ObjectMapper()
                                    .createObjectNode()
                                    .put("written and fsynced, MB/s", new Readings(written).toString())
                                    .put("sent, a shard for four, MB/s", new Readings(quarter).toString())
                                    .put(
                                            "bytes kept for each byte, where two of six nodes may be lost",
                                            BenchmarkResult.rounded(kept))
                                    .put("the same at Walrus, as published, where a third of all nodes may lie", 4.5))
                    .write(results);
        } finally {
            CloseHelper.closeAll(open);
        }
    }

    private void range() throws IOException {
        long bytes = (long) gib << 30;
        Path store = folder.resolve("sparse");
        long[] places = new Random(3)
                .longs(RANGES, 0, bytes / PIECE_BYTES)
                .map(place -> place * PIECE_BYTES)
                .toArray();
        Bytes32 id = SparseBlob.make(store, bytes, places, PIECE_BYTES);
        double[] ours = new double[RANGES];
        double[] first = new double[RANGES];
        double[] theirs = new double[RANGES];
        try (BlobStore opened = BlobStore.open(store, Long.MAX_VALUE);
                BlobServer server = new BlobServer(opened, "127.0.0.1", 0, null, null, Throwable::printStackTrace)) {
            BlobNode node = new BlobNode("http://127.0.0.1:" + server.port(), null);
            // All are asked for twice: once until the code is compiled.
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < RANGES; i++) {
                    ByteRange range = new ByteRange(places[i], places[i] + PIECE_BYTES);
                    byte[][] got = new byte[2][PIECE_BYTES];
                    first[i] = 1e3 * seconds(() -> node.read(id, bytes, firstGroup(range), new byte[PIECE_BYTES]));
                    ours[i] = 1e3 * seconds(() -> node.read(id, bytes, range, got[0]));
                    theirs[i] = 1e3
                            * seconds(() -> {
                                try (InputStream in = plain(server.port(), id, range)) {
                                    in.readNBytes(got[1], 0, PIECE_BYTES);
                                }
                            });
                    if (!Arrays.equals(got[0], got[1])) {
                        throw new IOException("Two readings of bytes " + range + " differ.");
                    }
                }
            }
        }
        ObjectNode details = new ObjectMapper()
                .createObjectNode()
                .put("p99, ms", BenchmarkResult.rounded(percentile(ours, 99)))
                .put("peer's p99, ms", BenchmarkResult.rounded(percentile(theirs, 99)))
                .put("first verified group of 16 KiB, p50, ms", BenchmarkResult.rounded(percentile(first, 50)))
                .put("first verified group of 16 KiB, p99, ms", BenchmarkResult.rounded(percentile(first, 99)));
        System.out.println(details.toPrettyString());
        new BenchmarkResult(
                        "blob-range",
                        new Readings(ours),
                        "ms for 1 MiB from inside of a blob of " + gib
                                + " GiB, proven by its id, over HTTP on loopback",
                        true,
                        "the same bytes by HTTP Range, unproven",
                        new Readings(theirs),
                        null,
                        "./plumbline bench blobs --mib 64",
                        details)
                .write(results);
    }

    private static ByteRange firstGroup(ByteRange range) {
        return new ByteRange(range.from(), range.from() + ChunkGroups.BYTES);
    }

    private static double percentile(double[] readings, int percent) {
        double[] sorted = readings.clone();
        Arrays.sort(sorted);
        return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)];
    }
}
