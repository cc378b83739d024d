package io.plumbline.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.beust.jcommander.JCommander;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.client.ApiException;
import io.plumbline.client.ChatAnswer;
import io.plumbline.client.ChatRequest;
import io.plumbline.client.ChatStream;
import io.plumbline.client.PlumblineClient;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Signed;
import io.plumbline.node.cli.ChatCommand;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Access;
import io.plumbline.node.gateway.CallPayment;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.NodeWish;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.tenant.Payers;
import io.plumbline.node.tenant.Quota;
import io.plumbline.node.tenant.TenantFile;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
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

    /** Of an escrow and of an audit at AUDITED, by {@link Parameters#DEFAULT}. */
    private static final long FEES = 9;

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
                Bytes32.ZERO,
                List.of(
                        new Deposit(NODE.publicKey(), 100_000),
                        new Deposit(GATEWAY.publicKey(), 100_000),
                        new Deposit(PAYER.publicKey(), 100_000)),
                Parameters.DEFAULT);
        network = Network.onThisHost(genesis);
        Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));
        fullNode = FullNode.launch(
                network,
                FULL,
                new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                events,
                (code, why) -> {});
        node = InferenceNode.launch(
                network,
                NODE,
                new InferenceNode.Context(folder.resolve("node"), "localhost", 0, 50_000, PRICE),
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
        gateway = Gateway.launch(
                network,
                GATEWAY,
                Map.of("stories", model),
                new Gateway.Context(
                        own,
                        "localhost",
                        0,
                        new Terms(Level.AUDITED, Level.SIGNED, MOST_PRICE, NodeWish.Preference.PRICE),
                        Origins.LOCAL,
                        new Access(new Tenants(keys, own, 8, event -> {}), null),
                        new Payers(own, 8),
                        routes -> {}),
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
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
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
    void thePageShowsTheNetworkToThoseWithoutAKeyAndNothingOfTheTenants() throws Exception {
        HttpRequest asking = HttpRequest.newBuilder(URI.create("http://localhost:" + gateway.port() + "/ui/state"))
                .build();
        JsonNode[] seen = new JsonNode[1];
        await("the gateway has looked at its ledger", () -> {
            seen[0] = MAPPER.readTree(
                    http.send(asking, HttpResponse.BodyHandlers.ofString()).body());
            return seen[0].path("nodes").path("total").asInt() == 1;
        });
        assertTrue(seen[0].path("about").path("needs_key").asBoolean());
        assertEquals(0, seen[0].path("ledger").path("difference").asLong(-1));
        assertTrue(seen[0].path("blocks").path(0).path("number").asLong(-1) >= 0, seen[0].toString());
        for (String theirs : List.of("answers", "quality")) {
            assertTrue(seen[0].path(theirs).isMissingNode(), theirs);
        }
        assertTrue(seen[0].path("nodes").path("rows").path(0).path("load").isMissingNode(), "how busy tenants are");
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
        assertEquals(GATEWAY.publicKey().toString(), payIn.path("to").asText());
        Bytes32 reference =
                Bytes32.of(HexFormat.of().parseHex(payIn.path("reference").asText()));
        Bytes32 wrong = new Bytes32(reference.a(), reference.b(), reference.c(), reference.d() + 1);
        for (Bytes32 named : List.of(wrong, Bytes32.ZERO, reference)) {
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
        assertEquals(
                1_000 - price - FEES, after.path("budget").path("left").asLong(), "by the receipt, not by the most");
        assertEquals(price + FEES, after.path("total").path("cost").asLong());
        // More than is left at the most that the gateway pays, though not at what the node asks.
        HttpResponse<String> large = ask(key, 300);
        assertEquals(402, large.statusCode(), large.body());
        gateway.close();
        startGateway();
        Thread.sleep(3_000);
        assertEquals(
                1_000 - price - FEES,
                usage(key).path("budget").path("left").asLong(),
                "a payment is counted once, over restarts");
    }

    private static HttpResponse<String> paid(String body, String payment) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + gateway.port() + "/v1/chat/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(body));
        return send(payment == null ? request : request.header(CallPayment.HEADER, payment));
    }

    /** The offer of a call, and a payment of it. */
    private static String payment(String body, boolean byCredit) throws IOException, InterruptedException {
        HttpResponse<String> unpaid = paid(body, null);
        assertEquals(402, unpaid.statusCode(), unpaid.body());
        JsonNode offer = MAPPER.readTree(unpaid.body()).path("accepts").path(0);
        Bytes32 reference = Bytes32.of(
                HexFormat.of().parseHex(offer.path("extra").path("reference").asText()));
        long most = offer.path("maxAmountRequired").asLong();
        Bytes32 ledger = network.genesis().hash();
        Command.Transfer transfer = new Command.Transfer(GATEWAY.publicKey(), most, reference);
        CallPayment payment = byCredit
                ? CallPayment.Credit.of(PAYER, GATEWAY.publicKey(), reference, most)
                : new CallPayment.Transfer(
                        Signed.of(ledger, PAYER, System.currentTimeMillis() + 60_000, transfer), transfer);
        return payment.header(CallPayment.network(ledger));
    }

    private static long credit() throws IOException, InterruptedException {
        return credit(PAYER);
    }

    private static long credit(KeyPair of) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                URI.create("http://localhost:" + gateway.port() + "/v1/accounts/" + of.publicKey()));
        return MAPPER.readTree(send(request).body()).path("credit").asLong();
    }

    @Test
    void aCallWithoutAKeyIsPaidByAnAccountOfTheLedger() throws Exception {
        String body = question(",\"max_tokens\":20");
        long before = credit();
        long money = balance(PAYER);
        HttpResponse<String> answered = paid(body, payment(body, false));
        assertEquals(200, answered.statusCode(), answered.body());
        JsonNode answer = MAPPER.readTree(answered.body());
        long price = answer.path("plumbline").path("price").asLong();
        JsonNode told = MAPPER.readTree(Base64.getDecoder()
                .decode(answered.headers()
                        .firstValue(CallPayment.RESPONSE_HEADER)
                        .orElseThrow()));
        long most = MOST_PRICE * (answer.path("usage").path("prompt_tokens").asLong() + 20) + FEES;
        long cost = price + FEES;
        assertEquals(cost, told.path("extra").path("used").asLong());
        assertEquals(before + most - cost, told.path("extra").path("left").asLong());
        assertEquals(before + most - cost, credit());
        assertEquals(money - most - 101, balance(PAYER), "the ledger's fee of such a payment, and what it may cost");
        // A node that there is not: the payment was made, and is credit.
        String failing = question(",\"max_tokens\":20,\"plumbline\":{\"node\":\"" + "ab".repeat(32) + "\"}");
        HttpResponse<String> failed = paid(failing, payment(failing, false));
        assertEquals(503, failed.statusCode(), failed.body());
        assertEquals(before + 2 * most - cost, credit());
        // A stream, paid with credit.
        String streamed = question(",\"max_tokens\":20,\"stream\":true");
        HttpResponse<String> stream = paid(streamed, payment(streamed, true));
        assertEquals(200, stream.statusCode(), stream.body());
        assertTrue(stream.body().endsWith("data: [DONE]\n\n"), stream.body());
        assertTrue(stream.headers().firstValue(CallPayment.RESPONSE_HEADER).isPresent());
        await("what it cost is charged", () -> credit() == before + 2 * most - 2 * cost);
        long left = credit();
        gateway.close();
        startGateway();
        assertEquals(left, credit(), "credit outlasts the process");
    }

    @Test
    void aTerminalPaysForItsAnswersUpToItsBound() throws Exception {
        Path key = folder.resolve("payer.key");
        Network.writeKey(key, PAYER);
        String url = "http://localhost:" + gateway.port() + "/v1";
        String[] arguments = {url, "--max-tokens", "12", "--temperature", "0", "--pay", key.toString()};
        String said = chat(arguments);
        assertTrue(said.startsWith("Once upon a time"), said);
        assertTrue(credit() > 0, "what it did not cost");
        String[] bounded = Arrays.copyOf(arguments, arguments.length + 2);
        bounded[arguments.length] = "--pay-at-most";
        bounded[arguments.length + 1] = "3";
        IOException refused = assertThrows(IOException.class, () -> chat(bounded));
        assertTrue(refused.getMessage().contains("3 are the most"), refused.getMessage());
    }

    @Test
    void theJavaClientPaysForItsCallsUpToItsBound() throws Exception {
        String url = "http://localhost:" + gateway.port() + "/v1";
        ChatRequest request = ChatRequest.builder()
                .user("Tell me a story about a bear.")
                .temperature(0)
                .maxTokens(12)
                .build();
        KeyPair account = KeyPair.random();
        payer.submit(new Command.Transfer(account.publicKey(), 2_000, Bytes32.ZERO));
        await("it has money", () -> balance(account) == 2_000);
        try (PlumblineClient client = PlumblineClient.builder()
                .baseUrl(url)
                .payPerCall(account, 1_500)
                .build()) {
            ChatAnswer answer = client.chat(request);
            long price = answer.receipt().receipt().price();
            long moved = 2_000 - balance(account) - 101;
            assertTrue(moved > price, "it paid the most that the call could cost");
            assertEquals(moved - price - FEES, credit(account));
            StringBuilder text = new StringBuilder();
            try (ChatStream stream = client.stream(request)) {
                stream.forEach(text::append);
            }
            assertEquals(answer.text(), text.toString());
        }
        try (PlumblineClient poor =
                PlumblineClient.builder().baseUrl(url).payPerCall(account, 3).build()) {
            ApiException refused = assertThrows(ApiException.class, () -> poor.chat(request));
            assertEquals(402, refused.status());
        }
    }

    private static String chat(String... arguments) throws Exception {
        ChatCommand command = new ChatCommand();
        JCommander.newBuilder().addObject(command).build().parse(arguments);
        InputStream in = System.in;
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try {
            System.setIn(new ByteArrayInputStream("Tell me a story.\n\n".getBytes(StandardCharsets.UTF_8)));
            System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
            assertEquals(0, command.call());
        } finally {
            System.setIn(in);
            System.setOut(out);
        }
        return said.toString(StandardCharsets.UTF_8);
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
        assertEquals(PRICE * told.path("total").path("total_tokens").asLong() + FEES, cost);
        assertTrue(cost < PRICE * 400, "cost " + cost);
        // The node may still hand in the whole answer: what it would cost is held until the ledger has one of them.
        await(
                "a quorum has signed which",
                () -> usage(key).path("budget").path("left").asLong() == 5_000 - cost);
        assertEquals(cost, usage(key).path("total").path("cost").asLong());
    }
}
