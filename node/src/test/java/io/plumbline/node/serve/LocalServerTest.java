package io.plumbline.node.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.applications.DocumentedExample;
import io.plumbline.node.cli.AuditCommand;
import io.plumbline.node.cli.ChatCommand;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model served by one process: what its clients see, and what anybody can check later. */
@Tag("slow")
class LocalServerTest {
    private static final String QUESTION =
            "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a fox.\"}],\"temperature\":0";

    private static final String DRAWN = QUESTION.replace("\"temperature\":0", "\"temperature\":1,\"seed\":7");

    @TempDir
    static Path folder;

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static Path model;
    private static ReceiptLog log;
    private static LocalServer server;

    @BeforeAll
    static void start() throws IOException {
        try (LoadedModel loaded = TestModels.load(TestModels.SHIPPED, folder)) {
            model = loaded.folder();
        }
        KeyPair keys = KeyPair.random();
        log = new ReceiptLog(folder.resolve("serve"));
        LanguageEngine language = new LanguageEngine(
                model,
                ComputeBackend.Choice.cpu(1, 64 << 20),
                LoadedModel::layers,
                keys,
                0,
                null,
                new Events(new PrintStream(PrintStream.nullOutputStream())));
        server = LocalServer.launch(
                LocalModels.of("stories", model, language),
                keys,
                log,
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static HttpResponse<String> post(String body) throws IOException, InterruptedException {
        return post("/chat/completions", body);
    }

    private static HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return HTTP.send(
                HttpRequest.newBuilder(URI.create(base() + path))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return HTTP.send(
                HttpRequest.newBuilder(URI.create(base() + path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String base() {
        return "http://localhost:" + server.port() + "/v1";
    }

    @Test
    void anAnswerHasAReceiptThatIsInTheLogAndIsAuditedByTheModelAlone() throws Exception {
        JsonNode answer = MAPPER.readTree(post(QUESTION + ",\"max_tokens\":40}").body());
        JsonNode plumbline = answer.path("plumbline");
        String receipt = plumbline.path("receipt").asText();
        JsonNode found = MAPPER.readTree(
                get("/receipts/" + plumbline.path("request_hash").asText()).body());
        assertEquals("SIGNED", found.path("status").asText());
        assertEquals("local", found.path("finality").asText());
        assertEquals(receipt, found.path("receipt").asText());
        Path text = folder.resolve("answer");
        Files.writeString(
                text,
                answer.path("choices").path(0).path("message").path("content").asText());
        assertEquals(0, audit(receipt, "--answer", text.toString()));
        Files.writeString(text, "Another text.");
        assertEquals(1, audit(receipt, "--answer", text.toString()));
        // A receipt that this process never gave is no receipt of this log.
        byte[] other = HexFormat.of().parseHex(receipt);
        other[other.length - 1] ^= 1;
        assertEquals(1, audit(HexFormat.of().formatHex(other)));
        assertEquals(404, get("/receipts/" + "00".repeat(32)).statusCode());
    }

    private static int audit(String receipt, String... more) throws Exception {
        AuditCommand command = new AuditCommand();
        String[] arguments = new String[5 + more.length];
        arguments[0] = receipt;
        arguments[1] = "--log";
        arguments[2] = folder.resolve("serve").toString();
        arguments[3] = "--model";
        arguments[4] = model.toString();
        System.arraycopy(more, 0, arguments, 5, more.length);
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        return command.call();
    }

    @Test
    void streamsAndChoicesAreTheSameAnswers() throws Exception {
        JsonNode whole =
                MAPPER.readTree(post(DRAWN + ",\"max_tokens\":24,\"n\":3}").body());
        assertEquals(3, whole.path("choices").size());
        Set<String> requests = new HashSet<>();
        whole.path("choices")
                .forEach(one ->
                        requests.add(one.path("plumbline").path("request_hash").asText()));
        assertEquals(3, requests.size(), "a receipt each");
        String stream = post(DRAWN + ",\"max_tokens\":24,\"stream\":true,"
                        + "\"stream_options\":{\"include_usage\":true}}")
                .body();
        StringBuilder text = new StringBuilder();
        for (String line :
                stream.lines().filter(line -> line.startsWith("data: {")).toList()) {
            text.append(MAPPER.readTree(line.substring(6))
                    .path("choices")
                    .path(0)
                    .path("delta")
                    .path("content")
                    .asText(""));
        }
        assertEquals(
                whole.path("choices").path(0).path("message").path("content").asText(), text.toString());
        assertTrue(stream.contains("\"completion_tokens\":24") && stream.endsWith("data: [DONE]\n\n"), stream);
    }

    /** Tokens that come together are in one event, and so are their log probabilities. */
    @Test
    void logProbabilitiesOfAStreamAreThoseOfTheWholeAnswerEachOnce() throws Exception {
        String asked = DRAWN + ",\"max_tokens\":100,\"n\":2,\"logprobs\":true,\"top_logprobs\":2";
        JsonNode whole = MAPPER.readTree(post(asked + "}").body());
        String stream = post(asked + ",\"stream\":true}").body();
        for (int choice = 0; choice < 2; choice++) {
            List<JsonNode> streamed = new ArrayList<>();
            StringBuilder text = new StringBuilder();
            for (String line :
                    stream.lines().filter(line -> line.startsWith("data: {")).toList()) {
                JsonNode one =
                        MAPPER.readTree(line.substring(6)).path("choices").path(0);
                if (one.path("index").asInt() == choice) {
                    one.path("logprobs").path("content").forEach(streamed::add);
                    text.append(one.path("delta").path("content").asText(""));
                }
            }
            JsonNode expected = whole.path("choices").path(choice);
            List<JsonNode> entries = new ArrayList<>();
            expected.path("logprobs").path("content").forEach(entries::add);
            assertEquals(100, entries.size());
            assertEquals(entries, streamed);
            assertEquals(expected.path("message").path("content").asText(), text.toString());
        }
    }

    /** So much side by side that it goes on for longer than it takes to see that a client has gone. */
    private static final String SLOW = ",\"max_tokens\":400,\"n\":16";

    /** An answer whose client has gone is logged a little later, perhaps after others. */
    private ReceiptLog.Entry awaitEntry(Bytes32 request) throws Exception {
        long end = System.currentTimeMillis() + 120_000;
        while (log.find(request) == null && System.currentTimeMillis() < end) {
            Thread.sleep(20);
        }
        ReceiptLog.Entry entry = log.find(request);
        assertNotNull(entry);
        return entry;
    }

    /** Reads a stream until a choice has text; returns the hash of its request. One that has none has no receipt. */
    private static String beginning(Socket socket) throws IOException {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        Map<Integer, String> hashes = new HashMap<>();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.startsWith("data: {")) {
                JsonNode event = MAPPER.readTree(line.substring(6));
                JsonNode choice = event.path("choices").path(0);
                int index = choice.path("index").asInt();
                JsonNode hash = event.findValue("request_hash");
                if (hash != null) {
                    hashes.put(index, hash.asText());
                }
                if (!choice.path("delta").path("content").asText("").isEmpty() && hashes.containsKey(index)) {
                    return hashes.get(index);
                }
            }
        }
        throw new EOFException("The stream ended before it had a text.");
    }

    @Test
    void aClientThatGoesAwayEndsItsAnswerAndTheLogHasWhatWasDelivered() throws Exception {
        String body =
                QUESTION.replace("\"temperature\":0", "\"temperature\":9,\"seed\":3") + SLOW + ",\"stream\":true}";
        String request;
        try (Socket socket = new Socket("localhost", server.port())) {
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length()
                                    + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            request = beginning(socket);
        }
        ReceiptLog.Entry entry = awaitEntry(Bytes32.of(HexFormat.of().parseHex(request)));
        assertTrue(entry.receipt().outputTokens() < 400, entry.receipt().outputTokens() + " tokens");
        assertNotNull(entry.answer().cancellation());
        assertEquals(0, audit(HexFormat.of().formatHex(entry.receipt().encode())));
    }

    @Test
    void closingAStreamOfTheJavaClientEndsTheAnswer() throws Exception {
        ChatRequest endless = ChatRequest.builder()
                .user("Tell me a story about a fox.")
                .temperature(9)
                .seed(3)
                .maxTokens(400)
                .build();
        Bytes32 request;
        String load = QUESTION.replace("\"temperature\":0", "\"temperature\":9,\"seed\":4") + SLOW + "}";
        CompletableFuture<HttpResponse<String>> beside = HttpClient.newHttpClient()
                .sendAsync(
                        HttpRequest.newBuilder(URI.create(base() + "/chat/completions"))
                                .POST(HttpRequest.BodyPublishers.ofString(load))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        try (PlumblineClient client = PlumblineClient.builder().baseUrl(base()).build();
                ChatStream stream = client.stream(endless)) {
            assertTrue(stream.hasNext());
            request = stream.requestHash();
        }
        ReceiptLog.Entry entry = awaitEntry(request);
        assertTrue(entry.receipt().outputTokens() < 400, entry.receipt().outputTokens() + " tokens");
        assertNotNull(entry.answer().cancellation());
        assertEquals(200, beside.get(120, TimeUnit.SECONDS).statusCode());
    }

    @Test
    void theThreeLinesOfTheReadmeRun() throws Exception {
        List<String> examples = DocumentedExample.of("README.md");
        assertEquals(1, examples.size());
        assertEquals(3, examples.getFirst().lines().count());
        String said = DocumentedExample.run(
                examples.getFirst().replace("http://localhost:8080/v1", base()),
                List.of("io.plumbline.client.PlumblineClient"),
                folder.resolve("readme"));
        assertTrue(said.length() > 20, said);
    }

    @Test
    void textGoesOnAsTheOlderApiHasIt() throws Exception {
        String asked = "{\"prompt\":\"Once upon a time\",\"temperature\":0,\"logprobs\":2";
        JsonNode whole = MAPPER.readTree(
                post("/completions", asked + ",\"max_tokens\":8}").body());
        assertEquals("text_completion", whole.path("object").asText());
        assertTrue(whole.path("id").asText().startsWith("cmpl-"));
        JsonNode choice = whole.path("choices").path(0);
        assertEquals(8, choice.path("logprobs").path("tokens").size());
        assertEquals(2, choice.path("logprobs").path("top_logprobs").path(7).size());
        assertEquals("length", choice.path("finish_reason").asText());
        String text = choice.path("text").asText();
        assertTrue(text.contains("there was"), text);
        // The receipt covers the tokens that the text became.
        assertEquals(0, audit(whole.path("plumbline").path("receipt").asText()));
        StringBuilder streamed = new StringBuilder();
        String stream = post(
                        "/completions", asked.replace(",\"logprobs\":2", "") + ",\"max_tokens\":8,\"stream\":true}")
                .body();
        for (String line :
                stream.lines().filter(line -> line.startsWith("data: {")).toList()) {
            streamed.append(MAPPER.readTree(line.substring(6))
                    .path("choices")
                    .path(0)
                    .path("text")
                    .asText());
        }
        assertEquals(text, streamed.toString());
        JsonNode several = MAPPER.readTree(
                post("/completions", "{\"prompt\":[\"Once\",\"The fox\",\"Rain\"],\"max_tokens\":2,\"n\":2,\"seed\":1}")
                        .body());
        assertEquals(6, several.path("choices").size());
        assertEquals(12, several.path("usage").path("completion_tokens").asInt());
        JsonNode tokens = MAPPER.readTree(post("/completions", "{\"prompt\":[300,301,302],\"max_tokens\":1}")
                .body());
        assertEquals(3, tokens.path("usage").path("prompt_tokens").asInt());
        for (String wrong : new String[] {
            "{\"max_tokens\":1}",
            "{\"prompt\":[]}",
            "{\"prompt\":\"\",\"max_tokens\":1}",
            "{\"prompt\":[1,\"a\"]}",
            "{\"prompt\":[-1]}",
            "{\"prompt\":[4000000]}",
            "{\"prompt\":\"a\",\"suffix\":\"b\"}",
            "{\"prompt\":\"a\",\"echo\":true}",
            "{\"prompt\":\"a\",\"n\":17}",
            "{\"prompt\":[\"a\",\"b\"],\"n\":9}",
            "{\"prompt\":\"a\",\"messages\":[]}"
        }) {
            HttpResponse<String> refused = post("/completions", wrong);
            assertEquals(400, refused.statusCode(), wrong + ": " + refused.body());
        }
    }

    @Test
    void anotherModelOrNodeOrFieldIsRefusedByName() throws Exception {
        HttpResponse<String> other = post(QUESTION + ",\"model\":\"gpt-9\"}");
        assertEquals(404, other.statusCode());
        assertTrue(other.body().contains("model_not_found"), other.body());
        HttpResponse<String> node = post(QUESTION + ",\"plumbline\":{\"node\":\"" + "00".repeat(32) + "\"}}");
        assertEquals(503, node.statusCode());
        HttpResponse<String> tools = post(QUESTION + ",\"tools\":[{\"type\":\"function\"}]}");
        assertEquals(400, tools.statusCode());
        assertTrue(tools.body().contains("tools"), tools.body());
        assertEquals(200, get("/models/stories").statusCode());
    }

    @Test
    void aTerminalTalksToItAndIsToldOfReceipts() throws Exception {
        String said = chat("Tell me a story.\nAnd another?\n\n", base(), "--max-tokens", "12", "--temperature", "0");
        assertEquals(
                2,
                said.lines()
                        .filter(line -> line.contains("SIGNED, local, entry"))
                        .count(),
                said);
        assertTrue(said.startsWith("Once upon a time"), said);
    }

    private static String chat(String typed, String... arguments) throws Exception {
        ChatCommand command = new ChatCommand();
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        return captured(typed, command);
    }

    private static String captured(String typed, Callable<?> command) throws Exception {
        InputStream in = System.in;
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try {
            System.setIn(new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)));
            System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
            assertEquals(0, command.call());
        } finally {
            System.setIn(in);
            System.setOut(out);
        }
        return said.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"openai", "ai", "langchain"})
    void clientsThatPeopleHaveWorkUnmodified(String client) throws Exception {
        NpmClients.check(client, base());
    }

    @Test
    void receiptsSayWhoSignedThem() throws Exception {
        JsonNode answer = MAPPER.readTree(post(QUESTION + ",\"max_tokens\":4}").body());
        Receipt receipt = Receipt.decode(
                HexFormat.of().parseHex(answer.path("plumbline").path("receipt").asText()));
        assertTrue(receipt.signatureHolds());
        assertEquals(0, receipt.price());
        try (LoadedModel loaded = LoadedModel.open(model)) {
            assertEquals(loaded.id(), receipt.modelId());
        }
    }
}
