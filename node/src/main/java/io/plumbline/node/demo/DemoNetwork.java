package io.plumbline.node.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.full.AdminSocket;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;

/**
 * A whole network on this machine, each role a process of its own: four full nodes, an honest inference node, a
 * gateway, and on request an inference node that cheats. All of it ends, and leaves nothing behind, when this is
 * closed or the process ends.
 */
public final class DemoNetwork implements AutoCloseable {
    /** Longest wait for a role to be ready. */
    static final long START_MS = 60_000;

    /** The same for one that was killed: it applies the log again, on a host that the others keep busy. */
    private static final long RESTART_MS = 180_000;

    /** Longest wait for a verdict. */
    static final long SETTLE_MS = 60_000;

    /** Above the honest node's, so that the gateway prefers that one where it may choose. */
    private static final int CHEAT_PRICE = 3;

    /** That may be started. */
    private static final int DATA_NODES = 3;

    public static final String INFERENCE_NODE = "inference-node";

    static final String GATEWAY = "gateway";

    private static final String FULL_NODE = "full-node-";

    /** Stake of each full node. */
    private static final long BOND = 10_000;

    private static final HexFormat HEX = HexFormat.of();

    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient http = HttpClient.newHttpClient();
    /** The processes that run, by what they are called. */
    private final Map<String, ChildProcess> children = new LinkedHashMap<>();

    private final KeyPair requester = KeyPair.random();
    private final KeyPair honest = KeyPair.random();
    private final KeyPair cheat = KeyPair.random();
    private final List<KeyPair> dataNodes =
            Stream.generate(KeyPair::random).limit(DATA_NODES).toList();
    /** Four: the fewest that tolerate a liar among them. */
    private final List<KeyPair> fullNodes =
            List.of(KeyPair.random(), KeyPair.random(), KeyPair.random(), KeyPair.random());

    private final PrintStream out;
    private final boolean showEvents;
    private final Path folder;
    private final Path temporary;
    private final long deposit;
    private volatile Genesis genesis;
    private volatile URI gateway;

    /**
     * @param out receives the report of balances.
     * @param showEvents whether every event of every process is printed on standard error.
     */
    DemoNetwork(PrintStream out, boolean showEvents) throws IOException {
        this(out, showEvents, 1_000_000);
    }

    /** @param deposit that the gateway pays from. */
    public DemoNetwork(PrintStream out, boolean showEvents, long deposit) throws IOException {
        this.deposit = deposit;
        this.out = out;
        this.showEvents = showEvents;
        this.folder = Files.createTempDirectory("plumbline-demo-");
        this.temporary = Files.createDirectory(folder.resolve("temporary"));
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
    }

    @Override
    public synchronized void close() {
        children.values().parallelStream().forEach(ChildProcess::close);
        children.clear();
        Directories.discard(folder);
    }

    /** Where everything of it is kept. */
    public Path folder() {
        return folder;
    }

    /** Where its processes have their temporary files. */
    Path temporary() {
        return temporary;
    }

    /** Where clients find it, once it was started. */
    public URI gateway() {
        return gateway;
    }

    /** What its ledger began with, once it was started. */
    Genesis genesis() {
        return genesis;
    }

    List<ChildProcess> fullNodes() {
        return fullNodeNames().stream().map(this::child).toList();
    }

    /** What the full nodes are called. */
    public List<String> fullNodeNames() {
        return IntStream.range(0, fullNodes.size()).mapToObj(i -> FULL_NODE + i).toList();
    }

    ChildProcess honestNode() {
        return child(INFERENCE_NODE);
    }

    /** All that run, by what they are called. */
    synchronized Map<String, ChildProcess> children() {
        return new LinkedHashMap<>(children);
    }

    private synchronized ChildProcess child(String name) {
        return children.get(name);
    }

    /** What a process keeps. */
    Path folder(String name) {
        return folder.resolve(name);
    }

    /** The full node that leads now; null where none says that it does. */
    public String leader() {
        for (String name : fullNodeNames()) {
            try {
                if (mapper.readTree(AdminSocket.ask(folder(name), "status"))
                        .path("leads")
                        .asBoolean()) {
                    return name;
                }
            } catch (IOException e) {
                // It is just starting.
            }
        }
        return null;
    }

    /** Kills a process and takes away what it kept, but for its key; {@link #comeBack} has it run again. */
    public void wipe(String name) throws IOException {
        child(name).close();
        Directories.delete(folder(name));
    }

    /** Kills a process as it stands; {@link #comeBack} has it run again. */
    public void kill(String name) {
        child(name).close();
    }

    /** Starts a process again, which is killed where it runs; returns when it is ready. */
    public void comeBack(String name) throws IOException, InterruptedException {
        restart(name);
    }

    /** Kills a process as it stands and starts it again; returns when it is ready. */
    ChildProcess restart(String name) throws IOException, InterruptedException {
        ChildProcess again = child(name).again();
        synchronized (this) {
            children.put(name, again);
        }
        Event.Ready ready = again.await(Event.Ready.class, event -> true, RESTART_MS);
        if (name.equals(GATEWAY)) {
            gateway = address(ready);
        }
        return again;
    }

    private static URI address(Event.Ready gateway) {
        return URI.create("http://localhost:" + gateway.port());
    }

    /** In hexadecimal, as requests name a node. */
    String cheatKey() {
        return cheat.publicKey().toString();
    }

    boolean cheatHasLostItsStake() throws IOException, InterruptedException {
        return account(cheat).get("stake").asLong() == 0;
    }

    /**
     * Starts all roles but the cheat and waits until they are ready.
     *
     * @param imported model that all of them have.
     * @param bar told how far it is, or null.
     * @param options of the honest node beside its model.
     */
    public void start(Path imported, ProgressBar bar, String... options) throws IOException, InterruptedException {
        genesis = new Genesis(
                fullNodes.stream().map(KeyPair::publicKey).toList(),
                BOND,
                Bytes32.ZERO,
                deposits(),
                Parameters.DEFAULT);
        Network.onThisHost(genesis).write(folder.resolve("network.json"));
        for (int i = 0; i < fullNodes.size(); i++) {
            start(FULL_NODE + i, fullNodes.get(i), imported, "full-node");
        }
        start(INFERENCE_NODE, honest, imported, command("inference-node", options));
        ChildProcess ingress = start(GATEWAY, requester, imported, "gateway", "--port", "0", "--level", "FULL");
        int done = 0;
        for (ChildProcess child : children().values()) {
            Event.Ready ready = child.await(Event.Ready.class, event -> true, START_MS);
            if (child == ingress) {
                gateway = address(ready);
            }
            step(bar, 10 + 15 * ++done);
        }
    }

    private List<Deposit> deposits() {
        List<Deposit> deposits = new ArrayList<>(List.of(new Deposit(requester.publicKey(), deposit)));
        Stream.concat(Stream.of(honest, cheat), dataNodes.stream())
                .forEach(keys -> deposits.add(new Deposit(keys.publicKey(), 100_000)));
        return deposits;
    }

    /** Starts another inference node, which cheats as its options say. */
    ChildProcess cheat(Path imported, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(command("cheating-node", options)));
        command.addAll(List.of("--price", "" + CHEAT_PRICE));
        return start("cheating-node", cheat, imported, command.toArray(String[]::new));
    }

    /** Starts a data node, which has a stake. */
    ChildProcess dataNode(int number, String... options) throws IOException {
        return start("data-node-" + number, dataNodes.get(number), null, command("data-node", options));
    }

    /** The account that the gateway pays from. */
    KeyPair requester() {
        return requester;
    }

    /** Where its full nodes are, once it was started. */
    Network network() throws IOException {
        return Network.read(folder.resolve("network.json"));
    }

    private static String[] command(String role, String... options) {
        List<String> command = new ArrayList<>(List.of(role));
        command.addAll(List.of(options));
        return command.toArray(String[]::new);
    }

    /** @param imported null for a role without a model. */
    private ChildProcess start(String name, KeyPair keys, Path imported, String... command) throws IOException {
        Path key = folder.resolve(name + ".key");
        Network.writeKey(key, keys);
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.addAll(List.of(
                "--network", folder.resolve("network.json").toString(),
                "--key", key.toString(),
                "--dir", folder.resolve(name).toString()));
        if (imported != null) {
            arguments.addAll(List.of("--model", imported.toString()));
        }
        // The flags this process was started with (exports, vector module, native access) serve its children too.
        List<String> flags =
                new ArrayList<>(ManagementFactory.getRuntimeMXBean().getInputArguments());
        flags.add("-Xmx512m");
        // What a killed process left there goes with the rest.
        flags.add("-Djava.io.tmpdir=" + temporary);
        // Seven processes that live for seconds: what the second compiler gains in one it takes from the others.
        flags.add("-XX:TieredStopAtLevel=1");
        ChildProcess child = new ChildProcess(name, folder.resolve(name + ".err"), showEvents, flags, arguments);
        synchronized (this) {
            children.put(name, child);
        }
        return child;
    }

    static void step(ProgressBar bar, long to) {
        if (bar != null) {
            bar.stepTo(Math.min(100, to));
        }
    }

    JsonNode get(String path) throws IOException, InterruptedException {
        HttpResponse<String> response =
                http.send(HttpRequest.newBuilder(gateway.resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
        return mapper.readTree(response.body());
    }

    /** The ledger's proof of what became of an answer, to be checked without asking anybody. */
    byte[] proof(String request) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = http.send(
                HttpRequest.newBuilder(gateway.resolve("/v1/receipts/" + request + "/proof"))
                        .build(),
                HttpResponse.BodyHandlers.ofByteArray());
        if (response.statusCode() != 200) {
            throw new IOException(new String(response.body(), StandardCharsets.UTF_8));
        }
        return response.body();
    }

    /** Who has signed an outcome, for a person. */
    static String certified(JsonNode settled) {
        JsonNode certified = settled.path("certified");
        return "signed by " + certified.path("signatures") + " of " + certified.path("full_nodes")
                + " full nodes in block " + certified.path("block");
    }

    /**
     * Waits until a case has come to an end and a quorum has signed it.
     *
     * @param wanted SETTLED or REFUNDED, once all full nodes have judged; or SLASHED, once the evidence is there.
     */
    JsonNode awaitSettlement(String request, Settlement.Status wanted) throws IOException, InterruptedException {
        long end = System.currentTimeMillis() + SETTLE_MS;
        JsonNode found = null;
        while (System.currentTimeMillis() < end) {
            found = get("/v1/receipts/" + request);
            boolean isWhole = wanted == Settlement.Status.SLASHED
                    || found.path("verdicts").size() == fullNodes.size();
            if (found.path("status").asText().equals(wanted.name())
                    && found.path("certified").path("status").asText().equals(wanted.name())
                    && isWhole) {
                return found;
            }
            Thread.sleep(50);
        }
        throw new IOException(
                "The ledger did not come to " + wanted + " within " + SETTLE_MS / 1000 + " s; it says " + found);
    }

    /** What a full node says of its audit of a request. */
    static Event.Audited audited(ChildProcess fullNode, String request) throws IOException, InterruptedException {
        return fullNode.await(Event.Audited.class, event -> event.request().equals(request), SETTLE_MS);
    }

    /** After both requests have come to their end, so that no escrow is held any more. */
    void reportBalances(ObjectNode result) throws IOException, InterruptedException {
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

    private JsonNode account(KeyPair keys) throws IOException, InterruptedException {
        return get("/v1/accounts/" + keys.publicKey());
    }
}
