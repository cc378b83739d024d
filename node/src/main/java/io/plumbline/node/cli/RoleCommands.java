package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

/** The commands that run a role until the process is told to end. */
public final class RoleCommands {
    private RoleCommands() {}

    /** Options that every role has. */
    abstract static class Role extends CommandOptions implements Callable<Integer> {
        @Parameter(names = "--network", required = true, description = "FILE: the network's full nodes and genesis")
        private Path network;

        @Parameter(names = "--key", required = true, description = "FILE: this role's Ed25519 key")
        private Path key;

        @Parameter(names = "--dir", required = true, description = "DIR: this role's data")
        Path dir;

        @Parameter(names = "--host", description = "address others reach this process at")
        String host = "localhost";

        @Parameter(
                names = "--exit-with-stdin",
                description = "end when standard input ends, for a parent that must leave nothing behind")
        private boolean exitWithStdin;

        final Events events = new Events(System.out);
        private final CountDownLatch end = new CountDownLatch(1);
        private volatile boolean failed;
        private volatile boolean isOpen;

        /** Ends the process: what cannot go on must not linger half dead. */
        final void fail() {
            failed = true;
            end.countDown();
        }

        /** Starts the role. */
        abstract AutoCloseable open(Network on, KeyPair keys) throws Exception;

        @Override
        public Integer call() throws Exception {
            keepTemporaryFiles();
            if (exitWithStdin) {
                Thread.ofPlatform().daemon().start(this::followStdin);
            }
            AutoCloseable role = open(Network.read(network), Network.readKey(key));
            isOpen = true;
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    role.close();
                } catch (Exception e) {
                    System.err.println("plumbline: while closing: " + e);
                }
            }));
            end.await();
            return failed ? 1 : 0;
        }

        /**
         * Some libraries unpack native code to a file when they are first used, and leave it there when the process is
         * killed: in this role's own folder, where the next start takes it away. It serves those that read the property
         * themselves; the JDK's own temporary files are where they were when the process began, so large libraries are
         * loaded by {@link io.plumbline.verifier.platform.ExtractedLibraries}.
         */
        private void keepTemporaryFiles() throws IOException {
            Path temporary = dir.resolve("tmp");
            Directories.delete(temporary);
            Files.createDirectories(temporary);
            System.setProperty("java.io.tmpdir", temporary.toString());
        }

        private void followStdin() {
            try {
                while (System.in.read() >= 0) {
                    Thread.onSpinWait();
                }
            } catch (IOException e) {
                // The parent is gone, which is what we wait for.
            }
            end.countDown();
            if (!isOpen) {
                // It may wait for the ledger, and nobody for it.
                Runtime.getRuntime().halt(0);
            }
        }
    }

    @Parameters(commandNames = "full-node", commandDescription = "Order, audit and settle, on a host without a GPU.")
    public static final class RunFullNode extends Role {
        @Parameter(
                names = "--model",
                description =
                        "DIR: imported model whose answers it judges; again for more. ONNX models, and at most one language"
                                + " model")
        private List<Path> models = new ArrayList<>();

        @Parameter(
                names = "--verifier-key",
                description = "FILE: the verifier key, made of the model where it is not there; in --dir where none is"
                        + " named")
        private Path verifierKey;

        @Parameter(
                names = "--snapshot-mib",
                description =
                        "MiB of the ledger's log from one snapshot to the next; what is older than the last but one is dropped")
        private long snapshotMib = FullNode.SNAPSHOT_BYTES >> 20;

        @Override
        AutoCloseable open(Network on, KeyPair keys) throws IOException {
            Path file = verifierKey == null ? dir.resolve("verifier.key") : verifierKey;
            if (models.isEmpty() && !Files.exists(file)) {
                throw new IOException(file + " does not exist. Name the model to make it of with --model, or a key with"
                        + " --verifier-key.");
            }
            if (snapshotMib < 1) {
                throw new IOException("--snapshot-mib must be 1 or more, not " + snapshotMib + ".");
            }
            FullNode.Setup setup = new FullNode.Setup(models, file, dir, snapshotMib << 20, FullNode.ANSWER_TIMEOUT_MS);
            return new FullNode(on, keys, setup, events, this::fail);
        }
    }

    @Parameters(commandNames = "inference-node", commandDescription = "Run a model, sign receipts, answer challenges.")
    public static class RunInferenceNode extends Role {
        @Parameter(
                names = "--model",
                required = true,
                description = "DIR: imported model, a language model or an ONNX model")
        private Path model;

        @Parameter(names = "--port", description = "UDP port, 0 for any")
        private int port;

        @Parameter(names = "--stake", description = "stake to put up")
        private long stake = 50_000;

        @Parameter(names = "--price", description = "price of a token, or of a row of an ONNX model's batch")
        private long price = 2;

        @Parameter(
                names = "--most-level",
                description = "the highest level at which it lets its answers be audited: SIGNED, AUDITED or FULL")
        private Level most = Level.FULL;

        @Parameter(names = "--threads", description = "threads that compute; as many as processors where none is named")
        private int threads = Runtime.getRuntime().availableProcessors();

        @Parameter(
                names = "--device",
                description = "auto, cpu, gpu, or a GPU's index; auto takes a GPU where there is one")
        private String device = "auto";

        @Parameter(names = "--profile", description = "FILE: hardware profiles to look in before the project's own")
        private Path profile;

        @Parameter(
                names = "--cache-mib",
                description =
                        "memory for keys and values in MiB; where none is named a quarter of the host's, or what a"
                                + " GPU has left")
        private long cacheMib;

        @ParametersDelegate
        private TensorOptions tensors = new TensorOptions();

        @Override
        AutoCloseable open(Network on, KeyPair keys) throws IOException {
            if (!device.matches("auto|cpu|gpu|\\d{1,4}")) {
                throw new IOException("--device is auto, cpu, gpu or a GPU's index, not " + device + ".");
            }
            if (most == Level.REPLAYED) {
                throw new IOException("--most-level is SIGNED, AUDITED or FULL.");
            }
            if (cacheMib < 0) {
                throw new IOException("--cache-mib must be 1 or more, not " + cacheMib + ".");
            }
            if (profile != null) {
                System.setProperty("plumbline.profile", profile.toString());
            }
            ComputeBackend.Choice choice = new ComputeBackend.Choice(device, threads, cacheMib << 20);
            InferenceNode.Serving serving = TensorPackage.isIn(model)
                    ? tensors.serving(model, device, threads, this::computed)
                    : InferenceNode.language(model, choice, this::layers);
            return new InferenceNode(
                    on,
                    keys,
                    new InferenceNode.Place(dir, host, port, stake, price, most),
                    serving,
                    events,
                    this::fail);
        }

        /** Weights that a language model is computed with. */
        protected List<LoadedModel.Layer> layers(LoadedModel loaded) {
            return loaded.layers();
        }

        /** What an ONNX model is computed with. */
        protected LoadedTensorModel computed(LoadedTensorModel loaded, Precision precision) throws IOException {
            return loaded;
        }
    }

    @Parameters(
            commandNames = "gateway",
            commandDescription = "Serve the OpenAI API and the Open Inference Protocol over HTTP.")
    public static final class RunGateway extends Role {
        @Parameter(
                names = "--model",
                required = true,
                description =
                        "DIR or NAME=DIR: imported model, and the name clients know it by where it is not the folder's; again"
                                + " for more. ONNX models, and at most one language model")
        private List<String> models = new ArrayList<>();

        @Parameter(names = "--port", description = "HTTP port, 0 for any")
        private int port = 8080;

        @Parameter(
                names = "--level",
                description = "how answers are audited where a client does not say: SIGNED, AUDITED or FULL")
        private Level level = Level.AUDITED;

        @Parameter(
                names = "--allow-origin",
                description =
                        "ORIGIN of web pages that may use the gateway from a browser, such as https://app.example; again for"
                                + " more, * for all. Pages of the browser's own host always may")
        private List<String> origins = new ArrayList<>();

        @Override
        AutoCloseable open(Network on, KeyPair keys) throws IOException {
            if (level == Level.REPLAYED) {
                throw new IOException("Full nodes have no weights to replay with. Choose SIGNED, AUDITED or FULL.");
            }
            Gateway.Place place = new Gateway.Place(dir, host, port, level, origins());
            return new Gateway(on, keys, named(models), place, events, this::fail);
        }

        private Origins origins() throws IOException {
            try {
                return new Origins(Set.copyOf(origins));
            } catch (IllegalArgumentException e) {
                throw new IOException("--allow-origin: " + e.getMessage(), e);
            }
        }

        private static SortedMap<String, Path> named(List<String> models) throws IOException {
            SortedMap<String, Path> named = new TreeMap<>();
            for (String model : models) {
                int equals = model.indexOf('=');
                boolean isNamed = equals > 0 && !Files.isDirectory(Path.of(model));
                Path folder = Path.of(isNamed ? model.substring(equals + 1) : model);
                String name = isNamed
                        ? model.substring(0, equals)
                        : folder.toAbsolutePath().normalize().getFileName().toString();
                if (named.put(name, folder) != null) {
                    throw new IOException("Two models are called " + name + ". Write NAME=DIR to name one otherwise.");
                }
            }
            return named;
        }
    }
}
