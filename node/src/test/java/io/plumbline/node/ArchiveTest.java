package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.Snapshots;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.data.DataNode;
import io.plumbline.node.data.ModelPush;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.full.ArchiveCipher;
import io.plumbline.node.full.ArchivePlace;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A full node that has a verifier key and no weights, beside a data node that has the model. */
@Tag("slow")
class ArchiveTest {
    private static final long STAKE = 50_000;

    @TempDir
    private Path folder;

    private final List<AutoCloseable> running = new ArrayList<>();
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();
    private final Events events = new Events(new PrintStream(told, true, StandardCharsets.UTF_8));
    private final KeyPair cheat = KeyPair.random();
    private static final ArchiveCipher CIPHER = new ArchiveCipher(KeyPair.random());

    @AfterEach
    void stop() {
        CloseHelper.closeAll(running);
    }

    /** @param isDamaged whether the full node's own copy of the weights is gone, and not just never was there. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLieIsProvenByARowOfADataNodeAndStaysThereWithTheLedgersSnapshots(boolean isDamaged) throws Exception {
        KeyPair full = KeyPair.random();
        KeyPair data = KeyPair.random();
        KeyPair requester = KeyPair.random();
        Path model = folder.resolve("model");
        Path keyFile = folder.resolve("verifier.key");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        try (LoadedModel loaded = LoadedModel.open(model)) {
            loaded.verifierKey(keyFile, share -> {});
        }
        Path own = folder.resolve("own");
        if (isDamaged) {
            ModelImport.run(Path.of("../models/plumbline-stories-2m"), own, share -> {});
        }
        Genesis genesis = new Genesis(
                List.of(full.publicKey()),
                List.of(
                        new Deposit(cheat.publicKey(), 100_000),
                        new Deposit(data.publicKey(), 100_000),
                        new Deposit(requester.publicKey(), 100_000)));
        Network network = Network.onThisHost(genesis);
        int port = freePort();
        BlobNode archive = new BlobNode("http://localhost:" + port, null);
        running.add(FullNode.launch(
                network,
                full,
                new FullNode.Context(isDamaged ? List.of(own) : List.of(), keyFile, folder.resolve("full"))
                        .archivingAt(new ArchivePlace(archive, CIPHER)),
                events,
                (code, why) -> {}));
        if (isDamaged) {
            damage(own);
        }

        // Nobody hears it yet: what was taken before is archived once somebody does.
        AdminSocket.ask(folder.resolve("full"), "snapshot");
        awaitTold("Nothing is archived for now");
        running.addFirst(DataNode.launch(network, data, dataNode(port), null, null, events, (code, why) -> {}));
        Bytes32 modelId = Bytes32.of(ModelPush.run(model, archive, RateLimit.none(), Progress.none()));
        String snapshot = archivedAs("ledger snapshot ");
        assertEquals(
                100_000,
                Snapshots.decode(genesis, CIPHER.decrypt(raw(archive, snapshot)))
                        .account(requester.publicKey())
                        .balance());

        ComputeBackend.Choice choice = ComputeBackend.Choice.cpu(1, 64 << 20);
        running.addFirst(InferenceNode.launch(
                network,
                cheat,
                new InferenceNode.Context(folder.resolve("cheat"), "localhost", 0, STAKE, 3),
                InferenceNode.language(model, choice, ArchiveTest::anotherDown),
                events,
                (code, why) -> {}));
        Gateway gateway = Gateway.launch(
                network,
                requester,
                Map.of("stories", model),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                events,
                (code, why) -> {});
        running.addFirst(gateway);
        String request = ask(gateway);

        if (isDamaged) {
            awaitTold("cannot be read; a row that proves a lie is asked of data nodes");
        }
        String evidence = archivedAs("evidence ");
        byte[] bytes = CIPHER.decrypt(raw(archive, evidence));
        assertArrayEquals(Files.readAllBytes(folder.resolve("full/evidence/" + request + ".evidence")), bytes);
        assertTrue(told.toString(StandardCharsets.UTF_8).contains("evidence " + Blake3.hex(Blake3.hash(bytes))));
        // Anybody may read the data node: nothing there names the request, or shows the prompt.
        for (String blob : List.of(evidence, snapshot)) {
            String seen = HexFormat.of().formatHex(raw(archive, blob));
            assertFalse(seen.contains(request));
            assertFalse(seen.contains(HexFormat.of().formatHex("story about a bear".getBytes(StandardCharsets.UTF_8))));
        }
        try (HttpClient http = HttpClient.newHttpClient()) {
            String listed = http.send(
                            HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/v1/blobs"))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
            assertTrue(listed.contains(evidence), listed);
            assertFalse(listed.contains(request), listed);
        }
        Evidence decoded = Evidence.decode(bytes);
        assertEquals(modelId, decoded.manifest().id());
        Evidence.Finding alone = decoded.check(null, null);
        assertNotNull(alone.failure(), "it has the row, and needs no weights");
        assertEquals(Step.DOWN, alone.failure().step());
        awaitTold("\"event\":\"accused\"");
        long end = System.nanoTime() + 30_000_000_000L;
        while (stake(gateway) == STAKE) {
            assertTrue(System.nanoTime() < end, "its stake is there: " + told);
            Thread.sleep(50);
        }
        assertThrows(
                MalformedException.class,
                () -> Snapshots.decode(
                        new Genesis(List.of(data.publicKey()), List.of()), CIPHER.decrypt(raw(archive, snapshot))),
                "another ledger's");
    }

    /** Its largest file is gone: the weights. */
    private static void damage(Path model) throws IOException {
        try (Stream<Path> files = Files.list(model)) {
            Files.delete(
                    files.max(Comparator.comparingLong(file -> file.toFile().length()))
                            .orElseThrow());
        }
    }

    /** A layer with another layer's matrix and its own scales: nothing else that the node says contradicts it. */
    private static List<LoadedModel.Layer> anotherDown(LoadedModel model) {
        List<LoadedModel.Layer> layers = new ArrayList<>(model.layers());
        LoadedModel.Layer of = layers.get(2);
        layers.set(
                2,
                new LoadedModel.Layer(
                        of.parameters(),
                        of.q(),
                        of.k(),
                        of.v(),
                        of.out(),
                        of.gate(),
                        of.up(),
                        layers.get(1).down()));
        return layers;
    }

    private long stake(Gateway gateway) throws IOException, InterruptedException {
        return call(HttpRequest.newBuilder(uri(gateway, "/v1/accounts/" + cheat.publicKey())))
                .path("stake")
                .asLong(STAKE);
    }

    private static URI uri(Gateway gateway, String path) {
        return URI.create("http://localhost:" + gateway.port() + path);
    }

    private static JsonNode call(HttpRequest.Builder request) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            return new ObjectMapper()
                    .readTree(http.send(request.build(), HttpResponse.BodyHandlers.ofString())
                            .body());
        }
    }

    private DataNode.Context dataNode(int port) {
        return new DataNode.Context(
                folder.resolve("data"),
                "localhost",
                port,
                Origins.LOCAL,
                1_000,
                1L << 30,
                Duration.ofDays(30),
                RateLimit.none(),
                Duration.ofDays(1),
                Duration.ZERO,
                Duration.ofMillis(200),
                Set.of(),
                new SourceFetch(host -> new InetAddress[] {InetAddress.getLoopbackAddress()}, true, (SSLSocketFactory)
                        SSLSocketFactory.getDefault()),
                null);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private String ask(Gateway gateway) throws IOException, InterruptedException {
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}],"
                + "\"max_tokens\":20,\"temperature\":0}";
        return call(HttpRequest.newBuilder(uri(gateway, "/v1/chat/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString(body)))
                .path("plumbline")
                .path("request_hash")
                .asText();
    }

    private void awaitTold(String text) throws InterruptedException {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!told.toString(StandardCharsets.UTF_8).contains(text)) {
            assertTrue(System.nanoTime() < end, text + " was not told: " + told);
            Thread.sleep(20);
        }
    }

    /** Id of the blob that was archived under a pin that begins so. */
    private String archivedAs(String pin) throws IOException, InterruptedException {
        awaitTold("\"pin\":\"" + pin);
        for (String line : told.toString(StandardCharsets.UTF_8).lines().toList()) {
            JsonNode event = new ObjectMapper().readTree(line);
            if (event.path("pin").asText().startsWith(pin)) {
                return event.path("blob").asText();
            }
        }
        throw new AssertionError("no such line");
    }

    private static byte[] raw(BlobNode from, String blob) throws IOException {
        Bytes32 id = Bytes32.of(HexFormat.of().parseHex(blob));
        byte[] bytes = new byte[(int) from.bytes(id)];
        from.read(id, bytes.length, new ByteRange(0, bytes.length), bytes);
        return bytes;
    }
}
