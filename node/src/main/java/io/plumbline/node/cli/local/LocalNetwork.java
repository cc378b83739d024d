package io.plumbline.node.cli.local;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Parameters;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.ThisProgram;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Four full nodes, a data node, an inference node and a gateway on this host, each a process that stays. Keys, the
 * network's file and the ledger are made once and found again: what was paid before a stop is paid after it.
 */
final class LocalNetwork implements AutoCloseable {
    private static final String FULL_NODE = "full-node";
    static final String INFERENCE_NODE = "inference-node";
    static final String GATEWAY = "gateway";
    static final String DATA_NODE = "data-node";

    private static final String NETWORK_FILE = "network.json";
    private static final String SETTINGS_FILE = "settings.json";

    /** Four: the fewest that tolerate a liar among them. */
    private static final int FULL_NODES = 4;

    private static final long BOND = 10_000;
    private static final long GATEWAY_DEPOSIT = 1_000_000_000;
    private static final long NODE_DEPOSIT = 1_000_000;
    private static final long DATA_NODE_DEPOSIT = 100_000;

    /** For the ledger's log to be applied again, and a verifier key to be made of large weights. */
    private static final long START_MS = 600_000;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path folder;
    private final FileChannel lock;
    private final List<DetachedRole> roles = new ArrayList<>();

    /**
     * Opens the network of a folder, running or not.
     *
     * @param folder made where it is missing.
     * @throws IOException when another command is at work on it.
     */
    LocalNetwork(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder.toAbsolutePath().normalize());
        this.lock = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (!isLocked(lock)) {
                throw new IOException("Another command starts or stops the network in " + folder + " now.");
            }
            for (int i = 0; i < FULL_NODES; i++) {
                roles.add(role(FULL_NODE + "-" + i));
            }
            // A network that was made before there were data nodes has none.
            if (!isIn(this.folder) || Files.exists(keyFile(DATA_NODE))) {
                roles.add(role(DATA_NODE));
            }
            roles.add(role(INFERENCE_NODE));
            roles.add(role(GATEWAY));
        } catch (IOException e) {
            lock.close();
            throw e;
        }
    }

    private static boolean isLocked(FileChannel file) throws IOException {
        try {
            FileLock held = file.tryLock();
            return held != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private DetachedRole role(String name) throws IOException {
        return new DetachedRole(name, folder.resolve(name));
    }

    /** In the order in which they start. */
    List<DetachedRole> roles() {
        return List.copyOf(roles);
    }

    /** Where clients find the gateway, or null where none runs. */
    String gateway() throws IOException {
        String address = address(GATEWAY);
        return address == null ? null : address + "/v1";
    }

    /** Where blobs are put and fetched, or null where no data node runs. */
    String dataNode() throws IOException {
        return address(DATA_NODE);
    }

    /** Where a browser shows the network: the gateway's page; null where none runs. */
    String page() throws IOException {
        return address(GATEWAY);
    }

    /** Where a browser shows what a full node sees, its audits above all; null where the first one does not run. */
    String fullNodePage() throws IOException {
        DetachedRole first = roles.getFirst();
        Event.Listening listening = first.process().isPresent() ? first.said(Event.Listening.class) : null;
        return listening == null ? null : "http://localhost:" + listening.port();
    }

    private String address(String name) throws IOException {
        for (DetachedRole role : roles) {
            if (role.name().equals(name) && role.process().isPresent() && role.ready() != null) {
                return "http://localhost:" + role.ready().port();
            }
        }
        return null;
    }

    /** Whether a folder has a network that was made before. */
    static boolean isIn(Path folder) {
        return Files.exists(folder.resolve(NETWORK_FILE)) && Files.exists(folder.resolve(SETTINGS_FILE));
    }

    /**
     * The choices that a network is started with, and found again by.
     *
     * @param model an imported model's folder.
     * @param name that clients know it by.
     * @param port of the gateway, 0 for any.
     * @param device of the inference node.
     */
    record Settings(String model, String name, int port, String device) {}

    /** The choices of its last start; null for a network that is still to be made. */
    Settings settings() throws IOException {
        return isIn(folder)
                ? MAPPER.readValue(Files.readAllBytes(folder.resolve(SETTINGS_FILE)), Settings.class)
                : null;
    }

    /**
     * Starts what does not run; makes keys and a ledger where there are none.
     *
     * @param progress told how many roles are ready.
     * @throws IOException when one does not start; those that this call began are stopped then.
     */
    void up(Settings settings, IntConsumer progress) throws IOException, InterruptedException {
        make(settings);
        List<DetachedRole> begun = new ArrayList<>();
        try {
            for (DetachedRole role : roles) {
                if (role.process().isEmpty()) {
                    role.start(command(role, settings));
                    begun.add(role);
                }
            }
            for (int i = 0; i < roles.size(); i++) {
                roles.get(i).awaitReady(START_MS);
                progress.accept(i + 1);
            }
        } catch (IOException | InterruptedException e) {
            for (DetachedRole role : begun.reversed()) {
                role.stop();
            }
            throw e;
        }
    }

    /** Stops all, those first that ask others; how many ran. */
    int down(IntConsumer progress) throws IOException, InterruptedException {
        int stopped = 0;
        for (DetachedRole role : roles.reversed()) {
            if (role.stop()) {
                progress.accept(++stopped);
            }
        }
        return stopped;
    }

    private void make(Settings settings) throws IOException {
        Path file = folder.resolve(NETWORK_FILE);
        if (!Files.exists(file)) {
            List<Bytes32> fullNodes = new ArrayList<>();
            for (DetachedRole role : roles.subList(0, FULL_NODES)) {
                fullNodes.add(keys(role.name()).publicKey());
            }
            List<Genesis.Deposit> deposits = List.of(
                    new Genesis.Deposit(keys(GATEWAY).publicKey(), GATEWAY_DEPOSIT),
                    new Genesis.Deposit(keys(INFERENCE_NODE).publicKey(), NODE_DEPOSIT),
                    new Genesis.Deposit(keys(DATA_NODE).publicKey(), DATA_NODE_DEPOSIT));
            Genesis genesis = new Genesis(fullNodes, BOND, keys("bank").publicKey(), deposits, Parameters.DEFAULT);
            Network.onThisHost(genesis).write(file);
        }
        Files.write(folder.resolve(SETTINGS_FILE), MAPPER.writeValueAsBytes(settings));
    }

    private Path keyFile(String role) {
        return folder.resolve(role + ".key");
    }

    private KeyPair keys(String role) throws IOException {
        if (!Files.exists(keyFile(role))) {
            Network.writeKey(keyFile(role), KeyPair.random());
        }
        return Network.readKey(keyFile(role));
    }

    private List<String> command(DetachedRole role, Settings settings) {
        List<String> command = program();
        String kind = role.name().startsWith(FULL_NODE) ? FULL_NODE : role.name();
        command.addAll(List.of(
                kind,
                "--network",
                folder.resolve(NETWORK_FILE).toString(),
                "--key",
                keyFile(role.name()).toString(),
                "--dir",
                role.data().toString()));
        if (kind.equals(DATA_NODE)) {
            command.addAll(List.of("--port", "0"));
            return command;
        }
        command.addAll(
                List.of("--model", kind.equals(GATEWAY) ? settings.name() + "=" + settings.model() : settings.model()));
        if (kind.equals(FULL_NODE)) {
            command.addAll(List.of("--health", "0"));
        }
        if (kind.equals(GATEWAY)) {
            command.addAll(List.of("--port", "" + settings.port()));
        }
        if (kind.equals(INFERENCE_NODE)) {
            command.addAll(List.of("--device", settings.device()));
        }
        return command;
    }

    /**
     * The launcher, which gives each role the class path and the collector that it needs; where this process was not
     * started by it, this process's own.
     */
    private static List<String> program() {
        Path launcher = Path.of(System.getProperty("plumbline.home", ""), "plumbline");
        if (!System.getProperty("plumbline.home", "").isEmpty() && Files.isExecutable(launcher)) {
            return new ArrayList<>(List.of(launcher.toString()));
        }
        return ThisProgram.command(ManagementFactory.getRuntimeMXBean().getInputArguments());
    }

    @Override
    public void close() throws IOException {
        lock.close();
    }
}
