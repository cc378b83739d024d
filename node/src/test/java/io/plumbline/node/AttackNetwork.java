package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.NodeRequests;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/** A network of one full node, an honest inference node and a gateway in one JVM, to which a test adds attackers. */
public final class AttackNetwork implements AutoCloseable {
    static final long DEPOSIT = 1_000_000;

    final KeyPair full = KeyPair.random();
    final KeyPair requester = KeyPair.random();
    final KeyPair honest = KeyPair.random();
    /** One for each test of a class: who lied once is left out, also when named. */
    final List<KeyPair> attackers = Stream.generate(KeyPair::random).limit(6).toList();

    /** The model that ships, imported. */
    final LoadedModel model;

    final Path folder;
    final Network network;
    final ObjectMapper mapper = new ObjectMapper();

    private final ByteArrayOutputStream heard = new ByteArrayOutputStream();
    private final HttpClient http = HttpClient.newHttpClient();
    private final List<AutoCloseable> open = new ArrayList<>();
    private final FullNode fullNode;
    private final InferenceNode honestNode;
    private final Gateway gateway;
    private final Media media;

    /** @param answerTimeoutMs how long the full node waits for a node's next sign of life. */
    AttackNetwork(Path folder, Parameters parameters, long answerTimeoutMs, Level level) throws IOException {
        this(folder, parameters, answerTimeoutMs, Terms.at(level));
    }

    /** With a gateway that buys at other terms. */
    AttackNetwork(Path folder, Parameters parameters, long answerTimeoutMs, Terms terms) throws IOException {
        this.folder = folder;
        this.model = TestModels.load(TestModels.SHIPPED, folder);
        List<Deposit> deposits = new ArrayList<>(
                List.of(new Deposit(honest.publicKey(), DEPOSIT), new Deposit(requester.publicKey(), DEPOSIT)));
        attackers.forEach(keys -> deposits.add(new Deposit(keys.publicKey(), DEPOSIT)));
        this.network =
                Network.onThisHost(new Genesis(List.of(full.publicKey()), 10_000, Bytes32.ZERO, deposits, parameters));
        this.fullNode = FullNode.launch(
                network,
                full,
                new FullNode.Context(
                        List.of(model.folder()),
                        folder.resolve("verifier.key"),
                        folder.resolve("full"),
                        FullNode.SNAPSHOT_BYTES,
                        answerTimeoutMs),
                events(),
                (code, why) -> {});
        this.honestNode = InferenceNode.launch(
                network,
                honest,
                new InferenceNode.Context(folder.resolve("honest"), "localhost", 0, 50_000, 2),
                InferenceNode.language(model.folder(), ComputeBackend.Choice.cpu(1, 64 << 20), LoadedModel::layers),
                events(),
                (code, why) -> {});
        this.gateway = Gateway.launch(
                network,
                requester,
                Map.of("stories", model.folder()),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, terms, Origins.LOCAL),
                events(),
                (code, why) -> {});
        this.media = new Media(folder.resolve("attackers"), e -> {}, () -> {});
    }

    private Events events() {
        return new Events(new PrintStream(heard, true, StandardCharsets.UTF_8));
    }

    /** What all processes have reported. */
    String heard() {
        return heard.toString(StandardCharsets.UTF_8);
    }

    /** The UDP port of the honest node. */
    int honestPort() {
        return honestNode.port();
    }

    /** A client of the ledger, closed with this. */
    LedgerClient ledger(KeyPair keys) {
        LedgerClient client = network.ledger(media.directory(), "localhost", keys);
        open.add(client);
        return client;
    }

    /** An endpoint of an attacker's, closed with this. */
    Endpoint endpoint(KeyPair keys, Endpoint.Protocol... protocols) {
        Endpoint endpoint = new Endpoint(
                media.aeron(),
                "localhost",
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                protocols);
        AgentRunner runner =
                new AgentRunner(Drivers.idle(media.directory()), Throwable::printStackTrace, null, endpoint);
        AgentRunner.startOnThread(runner);
        open.add(runner);
        return endpoint;
    }

    /** A session of a stranger's with the honest node. */
    Peer toHonest(Endpoint.Protocol protocol) {
        return endpoint(KeyPair.random(), protocol)
                .connect("localhost", honestPort(), honest.publicKey().bytes());
    }

    /** The requester's, for the most likely tokens. */
    Request request(String messages, int[] prompt, int most) {
        return new Request(
                model.id(),
                messages,
                0,
                prompt,
                Sampling.GREEDY,
                most,
                model.stopTokens(),
                List.of(),
                requester.publicKey(),
                new byte[16]);
    }

    /** Registers an attacker's node at a price and lets {@code handler} hear what others ask of it. */
    void register(KeyPair keys, long stake, long price, NodeRequests.Handler handler) throws IOException {
        Endpoint endpoint = endpoint(keys, new NodeRequests(handler).protocol());
        apply(ledger(keys), new Command.RegisterNode(stake, model.id(), price, "127.0.0.1", endpoint.port()));
    }

    public static void apply(LedgerClient ledger, Command command) throws IOException {
        LedgerClient.Outcome outcome = ledger.submit(command);
        if (!outcome.isApplied()) {
            throw new IllegalStateException(command.getClass().getSimpleName() + ": " + outcome.reason());
        }
    }

    /** Posts a chat completion: a question of so many tokens, and more fields, each after a comma. */
    HttpResponse<String> chat(String text, int maxTokens, String more) throws IOException, InterruptedException {
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":" + mapper.writeValueAsString(text)
                + "}],\"temperature\":0,\"max_tokens\":" + maxTokens + more + "}";
        return http.send(
                HttpRequest.newBuilder(URI.create("http://localhost:" + gateway.port() + "/v1/chat/completions"))
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    /** The field by which a client asks for one node. */
    static String by(KeyPair node) {
        return ",\"plumbline\":{\"node\":\"" + node.publicKey() + "\"}";
    }

    /** The text of a plain answer. */
    static String text(JsonNode answer) {
        return answer.path("choices").path(0).path("message").path("content").asText();
    }

    /** The case of an answer, once it has ended; as it is after {@code ms} where it has not. */
    Settlement ended(LedgerClient ledger, Bytes32 requestHash, long ms) throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + ms;
        Settlement found = ledger.findSettlement(requestHash);
        while ((found == null || found.isOpen()) && System.currentTimeMillis() < end) {
            Thread.sleep(30);
            found = ledger.findSettlement(requestHash);
        }
        return found;
    }

    /** The case of a plain answer of the gateway. */
    Settlement ended(LedgerClient ledger, JsonNode answer, long ms) throws IOException, InterruptedException {
        return ended(
                ledger,
                Bytes32.of(HexFormat.of()
                        .parseHex(answer.path("plumbline").path("request_hash").asText())),
                ms);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(open.reversed());
        CloseHelper.closeAll(gateway, honestNode, media, fullNode, model);
    }
}
