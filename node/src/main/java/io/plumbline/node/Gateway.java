package io.plumbline.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.aeron.Aeron;
import io.aeron.driver.MediaDriver;
import io.helidon.http.Status;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.LedgerState.Account;
import io.plumbline.ledger.state.LedgerState.Node;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Request;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/**
 * The OpenAI-compatible door: turns messages into tokens, opens the escrow, has a node answer, checks the receipt, and hands it to the
 * client beside the answer, in the field {@code plumbline}.
 */
final class Gateway implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();

    private final Keys keys;
    private final String modelName;
    private final LoadedModel model;
    private final ChatTokenizer tokenizer;
    private final NodeClient client = new NodeClient();
    private final MediaDriver driver;
    private final Aeron aeron;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    private final LedgerClient ledger;
    private final WebServer server;
    private final Level level;

    /**
     * Starts the gateway.
     *
     * @param httpPort 0 takes any free one.
     * @param level at which answers are audited where a client does not say.
     */
    Gateway(
            Network network,
            Keys keys,
            Path modelFolder,
            Path folder,
            String host,
            int httpPort,
            Level level,
            Events events)
            throws IOException {
        this.level = level;
        this.keys = keys;
        this.modelName = modelFolder.getFileName().toString();
        this.model = LoadedModel.open(modelFolder);
        this.tokenizer = ChatTokenizer.open(modelFolder);
        this.driver = MediaDriver.launch(Drivers.context(folder.resolve("driver")));
        this.aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(driver.aeronDirectoryName()));
        this.endpoint = new Endpoint(aeron, host, 0, client);
        this.runner = new AgentRunner(
                Drivers.idle(), e -> events.emit("error", j -> j.put("message", e.toString())), null, endpoint);
        AgentRunner.startOnThread(runner);
        this.ledger = new LedgerClient(driver.aeronDirectoryName(), Member.ingressEndpoints(network.members()), host);
        ledger.root();
        this.server = WebServer.builder()
                .host(host)
                .port(httpPort)
                .routing(this::routes)
                .build()
                .start();
        if (!server.isRunning()) {
            closeAllButServer();
            throw new IOException("The gateway cannot listen on " + host + ":" + httpPort
                    + ": the port is in use or not permitted. Choose another with --port, or stop what uses this one.");
        }
        events.emit("ready", json -> json.put("role", "gateway").put("port", server.port()));
    }

    int port() {
        return server.port();
    }

    private void routes(HttpRouting.Builder routing) {
        routing.get("/v1/models", this::models)
                .post("/v1/chat/completions", this::complete)
                .get("/v1/receipts/{request}", this::receipt)
                .get("/v1/accounts/{key}", this::account);
    }

    private static byte[] error(int status, String message) throws IOException {
        ObjectNode json = MAPPER.createObjectNode();
        String type = status < 500 ? "invalid_request_error" : "server_error";
        json.putObject("error")
                .put("message", message)
                .put("type", type)
                .putNull("param")
                .putNull("code");
        return MAPPER.writeValueAsBytes(json);
    }

    private static void send(ServerResponse response, int status, byte[] json) {
        response.status(Status.create(status));
        response.header("Content-Type", "application/json");
        response.send(json);
    }

    private interface Handler {
        void handle() throws IOException;
    }

    private static void guarded(ServerResponse response, Handler handler) {
        try {
            try {
                handler.handle();
            } catch (ApiException e) {
                send(response, e.status(), error(e.status(), e.getMessage()));
            } catch (IllegalArgumentException e) {
                send(response, 400, error(400, e.getMessage()));
            } catch (IOException e) {
                send(response, 503, error(503, e.getMessage()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void models(ServerRequest request, ServerResponse response) {
        ObjectNode json = MAPPER.createObjectNode().put("object", "list");
        json.putArray("data")
                .addObject()
                .put("id", modelName)
                .put("object", "model")
                .put("created", 0)
                .put("owned_by", "plumbline")
                .put("plumbline_model_id", HEX.formatHex(model.id()));
        guarded(response, () -> send(response, 200, MAPPER.writeValueAsBytes(json)));
    }

    private void account(ServerRequest request, ServerResponse response) {
        guarded(response, () -> {
            Account account = ledger.account(key(request.path().pathParameters().get("key")));
            ObjectNode json =
                    MAPPER.createObjectNode().put("balance", account.balance()).put("stake", account.stake());
            send(response, 200, MAPPER.writeValueAsBytes(json));
        });
    }

    private static byte[] key(String hex) {
        try {
            byte[] key = HEX.parseHex(hex);
            if (key.length == 32) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new ApiException(400, "\"" + hex + "\" is not 32 bytes in hexadecimal.");
    }

    private void receipt(ServerRequest request, ServerResponse response) {
        guarded(response, () -> {
            Case found = ledger.findCase(key(request.path().pathParameters().get("request")));
            if (found == null) {
                throw new ApiException(404, "The ledger knows no such request.");
            }
            ObjectNode json = MAPPER.createObjectNode()
                    .put("status", found.status().name())
                    .put("height", found.height())
                    .put("level", found.level().name())
                    .put("escrow", found.escrow())
                    .put("node", HEX.formatHex(found.node()));
            if (found.receipt() != null) {
                json.put("receipt", HEX.formatHex(found.receipt().encode()))
                        .put("price", found.receipt().price());
            }
            ObjectNode verdicts = json.putObject("verdicts");
            found.audit()
                    .verdicts()
                    .forEach((node, verdict) -> verdicts.put(
                            node,
                            verdict.opinion().name().toLowerCase(Locale.ROOT).replace('_', ' ')));
            ArrayNode lazy = json.putArray("lazy");
            found.audit().lazy().forEach(lazy::add);
            ArrayNode reasons = json.putArray("reasons");
            found.reasons().forEach(reasons::add);
            send(response, 200, MAPPER.writeValueAsBytes(json));
        });
    }

    private void complete(ServerRequest http, ServerResponse response) {
        guarded(response, () -> {
            JsonNode body;
            try {
                body = MAPPER.readTree(http.content().as(byte[].class));
            } catch (IOException e) {
                throw new ApiException(400, "The request body is not JSON: " + e.getMessage());
            }
            ChatRequest chat = ChatRequest.parse(body, modelName, model, tokenizer, keys.publicKey(), level);
            try (Completion completion = new Completion(this, chat, choose(body))) {
                if (chat.stream()) {
                    response.header("Content-Type", "text/event-stream");
                    response.header("Cache-Control", "no-cache");
                    completion.start();
                    try (OutputStream out = response.outputStream()) {
                        completion.stream(out);
                    } catch (IOException e) {
                        // The client has gone; closing the completion tells the node.
                    }
                } else {
                    completion.start();
                    send(response, 200, completion.whole());
                }
            }
        });
    }

    /** Puts up the price of all that {@code request} may cost, and has {@code node} answer it. */
    NodeClient.Inference infer(
            Request request, Node node, Level auditedAt, int topLogprobs, Consumer<NodeClient.Chosen> onToken)
            throws IOException {
        long price = node.pricePerToken() * (request.promptTokens().length + request.maxTokens());
        LedgerClient.Outcome escrow =
                ledger.submit(new Command.OpenEscrow(request.hash(), node.key(), Math.max(1, price), auditedAt), keys);
        if (!escrow.isApplied()) {
            throw new ApiException(402, "The ledger refused the escrow: " + escrow.reason() + ".");
        }
        return client.infer(endpoint.connect(node.host(), node.port()), request, topLogprobs, onToken);
    }

    /** The node the client names, or the cheapest one that runs the model. */
    private Node choose(JsonNode body) throws IOException {
        List<Node> nodes = ledger.nodes().stream()
                .filter(node -> Arrays.equals(node.modelId(), model.id()))
                .toList();
        String named = body.path("plumbline").path("node").asText("");
        return nodes.stream()
                .filter(node -> named.isEmpty() || HEX.formatHex(node.key()).equals(named))
                .min(java.util.Comparator.comparingLong(Node::pricePerToken))
                .orElseThrow(() -> new ApiException(
                        503,
                        "No inference node " + (named.isEmpty() ? "" : named + " ")
                                + "with this model is registered."));
    }

    /** What the gateway vouches for: signature, hashes, stop rule, and that the text is what the tokens say. */
    NodeClient.Answered checked(NodeClient.Answered answered, Request request, Node node) throws IOException {
        Failure failure =
                Auditor.checkReceipt(answered.receipt(), request, answered.answer(), model.id(), model.config());
        if (failure != null || !Arrays.equals(answered.receipt().node(), node.key())) {
            throw new IOException("The node's receipt does not hold: " + failure + ".");
        }
        // Who cancels has gone and reads no answer: a node that says so to one who waits has ended it by itself.
        if (answered.answer().cancelled()) {
            throw new IOException("The node ended the answer before its stop rule did.");
        }
        if (!tokenizer
                .decode(answered.answer().tokens())
                .equals(answered.answer().text())) {
            throw new IOException("The node's text is not what its tokens say.");
        }
        return answered;
    }

    String modelName() {
        return modelName;
    }

    ChatTokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public void close() {
        server.stop();
        closeAllButServer();
    }

    private void closeAllButServer() {
        CloseHelper.closeAll(ledger, runner, aeron, driver, tokenizer, model);
    }
}
