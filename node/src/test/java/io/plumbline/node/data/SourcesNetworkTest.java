package io.plumbline.node.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpServer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.client.PlumblineClientBuilder;
import io.plumbline.client.VerificationException;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.language.tokenizer.ChatTokenizer.Message;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.inference.TensorService;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.ReceiptCheck;
import io.plumbline.verifier.audit.Step;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedFeed;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Facts and files in requests: found by the gateway, proven to the node and to auditors, bound by the receipt. */
@Tag("slow")
class SourcesNetworkTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Events QUIET = new Events(new PrintStream(PrintStream.nullOutputStream()));
    private static final KeyPair DATA = KeyPair.random();
    private static final KeyPair NODE = KeyPair.random();
    private static final KeyPair ONNX = KeyPair.random();
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final String NOTES = "The fox lives at the river.\nHer name is Lü.\n";
    private static final long ROUND_MS = 1_000;

    @TempDir
    static Path folder;

    private static final List<AutoCloseable> RUNNING = new ArrayList<>();
    private static Network network;
    private static LoadedModel model;
    private static int port;
    private static Bytes32 notes;
    private static Bytes32 rotten;
    private static Bytes32 binary;
    private static Feed feed;
    private static Feed silent;

    @BeforeAll
    static void start() throws Exception {
        Path imported = folder.resolve("stories");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), imported, share -> {});
        model = LoadedModel.open(imported);
        RUNNING.addFirst(model);
        TensorPackage shapes = shapes();
        KeyPair full = KeyPair.random();
        network = Network.onThisHost(new Genesis(
                List.of(full.publicKey()),
                Stream.of(DATA, NODE, ONNX, GATEWAY)
                        .map(key -> new Deposit(key.publicKey(), 100_000))
                        .toList()));
        RUNNING.addFirst(FullNode.launch(
                network,
                full,
                new FullNode.Context(
                        List.of(imported, shapes.folder()), folder.resolve("verifier.key"), folder.resolve("full")),
                QUIET,
                (code, why) -> {}));
        declare(source());
        keepFiles();
        DataNode.Context place = new DataNode.Context(
                folder.resolve("data"),
                "localhost",
                0,
                Origins.LOCAL,
                1_000,
                1L << 30,
                Duration.ofDays(30),
                RateLimit.none(),
                Duration.ofDays(1),
                Duration.ZERO,
                Duration.ofMinutes(1),
                Set.of(feed.id()),
                new SourceFetch(host -> new InetAddress[] {InetAddress.getByName("127.0.0.1")}, true, (SSLSocketFactory)
                        SSLSocketFactory.getDefault()),
                null);
        RUNNING.addFirst(DataNode.launch(network, DATA, place, null, null, QUIET, (code, why) -> {}));
        RUNNING.addFirst(InferenceNode.launch(
                network,
                NODE,
                new InferenceNode.Context(folder.resolve("node"), "localhost", 0, 10_000, 1),
                InferenceNode.language(imported, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers),
                QUIET,
                (code, why) -> {}));
        InferenceNode.Serving serving = (at, replies, isFullNode) -> {
            LoadedTensorModel loaded = Variants.reference(shapes);
            return new TensorService(
                    new TensorEngine(
                            shapes,
                            loaded,
                            loaded.fingerprint(),
                            ShapeRanges.none(),
                            TensorScheduler.Limits.USUAL,
                            replies.keys(),
                            at.price(),
                            replies.events()),
                    replies,
                    isFullNode);
        };
        RUNNING.addFirst(InferenceNode.launch(
                network,
                ONNX,
                new InferenceNode.Context(folder.resolve("onnx"), "localhost", 0, 10_000, 1),
                serving,
                QUIET,
                (code, why) -> {}));
        Gateway gateway = Gateway.launch(
                network,
                GATEWAY,
                Map.of("stories", imported, "shapes", shapes.folder()),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                QUIET,
                (code, why) -> {});
        RUNNING.addFirst(gateway);
        port = gateway.port();
    }

    private static TensorPackage shapes() throws IOException {
        Path models = Path.of("../models/plumbline-shapes");
        TensorPackage model =
                TensorPackage.importModel(models.resolve("shapes.onnx"), folder.resolve("shapes"), share -> {});
        Calibration.Plan plan =
                new Calibration.Plan(List.of(TensorJson.read(models.resolve("samples.json"))), 8, 1, List.of());
        model.keep(
                Calibration.run(model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}));
        return model;
    }

    @AfterAll
    static void stop() {
        CloseHelper.closeAll(RUNNING);
    }

    /** The policy of a source on loopback. */
    private static byte[] source() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/level", http -> {
            byte[] bytes = "{\"level\":-2.75}".getBytes(StandardCharsets.UTF_8);
            http.sendResponseHeaders(200, bytes.length);
            http.getResponseBody().write(bytes);
            http.close();
        });
        server.start();
        RUNNING.addFirst(() -> server.stop(0));
        return ("{\"plumbline\":\"source 1\",\"url\":\"http://river.example:"
                        + server.getAddress().getPort() + "/level\",\"format\":\"json\",\"path\":\"$.level\"}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static Feed feed(String name, byte[] policy) {
        return new Feed(
                DATA.publicKey(),
                name,
                "m",
                2,
                -1_000,
                1_500,
                ROUND_MS,
                900,
                1,
                60_000,
                Bytes32.of(Blake3.hash(policy)),
                0);
    }

    private static void declare(byte[] policy) throws IOException {
        feed = feed("River level", policy);
        silent = feed("Nobody reports it", policy);
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                LedgerClient owner = network.ledger(media.directory(), "localhost", DATA)) {
            assertTrue(owner.submit(new Command.DeclareFeed(feed)).isApplied());
            assertTrue(owner.submit(new Command.DeclareFeed(silent)).isApplied());
        }
        try (BlobStore store = BlobStore.open(folder.resolve("data/store"), Long.MAX_VALUE)) {
            store.put(new ByteArrayInputStream(policy), Progress.none());
        }
    }

    private static void keepFiles() throws IOException {
        try (BlobStore store = BlobStore.open(folder.resolve("data/store"), Long.MAX_VALUE)) {
            notes = store.put(new ByteArrayInputStream(NOTES.getBytes(StandardCharsets.UTF_8)), Progress.none());
            rotten = store.put(new ByteArrayInputStream("as it was".getBytes(StandardCharsets.UTF_8)), Progress.none());
            binary = store.put(new ByteArrayInputStream(new byte[] {(byte) 0xff, 0}), Progress.none());
            String name = rotten.toString();
            Path file = store.folder().resolve("blobs/" + name.substring(0, 2) + "/" + name);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap(new byte[] {'A'}), 0);
            }
        }
    }

    private static JsonNode post(String path, String body, int status) throws Exception {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertEquals(status, response.statusCode(), response.body());
        return MAPPER.readTree(response.body());
    }

    private static String asked(String plumbline) {
        return "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\","
                + "\"content\":\"How high is the river?\"}],\"temperature\":0,\"max_tokens\":8,\"plumbline\":"
                + plumbline + "}";
    }

    private static JsonNode chat(String plumbline, int status) throws Exception {
        return post("/v1/chat/completions", asked(plumbline), status);
    }

    /** Once there is a value. */
    private static JsonNode told(String more) throws Exception {
        String body = "{\"facts\":[\"" + feed.id() + "\"],\"files\":[{\"blob\":\"" + notes
                + "\",\"name\":\"notes.txt\"}],\"disclose\":true" + more + "}";
        long end = System.nanoTime() + 30_000_000_000L;
        while (System.nanoTime() < end) {
            HttpResponse<String> response = HttpClient.newHttpClient()
                    .send(
                            HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/v1/chat/completions"))
                                    .POST(HttpRequest.BodyPublishers.ofString(asked(body)))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString());
            if (!response.body().contains("NO_VALUE")) {
                assertEquals(200, response.statusCode(), response.body());
                return MAPPER.readTree(response.body());
            }
            Thread.sleep(100);
        }
        throw new AssertionError("no round had a value");
    }

    private static Request request(JsonNode plumbline) {
        return Request.decode(
                Base64.getDecoder().decode(plumbline.get("request").asText()));
    }

    private static Request withMessages(Request asked, String messages) {
        return new Request(
                asked.modelId(),
                messages,
                asked.time(),
                asked.promptTokens(),
                asked.sampling(),
                asked.maxTokens(),
                asked.stopTokens(),
                asked.stopTexts(),
                asked.requester(),
                asked.nonce());
    }

    @Test
    void anAnswerAboutAFactAndAFileIsAuditedAndBoundToBoth() throws Exception {
        JsonNode plumbline = told("").get("plumbline");
        JsonNode fact = plumbline.get("facts").get(0);
        assertEquals("River level", fact.get("name").asText());
        assertEquals("-2.75", fact.get("value").asText());
        assertEquals("m", fact.get("unit").asText());
        assertEquals(notes.toString(), plumbline.get("files").get(0).get("blob").asText());

        Request request = request(plumbline);
        Receipt receipt = Receipt.decode(HEX.parseHex(plumbline.get("receipt").asText()));
        Answer answer =
                Answer.decode(Base64.getDecoder().decode(plumbline.get("answer").asText()));
        assertNull(ReceiptCheck.binding(receipt, request, answer));
        try (ChatTokenizer tokenizer =
                        ChatTokenizer.of(model.tokenFiles(), network.genesis().trusted());
                ChatTokenizer stranger = ChatTokenizer.of(model.tokenFiles())) {
            // The prompt is what a person would write down from the template.
            String text = "River level: -2.75 m (as of " + fact.get("time").asText() + ")\n\nnotes.txt:\n" + NOTES
                    + "\n\nHow high is the river?";
            Clock clock = Clock.fixed(Instant.ofEpochSecond(request.time()), ZoneOffset.UTC);
            assertArrayEquals(
                    tokenizer.prompt(List.of(new Message("system", "Be brief."), new Message("user", text)), clock),
                    request.promptTokens());
            assertNull(TextCheck.prompt(request, model.config(), tokenizer));
            assertThrows(IllegalStateException.class, () -> TextCheck.prompt(request, model.config(), stranger));

            // One byte of the archived file changed: another request than the receipt's, and a file of another id.
            Request changed = withMessages(request, request.messages().replace("Lü", "Lu"));
            assertEquals(
                    Step.REQUEST, ReceiptCheck.binding(receipt, changed, answer).step());
            assertEquals(
                    Step.PROMPT,
                    TextCheck.prompt(changed, model.config(), tokenizer).step());
        }
        byJavaClient();
        assertEquals(
                "SETTLED", settled(plumbline, "request_hash").path("status").asText());
    }

    /** The client finds the fact proven by the network's file alone, and refuses it by another network's. */
    private static void byJavaClient() throws Exception {
        ChatRequest asked = ChatRequest.builder()
                .user("How high is the river?")
                .maxTokens(4)
                .fact(feed.id().toString())
                .file(notes.toString(), "notes.txt")
                .build();
        Path file = folder.resolve("network.json");
        network.write(file);
        PlumblineClientBuilder builder = PlumblineClient.builder().baseUrl("http://localhost:" + port + "/v1");
        try (PlumblineClient client = builder.network(file).build();
                ChatStream stream = client.stream(asked)) {
            CertifiedFeed fact = client.chat(asked).facts().getFirst();
            assertEquals(-275, fact.latest().value());
            assertEquals(feed.id(), fact.id());
            assertEquals(1, stream.answer().facts().size());
        }
        Bytes32 genesis = network.genesis().hash();
        try (PlumblineClient client =
                builder.fullNodes(genesis, List.of(DATA.publicKey())).build()) {
            VerificationException refused = assertThrows(VerificationException.class, () -> client.chat(asked));
            assertEquals("SOURCES", refused.failure());
        }
    }

    private static JsonNode get(String path) throws Exception {
        return MAPPER.readTree(HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body());
    }

    private static JsonNode settled(JsonNode plumbline, String field) throws Exception {
        JsonNode settled;
        long end = System.nanoTime() + 60_000_000_000L;
        do {
            assertTrue(System.nanoTime() < end, "it is not settled");
            Thread.sleep(50);
            settled = get("/v1/receipts/" + plumbline.get(field).asText());
        } while (!settled.path("status").asText().matches("SETTLED|REFUNDED|SLASHED"));
        return settled;
    }

    @Test
    void anOnnxModelTakesAFactAsAnInput() throws Exception {
        told("");
        ObjectNode body = (ObjectNode) MAPPER.readTree(
                Path.of("../models/plumbline-shapes/samples.json").toFile());
        ObjectNode input = (ObjectNode) body.at("/inputs/0");
        String feedId = feed.id().toString();
        input.putObject("parameters").put("plumbline_facts", "5=" + feedId);
        JsonNode parameters =
                post("/v2/models/shapes/infer", body.toString(), 200).get("parameters");
        JsonNode fact =
                MAPPER.readTree(parameters.get("plumbline_facts").asText()).get(0);
        assertEquals("-2.75", fact.get("value").asText());
        assertEquals(5, fact.get("element").asInt());
        assertEquals(
                "SETTLED",
                settled(parameters, "plumbline_request_hash").path("status").asText());
        for (String wrong : List.of("x=" + feedId, "5=" + feedId + ",", "5=" + feedId + ",5=" + feedId)) {
            input.putObject("parameters").put("plumbline_facts", wrong);
            post("/v2/models/shapes/infer", body.toString(), 400);
        }
        input.putObject("parameters").put("plumbline_facts", "99999999=" + feedId);
        post("/v2/models/shapes/infer", body.toString(), 422);
    }

    @Test
    void templatesAndOtherApisHonourThem() throws Exception {
        JsonNode plumbline = told(",\"fact_template\":\"{feed}={value}\",\"file_template\":\"[{text}]\"")
                .get("plumbline");
        ObjectNode sources =
                (ObjectNode) MAPPER.readTree(request(plumbline).messages()).get("sources");
        assertEquals("{feed}={value}", sources.get("fact_template").asText());
        String facts = "\"plumbline\":{\"facts\":[{\"feed\":\"" + feed.id() + "\"}]}}";
        JsonNode messages = post(
                "/v1/messages",
                "{\"model\":\"stories\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
                        + facts,
                200);
        assertEquals("-2.75", messages.at("/plumbline/facts/0/value").asText());
        JsonNode responses = post("/v1/responses", "{\"max_output_tokens\":16,\"input\":\"Hi\"," + facts, 200);
        assertEquals("-2.75", responses.at("/plumbline/facts/0/value").asText());
        JsonNode text = post("/v1/completions", "{\"prompt\":\"Hi\"," + facts, 400);
        assertEquals("facts", text.at("/error/param").asText());
    }

    private static void assertRefused(int status, String what, String plumbline) throws Exception {
        String said = chat(plumbline, status).at("/error/message").asText();
        assertTrue(said.contains(what), said);
    }

    @Test
    void whatCannotBeHadOrProvenIsRefusedByName() throws Exception {
        String nothing = "00".repeat(32);
        assertRefused(404, "no feed " + nothing, "{\"facts\":[\"" + nothing + "\"]}");
        assertRefused(404, "No data node has file " + nothing, "{\"files\":[\"" + nothing + "\"]}");
        assertRefused(422, "NO_VALUE", "{\"facts\":[\"" + silent.id() + "\"]}");
        assertRefused(400, "64 hexadecimal digits", "{\"facts\":[\"river\"]}");
        assertRefused(400, "64 hexadecimal digits", "{\"files\":[{\"name\":\"notes.txt\"}]}");
        assertRefused(400, "\"range\"", "{\"files\":[{\"blob\":\"" + notes + "\",\"range\":\"1-2\"}]}");
        assertRefused(400, "list of at most 16", "{\"facts\":\"" + feed.id() + "\"}");
        assertRefused(400, "no UTF-8 text", "{\"files\":[\"" + binary + "\"]}");
        assertRefused(422, "names no field", "{\"files\":[\"" + notes + "\"],\"file_template\":\"{txt}\"}");
        // A byte on the data node's disk has changed: what it sends is not the file, whoever asks.
        JsonNode damaged = chat("{\"files\":[\"" + rotten + "\"]}", 503);
        assertTrue(damaged.toString().contains(rotten.toString()), damaged.toString());
        assertNotEquals("", damaged.at("/error/message").asText());
    }
}
