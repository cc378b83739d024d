package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.cli.VerifyCommand;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.inference.TensorService;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.AgentRunner;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ONNX models served, audited and settled by all roles in one JVM, as clients of KServe, Triton and OpenAI see it. */
class TensorNetworkTest {
    private static final Path MODELS = Path.of("../models");
    private static final KeyPair HONEST = KeyPair.random();
    private static final KeyPair CHEAT = KeyPair.random();
    private static final KeyPair EMBEDDER = KeyPair.random();
    private static final KeyPair REQUESTER = KeyPair.random();
    private static final KeyPair FULL = KeyPair.random();

    @TempDir
    static Path folder;

    private static TensorPackage shapes;
    private static FullNode fullNode;
    private static InferenceNode honest;
    private static InferenceNode cheat;
    private static InferenceNode embedder;
    private static Gateway gateway;
    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        shapes = calibrated("plumbline-shapes/shapes.onnx", "shapes", "plumbline-shapes/samples.json");
        TensorPackage sentences =
                calibrated("plumbline-sentences/model.onnx", "sentences", "plumbline-sentences/samples.json");
        Path stories = folder.resolve("stories");
        ModelImport.run(MODELS.resolve("plumbline-stories-2m"), stories, share -> {});
        Genesis genesis = new Genesis(
                List.of(FULL.publicKey()),
                List.of(
                        new Deposit(HONEST.publicKey(), 100_000),
                        new Deposit(CHEAT.publicKey(), 100_000),
                        new Deposit(EMBEDDER.publicKey(), 100_000),
                        new Deposit(REQUESTER.publicKey(), 100_000)));
        Network network = Network.onThisHost(genesis);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        fullNode = FullNode.launch(
                network,
                FULL,
                new FullNode.Context(
                        List.of(shapes.folder(), stories, sentences.folder()),
                        folder.resolve("verifier.key"),
                        folder.resolve("full")),
                events,
                (code, why) -> {});
        honest = node(network, HONEST, "honest", shapes, null, events);
        cheat = node(network, CHEAT, "cheat", shapes, MODELS.resolve("plumbline-shapes/shapes-small.onnx"), events);
        embedder = node(network, EMBEDDER, "embedder", sentences, null, events);
        gateway = Gateway.launch(
                network,
                REQUESTER,
                Map.of("shapes", shapes.folder(), "sentences", sentences.folder(), "stories", stories),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                events,
                (code, why) -> {});
    }

    private static TensorPackage calibrated(String file, String name, String samples) throws IOException {
        TensorPackage model = TensorPackage.importModel(MODELS.resolve(file), folder.resolve(name), share -> {});
        Calibration.Plan plan =
                new Calibration.Plan(List.of(TensorJson.read(MODELS.resolve(samples))), 8, 1, List.of());
        model.keep(
                Calibration.run(model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}));
        return model;
    }

    private static InferenceNode node(
            Network network, KeyPair keys, String name, TensorPackage model, Path cheatModel, Events events)
            throws IOException {
        InferenceNode.Serving serving = (place, replies, isFullNode) -> {
            LoadedTensorModel loaded =
                    cheatModel == null ? Variants.reference(model) : Variants.load(cheatModel, model.precision());
            TensorEngine engine = new TensorEngine(
                    model,
                    loaded,
                    loaded.fingerprint(),
                    ShapeRanges.none(),
                    TensorScheduler.Limits.USUAL,
                    replies.keys(),
                    place.price(),
                    replies.events());
            return new TensorService(engine, replies, isFullNode);
        };
        return InferenceNode.launch(
                network,
                keys,
                new InferenceNode.Context(folder.resolve(name), "localhost", 0, 50_000, cheatModel == null ? 2 : 3),
                serving,
                events,
                (code, why) -> {});
    }

    @AfterAll
    static void stop() {
        gateway.close();
        honest.close();
        cheat.close();
        embedder.close();
        fullNode.close();
    }

    private HttpResponse<byte[]> send(String path, byte[] body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + gateway.port() + path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        if (body != null) {
            request.POST(HttpRequest.BodyPublishers.ofByteArray(body));
        }
        return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private JsonNode json(HttpResponse<byte[]> response) throws IOException {
        assertEquals(200, response.statusCode(), new String(response.body(), StandardCharsets.UTF_8));
        return mapper.readTree(response.body());
    }

    private JsonNode get(String path) throws Exception {
        return json(send(path, null));
    }

    private JsonNode post(String path, Object body) throws Exception {
        return json(send(path, mapper.writeValueAsBytes(body)));
    }

    private ObjectNode samples() throws IOException {
        return (ObjectNode)
                mapper.readTree(MODELS.resolve("plumbline-shapes/samples.json").toFile());
    }

    private String settled(String requestHash) throws Exception {
        String status = "";
        for (int i = 0; i < 600 && !status.matches("SETTLED|SLASHED|REFUNDED"); i++) {
            Thread.sleep(50);
            status = get("/v1/receipts/" + requestHash).path("status").asText();
        }
        return status;
    }

    private List<Tensor> reference(List<Tensor> inputs) throws IOException {
        try (LoadedTensorModel model = Variants.reference(shapes)) {
            return model.run(inputs, List.of("scores"), new io.plumbline.inference.tensor.Stop());
        }
    }

    @Test
    void aClientOfKServeFindsTheModel() throws Exception {
        assertEquals(200, send("/v2/health/live", null).statusCode());
        assertEquals(200, send("/v2/health/ready", null).statusCode());
        assertTrue(get("/v2").path("extensions").toString().contains("binary_tensor_data"));
        JsonNode model = get("/v2/models/shapes");
        assertEquals("[\"1\"]", model.path("versions").toString());
        assertEquals(
                "[{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[-1,1,32,32]}]",
                model.path("inputs").toString());
        assertEquals(model, get("/v2/models/shapes/versions/1"));
        assertTrue(get("/v2/models/shapes/ready").path("ready").asBoolean());
        assertEquals(
                "TYPE_FP32",
                get("/v2/models/shapes/config")
                        .path("input")
                        .path(0)
                        .path("data_type")
                        .asText());
        assertEquals(2, post("/v2/repository/index", Map.of()).size());
        assertEquals(404, send("/v2/models/none", null).statusCode());
        assertEquals(404, send("/v2/models/shapes/versions/2", null).statusCode());
    }

    /** Nobody here runs the language model, but the gateway and the full node have it beside the others. */
    @Test
    void languageModelsStandBesideTensorModels() throws Exception {
        assertEquals(3, get("/v1/models").path("data").size());
        byte[] chat = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}".getBytes(StandardCharsets.UTF_8);
        HttpResponse<byte[]> response = send("/v1/chat/completions", chat);
        assertEquals(503, response.statusCode());
        assertTrue(new String(response.body(), StandardCharsets.UTF_8).contains("No inference node with this model"));
        assertEquals(404, send("/v2/models/stories", null).statusCode());
    }

    @Test
    void anAnswerIsTheModelsOwnAndIsSettledWhenRunAgain() throws Exception {
        ObjectNode request = samples().put("id", "seven");
        JsonNode answer = post("/v2/models/shapes/infer", request);
        assertEquals("seven", answer.path("id").asText());
        Tensor expected = reference(
                        List.of(TensorJson.tensor(request.path("inputs").path(0))))
                .getFirst();
        Tensor scores = TensorJson.tensor(answer.path("outputs").path(0));
        assertArrayEquals(expected.values(), scores.values(), 1e-5);
        JsonNode parameters = answer.path("parameters");
        Receipt receipt = Receipt.decode(
                HexFormat.of().parseHex(parameters.path("plumbline_receipt").asText()));
        assertEquals(Receipt.TOLERANT, receipt.contractVersion());
        assertEquals(8, receipt.promptTokens());
        assertEquals(16, receipt.price());
        assertEquals(
                "SETTLED", settled(parameters.path("plumbline_request_hash").asText()));
    }

    /** As Triton's clients send it: JSON, then the tensors' bytes. */
    @Test
    void tensorsTravelAsBytesToo() throws Exception {
        int rows = 600;
        byte[] pixels = new byte[4 * rows * 32 * 32];
        ByteBuffer in = ByteBuffer.wrap(pixels).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < rows * 32 * 32; i++) {
            in.putFloat((i * 31 % 97) / 97f);
        }
        assertTrue(pixels.length > 2 << 20, "larger than one message");
        String head = "{\"inputs\":[{\"name\":\"image\",\"shape\":[" + rows + ",1,32,32],\"datatype\":\"FP32\","
                + "\"parameters\":{\"binary_data_size\":" + pixels.length + "}}],"
                + "\"outputs\":[{\"name\":\"scores\",\"parameters\":{\"binary_data\":true}}],"
                + "\"parameters\":{\"plumbline_level\":\"signed\"}}";
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.writeBytes(head.getBytes(StandardCharsets.UTF_8));
        body.writeBytes(pixels);
        HttpResponse<byte[]> response = send(
                "/v2/models/shapes/infer",
                body.toByteArray(),
                "Inference-Header-Content-Length",
                String.valueOf(head.length()));
        assertEquals(200, response.statusCode(), new String(response.body(), StandardCharsets.UTF_8));
        int length = Integer.parseInt(
                response.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
        JsonNode json = mapper.readTree(response.body(), 0, length);
        assertEquals(
                rows * 6 * 4,
                json.path("outputs")
                        .path(0)
                        .path("parameters")
                        .path("binary_data_size")
                        .asInt());
        Tensor expected = reference(List.of(new Tensor(
                        "image", io.plumbline.verifier.tensor.ElementType.FP32, new long[] {rows, 1, 32, 32}, pixels)))
                .getFirst();
        Tensor scores = TensorJson.tensor(
                json.path("outputs").path(0), Arrays.copyOfRange(response.body(), length, response.body().length));
        assertArrayEquals(expected.values(), scores.values(), 1e-4);
    }

    @Test
    void aSmallerModelInItsPlaceIsCaughtAndProven() throws Exception {
        ObjectNode request = samples();
        request.putObject("parameters").put("plumbline_node", CHEAT.publicKey().toString());
        JsonNode answer = post("/v2/models/shapes/infer", request);
        String hash = answer.path("parameters").path("plumbline_request_hash").asText();
        assertEquals("REFUNDED", settled(hash), "the ledger runs no models: only its price is lost");
        assertTrue(get("/v1/receipts/" + hash).path("reasons").toString().contains("TOLERANCE"));
        Path evidence = folder.resolve("full/evidence/" + hash + ".evidence");
        assertTrue(TolerantEvidence.is(Files.readAllBytes(evidence)));
        assertEquals(0, verify(evidence));
        TolerantEvidence shown = TolerantEvidence.decode(Files.readAllBytes(evidence));
        // The same request answered honestly proves nothing.
        List<Tensor> right = reference(shown.request().inputs());
        io.plumbline.verifier.tensor.TensorAnswer honestAnswer = new io.plumbline.verifier.tensor.TensorAnswer(
                right, shown.answer().engine());
        Receipt receipt = Receipt.of(shown.request(), honestAnswer, 8, 16, HONEST);
        Files.write(evidence, new TolerantEvidence(receipt, shown.request(), honestAnswer).encode());
        assertEquals(1, verify(evidence));
        // Nor does what its node has not signed, whatever stands in it: anybody could have made it.
        byte[] unsigned = receipt.encode();
        unsigned[unsigned.length - 1] ^= 1;
        for (TolerantEvidence forged : List.of(
                new TolerantEvidence(Receipt.decode(unsigned), shown.request(), honestAnswer),
                new TolerantEvidence(receipt, shown.request(), shown.answer()))) {
            Files.write(evidence, forged.encode());
            String why = assertThrows(IOException.class, () -> verify(evidence)).getMessage();
            assertTrue(why.contains("is no evidence against node"), why);
        }
    }

    private static int verify(Path evidence) throws Exception {
        VerifyCommand command = new VerifyCommand();
        JCommander.newBuilder()
                .addObject(command)
                .build()
                .parse(evidence.toString(), "--model", shapes.folder().toString());
        return command.call();
    }

    @Test
    void aPersonAuditsAnAnswerByItsReceipt() throws Exception {
        ObjectNode request = samples();
        request.putObject("parameters").put("plumbline_level", "signed");
        JsonNode answer = post("/v2/models/shapes/infer", request);
        String receipt = answer.path("parameters").path("plumbline_receipt").asText();
        assertEquals(0, audit(receipt, honest.port()));
        String why = assertThrows(IOException.class, () -> audit(receipt, honest.port(), "--answer", "-"))
                .getMessage();
        assertTrue(why.contains("compare texts"), why);
        // Another node gave no such receipt: nothing is proven.
        assertEquals(3, audit(receipt, embedder.port()));
    }

    private static int audit(String receipt, int port, String... more) throws Exception {
        AuditCommand command = new AuditCommand();
        List<String> arguments =
                new ArrayList<>(List.of(receipt, "--model", shapes.folder().toString(), "--node", "localhost:" + port));
        arguments.addAll(List.of(more));
        JCommander.newBuilder().addObject(command).build().parse(arguments.toArray(String[]::new));
        return command.call();
    }

    @Test
    void whatCannotBeRunIsRefusedWithItsReason() throws Exception {
        ObjectNode wrongShape = samples();
        ((ObjectNode) wrongShape.path("inputs").path(0)).putArray("shape").add(1);
        ObjectNode noInput = mapper.createObjectNode();
        noInput.putArray("inputs");
        ObjectNode noOutput = samples();
        noOutput.putArray("outputs").addObject().put("name", "classes");
        ObjectNode otherPrecision = samples();
        otherPrecision.putObject("parameters").put("plumbline_precision", "fp16");
        for (ObjectNode wrong : List.of(wrongShape, noInput, noOutput, otherPrecision)) {
            HttpResponse<byte[]> response = send("/v2/models/shapes/infer", mapper.writeValueAsBytes(wrong));
            assertEquals(400, response.statusCode(), wrong.path("parameters").toString());
            assertFalse(mapper.readTree(response.body()).path("error").asText().isEmpty());
        }
        ObjectNode tooLarge = samples();
        ((ArrayNode) tooLarge.path("inputs").path(0).path("data")).set(0, 1e4);
        HttpResponse<byte[]> beyond = send("/v2/models/shapes/infer", mapper.writeValueAsBytes(tooLarge));
        assertEquals(400, beyond.statusCode());
        assertTrue(mapper.readTree(beyond.body()).path("error").asText().contains("The model was calibrated with"));
        assertEquals(400, send("/v2/models/shapes/infer", "{".getBytes()).statusCode());
        byte[] samples = mapper.writeValueAsBytes(samples());
        assertEquals(
                400,
                send("/v2/models/shapes/infer", samples, "Inference-Header-Content-Length", "999999999")
                        .statusCode());
    }

    @Test
    void textsAreEmbedded() throws Exception {
        String one = "Tom the bear lost his red kite on the hill.";
        String near = "Tom was sad. His red kite was gone from the hill!";
        String far = "The small mouse shared a cake with the old owl in the garden.";
        JsonNode answer = post("/v1/embeddings", Map.of("model", "sentences", "input", List.of(one, near, far)));
        double[][] vectors = new double[3][64];
        for (int i = 0; i < 3; i++) {
            assertEquals(i, answer.path("data").path(i).path("index").asInt());
            for (int k = 0; k < 64; k++) {
                vectors[i][k] =
                        answer.path("data").path(i).path("embedding").path(k).asDouble();
            }
            assertEquals(1, dot(vectors[i], vectors[i]), 1e-5);
        }
        assertTrue(dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2]));
        assertTrue(answer.path("usage").path("prompt_tokens").asInt() > 20);
        assertEquals(
                "SETTLED", settled(answer.path("plumbline").path("request_hash").asText()));
        JsonNode base64 = post("/v1/embeddings", Map.of("input", one, "encoding_format", "base64"));
        byte[] bytes = Base64.getDecoder()
                .decode(base64.path("data").path(0).path("embedding").asText());
        // Alone it is not padded: other sums, the same to a few bits.
        assertEquals(
                vectors[0][5],
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getFloat(20),
                1e-5);
        assertEquals(400, send("/v1/embeddings", "{\"input\":[]}".getBytes()).statusCode());
        assertEquals(
                404,
                send("/v1/embeddings", "{\"model\":\"shapes\",\"input\":\"a\"}".getBytes())
                        .statusCode());
        assertNull(answer.get("error"));
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** One asked before its records begin it may have signed for; one of the far future it would forget having seen. */
    @Test
    void aRequestSaysWhenItWasAskedAndIsRefusedWhereNoRecordReaches() throws Exception {
        long later = System.currentTimeMillis() / 1000 + 2 * 86_400;
        TensorRequest request = new TensorRequest(
                shapes.manifest().id(),
                shapes.bounds().hash(),
                shapes.precision(),
                TensorJson.read(MODELS.resolve("plumbline-shapes/samples.json")),
                List.of(),
                later,
                List.of("scores"),
                REQUESTER.publicKey(),
                new byte[16]);
        NodeClient client = new NodeClient(5_000);
        KeyPair stranger = KeyPair.random();
        try (Media media = new Media(folder.resolve("stranger"), e -> {}, () -> {});
                Endpoint endpoint = new Endpoint(
                        media.aeron(),
                        "localhost",
                        0,
                        new Identity(stranger::sign, stranger.publicKey().bytes()),
                        client.protocol());
                AgentRunner runner =
                        new AgentRunner(Drivers.idle(media.directory()), Throwable::printStackTrace, null, endpoint)) {
            AgentRunner.startOnThread(runner);
            Peer node = endpoint.connect(
                    "localhost", honest.port(), HONEST.publicKey().bytes());
            String why = assertThrows(IllegalArgumentException.class, () -> client.inferTensors(node, request.encode()))
                    .getMessage();
            assertTrue(why.contains("was asked at " + later), why);
        }
    }

    @Test
    void whatNoMessageCouldCarryIsRefusedBeforeMoneyIsPutUp() throws Exception {
        long before =
                get("/v1/accounts/" + REQUESTER.publicKey()).path("balance").asLong();
        try {
            assertEquals(
                    413, send("/v2/models/shapes/infer", new byte[65 << 20]).statusCode());
        } catch (IOException e) {
            // The gateway says so and closes; a client that is still sending then may not come to read it.
        }
        assertEquals(200, send("/v2/health/live", null).statusCode());
        long after =
                get("/v1/accounts/" + REQUESTER.publicKey()).path("balance").asLong();
        assertTrue(after >= before, before + " before, " + after + " after");
    }

    @Test
    void aModelThatIsNotCalibratedIsNotServed() throws Exception {
        TensorPackage raw = TensorPackage.importModel(
                MODELS.resolve("plumbline-shapes/shapes.onnx"), folder.resolve("raw"), share -> {});
        assertTrue(
                assertThrows(IOException.class, raw::requireBounds).getMessage().contains("is not calibrated"));
    }
}
