package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.FileBlob;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.data.transfer.Upload;
import io.plumbline.node.http.Origins;
import io.plumbline.node.http.ReboundPage;
import io.plumbline.node.tls.TestCertificates;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlobServerTest {
    private static final int GROUP = ChunkGroups.BYTES;
    private static final int MIB = 1 << 20;

    @TempDir
    private Path folder;

    private final List<Throwable> faults = new ArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private final HttpClient http = HttpClient.newHttpClient();

    /** A data node's store behind its server. */
    private record Served(BlobStore store, BlobServer server) implements AutoCloseable {
        BlobNode node() {
            return new BlobNode("http://127.0.0.1:" + server.port(), null);
        }

        @Override
        public void close() throws IOException {
            server.close();
            store.close();
        }
    }

    private Served serve(String name, long quota) throws IOException {
        return serve(name, quota, null);
    }

    private Served serve(String name, long quota, SSLContext tls) throws IOException {
        BlobStore store = BlobStore.open(folder.resolve(name), quota);
        Served served = new Served(store, new BlobServer(store, "127.0.0.1", 0, null, tls, faults::add));
        open.add(served);
        return served;
    }

    private Served serve(String name) throws IOException {
        return serve(name, Long.MAX_VALUE);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable one : open.reversed()) {
            one.close();
        }
        assertEquals(List.of(), faults);
    }

    private static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static Bytes32 put(Served served, byte[] bytes) throws IOException {
        return served.store().put(new ByteArrayInputStream(bytes), Progress.none());
    }

    private Path file(byte[] bytes) throws IOException {
        return Files.write(Files.createTempFile(folder, "file", ""), bytes);
    }

    private byte[] get(Bytes32 id, List<String> warnings, BlobSource... sources) throws IOException {
        Download download = new Download(List.of(sources), RateLimit.none(), warnings::add);
        Path to = folder.resolve("got-" + id);
        try (PartialBlob blob = PartialBlob.besideFile(id, download.bytes(id), to)) {
            download.run(blob, Progress.none());
        }
        return Files.readAllBytes(to);
    }

    private HttpResponse<byte[]> ask(Served served, String method, String path, byte[] body, String... headers)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + served.server().port() + path))
                .method(method, BodyPublishers.ofByteArray(body));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), BodyHandlers.ofByteArray());
    }

    /** A key lets its holder remove blobs, and one that is kept for pay would cost the node its collateral. */
    @Test
    void whatADealKeepsIsNotRemovedFromOutside() throws Exception {
        Served served = serve("node");
        Bytes32 id = put(served, bytes(10, 3));
        served.store().pin(id, "deal-7");
        assertEquals(409, ask(served, "DELETE", "/v1/blobs/" + id, new byte[0]).statusCode());
        for (String method : List.of("PUT", "DELETE")) {
            assertEquals(
                    403,
                    ask(served, method, "/v1/blobs/" + id + "/pins/deal-7", new byte[0])
                            .statusCode());
        }
        assertEquals(Set.of("deal-7"), served.store().stat(id).pins());
        served.store().unpin(id, "deal-7");
        assertEquals(200, ask(served, "DELETE", "/v1/blobs/" + id, new byte[0]).statusCode());
    }

    /** The ledger has addresses, which no certificate is made out to, and does not say who has TLS. */
    @Test
    void aNodeThatTheLedgerNamesIsAskedOverTlsWhereItHasIt() throws IOException {
        Served plain = serve("plain");
        Served hidden = serve(
                "hidden",
                Long.MAX_VALUE,
                TestCertificates.make(folder, "EC", "data.example").context());
        for (Served served : List.of(plain, hidden)) {
            byte[] bytes = bytes(9 * MIB + 5, served.server().port());
            Bytes32 id = put(served, bytes);
            BlobNode node = BlobNode.announced("127.0.0.1", served.server().port());
            assertArrayEquals(bytes, get(id, new ArrayList<>(), node));
        }
        BlobNode strict = new BlobNode("https://127.0.0.1:" + hidden.server().port(), null);
        assertThrows(IOException.class, () -> strict.list(null), "who is named by an URL has to prove its name");
        int port = plain.server().port();
        plain.server().close();
        BlobNode gone = BlobNode.announced("127.0.0.1", port);
        String why = assertThrows(IOException.class, () -> gone.list(null)).getMessage();
        assertTrue(why.contains("cannot be reached"), why);
    }

    @Test
    void aFileGoesToANodeAndComesBackFromItByItsHash() throws IOException {
        Served served = serve("node");
        for (int length : new int[] {0, 1, GROUP, GROUP + 1, 9 * MIB + 12345}) {
            byte[] bytes = bytes(length, length);
            AtomicLong sent = new AtomicLong();
            try (FileBlob blob = FileBlob.of(file(bytes), Progress.none())) {
                assertEquals(Bytes32.of(Blake3.hash(bytes)), blob.id());
                new Upload(served.node(), RateLimit.none()).run(blob, sent::addAndGet);
                assertEquals(length, sent.get());
                // Sent again, nothing is.
                new Upload(served.node(), RateLimit.none()).run(blob, Progress.none());
                assertArrayEquals(bytes, get(blob.id(), new ArrayList<>(), served.node()));
                assertEquals(List.of(), served.store().scrub(blob.id(), Progress.none()));
            }
        }
        assertEquals(5, served.store().usage().blobs());
    }

    @Test
    void aNodeWhoseDiskHasRottedIsNamedAndTheOthersGiveTheRest() throws IOException {
        Served rotten = serve("rotten");
        Served good = serve("good");
        byte[] bytes = bytes(40 * MIB, 1);
        Bytes32 id = put(rotten, bytes);
        put(good, bytes);
        Path blob = rotten.store().folder().resolve("blobs/" + id.toString().substring(0, 2) + "/" + id);
        try (FileChannel channel = FileChannel.open(blob, StandardOpenOption.WRITE)) {
            for (int at = 100; at < bytes.length; at += MIB) {
                channel.write(ByteBuffer.wrap(new byte[] {(byte) ~bytes[at]}), at);
            }
        }
        List<String> warnings = new ArrayList<>();
        assertArrayEquals(bytes, get(id, warnings, rotten.node(), good.node()));
        assertEquals(1, warnings.size(), warnings.toString());
        assertTrue(warnings.getFirst().startsWith(rotten.node().name()), warnings.toString());
        IOException alone = assertThrows(IOException.class, () -> get(id, warnings, rotten.node()));
        assertTrue(alone.getMessage().contains("are not those of a blob"), alone.getMessage());
    }

    /** Gives up after some ranges, as a process that is killed does. */
    private record Dying(BlobSource source, AtomicLong left) implements BlobSource {
        @Override
        public String name() {
            return "dying";
        }

        @Override
        public long bytes(Bytes32 id) throws IOException {
            return source.bytes(id);
        }

        @Override
        public InputStream range(Bytes32 id, long bytes, ByteRange range) throws IOException {
            if (left.decrementAndGet() < 0) {
                throw new IOException("connection refused");
            }
            return source.range(id, bytes, range);
        }
    }

    @Test
    void whatHasComeIsKeptWhenTheOnlySourceDiesAndTheNextTryAsksForTheRest() throws IOException {
        Served served = serve("node");
        byte[] bytes = bytes(50 * MIB, 2);
        Bytes32 id = put(served, bytes);
        // The first of four proves the length.
        IOException died = assertThrows(
                IOException.class, () -> get(id, new ArrayList<>(), new Dying(served.node(), new AtomicLong(4))));
        assertTrue(died.getMessage().contains("What has come is kept"), died.getMessage());
        AtomicLong came = new AtomicLong();
        Download download = new Download(List.of(served.node()), RateLimit.none(), warning -> {});
        Path to = folder.resolve("got-" + id);
        try (PartialBlob blob = PartialBlob.besideFile(id, bytes.length, to)) {
            download.run(blob, came::addAndGet);
        }
        assertEquals(bytes.length - 24 * MIB, came.get());
        assertArrayEquals(bytes, Files.readAllBytes(to));
        try (var files = Files.list(folder)) {
            assertEquals(
                    0,
                    files.filter(path -> path.toString().contains(".partial")).count());
        }
    }

    /** Two of one length, such as the shards that two descriptions name, may be asked for as one file. */
    @Test
    void whatHasComeOfOneBlobIsNotTakenForAnother() throws IOException {
        Served served = serve("node");
        byte[] first = bytes(20 * MIB, 10);
        Bytes32 cut = put(served, first);
        Path to = folder.resolve("got");
        for (int length : new int[] {20 * MIB, 3 * MIB}) {
            Download dying =
                    new Download(List.of(new Dying(served.node(), new AtomicLong(1))), RateLimit.none(), warning -> {});
            try (PartialBlob blob = PartialBlob.besideFile(cut, first.length, to)) {
                assertThrows(IOException.class, () -> dying.run(blob, Progress.none()));
                assertEquals(8L * MIB, blob.presentBytes());
            }
            byte[] second = bytes(length, 11);
            try (PartialBlob blob = PartialBlob.besideFile(put(served, second), length, to)) {
                assertEquals(0, blob.presentBytes());
                new Download(List.of(served.node()), RateLimit.none(), warning -> {}).run(blob, Progress.none());
            }
            assertArrayEquals(second, Files.readAllBytes(to));
        }
    }

    @Test
    void anUploadThatWasCutGoesOnWhereItWas() throws IOException {
        byte[] bytes = bytes(20 * MIB, 3);
        Path file = file(bytes);
        Bytes32 id;
        try (FileBlob blob = FileBlob.of(file, Progress.none())) {
            id = blob.id();
            Served first = serve("node");
            first.node().missing(id, bytes.length);
            ByteRange range = new ByteRange(4L * MIB, 8L * MIB);
            ByteArrayOutputStream encoded = new ByteArrayOutputStream();
            blob.encode(range, (some, length) -> encoded.write(some, 0, length));
            first.node().send(id, bytes.length, range, encoded.size(), encoded::writeTo);
            open.remove(first);
            first.close();
            Served second = serve("node");
            BlobNode.Missing missing = second.node().missing(id, bytes.length);
            assertEquals(4L * MIB, missing.presentBytes());
            assertEquals(4, missing.ranges().size());
            new Upload(second.node(), RateLimit.none()).run(blob, Progress.none());
            assertArrayEquals(bytes, get(id, new ArrayList<>(), second.node()));
        }
    }

    @Test
    void bytesAreReadAsHttpHasThemWholeAndByRange() throws IOException, InterruptedException {
        Served served = serve("node");
        byte[] bytes = bytes(100_000, 4);
        String path = "/v1/blobs/" + put(served, bytes);
        HttpResponse<byte[]> whole = ask(served, "GET", path, new byte[0]);
        assertArrayEquals(bytes, whole.body());
        assertEquals("bytes", whole.headers().firstValue("Accept-Ranges").orElseThrow());
        record Asked(String range, int from, int to) {}
        for (Asked asked : List.of(
                new Asked("bytes=0-0", 0, 1),
                new Asked("bytes=5-99", 5, 100),
                new Asked("bytes=99990-", 99_990, 100_000),
                new Asked("bytes=99990-200000", 99_990, 100_000),
                new Asked("bytes=-10", 99_990, 100_000),
                new Asked("bytes=-200000", 0, 100_000))) {
            HttpResponse<byte[]> some = ask(served, "GET", path, new byte[0], "Range", asked.range());
            assertEquals(206, some.statusCode(), asked.range());
            assertArrayEquals(Arrays.copyOfRange(bytes, asked.from(), asked.to()), some.body(), asked.range());
            assertEquals(
                    "bytes " + asked.from() + "-" + (asked.to() - 1) + "/100000",
                    some.headers().firstValue("Content-Range").orElseThrow());
        }
        for (String other : List.of("bytes=", "bytes=0-1,5-6", "lines=0-1", "bytes=-", "nonsense")) {
            assertEquals(
                    200, ask(served, "GET", path, new byte[0], "Range", other).statusCode(), other);
        }
        for (String none : List.of("bytes=100000-", "bytes=7-6", "bytes=-0")) {
            assertEquals(
                    416, ask(served, "GET", path, new byte[0], "Range", none).statusCode(), none);
        }
        HttpResponse<byte[]> head = ask(served, "HEAD", path, new byte[0]);
        assertEquals("100000", head.headers().firstValue("Content-Length").orElseThrow());
        assertEquals(0, head.body().length);
    }

    @Test
    void whatIsWrongIsRefusedWithItsReasonAndNothingIsKept() throws IOException, InterruptedException {
        Served served = serve("node", 10L * MIB);
        byte[] bytes = bytes(3 * GROUP, 5);
        Bytes32 id = Bytes32.of(Blake3.hash(bytes));
        String path = "/v1/blobs/" + id;
        byte[] none = new byte[0];
        record Case(int status, String method, String path, byte[] body) {}
        String range = "?bytes=" + bytes.length + "&from=0&to=" + bytes.length;
        for (Case wrong : List.of(
                new Case(404, "GET", path, none),
                new Case(404, "GET", path + "/verified", none),
                new Case(404, "GET", path + "/stat", none),
                new Case(404, "DELETE", path, none),
                new Case(404, "PUT", path + "/pins/a", none),
                new Case(400, "GET", "/v1/blobs/xyz", none),
                new Case(400, "GET", "/v1/blobs?after=xyz", none),
                new Case(400, "GET", "/v1/blobs?pin=%0a", none),
                new Case(400, "POST", path + "/receive", none),
                new Case(400, "POST", path + "/receive?bytes=-1", none),
                new Case(400, "POST", path + "/receive?bytes=99999999999999999999", none),
                new Case(400, "POST", path + "/receive?bytes=999999999999999999", none),
                new Case(507, "POST", path + "/receive?bytes=" + 11 * MIB, none),
                new Case(400, "PUT", path + "/verified?bytes=10&from=5&to=11", none),
                new Case(400, "PUT", path + "/verified?bytes=10&from=6&to=5", none),
                new Case(413, "PUT", path + "/verified?bytes=" + 9 * MIB + "&from=0&to=" + 9 * MIB, none),
                new Case(422, "PUT", path + "/verified" + range, none),
                new Case(422, "PUT", path + "/verified" + range, new byte[3 * GROUP + 128]),
                new Case(413, "PUT", path + "/verified" + range, new byte[3 * GROUP + 129]),
                new Case(405, "POST", path, none))) {
            HttpResponse<byte[]> answer = ask(served, wrong.method(), wrong.path(), wrong.body());
            assertEquals(wrong.status(), answer.statusCode(), wrong + ": " + new String(answer.body()));
            if (answer.statusCode() != 405) {
                assertTrue(new String(answer.body()).contains("\"message\""), wrong.toString());
            }
        }
        served.node().delete(id);
        assertEquals(0, served.store().usage().bytes());
        assertNull(served.store().stat(id));
        assertThrows(NoSuchBlobException.class, () -> served.node().bytes(id));
    }

    @Test
    void pinsAreSetFoundAndTakenBack() throws IOException {
        Served served = serve("node");
        Bytes32 id = put(served, bytes(10, 6));
        served.node().pin(id, "of a model/1 u");
        assertEquals(List.of(id), served.node().pinned("of a model/1 u"));
        assertEquals(List.of("of a model/1 u"), served.node().stat(id).pins());
        served.node().unpin(id, "of a model/1 u");
        assertEquals(List.of(), served.node().pinned("of a model/1 u"));
    }

    @Test
    void aNodeThatOthersReachIsNotChangedByThem() throws IOException, InterruptedException {
        BlobStore store = BlobStore.open(folder.resolve("public"), Long.MAX_VALUE);
        Served served = new Served(store, new BlobServer(store, "0.0.0.0", 0, null, null, faults::add));
        open.add(served);
        Bytes32 id = put(served, bytes(10, 7));
        assertEquals(200, ask(served, "GET", "/v1/blobs/" + id, new byte[0]).statusCode());
        for (List<String> change : List.of(
                List.of("DELETE", "/v1/blobs/" + id),
                List.of("PUT", "/v1/blobs/" + id + "/pins/a"),
                List.of("POST", "/v1/blobs/" + id + "/receive?bytes=10"),
                List.of("PUT", "/v1/blobs/" + id + "/verified?bytes=10&from=0&to=10"))) {
            assertEquals(
                    403, ask(served, change.get(0), change.get(1), new byte[0]).statusCode());
        }
        try (StoredBlob blob = store.open(id)) {
            assertEquals(10, blob.bytes());
        }
    }

    @Test
    void webPagesOfOthersAreNotServed() throws IOException, InterruptedException {
        Served served = serve("node");
        Bytes32 id = put(served, bytes(10, 8));
        HttpResponse<byte[]> answer =
                ask(served, "DELETE", "/v1/blobs/" + id, new byte[0], "Origin", "https://evil.example");
        assertEquals(403, answer.statusCode());
        assertEquals(10, served.store().stat(id).bytes());
    }

    /** A page is its browser's own where its name leads to the node, and needs no leave then. */
    @Test
    void aPageThatWasLedHereReadsNoBlobs() throws IOException {
        Served served = serve("node");
        Bytes32 id = put(served, bytes(10, 8));
        for (String path : List.of("/v1/blobs", "/v1/blobs/" + id)) {
            assertEquals(421, ReboundPage.status(served.server().port(), path), path);
            assertEquals(200, ReboundPage.status(served.server().port(), path, "127.0.0.1"), path);
        }
        BlobServer named = new BlobServer(
                served.store(), "0.0.0.0", 0, Origins.LOCAL.withHosts(Set.of("data.example")), null, null, faults::add);
        open.add(named);
        assertEquals(200, ReboundPage.status(named.port(), "/v1/blobs", "data.example"));
        assertEquals(421, ReboundPage.status(named.port(), "/v1/blobs"));
    }

    @Test
    void aTransferKeepsToItsRate() throws IOException {
        RateLimit rate = RateLimit.of(50L * MIB);
        Served served = serve("node");
        byte[] bytes = bytes(10 * MIB, 9);
        Bytes32 id = put(served, bytes);
        long began = System.nanoTime();
        Path to = folder.resolve("slow");
        try (PartialBlob blob = PartialBlob.besideFile(id, bytes.length, to)) {
            new Download(List.of(served.node()), rate, warning -> {}).run(blob, Progress.none());
        }
        assertTrue(System.nanoTime() - began >= 90_000_000, "10 MiB at 50 MiB/s, less a tenth of a second's burst");
        assertArrayEquals(bytes, Files.readAllBytes(to));
    }

    /** A host that answers every request with the same JSON. */
    private BlobNode answering(String json) throws IOException {
        com.sun.net.httpserver.HttpServer liar =
                com.sun.net.httpserver.HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        liar.createContext("/", asked -> {
            asked.getRequestBody().readAllBytes();
            byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
            asked.sendResponseHeaders(200, bytes.length);
            asked.getResponseBody().write(bytes);
            asked.close();
        });
        liar.start();
        open.add(() -> liar.stop(0));
        return new BlobNode("http://127.0.0.1:" + liar.getAddress().getPort(), null);
    }

    @Test
    void answersThatMakeNoSenseAreTheNodesFault() throws IOException {
        Bytes32 id = Bytes32.of(Blake3.hash(new byte[5]));
        for (String json : List.of("x", "[]", "{}", "{\"bytes\":-1}", "{\"bytes\":9223372036854775807}")) {
            assertThrows(IOException.class, () -> answering(json).bytes(id), json);
        }
        assertThrows(
                IOException.class,
                () -> answering("{\"list\":[{\"id\":\"x\"}]}").pinned("a"));
        for (String range : List.of("\"from\":-1,\"to\":5", "\"from\":4,\"to\":3", "\"from\":0,\"to\":6")) {
            assertThrows(
                    IOException.class,
                    () -> answering("{\"missing\":[{" + range + "}]}").missing(id, 5),
                    range);
        }
        BlobNode forgetful = answering("{\"present_bytes\":0,\"missing\":[{\"from\":0,\"to\":5}]}");
        try (FileBlob blob = FileBlob.of(file(new byte[5]), Progress.none())) {
            IOException kept = assertThrows(
                    IOException.class, () -> new Upload(forgetful, RateLimit.none()).run(blob, Progress.none()));
            assertTrue(kept.getMessage().contains("does not keep"), kept.getMessage());
        }
    }

    @Test
    void whatIsNoDataNodeIsSaidToBeNone() {
        for (String wrong : List.of("", "localhost:9200", "ftp://x", "http://", "not a uri")) {
            assertThrows(IllegalArgumentException.class, () -> new BlobNode(wrong, null), wrong);
        }
        Bytes32 id = Bytes32.of(new byte[32]);
        IOException unreachable =
                assertThrows(IOException.class, () -> new BlobNode("http://127.0.0.1:1", null).bytes(id));
        assertTrue(unreachable.getMessage().contains("cannot be reached"), unreachable.getMessage());
    }
}
