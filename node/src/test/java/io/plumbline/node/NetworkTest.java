package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.model.ModelImport;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All roles in one JVM, with real Aeron and HTTP between them, as curl would see it. */
class NetworkTest {
    private static final Path SHIPPED = Path.of("../models/plumbline-stories-2m");
    private static final Keys HONEST = Keys.random();
    private static final Keys CHEAT = Keys.random();
    private static final Keys REQUESTER = Keys.random();
    private static final Keys FULL = Keys.random();

    @TempDir
    static Path folder;

    private static FullNode fullNode;
    private static InferenceNode honest;
    private static InferenceNode cheat;
    private static Gateway gateway;
    private final ObjectMapper mapper = new ObjectMapper();
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
                        new Deposit(REQUESTER.publicKey(), 100_000)));
        Network network = new Network(List.of("localhost:" + Demo.freePorts(Member.PORTS)), genesis);
        network.write(folder.resolve("network.json"));
        Network read = Network.read(folder.resolve("network.json"));
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        fullNode = new FullNode(read, FULL, model, folder.resolve("full"), Level.FULL, events);
        honest =
                new InferenceNode(read, HONEST, model, folder.resolve("honest"), "localhost", 0, 50_000, 2, -1, events);
        cheat = new InferenceNode(read, CHEAT, model, folder.resolve("cheat"), "localhost", 0, 50_000, 3, 2, events);
        gateway = new Gateway(read, REQUESTER, model, folder.resolve("gateway"), "localhost", 0, events);
    }

    @AfterAll
    static void stop() {
        gateway.close();
        cheat.close();
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
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}],\"max_tokens\":60"
                + more + "}";
    }

    private JsonNode judged(JsonNode answer) throws IOException, InterruptedException {
        String request = answer.path("plumbline").path("request_hash").asText();
        long end = System.currentTimeMillis() + 30_000;
        JsonNode found;
        do {
            Thread.sleep(50);
            found = get("/v1/receipts/" + request);
        } while (System.currentTimeMillis() < end
                && !found.path("status").asText().matches("SETTLED|SLASHED"));
        return found;
    }

    @Test
    void anAnswerIsStreamedSignedAuditedAndPaidAndACheatIsSlashed() throws Exception {
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
        String node = HexFormat.of().formatHex(HONEST.publicKey());
        assertTrue(get("/v1/accounts/" + node).path("balance").asLong() >= 50_000 + price);

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

        String named = ",\"plumbline\":{\"node\":\"" + HexFormat.of().formatHex(CHEAT.publicKey()) + "\"}";
        JsonNode slashed = judged(mapper.readTree(post(ask(named)).body()));
        assertEquals("SLASHED", slashed.path("status").asText(), slashed.toString());
        assertEquals("QKV at layer 2, token 0", slashed.path("reasons").path(0).asText());
        assertEquals(
                0,
                get("/v1/accounts/" + HexFormat.of().formatHex(CHEAT.publicKey()))
                        .path("stake")
                        .asInt());
        assertEquals(503, post(ask(named)).statusCode(), "a slashed node is not offered again");
    }

    @Test
    void badRequestsGetOneClearError() throws Exception {
        assertRefused(400, "{", "not JSON");
        assertRefused(400, "{\"messages\":[]}", "at least one message");
        assertRefused(400, "{\"messages\":[{\"role\":\"user\"}]}", "content");
        assertRefused(404, ask(",\"model\":\"gpt-9\""), "does not exist");
        assertRefused(400, ask(",\"temperature\":-1"), "temperature");
        assertRefused(400, ask(",\"top_p\":0"), "top_p");
        assertRefused(400, ask(",\"max_tokens\":0"), "max_tokens");
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
    void aPortInUseAndABadFileAreNamed() throws IOException {
        Path none = folder.resolve("none");
        Files.writeString(folder.resolve("bad.json"), "{}");
        assertTrue(
                assertFails(() -> Network.read(folder.resolve("bad.json"))).contains("bad.json is not a network file"));
        assertTrue(assertFails(() -> Network.readKey(none)).contains("is not a key file"));
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        String message = assertFails(() -> new Gateway(
                Network.read(folder.resolve("network.json")),
                REQUESTER,
                folder.resolve("stories"),
                folder.resolve("gateway2"),
                "localhost",
                gateway.port(),
                events));
        assertTrue(message.contains("cannot listen on localhost:" + gateway.port()), message);
    }

    private static String assertFails(org.junit.jupiter.api.function.Executable action) {
        return org.junit.jupiter.api.Assertions.assertThrows(IOException.class, action)
                .getMessage();
    }
}
