package io.plumbline.benchmarks.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.node.data.BlobServer;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class BlobLoadTest {
    @TempDir
    private Path folder;

    private int code;
    private String errors;

    private void run(String... words) throws Exception {
        CommandLine ended = CommandLine.run(words);
        code = ended.code();
        errors = ended.errors();
    }

    private JsonNode load(String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("blobs", "--warm-up", "0", "--seconds", "0.5", "--blobs", "4"));
        all.addAll(List.of("--dir", folder.resolve("own").toString()));
        all.addAll(List.of("--out", folder.resolve("result.json").toString()));
        all.addAll(List.of(words));
        run(all.toArray(String[]::new));
        Path file = folder.resolve(code == 0 ? "result.json" : "result.FAIL.json");
        assertTrue(Files.exists(file), errors);
        return new ObjectMapper().readTree(file.toFile());
    }

    private static long count(JsonNode result, String name) {
        return result.path("latencies").path(name).path("count").asLong();
    }

    private static Bytes32 put(BlobStore store, int bytes) throws IOException {
        byte[] random = new byte[bytes];
        new Random(bytes).nextBytes(random);
        return store.put(new ByteArrayInputStream(random), Progress.none());
    }

    private BlobServer serve(BlobStore store) throws IOException {
        return new BlobServer(store, "127.0.0.1", 0, null, null, Throwable::printStackTrace);
    }

    @Test
    void aNodeOfItsOwnIsReadWrittenAndGoneAfterwards() throws Exception {
        JsonNode result =
                load("--rate", "80", "--arrivals", "constant", "--bytes", "1-60000", "--ranges", "0.5", "--put", "0.3");
        assertEquals(0, code, errors);
        assertEquals("GOOD", result.path("verdict").asText());
        assertEquals(40, result.path("answered").asInt());
        long gets = count(result, "get");
        long ranges = count(result, "range");
        long puts = count(result, "put");
        assertTrue(gets > 0 && ranges > 0 && puts > 0, result.toString());
        assertEquals(40, gets + ranges + puts);
        assertEquals(gets + ranges, count(result, "first_verified"));
        assertTrue(result.path("got_bytes").asLong() > 0
                && result.path("put_bytes").asLong() > 0);
        try (var left = Files.list(folder.resolve("own"))) {
            assertEquals(0, left.count());
        }
        Set<String> tags = new HashSet<>();
        HistogramLogReader log =
                new HistogramLogReader(folder.resolve("result.hlog").toString());
        for (EncodableHistogram next; (next = log.nextIntervalHistogram()) != null; ) {
            tags.add(next.getTag());
        }
        assertTrue(tags.containsAll(List.of("send_lag", "get", "range", "put", "first_verified")), tags.toString());
    }

    @Test
    void nodesTakeTurnsAndNothingStaysWithThem() throws Exception {
        try (BlobStore one = BlobStore.open(folder.resolve("one"), Long.MAX_VALUE);
                BlobStore two = BlobStore.open(folder.resolve("two"), Long.MAX_VALUE);
                BlobServer first = serve(one);
                BlobServer second = serve(two)) {
            Bytes32 kept = put(one, 100);
            String urls = "http://127.0.0.1:" + first.port() + ",http://127.0.0.1:" + second.port();
            JsonNode result = load("--url", urls, "--concurrency", "2", "--put", "0.5", "--bytes", "exp:20000");
            assertEquals(0, code, errors);
            assertTrue(count(result, "get") > 0 && count(result, "put") > 0, result.toString());
            assertEquals(1, one.usage().blobs());
            assertEquals(100, one.stat(kept).bytes());
            assertEquals(0, two.usage().blobs());
        }
    }

    @Test
    void blobsThatAreThereAreGotAndNothingIsPut() throws Exception {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobServer server = serve(store)) {
            String url = "http://127.0.0.1:" + server.port();
            Bytes32 id = put(store, 100_000);
            JsonNode result = load("--url", url, "--id", id.toString(), "--rate", "20", "--arrivals", "constant");
            assertEquals(0, code, errors);
            assertEquals(10, count(result, "get"));
            assertEquals(1_000_000, result.path("got_bytes").asLong());
            assertEquals(1, store.usage().blobs());

            String absent = "ab".repeat(32);
            run("blobs", "--url", url, "--id", absent, "--rate", "1");
            assertEquals(1, code);
            assertEquals(
                    "plumbline load: Blob " + absent + " is not in " + url
                            + ". Put it there with ./plumbline blob put, or name another by --id.",
                    errors);
        }
    }

    /** In front of a node: what it sends goes through {@code change}. */
    private interface Change {
        byte[] of(byte[] sent) throws InterruptedException;
    }

    private static HttpServer front(int port, int threads, Change change) throws IOException {
        HttpServer front = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        front.setExecutor(Executors.newFixedThreadPool(
                threads, Thread.ofPlatform().daemon().factory()));
        front.createContext("/", http -> {
            try (http) {
                byte[] sent = URI.create("http://127.0.0.1:" + port + http.getRequestURI())
                        .toURL()
                        .openStream()
                        .readAllBytes();
                byte[] answer = http.getRequestURI().getPath().endsWith("/verified") ? change.of(sent) : sent;
                http.sendResponseHeaders(200, answer.length);
                http.getResponseBody().write(answer);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        front.start();
        return front;
    }

    private JsonNode loadThroughAFront(int threads, Change change, String... words) throws Exception {
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobServer server = serve(store)) {
            Bytes32 id = put(store, 50_000);
            HttpServer front = front(server.port(), threads, change);
            try {
                List<String> all = new ArrayList<>(List.of(
                        "--url", "http://127.0.0.1:" + front.getAddress().getPort()));
                all.addAll(List.of("--id", id.toString(), "--arrivals", "constant"));
                all.addAll(List.of(words));
                return load(all.toArray(String[]::new));
            } finally {
                front.stop(0);
            }
        }
    }

    @Test
    void oneWrongByteFailsTheRunHoweverManyErrorsMayBe() throws Exception {
        AtomicInteger answers = new AtomicInteger();
        JsonNode result = loadThroughAFront(
                4,
                sent -> {
                    if (answers.incrementAndGet() == 3) {
                        sent[sent.length - 1] ^= 1;
                    }
                    return sent;
                },
                "--rate",
                "20",
                "--most-errors",
                "1");
        assertEquals(1, code);
        assertEquals("plumbline load: FAIL: 1 gets had bytes that are not the blob's.", errors);
        assertEquals(1, result.path("wrong_bytes").asInt());
        assertEquals(9, result.path("answered").asInt());
    }

    @Test
    void aStallIsFeltByAllRequestsThatWereDueInIt() throws Exception {
        AtomicInteger answers = new AtomicInteger();
        JsonNode result = loadThroughAFront(
                1,
                sent -> {
                    if (answers.incrementAndGet() == 3) {
                        Thread.sleep(700);
                    }
                    return sent;
                },
                "--rate",
                "100");
        byte[] whole = Base64.getDecoder()
                .decode(result.path("latencies").path("get").path("hdr").asText());
        long slow = Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(whole), 0)
                .getCountBetweenValues(TimeUnit.MILLISECONDS.toNanos(100), TimeUnit.HOURS.toNanos(1));
        assertTrue(slow >= 20, slow + " requests were slow");
    }

    @Test
    void aRateThatWasMissedIsAFailure() throws Exception {
        JsonNode result = loadThroughAFront(
                1,
                sent -> {
                    Thread.sleep(50);
                    return sent;
                },
                "--rate",
                "200",
                "--most-under-way",
                "1");
        assertEquals(1, code);
        assertEquals("FAIL", result.path("verdict").asText());
        assertTrue(errors.matches("plumbline load: FAIL: \\d+ of \\d+ requests could not be sent .*"), errors);
        assertTrue(result.path("command").asText().endsWith(" --most-under-way 1"), result.toString());
        assertFalse(Files.exists(folder.resolve("result.json")));
    }

    @Test
    void aNodeThatCannotBeUsedIsToldOfInOneLine() throws Exception {
        run("blobs", "--url", "http://127.0.0.1:1", "--rate", "1");
        assertEquals(1, code);
        assertTrue(
                errors.matches("plumbline load: http://127.0.0.1:1 cannot be reached: [^\n]+ here for the load\\."),
                errors);
        try (BlobStore store = BlobStore.open(folder.resolve("store"), Long.MAX_VALUE);
                BlobServer server = new BlobServer(store, "0.0.0.0", 0, null, null, Throwable::printStackTrace)) {
            run("blobs", "--url", "http://127.0.0.1:" + server.port(), "--rate", "1");
            assertEquals(1, code);
            assertTrue(
                    errors.matches("plumbline load: [^\n]+ refuses \\(\\d+\\): [^\n]+ blobs that are there by --id\\."),
                    errors);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--rate 0",
                "--rate 1 --concurrency 1",
                "--rate 1 --arrivals never",
                "--rate 1 --seconds 0",
                "--rate 1 --url nowhere",
                "--rate 1 --url ftp://host",
                "--rate 1 --url http://127.0.0.1:1 --id 12",
                "--rate 1 --id abababababababababababababababababababababababababababababababab",
                "--rate 1 --bytes huge",
                "--rate 1 --bytes 999999999",
                "--rate 1 --blobs 0",
                "--rate 1 --put 2",
                "--rate 1 --ranges -1"
            })
    void badInputIsOneLineThatSaysWhatToDo(String words) throws Exception {
        run(("blobs " + words).strip().split(" "));
        assertEquals(2, code);
        assertTrue(errors.matches("plumbline load: [^\n]+ Try plumbline load blobs --help\\."), errors);
    }
}
