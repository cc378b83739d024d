package io.plumbline.node;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.model.ModelImport;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.receipt.Keys;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;

/** The main job end to end: a whole network on loopback, one honest answer settled, one cheat caught and slashed. */
@Parameters(
        commandNames = "demo",
        commandDescription =
                "Start a network on this machine, ask it, audit the answer, settle it; then catch a cheat.")
final class Demo extends Main.Options implements Callable<Integer> {
    private static final long START_MS = 60_000;
    private static final long SETTLE_MS = 60_000;
    private static final int CHEAT_LAYER = 1;

    /** Above the honest node's, so that the gateway prefers that one where it may choose. */
    private static final int CHEAT_PRICE = 3;

    /** Room for any answer the model ends by itself; a cheat's weights may never come to an end. */
    private static final int MAX_TOKENS = 200;

    private static final HexFormat HEX = HexFormat.of();

    @Parameter(names = "--prompt", description = "what to ask")
    private String prompt = "Tell me a story about a clever fox who lost a lantern.";

    @Parameter(names = "--model", description = "DIR: Hugging Face folder; the model that ships where none is named")
    private Path model;

    @Parameter(
            names = "--device",
            description = "what the inference nodes compute with: cpu, auto, gpu, or a GPU's index")
    private String device = "cpu";

    @Parameter(names = "--json", description = "print one JSON object at the end and nothing else on standard output")
    private boolean json;

    @Parameter(names = "--events", description = "also print every event of every process on standard error")
    private boolean showEvents;

    private final ObjectMapper mapper = new ObjectMapper();
    private final List<Child> children = new ArrayList<>();
    private final HttpClient http = HttpClient.newHttpClient();
    private PrintStream out = System.out;
    private Path folder;
    private Path imported;
    private URI gateway;

    private final Keys requester = Keys.random();
    private final Keys honest = Keys.random();
    private final Keys cheat = Keys.random();
    private final List<Keys> fullNodes = List.of(Keys.random(), Keys.random(), Keys.random());
    private final List<Child> fullNodeProcesses = new ArrayList<>();
    private Child honestNode;

    @Override
    public Integer call() throws Exception {
        if (json) {
            out = System.err;
        }
        if (model == null) {
            model = shippedModel();
        }
        folder = Files.createTempDirectory("plumbline-demo-");
        Runtime.getRuntime().addShutdownHook(new Thread(this::cleanUp));
        try {
            start();
            return run();
        } finally {
            cleanUp();
        }
    }

    private synchronized void cleanUp() {
        children.parallelStream().forEach(Child::close);
        children.clear();
        delete(folder);
    }

    /** The model in this repository. */
    static Path shippedModel() {
        return Path.of(System.getProperty("plumbline.home", "."), "models", "plumbline-stories-2m");
    }

    /** Removes a folder and all in it, again where a process that is just ending still changes it. */
    static void delete(Path folder) {
        for (int attempt = 0; attempt < 10 && Files.exists(folder); attempt++) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(java.util.Comparator.reverseOrder())
                        .forEach(path -> path.toFile().delete());
            } catch (IOException | UncheckedIOException e) {
                LockSupport.parkNanos(100_000_000);
            }
        }
    }

    /** A run of free UDP ports; members need theirs known before they start. */
    static int freePorts(int count) throws SocketException {
        for (int base = 23_000 + (int) (ProcessHandle.current().pid() % 1500) * 20; base < 60_000; base += count) {
            boolean free = true;
            for (int i = 0; i < count && free; i++) {
                try (DatagramSocket socket = new DatagramSocket(null)) {
                    socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), base + i));
                } catch (java.net.BindException e) {
                    free = false;
                }
            }
            if (free) {
                return base;
            }
        }
        throw new SocketException("No " + count + " free UDP ports in a row were found above 23000.");
    }

    private void start() throws IOException, InterruptedException {
        try (ProgressBar bar = json ? null : Main.progress("starting")) {
            imported = folder.resolve(model.toAbsolutePath().getFileName());
            ModelImport.run(model, imported, share -> step(bar, (long) (share * 10)));
            List<String> members = new ArrayList<>();
            int base = freePorts(3 * Member.PORTS);
            for (int i = 0; i < 3; i++) {
                members.add("localhost:" + (base + i * Member.PORTS));
            }
            Genesis genesis = new Genesis(
                    fullNodes.stream().map(Keys::publicKey).toList(),
                    List.of(
                            new Deposit(requester.publicKey(), 1_000_000),
                            new Deposit(honest.publicKey(), 100_000),
                            new Deposit(cheat.publicKey(), 100_000)));
            new Network(members, genesis).write(folder.resolve("network.json"));
            for (int i = 0; i < 3; i++) {
                fullNodeProcesses.add(child("full-node-" + i, fullNodes.get(i), "full-node"));
            }
            honestNode = child("inference-node", honest, "inference-node", "--device", device);
            Child door = child("gateway", requester, "gateway", "--port", "0", "--level", "FULL");
            int done = 0;
            for (Child child : List.of(
                    fullNodeProcesses.get(0), fullNodeProcesses.get(1), fullNodeProcesses.get(2), honestNode, door)) {
                JsonNode ready = child.await("ready", event -> true, START_MS);
                if (child == door) {
                    gateway = URI.create("http://localhost:" + ready.get("port").asInt());
                }
                step(bar, 10 + 18 * ++done);
            }
        }
    }

    private static void step(ProgressBar bar, long to) {
        if (bar != null) {
            bar.stepTo(Math.min(100, to));
        }
    }

    private Child child(String name, Keys keys, String... command) throws IOException {
        Path key = folder.resolve(name + ".key");
        Network.writeKey(key, keys);
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.addAll(List.of(
                "--network", folder.resolve("network.json").toString(),
                "--key", key.toString(),
                "--model", imported.toString(),
                "--dir", folder.resolve(name).toString()));
        // The flags this process was started with (exports, vector module, native access) serve its children too.
        List<String> flags =
                new ArrayList<>(ManagementFactory.getRuntimeMXBean().getInputArguments());
        flags.add("-Xmx512m");
        // Seven processes that live for seconds: what the second compiler gains in one it takes from the others.
        flags.add("-XX:TieredStopAtLevel=1");
        Child child = new Child(name, folder.resolve(name + ".err"), showEvents, flags, arguments);
        children.add(child);
        return child;
    }

    private int run() throws IOException, InterruptedException {
        // The honest answer leaves a core free, in which the cheat starts; it is asked while the full nodes audit.
        Child cheating = child(
                "cheating-node",
                cheat,
                "inference-node",
                "--device",
                device,
                "--cheat-layer",
                "" + CHEAT_LAYER,
                "--price",
                "" + CHEAT_PRICE);
        out.println("\n> " + prompt);
        ObjectNode answer = ask("", true);
        FutureTask<ObjectNode> lying = new FutureTask<>(() -> {
            cheating.await("ready", event -> true, START_MS);
            return ask(HEX.formatHex(cheat.publicKey()), false);
        });
        Thread.ofPlatform().daemon().start(lying);
        JsonNode settled =
                awaitSettlement(answer.path("plumbline").path("request_hash").asText());
        ObjectNode result = mapper.createObjectNode();
        result.put("answer", answer.get("text").asText());
        result.set("receipt", answer.get("plumbline"));
        report(result, answer, settled);

        out.println("\nThe same request to a node that computes layer " + CHEAT_LAYER + " with other weights:");
        ObjectNode lie;
        try {
            lie = lying.get();
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        }
        JsonNode slashed =
                awaitSettlement(lie.path("plumbline").path("request_hash").asText());
        reportCheat(result, lie, slashed);
        reportBalances(result);
        if (json) {
            System.out.println(mapper.writerWithDefaultPrettyPrinter().writeValueAsString(result));
        }
        boolean good = result.path("ledger").path("settled").asBoolean()
                && result.path("cheat").path("caught").asBoolean();
        return good ? 0 : 1;
    }

    /** Asks through the gateway's streaming API, as any client would; prints the text as it comes. */
    private ObjectNode ask(String node, boolean print) throws IOException, InterruptedException {
        ObjectNode body = mapper.createObjectNode()
                .put("stream", true)
                .put("temperature", 0)
                .put("max_tokens", MAX_TOKENS);
        body.putArray("messages").addObject().put("role", "user").put("content", prompt);
        if (!node.isEmpty()) {
            body.putObject("plumbline").put("node", node);
        }
        HttpRequest request = HttpRequest.newBuilder(gateway.resolve("/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build();
        HttpResponse<java.io.InputStream> response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        ObjectNode result = mapper.createObjectNode();
        StringBuilder text = new StringBuilder();
        try (BufferedReader in = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            if (response.statusCode() != 200) {
                throw new IOException(
                        mapper.readTree(in).path("error").path("message").asText());
            }
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("data: {")) {
                    JsonNode event = mapper.readTree(line.substring(6));
                    String piece = event.path("choices")
                            .path(0)
                            .path("delta")
                            .path("content")
                            .asText("");
                    text.append(piece);
                    if (print) {
                        out.print(piece);
                        out.flush();
                    }
                    if (event.has("plumbline")) {
                        result.set("plumbline", event.get("plumbline"));
                    }
                }
            }
        }
        if (print) {
            out.println();
        }
        return result.put("text", text.toString());
    }

    private JsonNode get(String path) throws IOException, InterruptedException {
        HttpResponse<String> response =
                http.send(HttpRequest.newBuilder(gateway.resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
        return mapper.readTree(response.body());
    }

    /** Waits until the case is settled or slashed and all full nodes have judged. */
    private JsonNode awaitSettlement(String request) throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + SETTLE_MS;
        while (System.currentTimeMillis() < end) {
            JsonNode found = get("/v1/receipts/" + request);
            String status = found.path("status").asText();
            if (status.matches("SETTLED|SLASHED|REFUNDED")
                    && found.path("verdicts").size() == fullNodes.size()) {
                return found;
            }
            Thread.sleep(50);
        }
        throw new IOException("The ledger did not settle within " + SETTLE_MS / 1000 + " s.");
    }

    private JsonNode audited(Child fullNode, String request) throws IOException, InterruptedException {
        return fullNode.await("audited", event -> event.path("request").asText().equals(request), SETTLE_MS);
    }

    private static String ms(double value) {
        return String.format(Locale.ROOT, "%.1f ms", value);
    }

    private void report(ObjectNode result, ObjectNode answer, JsonNode settled)
            throws IOException, InterruptedException {
        JsonNode plumbline = answer.get("plumbline");
        String request = plumbline.get("request_hash").asText();
        JsonNode answered =
                honestNode.await("answered", e -> e.path("request").asText().equals(request), SETTLE_MS);
        JsonNode replayed =
                honestNode.await("replayed", e -> e.path("request").asText().equals(request), SETTLE_MS);
        int tokens = answered.get("tokens").asInt();
        double inferenceMs = plumbline.get("cpu_ms").asDouble();
        result.putObject("inference")
                .put("tokens", tokens)
                .put("cpuMs", inferenceMs)
                .put("replayCpuMs", replayed.get("cpuMs").asDouble());
        JsonNode audit = null;
        for (Child fullNode : fullNodeProcesses) {
            JsonNode one = audited(fullNode, request);
            audit = audit == null
                            || one.get("cpuMs").asDouble() < audit.get("cpuMs").asDouble()
                    ? one
                    : audit;
        }
        double auditMs = audit.get("cpuMs").asDouble();
        ObjectNode auditJson = result.putObject("audit");
        for (String field : List.of("level", "cells", "rows", "heads", "positions", "bytes", "cpuMs")) {
            auditJson.set(field, audit.get(field));
        }
        boolean isSettled = settled.get("status").asText().equals("SETTLED");
        result.putObject("ledger").put("height", settled.get("height").asLong()).put("settled", isSettled);

        out.println("\nreceipt     " + plumbline.get("receipt").asText().length() / 2 + " bytes, trace root "
                + plumbline.get("trace_root").asText().substring(0, 16) + "… over "
                + plumbline.get("trace_bytes").asLong()
                + " bytes that nobody kept");
        out.println(
                "inference   " + tokens + " tokens, " + ms(inferenceMs) + " of CPU; running it again as one prefill "
                        + ms(replayed.get("cpuMs").asDouble()));
        out.println("audit       " + audit.get("level").asText() + ": " + audit.get("cells") + " cells, "
                + audit.get("rows")
                + " matrix rows, " + audit.get("heads") + " attention heads, " + audit.get("positions") + " choices, "
                + audit.get("bytes") + " bytes");
        out.println(String.format(
                Locale.ROOT,
                "            %s of CPU without the weights: %.2f of the inference, %.2f of running it again",
                ms(auditMs),
                auditMs / inferenceMs,
                auditMs / replayed.get("cpuMs").asDouble()));
        out.println("ledger      " + settled.get("status").asText().toLowerCase(Locale.ROOT) + " at height "
                + settled.get("height")
                + " by " + settled.get("verdicts").size() + " verdicts");
    }

    /** After both requests have come to their end, so that no escrow is held any more. */
    private void reportBalances(ObjectNode result) throws IOException, InterruptedException {
        ObjectNode balances = ((ObjectNode) result.get("ledger")).putObject("balances");
        balances.set("requester", account(requester));
        balances.set("node", account(honest));
        balances.set("cheat", account(cheat));
        StringBuilder line = new StringBuilder("\nbalances    ");
        balances.properties()
                .forEach(entry -> line.append(line.length() > 13 ? ", " : "")
                        .append(entry.getKey())
                        .append(' ')
                        .append(entry.getValue().get("balance"))
                        .append(" (stake ")
                        .append(entry.getValue().get("stake"))
                        .append(')'));
        out.println(line);
    }

    private JsonNode account(Keys keys) throws IOException, InterruptedException {
        return get("/v1/accounts/" + HEX.formatHex(keys.publicKey()));
    }

    private void reportCheat(ObjectNode result, ObjectNode lie, JsonNode slashed)
            throws IOException, InterruptedException {
        String request = lie.path("plumbline").path("request_hash").asText();
        JsonNode audit = audited(fullNodeProcesses.get(0), request);
        boolean caught = !audit.get("good").asBoolean();
        boolean isSlashed = slashed.get("status").asText().equals("SLASHED")
                && account(cheat).get("stake").asLong() == 0;
        result.putObject("cheat")
                .put("caught", caught)
                .put("cell", audit.path("cell").asText(""))
                .put("step", audit.path("step").asText(""))
                .put("slashed", isSlashed);
        out.println("audit       "
                + (caught
                        ? "caught at " + audit.get("cell").asText() + ", step "
                                + audit.get("step").asText() + ": "
                                + audit.get("detail").asText()
                        : "NOT caught"));
        if (caught) {
            // What the full node kept proves it to anyone who has the model, with nobody to ask.
            Path file = Path.of(audit.path("evidence").asText());
            try (LoadedModel weights = LoadedModel.open(imported)) {
                Evidence.Finding finding =
                        Evidence.decode(Files.readAllBytes(file)).check(weights::tensor);
                Evidence.FalseProduct product = finding.product();
                result.withObject("/cheat").put("proven", finding.failure() != null);
                out.println("evidence    " + Files.size(file) + " bytes, checked offline: "
                        + (product == null
                                ? "NOT proven"
                                : "row " + product.row() + " of " + product.tensor() + " gives " + product.right()
                                        + ", the node signed " + product.claimed()));
            }
        }
        out.println("ledger      " + (isSlashed ? "slashed" : "NOT slashed") + " at height " + slashed.get("height"));
    }
}
