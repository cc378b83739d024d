package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** ONNX models beside a language model in one process: every answer has a receipt that the log answers for. */
@Tag("slow")
class TensorServerTest {
    private static final Path MODELS = Path.of("../models");
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final KeyPair KEYS = KeyPair.random();
    private static final Events QUIET = new Events(new PrintStream(PrintStream.nullOutputStream()));

    @TempDir
    static Path folder;

    private static TensorPackage shapes;
    private static TensorPackage cheated;
    private static TensorPackage sentences;
    private static LocalServer server;

    @BeforeAll
    static void start() throws IOException {
        shapes = calibrated("plumbline-shapes/shapes.onnx", "shapes", "plumbline-shapes/samples.json");
        // The int8 model declares the same inputs and outputs, and has an id of its own.
        cheated = calibrated("plumbline-shapes/shapes-int8.onnx", "cheated", "plumbline-shapes/samples.json");
        sentences = calibrated("plumbline-sentences/model.onnx", "sentences", "plumbline-sentences/samples.json");
        Path stories;
        try (LoadedModel loaded = TestModels.load(TestModels.SHIPPED, folder)) {
            stories = loaded.folder();
        }
        LanguageEngine language = new LanguageEngine(
                stories, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers, KEYS, 0, null, QUIET);
        LocalModels models = new LocalModels(
                new TreeMap<>(Map.of(
                        "stories", stories,
                        "shapes", shapes.folder(),
                        "cheated", cheated.folder(),
                        "sentences", sentences.folder())),
                Map.of("stories", language),
                List.of(
                        engine(shapes, Variants.reference(shapes)),
                        engine(
                                cheated,
                                Variants.load(
                                        MODELS.resolve("plumbline-shapes/shapes-small.onnx"), cheated.precision())),
                        engine(sentences, Variants.reference(sentences))));
        server = LocalServer.launch(
                models,
                KEYS,
                new ReceiptLog(folder.resolve("serve")),
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static TensorPackage calibrated(String file, String name, String samples) throws IOException {
        TensorPackage model = TensorPackage.importModel(MODELS.resolve(file), folder.resolve(name), share -> {});
        Calibration.Plan plan =
                new Calibration.Plan(List.of(TensorJson.read(MODELS.resolve(samples))), 8, 1, List.of());
        model.keep(
                Calibration.run(model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}));
        return model;
    }

    private static TensorEngine engine(TensorPackage model, LoadedTensorModel loaded) throws IOException {
        return new TensorEngine(
                model, loaded, loaded.fingerprint(), ShapeRanges.none(), TensorScheduler.Limits.USUAL, KEYS, 0, QUIET);
    }

    private static HttpResponse<String> send(String path, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + path));
        if (body != null) {
            request.POST(HttpRequest.BodyPublishers.ofString(body));
        }
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode json(String path, String body) throws Exception {
        HttpResponse<String> response = send(path, body);
        assertEquals(200, response.statusCode(), response.body());
        return MAPPER.readTree(response.body());
    }

    private static ObjectNode samples() throws IOException {
        return (ObjectNode)
                MAPPER.readTree(MODELS.resolve("plumbline-shapes/samples.json").toFile());
    }

    private static int audit(String receipt, TensorPackage model) throws Exception {
        AuditCommand command = new AuditCommand();
        JCommander.newBuilder()
                .addObject(command)
                .build()
                .parse(
                        receipt,
                        "--log",
                        folder.resolve("serve").toString(),
                        "--model",
                        model.folder().toString(),
                        "--evidence",
                        folder.resolve("evidence").toString());
        return command.call();
    }

    @Test
    void anAnswersReceiptIsInTheLogAndIsRunAgainWithinBounds() throws Exception {
        ObjectNode asked = samples();
        JsonNode answer = json("/v2/models/shapes/infer", asked.toString());
        List<Tensor> inputs = List.of(TensorJson.tensor(asked.path("inputs").path(0)));
        try (LoadedTensorModel reference = Variants.reference(shapes)) {
            Tensor expected =
                    reference.run(inputs, List.of("scores"), new Stop()).getFirst();
            Tensor scores = TensorJson.tensor(answer.path("outputs").path(0));
            assertArrayEquals(expected.values(), scores.values(), 1e-5);
        }
        JsonNode parameters = answer.path("parameters");
        String receipt = parameters.path("plumbline_receipt").asText();
        JsonNode found =
                json("/v1/receipts/" + parameters.path("plumbline_request_hash").asText(), null);
        assertEquals("SIGNED", found.path("status").asText());
        assertEquals("local", found.path("finality").asText());
        assertEquals(receipt, found.path("receipt").asText());
        assertEquals(0, audit(receipt, shapes));
        byte[] other = HexFormat.of().parseHex(receipt);
        other[other.length - 1] ^= 1;
        assertEquals(1, audit(HexFormat.of().formatHex(other), shapes));
    }

    @Test
    void aSmallerModelInItsPlaceIsFoundInTheLogLater() throws Exception {
        JsonNode answer = json("/v2/models/cheated/infer", samples().toString());
        assertEquals(
                1, audit(answer.path("parameters").path("plumbline_receipt").asText(), cheated));
    }

    @Test
    void textsAreEmbeddedAndTheirReceiptsAudited() throws Exception {
        JsonNode answer = json(
                "/v1/embeddings",
                "{\"model\":\"sentences\",\"input\":[\"Tom the bear lost his kite.\",\"The mouse shared a cake.\"]}");
        assertEquals(2, answer.path("data").size());
        assertEquals(0, audit(answer.path("plumbline").path("receipt").asText(), sentences));
    }

    @Test
    void aLanguageModelStandsBesideThemAndTheLogHasBothKinds() throws Exception {
        assertEquals(4, json("/v1/models", null).path("data").size());
        JsonNode text = json(
                "/v1/chat/completions",
                "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}],\"max_tokens\":4}");
        JsonNode tensors = json("/v2/models/shapes/infer", samples().toString());
        Receipt first = receipt(text.path("plumbline").path("receipt"));
        Receipt second = receipt(tensors.path("parameters").path("plumbline_receipt"));
        ReceiptLog.Entry texts = ReceiptLog.find(folder.resolve("serve"), first.requestHash());
        ReceiptLog.Entry numbers = ReceiptLog.find(folder.resolve("serve"), second.requestHash());
        assertEquals(4, texts.answer().tokens().length);
        assertEquals("scores", numbers.tensorAnswer().outputs().getFirst().name());
        assertEquals(second.requestHash(), numbers.tensorRequest().hash());
        assertEquals(404, send("/v2/models/stories", null).statusCode());
    }

    private static Receipt receipt(JsonNode hexadecimal) {
        return Receipt.decode(HexFormat.of().parseHex(hexadecimal.asText()));
    }

    @Test
    void whatCouldNotBeJudgedIsRefusedAndNotSigned() throws Exception {
        ObjectNode beyond = samples();
        ((ArrayNode) beyond.path("inputs").path(0).path("data")).set(0, 1e4);
        HttpResponse<String> refused = send("/v2/models/shapes/infer", beyond.toString());
        assertEquals(400, refused.statusCode(), refused.body());
        assertTrue(refused.body().contains("calibrated with"), refused.body());
        ObjectNode elsewhere = samples();
        elsewhere.putObject("parameters").put("plumbline_node", "00".repeat(32));
        assertEquals(503, send("/v2/models/shapes/infer", elsewhere.toString()).statusCode());
        ObjectNode half = samples();
        half.putObject("parameters").put("plumbline_precision", "fp16");
        assertEquals(400, send("/v2/models/shapes/infer", half.toString()).statusCode());
    }
}
