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
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.LedgerState.Account;
import io.plumbline.ledger.state.LedgerState.Case;
import io.plumbline.ledger.state.LedgerState.Node;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.receipt.Keys;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/**
 * The OpenAI-compatible door: turns messages into tokens, opens the escrow, has a node answer, checks the receipt, and hands it to the
 * client beside the answer, in the field {@code plumbline}.
 */
final class Gateway implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    private static final int DEFAULT_MAX_TOKENS = 256;

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

    /** Starts the gateway; HTTP port 0 takes any free one. */
    Gateway(Network network, Keys keys, Path modelFolder, Path folder, String host, int httpPort, Events events)
            throws IOException {
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

    /** A refusal as the OpenAI API words it. */
    private static final class ApiException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final int status;

        ApiException(int status, String message) {
            super(message);
            this.status = status;
        }
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
                send(response, e.status, error(e.status, e.getMessage()));
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
                    .put("escrow", found.escrow())
                    .put("node", HEX.formatHex(found.node()));
            if (found.receipt() != null) {
                json.put("receipt", HEX.formatHex(found.receipt().encode()))
                        .put("price", found.receipt().price());
            }
            ObjectNode verdicts = json.putObject("verdicts");
            found.verdicts().forEach((node, good) -> verdicts.put(node, good ? "good" : "bad"));
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
            Request request = request(body);
            Node node = choose(body);
            long price = node.pricePerToken() * (request.promptTokens().length + request.maxTokens());
            LedgerClient.Outcome escrow =
                    ledger.submit(new Command.OpenEscrow(request.hash(), node.key(), Math.max(1, price)), keys);
            if (!escrow.isApplied()) {
                throw new ApiException(402, "The ledger refused the escrow: " + escrow.reason() + ".");
            }
            Endpoint.Peer peer = endpoint.connect(node.host(), node.port());
            String id = "chatcmpl-" + HEX.formatHex(request.hash(), 0, 12);
            if (body.path("stream").asBoolean(false)) {
                stream(response, id, peer, request, node);
            } else {
                NodeClient.Answered answered = checked(client.infer(peer, request, null), request, node);
                ObjectNode json = envelope(id, "chat.completion");
                ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
                choice.putObject("message")
                        .put("role", "assistant")
                        .put("content", answered.answer().text());
                choice.put("finish_reason", finishReason(request, answered));
                usage(json, request, answered);
                json.set("plumbline", extension(request, answered));
                send(response, 200, MAPPER.writeValueAsBytes(json));
            }
        });
    }

    private Request request(JsonNode body) {
        String wanted = body.path("model").asText(modelName);
        if (!wanted.equals(modelName)) {
            throw new ApiException(
                    404, "The model \"" + wanted + "\" does not exist; this gateway serves \"" + modelName + "\".");
        }
        if (!body.path("messages").isArray() || body.path("messages").isEmpty()) {
            throw new ApiException(400, "\"messages\" must be a list of at least one message.");
        }
        List<ChatTokenizer.Message> messages = new ArrayList<>();
        for (JsonNode message : body.path("messages")) {
            if (!message.path("role").isTextual() || !message.path("content").isTextual()) {
                throw new ApiException(400, "Every message needs a \"role\" and a \"content\", both text.");
            }
            messages.add(new ChatTokenizer.Message(
                    message.get("role").asText(), message.get("content").asText()));
        }
        int[] prompt = tokenizer.prompt(messages);
        if (prompt.length == 0) {
            throw new ApiException(400, "The messages are empty.");
        }
        int context = model.config().maxPositions();
        int room = Math.max(1, context - prompt.length + 1);
        JsonNode most = body.path("max_completion_tokens").isInt()
                ? body.path("max_completion_tokens")
                : body.path("max_tokens");
        int maxTokens = Math.min(room, most.isInt() ? most.asInt() : DEFAULT_MAX_TOKENS);
        byte[] nonce = new byte[16];
        new SecureRandom().nextBytes(nonce);
        Sampling sampling = new Sampling(
                (float) body.path("temperature").asDouble(0),
                body.path("top_k").asInt(0),
                (int) Math.round(body.path("top_p").asDouble(1) * 1_000_000),
                body.path("seed").asLong(0));
        Request request = new Request(
                model.id(),
                body.get("messages").toString(),
                prompt,
                sampling,
                maxTokens,
                model.stopTokens(),
                keys.publicKey(),
                nonce);
        Generator.check(request, model.config());
        return request;
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
    private NodeClient.Answered checked(NodeClient.Answered answered, Request request, Node node) throws IOException {
        Failure failure =
                Auditor.checkReceipt(answered.receipt(), request, answered.answer(), model.id(), model.config());
        if (failure != null || !Arrays.equals(answered.receipt().node(), node.key())) {
            throw new IOException("The node's receipt does not hold: " + failure + ".");
        }
        if (!tokenizer
                .decode(answered.answer().tokens())
                .equals(answered.answer().text())) {
            throw new IOException("The node's text is not what its tokens say.");
        }
        return answered;
    }

    private ObjectNode envelope(String id, String object) {
        return MAPPER.createObjectNode()
                .put("id", id)
                .put("object", object)
                .put("created", System.currentTimeMillis() / 1000)
                .put("model", modelName);
    }

    private static String finishReason(Request request, NodeClient.Answered answered) {
        int[] tokens = answered.answer().tokens();
        return request.stopsAt(tokens[tokens.length - 1]) ? "stop" : "length";
    }

    private static void usage(ObjectNode json, Request request, NodeClient.Answered answered) {
        int prompt = request.promptTokens().length;
        int output = answered.answer().tokens().length;
        json.putObject("usage")
                .put("prompt_tokens", prompt)
                .put("completion_tokens", output)
                .put("total_tokens", prompt + output);
    }

    private static ObjectNode extension(Request request, NodeClient.Answered answered) {
        Receipt receipt = answered.receipt();
        return MAPPER.createObjectNode()
                .put("request_hash", HEX.formatHex(request.hash()))
                .put("receipt", HEX.formatHex(receipt.encode()))
                .put("trace_root", HEX.formatHex(receipt.traceRoot()))
                .put("trace_bytes", receipt.traceBytes())
                .put("node", HEX.formatHex(receipt.node()))
                .put("price", receipt.price())
                .put("cpu_ms", answered.cpuNanos() / 1e6);
    }

    /** Server-sent events, a delta for each piece of whole characters. */
    private void stream(ServerResponse response, String id, Endpoint.Peer peer, Request request, Node node)
            throws IOException {
        response.header("Content-Type", "text/event-stream");
        response.header("Cache-Control", "no-cache");
        java.util.concurrent.LinkedBlockingQueue<Integer> tokens = new java.util.concurrent.LinkedBlockingQueue<>();
        java.util.concurrent.CompletableFuture<NodeClient.Answered> answer =
                new java.util.concurrent.CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                answer.complete(checked(client.infer(peer, request, tokens::add), request, node));
            } catch (IOException | RuntimeException e) {
                answer.completeExceptionally(e);
            }
            tokens.add(-1);
        });
        try (OutputStream out = response.outputStream()) {
            chunk(out, id, delta -> delta.put("role", "assistant").put("content", ""), null, null);
            StringBuilder sent = new StringBuilder();
            List<Integer> all = new ArrayList<>();
            for (int token = tokens.take(); token >= 0; token = tokens.take()) {
                all.add(token);
                String text = tokenizer.decode(
                        all.stream().mapToInt(Integer::intValue).toArray());
                // A character whose bytes are not all there yet decodes as U+FFFD: wait for the rest.
                if (!text.endsWith("\uFFFD") && text.length() > sent.length()) {
                    String piece = text.substring(sent.length());
                    sent.append(piece);
                    chunk(out, id, delta -> delta.put("content", piece), null, null);
                }
            }
            NodeClient.Answered answered = answer.join();
            chunk(out, id, delta -> {}, finishReason(request, answered), extension(request, answered));
            out.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void chunk(
            OutputStream out,
            String id,
            java.util.function.Consumer<ObjectNode> delta,
            String finish,
            ObjectNode extension)
            throws IOException {
        ObjectNode json = envelope(id, "chat.completion.chunk");
        ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
        delta.accept(choice.putObject("delta"));
        choice.put("finish_reason", finish);
        if (extension != null) {
            json.set("plumbline", extension);
        }
        out.write(("data: " + json + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
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
