package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.cli.VerifyCommand;
import io.plumbline.node.cli.ledger.AccuseCommand;
import io.plumbline.node.cli.receipt.ReceiptVerifyCommand;
import io.plumbline.node.full.AdminSocket;
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
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All roles in one JVM, with real Aeron and HTTP between them, as curl would see it. */
class NetworkTest {
    private static final Path SHIPPED = Path.of("../models/plumbline-stories-2m");
    private static final KeyPair HONEST = KeyPair.random();
    private static final KeyPair CHEAT = KeyPair.random();
    private static final KeyPair LIAR = KeyPair.random();
    private static final KeyPair REQUESTER = KeyPair.random();
    private static final KeyPair FULL = KeyPair.random();

    @TempDir
    static Path folder;

    private static final ByteArrayOutputStream answered = new ByteArrayOutputStream();
    private static FullNode fullNode;
    private static InferenceNode honest;
    private static InferenceNode cheat;
    private static InferenceNode liar;
    private static Gateway gateway;
    private final ObjectMapper mapper = new ObjectMapper();
    /** What the honest node counts. */
    private static final MeterRegistry meters = new SimpleMeterRegistry();

    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    static void start() throws Exception {
        Path model = folder.resolve("stories");
        ModelImport.run(SHIPPED, model, share -> {});
        Genesis genesis = new Genesis(
                List.of(FULL.publicKey()),
                List.of(
                        new Deposit(HONEST.publicKey(), 100_000),
                        new Deposit(CHEAT.publicKey(), 100_000),
                        new Deposit(LIAR.publicKey(), 100_000),
                        new Deposit(REQUESTER.publicKey(), 100_000)));
        Network network = Network.onThisHost(genesis);
        network.write(folder.resolve("network.json"));
        Network read = Network.read(folder.resolve("network.json"));
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        Events heard = new Events(new PrintStream(answered, true, StandardCharsets.UTF_8));
        fullNode = FullNode.launch(
                read,
                FULL,
                new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                events,
                (code, why) -> {});
        honest = InferenceNode.launch(
                read,
                HONEST,
                new InferenceNode.Context(folder.resolve("honest"), "localhost", 0, 50_000, 2),
                InferenceNode.language(model, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers),
                heard,
                (code, why) -> {});
        honest.bindTo(meters);
        cheat = cheat(read, CHEAT, model, "cheat", 2, events);
        liar = cheat(read, LIAR, model, "liar", 1, events);
        gateway = Gateway.launch(
                read,
                REQUESTER,
                Map.of("stories", model),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                events,
                (code, why) -> {});
    }

    private static InferenceNode cheat(Network on, KeyPair keys, Path model, String name, int layer, Events events)
            throws IOException {
        ComputeBackend.Choice choice = ComputeBackend.Choice.cpu(1, 64 << 20);
        return InferenceNode.launch(
                on,
                keys,
                new InferenceNode.Context(folder.resolve(name), "localhost", 0, 50_000, 3),
                InferenceNode.language(model, choice, loaded -> TestModels.withSwap(loaded, layer)),
                events,
                (code, why) -> {});
    }

    @AfterAll
    static void stop() {
        gateway.close();
        cheat.close();
        liar.close();
        honest.close();
        fullNode.close();
    }

    private HttpResponse<String> post(String body) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(uri("/v1/chat/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static URI uri(String path) {
        return URI.create("http://localhost:" + gateway.port() + path);
    }

    private JsonNode get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(uri(path)).build();
        return mapper.readTree(
                http.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    private static String ask(String more) {
        String greedy = more.contains("temperature") ? "" : ",\"temperature\":0";
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}],\"max_tokens\":60"
                + greedy + more + "}";
    }

    private JsonNode judged(JsonNode answer) throws IOException, InterruptedException {
        return settled(answer.path("plumbline").path("request_hash").asText());
    }

    private JsonNode settled(String request) throws IOException, InterruptedException {
        return settled(request, "SETTLED|SLASHED|REFUNDED");
    }

    /** @param statuses of which one is waited for: a refund comes before the slash that evidence brings. */
    private JsonNode settled(String request, String statuses) throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + 120_000;
        JsonNode found;
        do {
            Thread.sleep(50);
            found = get("/v1/receipts/" + request);
        } while (System.currentTimeMillis() < end
                && !(found.path("status").asText().matches(statuses)
                        && found.path("finality").asText().equals("certified")));
        return found;
    }

    @Test
    void theOperatorIsAnsweredByTheFullNodeThatRuns() throws Exception {
        Path dir = folder.resolve("full");
        JsonNode settled = judged(mapper.readTree(post(ask("")).body()));
        JsonNode status = mapper.readTree(AdminSocket.ask(dir, "status"));
        assertTrue(status.path("leads").asBoolean());
        assertTrue(status.path("certified").asLong() > 0);
        assertEquals(status.path("deposited").asLong(), status.path("total").asLong());
        String receipt = settled.path("receipt").asText();
        String request =
                Receipt.decode(HexFormat.of().parseHex(receipt)).requestHash().toString();
        assertEquals(
                "SETTLED",
                mapper.readTree(AdminSocket.ask(dir, "request " + request))
                        .path("status")
                        .asText());
        JsonNode block = mapper.readTree(AdminSocket.ask(dir, "block 0"));
        assertTrue(block.path("proof_holds").asBoolean(), block.toString());
        Path copy = folder.resolve("a copy of the index");
        assertTrue(AdminSocket.ask(dir, "copy-index " + copy).contains("Copied the index, blocks 0 to"));
        assertTrue(Files.exists(copy.resolve("CURRENT")));
        String tooLong = assertThrows(IOException.class, () -> AdminSocket.ask(dir, "x".repeat(1 << 20)))
                .getMessage();
        assertTrue(tooLong.matches("a line has at most 4096 bytes|Broken pipe|Connection reset.*"), tooLong);
        assertTrue(AdminSocket.ask(dir, "snapshot").endsWith("is taken."));
        assertTrue(AdminSocket.ask(dir, "purge").contains("begins at byte 0"), "one snapshot is kept for another");
        for (String refused : List.of("step-on", "nonsense", "block 999999", "propose commitMs=0", "propose tax=5")) {
            String why = assertThrows(IOException.class, () -> AdminSocket.ask(dir, refused))
                    .getMessage();
            assertTrue(
                    why.matches(
                            ".*(nothing that a new epoch|does not understand|has no block|between 1 ms and ten years|no parameter is called tax).*"),
                    why);
        }
        assertEquals(
                "rw-------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve(AdminSocket.NAME))));
        String none = assertThrows(IOException.class, () -> AdminSocket.ask(folder, "status"))
                .getMessage();
        assertTrue(none.contains("No full node runs"), none);
    }

    @Test
    void aKeyFileThatOthersMayReadIsRefused() throws Exception {
        Path file = folder.resolve("open.key");
        Network.writeKey(file, HONEST);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        String why =
                assertThrows(IOException.class, () -> Network.readKey(file)).getMessage();
        assertTrue(why.contains("chmod 600"), why);
    }

    @Test
    void anAnswerIsStreamedSignedAuditedAndSettledAndACheatIsSlashed() throws Exception {
        assertEquals(
                "stories", get("/v1/models").path("data").path(0).path("id").asText());
        JsonNode plain = mapper.readTree(post(ask("")).body());
        String text =
                plain.path("choices").path(0).path("message").path("content").asText();
        assertTrue(text.contains("bear"), text);
        assertEquals(60, plain.path("usage").path("completion_tokens").asInt());
        assertEquals(
                "length", plain.path("choices").path(0).path("finish_reason").asText());
        Receipt receipt = Receipt.decode(
                HexFormat.of().parseHex(plain.path("plumbline").path("receipt").asText()));
        assertTrue(receipt.signatureHolds());
        JsonNode settled = judged(plain);
        assertEquals("SETTLED", settled.path("status").asText(), settled.toString());
        long price = settled.path("price").asLong();
        assertEquals(receipt.price(), price);
        String node = HONEST.publicKey().toString();
        long balance = get("/v1/accounts/" + node).path("balance").asLong();
        assertEquals(50_000, balance, "its price waits while evidence may come");

        String stream = post(ask(",\"stream\":true")).body();
        StringBuilder streamed = new StringBuilder();
        for (String line : stream.lines().toList()) {
            if (line.startsWith("data: {")) {
                JsonNode chunk = mapper.readTree(line.substring(6));
                streamed.append(chunk.path("choices")
                        .path(0)
                        .path("delta")
                        .path("content")
                        .asText(""));
            }
        }
        assertEquals(text, streamed.toString(), "streamed and plain answers are the same");
        assertTrue(stream.endsWith("data: [DONE]\n\n"));

        String named = ",\"plumbline\":{\"node\":\"" + CHEAT.publicKey() + "\"}";
        JsonNode caught = mapper.readTree(post(ask(named)).body());
        String request = caught.path("plumbline").path("request_hash").asText();
        JsonNode slashed = settled(request, "SLASHED");
        // Evidence may be ordered before the verdict that has the reason.
        for (int i = 0; slashed.path("reasons").isEmpty() && i < 200; i++) {
            Thread.sleep(50);
            slashed = settled(request, "SLASHED");
        }
        assertEquals("SLASHED", slashed.path("status").asText(), slashed.toString());
        assertEquals("QKV at layer 2, token 0", slashed.path("reasons").path(0).asText());
        Receipt lie =
                Receipt.decode(HexFormat.of().parseHex(slashed.path("receipt").asText()));
        Path evidence = folder.resolve("full/evidence/" + lie.requestHash() + ".evidence");
        Evidence.Finding blind = Evidence.decode(Files.readAllBytes(evidence)).check(null, null);
        assertTrue(blind.needsModel() || blind.failure() != null, "nobody can call it honest");
        try (LoadedModel model = LoadedModel.open(folder.resolve("stories"))) {
            Evidence.Finding finding =
                    Evidence.decode(Files.readAllBytes(evidence)).check(model::tensor, null);
            assertEquals(Step.QKV, finding.failure().step());
            assertTrue(finding.product().tensor().startsWith("model.layers.2.self_attn."), "names the matrix");
        }
        assertEquals(0, get("/v1/accounts/" + CHEAT.publicKey()).path("stake").asInt());
        assertEquals(503, post(ask(named)).statusCode(), "a slashed node is not offered again");
    }

    @Test
    void stopTextsChoicesSeedsAndLogprobsWorkAsTheApiSays() throws Exception {
        JsonNode plain = mapper.readTree(post(ask("")).body());
        String whole =
                plain.path("choices").path(0).path("message").path("content").asText();
        String stop = whole.substring(40, 46);
        JsonNode stopped =
                mapper.readTree(post(ask(",\"stop\":" + mapper.writeValueAsString(List.of("never said", stop))))
                        .body());
        assertEquals(
                whole.substring(0, whole.indexOf(stop)),
                stopped.path("choices").path(0).path("message").path("content").asText());
        assertEquals(
                "stop", stopped.path("choices").path(0).path("finish_reason").asText());
        assertEquals("SETTLED", judged(stopped).path("status").asText(), "an auditor accepts an end by a stop text");

        String drawn = ",\"n\":3,\"seed\":7,\"temperature\":1.0,\"logprobs\":true,\"top_logprobs\":2";
        JsonNode three = mapper.readTree(post(ask(drawn)).body());
        assertEquals(3, three.path("choices").size());
        Set<String> texts = new HashSet<>();
        for (JsonNode choice : three.path("choices")) {
            texts.add(choice.path("message").path("content").asText());
            StringBuilder spelled = new StringBuilder();
            for (JsonNode token : choice.path("logprobs").path("content")) {
                spelled.append(token.path("token").asText());
                assertTrue(token.path("logprob").asDouble() <= 0);
                assertEquals(2, token.path("top_logprobs").size());
                double first =
                        token.path("top_logprobs").path(0).path("logprob").asDouble();
                assertTrue(first >= token.path("logprob").asDouble());
                assertTrue(first
                        >= token.path("top_logprobs").path(1).path("logprob").asDouble());
            }
            assertTrue(spelled.toString()
                    .startsWith(choice.path("message").path("content").asText()));
            assertEquals("SETTLED", judged(choice).path("status").asText());
        }
        assertEquals(3, texts.size(), "each choice has a seed of its own");
        JsonNode again = mapper.readTree(post(ask(drawn)).body());
        for (int i = 0; i < 3; i++) {
            assertEquals(
                    three.path("choices").path(i).path("message"),
                    again.path("choices").path(i).path("message"),
                    "the same seed gives the same answers");
        }
    }

    @Test
    void aClientThatGoesAwayEndsItsAnswer() throws Exception {
        // No stop token ends this one: without the cancellation it would run to the end of the context.
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}],"
                // So many that they take longer than it takes to see that the client has gone.
                + "\"max_tokens\":400,\"temperature\":9,\"seed\":3,\"n\":16,\"stream\":true}";
        String request;
        try (Socket socket = new Socket("localhost", gateway.port())) {
            String head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length()
                    + "\r\n\r\n";
            socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
            // Until the first choice has a token: one that was not begun is not answered at all.
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            String line = lines.readLine();
            while (!line.matches(".*\"index\":0,\"delta\":\\{[^}]*\"content\":\"[^\"].*")) {
                line = lines.readLine();
            }
            request = line.replaceAll(".*chatcmpl-([0-9a-f]{24}).*", "$1");
        }
        long end = System.currentTimeMillis() + 120_000;
        while (System.currentTimeMillis() < end && !answered.toString().contains("\"request\":\"" + request)) {
            Thread.sleep(50);
        }
        JsonNode event = answered.toString()
                .lines()
                .filter(line -> line.contains("\"answered\"") && line.contains("\"request\":\"" + request))
                .map(this::read)
                .findFirst()
                .orElseThrow();
        assertTrue(event.path("cancelled").asBoolean(), event.toString());
        // What was delivered is audited and paid for like any answer, and no more.
        JsonNode found = settled(event.path("request").asText());
        assertEquals("SETTLED", found.path("status").asText(), found.toString());
        Receipt receipt =
                Receipt.decode(HexFormat.of().parseHex(found.path("receipt").asText()));
        assertEquals(event.path("units").asInt(), receipt.outputTokens());
        assertTrue(receipt.outputTokens() < 400);
        assertEquals(2L * (receipt.promptTokens() + receipt.outputTokens()), receipt.price());
    }

    @Test
    void aClientThatGoesAwayEndsAnAnswerThatIsNotStreamedToo() throws Exception {
        // Sixteen long answers: the node must still be at them when the connection's end is noticed.
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}],"
                + "\"max_tokens\":470,\"temperature\":9,\"seed\":3,\"n\":16}";
        long before = cancelled();
        try (Socket socket = new Socket("localhost", gateway.port())) {
            String head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length()
                    + "\r\n\r\n";
            socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
            // Until tokens are computed: one that was not begun is not answered at all.
            awaitSteps();
        }
        long end = System.currentTimeMillis() + 120_000;
        while (System.currentTimeMillis() < end && cancelled() == before) {
            Thread.sleep(50);
        }
        assertTrue(cancelled() > before, answered.toString());
    }

    private static void awaitSteps() throws InterruptedException {
        long end = System.currentTimeMillis() + 120_000;
        double begun = steps();
        while (steps() < begun + 5) {
            boolean isRunning =
                    meters.get("plumbline.num.requests.running").gauge().value() > 0;
            // Steps of the engine's watchdog count too, and it takes them where nothing runs.
            begun = isRunning ? begun : steps();
            assertTrue(System.currentTimeMillis() < end, "nothing is computed");
            Thread.sleep(1);
        }
    }

    private static double steps() {
        return meters.get("plumbline.engine.steps").functionCounter().count();
    }

    private static long cancelled() {
        return answered.toString()
                .lines()
                .filter(line -> line.contains("\"answered\"") && line.contains("\"cancelled\":true"))
                .count();
    }

    private JsonNode read(String json) {
        try {
            return mapper.readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int run(Callable<Integer> command, String... arguments) throws Exception {
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        return command.call();
    }

    @Test
    void aPersonAuditsAnAnswerAndShowsALieToOthers() throws Exception {
        String network = folder.resolve("network.json").toString();
        String model = folder.resolve("stories").toString();
        String key = folder.resolve("verifier.key").toString();
        JsonNode honest = mapper.readTree(post(ask("")).body());
        String receipt = honest.path("plumbline").path("receipt").asText();
        for (String level : List.of("signed", "audited", "full")) {
            assertEquals(
                    0, run(new AuditCommand(), receipt, "--network", network, "--verifier-key", key, "--level", level));
        }
        String named = ",\"plumbline\":{\"node\":\"" + LIAR.publicKey() + "\"}";
        Path lie = folder.resolve("lie.receipt");
        JsonNode lied = mapper.readTree(post(ask(named)).body());
        Files.writeString(lie, lied.path("plumbline").path("receipt").asText());
        String evidence = folder.resolve("lie.evidence").toString();
        String where = "localhost:" + liar.port();
        assertEquals(
                1, run(new AuditCommand(), lie.toString(), "--node", where, "--model", model, "--evidence", evidence));
        String row = folder.resolve("row.evidence").toString();
        assertEquals(0, run(new VerifyCommand(), evidence, "--model", model, "--out", row));
        assertEquals(0, run(new VerifyCommand(), row), "with the row nobody needs the model");
        // Anybody with an account may show it to the ledger, where its node has not lost its stake by then.
        Path account = folder.resolve("requester.key");
        Network.writeKey(account, REQUESTER);
        String[] accuse = {"--network", network, "--key", account.toString(), "--evidence", row};
        try {
            assertEquals(0, run(new AccuseCommand(), accuse));
        } catch (IOException e) {
            assertTrue(e.getMessage().contains("not find it proven"), e.getMessage());
        }
        assertEquals("SLASHED", judged(lied).path("status").asText());
        String twice = assertFails(() -> run(new AccuseCommand(), accuse));
        assertTrue(twice.contains("not find it proven"), twice);
        byte[] other = Files.readAllBytes(Path.of(row));
        other[other.length - 700] ^= 1;
        Files.write(Path.of(row), other);
        assertThrows(IllegalArgumentException.class, () -> run(new VerifyCommand(), row));
        assertTrue(assertFails(() -> run(new AuditCommand(), "abc", "--node", where, "--model", model))
                .contains("is no receipt"));
        assertTrue(assertFails(() -> run(new AuditCommand(), receipt, "--model", model))
                .contains("--network FILE"));
    }

    @Test
    void badRequestsGetOneClearError() throws Exception {
        assertRefused(400, "{", "not JSON");
        assertRefused(400, "{\"messages\":[]}", "at least one message");
        assertRefused(400, "{\"messages\":[{\"role\":\"user\"}]}", "content");
        assertRefused(404, ask(",\"model\":\"gpt-9\""), "does not exist");
        assertRefused(400, ask(",\"temperature\":-1"), "temperature");
        assertRefused(400, ask(",\"top_p\":0"), "top_p");
        assertRefused(400, ask(",\"max_tokens\":1"), "stands twice: line 1");
        assertRefused(400, ask(",\"n\":0"), "at least 1 and at most 16");
        assertRefused(400, ask(",\"stop\":[\"\"]"), "stop");
        assertRefused(400, ask(",\"tools\":[{}]"), "tools");
        assertRefused(400, ask(",\"plumbline\":{\"level\":\"half\"}"), "plumbline.level");
        assertRefused(400, ask(",\"frequency_penalty\":3"), "frequency_penalty");
        assertRefused(400, ask(",\"response_format\":{\"type\":\"xml\"}"), "response_format");
        assertRefused(402, ask(",\"plumbline\":{\"max_price\":0}"), "the cheapest asks");
        String longPrompt = "word ".repeat(600);
        assertRefused(400, "{\"messages\":[{\"role\":\"user\",\"content\":\"" + longPrompt + "\"}]}", "context is 512");
        assertTrue(get("/v1/receipts/zz").path("error").path("message").asText().contains("hexadecimal"));
    }

    private void assertRefused(int status, String body, String message) throws Exception {
        HttpResponse<String> response = post(body);
        assertEquals(status, response.statusCode(), response.body());
        JsonNode error = mapper.readTree(response.body()).path("error");
        assertTrue(error.path("message").asText().contains(message), response.body());
        assertFalse(error.path("type").asText().isEmpty());
    }

    @Test
    void aSettlementIsProvenOfflineByItsBlock() throws Exception {
        JsonNode answer = mapper.readTree(post(ask("")).body());
        String hash = answer.path("plumbline").path("request_hash").asText();
        assertEquals("SETTLED", judged(answer).path("status").asText());
        String certified = "";
        for (int i = 0; i < 400 && !certified.equals("SETTLED"); i++) {
            Thread.sleep(25);
            certified =
                    get("/v1/receipts/" + hash).path("certified").path("status").asText();
        }
        assertEquals("SETTLED", certified);
        assertEquals("certified", get("/v1/receipts/" + hash).path("finality").asText());
        HttpResponse<byte[]> proof = http.send(
                HttpRequest.newBuilder(uri("/v1/receipts/" + hash + "/proof")).build(),
                HttpResponse.BodyHandlers.ofByteArray());
        assertEquals(200, proof.statusCode());
        Path file = folder.resolve("settled.proof");
        Files.write(file, proof.body());
        assertEquals(0, verifyReceipt(file));
        byte[] changed = proof.body();
        changed[changed.length / 2] ^= 1;
        Files.write(file, changed);
        assertEquals(1, verifyReceipt(file));
        Files.write(file, new byte[9]);
        assertTrue(assertFails(() -> verifyReceipt(file)).contains("is no proof of the ledger's"));
    }

    private static int verifyReceipt(Path file) throws IOException {
        ReceiptVerifyCommand command = new ReceiptVerifyCommand();
        JCommander.newBuilder()
                .addObject(command)
                .build()
                .parse(
                        file.toString(),
                        "--network",
                        folder.resolve("network.json").toString());
        return command.call();
    }

    @Test
    void aPortInUseAndABadFileAreNamed() throws IOException {
        Path none = folder.resolve("none");
        Files.writeString(folder.resolve("bad.json"), "{}");
        assertTrue(
                assertFails(() -> Network.read(folder.resolve("bad.json"))).contains("bad.json is not a network file"));
        assertTrue(assertFails(() -> Network.readKey(none)).contains("is not a key file"));
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        String message = assertFails(() -> Gateway.launch(
                Network.read(folder.resolve("network.json")),
                REQUESTER,
                Map.of("stories", folder.resolve("stories")),
                new Gateway.Context(
                        folder.resolve("gateway2"), "localhost", gateway.port(), Terms.at(Level.FULL), Origins.LOCAL),
                events,
                (code, why) -> {}));
        assertTrue(message.contains("cannot listen on localhost:" + gateway.port()), message);
    }

    private static String assertFails(org.junit.jupiter.api.function.Executable action) {
        return org.junit.jupiter.api.Assertions.assertThrows(IOException.class, action)
                .getMessage();
    }
}
