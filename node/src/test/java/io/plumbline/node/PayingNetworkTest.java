package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Access;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Those who pay for their answers, on a real network with a ledger that settles. */
@Tag("slow")
class PayingNetworkTest {
    private static final Path SHIPPED = Path.of("../models/plumbline-stories-2m");
    private static final KeyPair NODE = KeyPair.random();
    private static final KeyPair GATEWAY = KeyPair.random();
    private static final KeyPair PAYER = KeyPair.random();
    private static final KeyPair FULL = KeyPair.random();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** The node's price of a token, and the most that the gateway pays. */
    private static final int PRICE = 2;

    private static final int MOST_PRICE = 5;

    @TempDir
    static Path folder;

    private static final HttpClient http = HttpClient.newHttpClient();
    private static Network network;
    private static Path model;
    private static Path keys;
    private static FullNode fullNode;
    private static InferenceNode node;
    private static Gateway gateway;
    private static Media media;
    private static LedgerClient payer;

    @BeforeAll
    static void start() throws Exception {
        model = folder.resolve("stories");
        ModelImport.run(SHIPPED, model, share -> {});
        Genesis genesis = new Genesis(
                List.of(FULL.publicKey()),
                10_000,
                new byte[32],
                List.of(
                        new Deposit(NODE.publicKey(), 100_000),
                        new Deposit(GATEWAY.publicKey(), 100_000),
                        new Deposit(PAYER.publicKey(), 100_000)),
                Parameters.DEFAULT);
        network = Network.onThisHost(genesis);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        fullNode = new FullNode(
                network,
                FULL,
                new FullNode.Setup(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                events,
                (code, why) -> {});
        node = new InferenceNode(
                network,
                NODE,
                new InferenceNode.Place(folder.resolve("node"), "localhost", 0, 50_000, PRICE),
                InferenceNode.language(model, ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers),
                events,
                (code, why) -> {});
        keys = folder.resolve("api-keys.json");
        TenantFile.add(keys, "first", Quota.UNLIMITED, Set.of(), "2026-11-26");
        startGateway();
        media = new Media(folder.resolve("payer-driver"), e -> {}, () -> {});
        payer = network.ledger(media.directory(), "localhost", PAYER);
    }

    private static void startGateway() throws IOException {
        Path own = folder.resolve("gateway");
        gateway = new Gateway(
                network,
                GATEWAY,
                Map.of("stories", model),
                new Gateway.Place(
                        own,
                        "localhost",
                        0,
                        new Terms(Level.AUDITED, Level.SIGNED, MOST_PRICE, NodeWish.Preference.PRICE),
                        Origins.LOCAL,
                        new Access(new Tenants(keys, own, 8, event -> {}), null)),
                new Events(new PrintStream(PrintStream.nullOutputStream())),
                (code, why) -> {});
    }

    @AfterAll
    static void stop() {
        payer.close();
        media.close();
        gateway.close();
        node.close();
        fullNode.close();
        http.close();
    }

    private interface Check {
        boolean holds() throws Exception;
    }

    private static void await(String what, Check check) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!check.holds()) {
            assertTrue(System.nanoTime() < end, what);
            Thread.sleep(100);
        }
    }

    private static HttpRequest.Builder request(String path, String key) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + gateway.port() + path))
                .header("Authorization", "Bearer " + key);
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode usage(String key) throws IOException, InterruptedException {
        return MAPPER.readTree(send(request("/v1/usage", key)).body());
    }

    private static String question(String more) {
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a bear.\"}]" + more + "}";
    }

    private static HttpResponse<String> ask(String key, int mostTokens) throws IOException, InterruptedException {
        return send(request("/v1/chat/completions", key)
                .POST(HttpRequest.BodyPublishers.ofString(question(",\"max_tokens\":" + mostTokens))));
    }

    /** A tenant that the gateway knows. */
    private static String known(String name, long budget) throws Exception {
        String key = TenantFile.add(keys, name, Quota.UNLIMITED, budget, Set.of(), "2026-11-26");
        await("the key is known", () -> send(request("/v1/models", key)).statusCode() == 200);
        return key;
    }

    private static long balance(KeyPair of) throws IOException {
        return payer.account(of.publicKey()).balance();
    }

    @Test
    void aTenantPaysInOnTheLedgerAndItsAnswersAreChargedWhatTheirReceiptsSay() throws Exception {
        String key = known("prepaid", 0);
        HttpResponse<String> poor = ask(key, 20);
        assertEquals(402, poor.statusCode(), poor.body());
        JsonNode error = MAPPER.readTree(poor.body()).path("error");
        assertEquals("insufficient_quota", error.path("code").asText());
        assertTrue(error.path("message").asText().contains("GET /v1/usage"), error.toString());
        JsonNode payIn = usage(key).path("pay_in");
        assertEquals(
                HexFormat.of().formatHex(GATEWAY.publicKey()), payIn.path("to").asText());
        byte[] reference = HexFormat.of().parseHex(payIn.path("reference").asText());
        byte[] wrong = reference.clone();
        wrong[0]++;
        for (byte[] named : List.of(wrong, new byte[32], reference)) {
            LedgerClient.Outcome paid = payer.submit(new Command.Transfer(GATEWAY.publicKey(), 1_000, named));
            assertTrue(paid.isApplied(), paid.reason());
        }
        await(
                "the payment is counted",
                () -> usage(key).path("budget").path("left").asLong() > 0);
        assertEquals(1_000, usage(key).path("budget").path("left").asLong(), "those that name others are not its own");
        HttpResponse<String> answered = ask(key, 20);
        assertEquals(200, answered.statusCode(), answered.body());
        JsonNode answer = MAPPER.readTree(answered.body());
        long price = answer.path("plumbline").path("price").asLong();
        assertEquals(PRICE * answer.path("usage").path("total_tokens").asLong(), price);
        JsonNode after = usage(key);
        assertEquals(1_000 - price, after.path("budget").path("left").asLong(), "by the receipt, not by the most");
        assertEquals(price, after.path("total").path("cost").asLong());
        // More than is left at the most that the gateway pays, though not at what the node asks.
        HttpResponse<String> large = ask(key, 300);
        assertEquals(402, large.statusCode(), large.body());
        gateway.close();
        startGateway();
        Thread.sleep(3_000);
        assertEquals(
                1_000 - price,
                usage(key).path("budget").path("left").asLong(),
                "a payment is counted once, over restarts");
    }

    @Test
    void aClientThatGoesAwayIsChargedForWhatThereWas() throws Exception {
        String key = known("gone", 5_000);
        String body = question(",\"max_tokens\":400,\"temperature\":9,\"seed\":3,\"stream\":true");
        try (Socket socket = new Socket("localhost", gateway.port())) {
            socket.getOutputStream()
                    .write(("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key
                                    + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            socket.getInputStream().readNBytes(1500);
        }
        await("it has ended", () -> usage(key).path("total").path("answers").asLong() > 0);
        JsonNode told = usage(key);
        long cost = told.path("total").path("cost").asLong();
        assertEquals(PRICE * told.path("total").path("total_tokens").asLong(), cost);
        assertTrue(cost < PRICE * 400, "cost " + cost);
        assertEquals(5_000 - cost, told.path("budget").path("left").asLong());
    }
}
