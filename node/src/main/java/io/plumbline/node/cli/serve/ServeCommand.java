package io.plumbline.node.cli.serve;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorStore;
import io.plumbline.node.cli.ApiOptions;
import io.plumbline.node.cli.Bounds;
import io.plumbline.node.cli.Check;
import io.plumbline.node.cli.ConfigurableCommand;
import io.plumbline.node.cli.ModelById;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.cli.OperatorOptions;
import io.plumbline.node.cli.role.ComputeOptions;
import io.plumbline.node.cli.role.InferenceNodeCommand;
import io.plumbline.node.cli.role.NodeOptions;
import io.plumbline.node.cli.role.TensorOptions;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.inference.DeviceWatch;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.inference.TensorEngine;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.serve.LocalModels;
import io.plumbline.node.serve.LocalServer;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import me.tongfei.progressbar.ProgressBar;
import org.agrona.CloseHelper;

/**
 * {@code plumbline serve MODEL...}: models on an OpenAI-compatible endpoint, in one process and without a network; or
 * one of them on a network, as an inference node.
 */
@Parameters(
        commandNames = "serve",
        commandDescription =
                "Serve models on an OpenAI-compatible endpoint, with receipts, without a network; or join one.")
public final class ServeCommand extends ConfigurableCommand {
    private static final int HTTP_PORT = 8080;

    @Parameter(
            description = "MODEL...: a Hugging Face folder, a GGUF file, an ONNX file, an imported model's folder, or,"
                    + " with --data-node, a model's id;"
                    + " what is not imported yet is, into ~/.plumbline/models, or where PLUMBLINE_MODELS says",
            required = true,
            converter = PathConverter.class)
    private List<Path> models = new ArrayList<>();

    @Parameter(
            names = "--name",
            description = "what clients know the model by; the folder's or the file's otherwise, and where there are"
                    + " several")
    private String name;

    @Parameter(
            names = "--network",
            description = "FILE of a network to join as an inference node, in place of serving HTTP: one model, which"
                    + " the network's gateways ask and its full nodes audit")
    private Path network;

    @Parameter(
            names = "--host",
            description = "address to listen on, 0.0.0.0 for all of this host's, localhost where none is named; on a"
                    + " network, the one that others reach this host at, that towards its full nodes otherwise")
    private String host;

    @Parameter(
            names = "--port",
            description = "HTTP port, 8080 where none is named; on a network UDP port; 0 for any",
            validateValueWith = Bounds.Port.class)
    private Integer port;

    @Parameter(
            names = "--dir",
            description = "DIR: for the signing key and the log of receipts, ~/.plumbline/serve/NAME otherwise; on a"
                    + " network for its key and data, ~/.plumbline/node/NAME otherwise")
    private Path dir;

    @Parameter(
            names = "--inputs",
            description = "ONNX models: FILE of a real request in the JSON of the Open Inference Protocol, to calibrate"
                    + " a model with that is not calibrated yet; again for more",
            converter = PathConverter.class)
    private List<Path> inputs = new ArrayList<>();

    @Parameter(
            names = "--weights",
            description = "language models that are imported on the way: int8, as where none is named, or int4 for half"
                    + " the memory and nearly twice the speed at some loss of quality")
    private WeightBits weights;

    @Parameter(
            names = "--data-node",
            description =
                    "URL of a data node, to fetch files from that requests name, and models that are named by their"
                            + " ids; again for more")
    private List<String> dataNodes = new ArrayList<>();

    @ParametersDelegate
    private ComputeOptions compute = new ComputeOptions();

    @ParametersDelegate
    private TensorOptions tensors = new TensorOptions();

    @ParametersDelegate
    private NodeOptions announced = new NodeOptions();

    @ParametersDelegate
    private OperatorOptions operator = new OperatorOptions();

    @ParametersDelegate
    private ApiOptions api = new ApiOptions();

    /** Events of the models; nothing is printed of it where the operator names no form. */
    private Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));

    private Consumer<Event> tell = ServeCommand::tell;

    @Override
    public Integer call() throws Exception {
        requireSound();
        fetch();
        requireOneName();
        announced.useProfile(compute);
        Map<String, Path> folders = folders();
        if (network != null) {
            return onNetwork(folders);
        }
        if (operator.hasFormat()) {
            events = operator.events("serve");
            tell = events::emit;
        }
        Lifecycle life = new Lifecycle(tell);
        return life.run(
                        faults -> {
                            operator.listen(host, life, tell, false);
                            return alone(folders, faults);
                        },
                        operator.drainBound())
                .code();
    }

    /** Where this process keeps what is its own. */
    private Path folder(String kind, Map<String, Path> folders) throws IOException {
        Path folder = dir == null
                ? Path.of(System.getProperty("user.home"), ".plumbline", kind, String.join("+", folders.keySet()))
                : dir;
        return Files.createDirectories(folder);
    }

    private int onNetwork(Map<String, Path> folders) throws Exception {
        Path folder = folder("node", folders);
        Path key = folder.resolve("node.key");
        keys(key);
        String at = host == null ? Network.read(network).addressHere() : host;
        InferenceNodeCommand.Place place = new InferenceNodeCommand.Place(network, key, folder, at);
        Path model = folders.values().iterator().next();
        InferenceNodeCommand node =
                new InferenceNodeCommand(place, operator, port == null ? 0 : port, model, announced, compute, tensors);
        return new NetworkServing(node, place, announced.stake()).run();
    }

    private LocalServer alone(Map<String, Path> folders, FaultListener faults) throws IOException {
        Path folder = folder("serve", folders);
        String at = host == null ? "localhost" : host;
        ReceiptLog log = new ReceiptLog(folder);
        LocalModels served = null;
        LocalServer server;
        KeyPair keys;
        try {
            keys = keys(folder.resolve("serve.key"));
            served = load(folders, keys);
            server = LocalServer.launch(
                    served,
                    keys,
                    log,
                    new FileSources(nodes()),
                    new ApiServer.Place(
                            at,
                            port == null ? HTTP_PORT : port,
                            api.origins(operator.hosts()),
                            api.access(folder, served.together(), tell),
                            operator.apiRoutes()),
                    fault -> tell.accept(new Event.Error(fault.toString())));
        } catch (IOException | RuntimeException e) {
            CloseHelper.closeAll(served, log);
            throw e;
        }
        server.bindTo(operator.metrics().registry());
        server.failed().thenAccept(why -> faults.onFault(DeviceWatch.exitCode((Throwable) why), (Throwable) why));
        if (operator.hasFormat()) {
            tell.accept(new Event.Ready("serve", keys.publicKey().toString(), null, server.port()));
        } else {
            new ServedSummary(served, folder, api.isTls(), api.hasKeys(), at, server.port()).print();
        }
        return server;
    }

    /** Models that are named by their ids, from the data nodes; folders in their place then. */
    private void fetch() throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path model : models) {
            if (ModelById.is(model)) {
                try (ProgressBar bar = Terminal.progress("fetch")) {
                    found.add(ModelById.find(model, this::nodes, bar::stepTo, Terminal::printOver));
                }
            } else {
                found.add(model);
            }
        }
        models = found;
    }

    private List<BlobNode> nodes() {
        return dataNodes.stream().map(url -> new BlobNode(url, null)).toList();
    }

    /** The imported models by the names that clients know them by. */
    private Map<String, Path> folders() throws IOException {
        ServableModels found = new ServableModels(tensors, inputs, weights);
        Map<String, Path> folders = new LinkedHashMap<>();
        for (Path model : models) {
            String known = name == null ? ServableModels.name(model) : name;
            if (folders.put(known, found.find(model)) != null) {
                throw new IOException("Two models are called " + known + ". Rename the folder or the file of one.");
            }
        }
        return folders;
    }

    private LocalModels load(Map<String, Path> folders, KeyPair keys) throws IOException {
        Map<String, LanguageEngine> languages = new LinkedHashMap<>();
        List<TensorEngine> engines = new ArrayList<>();
        int sharing = 0;
        for (Path folder : folders.values()) {
            sharing += TensorStore.takes(folder) ? 0 : 1;
        }
        try {
            for (Map.Entry<String, Path> named : folders.entrySet()) {
                Path folder = named.getValue();
                if (TensorStore.takes(folder)) {
                    engines.add(tensors.engine(folder, compute.device(), compute.threads(), keys, events));
                } else {
                    LanguageEngine engine = new LanguageEngine(
                            folder, compute.choice().sharedBy(sharing), LoadedModel::layers, keys, 0, null, events);
                    languages.put(named.getKey(), engine);
                    requireDistinct(languages, named.getKey());
                }
            }
        } catch (IOException | RuntimeException e) {
            new LocalModels(folders, languages, engines).close();
            throw e;
        }
        return new LocalModels(folders, languages, engines);
    }

    /** Answers are found by what computed them. */
    private static void requireDistinct(Map<String, LanguageEngine> languages, String last) throws IOException {
        for (Map.Entry<String, LanguageEngine> other : languages.entrySet()) {
            boolean isSame = other.getValue()
                    .model()
                    .id()
                    .equals(languages.get(last).model().id());
            if (isSame && !other.getKey().equals(last)) {
                throw new IOException(other.getKey() + " and " + last + " are the same model. Name it once.");
            }
        }
    }

    /** Tells an operator what has changed, in a line: nothing else is printed while it serves. */
    private static void tell(Event event) {
        String text = switch (event) {
            case Event.Warning warning -> warning.message();
            case Event.Error error -> error.message();
            case Event.Failed failed ->
                "its " + failed.what() + " has failed, and it ends"
                        + (failed.why() == null ? "." : ": " + failed.why());
            case Event.Listening listening ->
                "health and metrics are served at " + listening.host() + ":" + listening.port() + ".";
            case Event.Draining draining ->
                "it takes on nothing new, and ends when all is answered, after " + draining.seconds()
                        + " s at the latest.";
            case Event.Drained drained -> drained.whole() ? "all was answered." : "what was not answered was cut.";
            case Event.Renewed renewed -> "read again: " + renewed.file() + ", " + renewed.what();
            default -> event.toString();
        };
        System.err.println(Terminal.printable("plumbline: " + text));
    }

    @Override
    protected List<Check> checks() {
        List<Check> checks = new ArrayList<>();
        for (Path model : models) {
            checks.add(() -> requireModel(model));
        }
        inputs.forEach(input -> checks.add(() -> NamedPaths.requireFile("--inputs", input)));
        if (dir != null) {
            checks.add(() -> NamedPaths.requireWritable("--dir", dir));
        }
        if (host != null) {
            checks.add(() -> NamedPaths.requireHost("--host", host));
        }
        checks.addAll(api.checks());
        checks.addAll(operator.checks());
        checks.addAll(compute.checks());
        checks.addAll(tensors.checks());
        checks.addAll(announced.checks());
        checks.add(this::requireOneName);
        if (network != null) {
            checks.add(this::requireSoundOnNetwork);
        }
        return checks;
    }

    private void requireModel(Path model) throws IOException {
        if (!ModelById.is(model)) {
            NamedPaths.requireThere("MODEL", model);
        }
    }

    private void requireOneName() throws IOException {
        if (name != null && models.size() > 1) {
            throw new IOException("--name goes with one model. Rename the folders or files of several.");
        }
    }

    private void requireSoundOnNetwork() throws IOException {
        NamedPaths.requireFile("--network", network);
        Network.read(network);
        if (models.size() > 1) {
            throw new IOException(
                    "--network: an inference node runs one model. Start another process, with another --dir.");
        }
        if (api.isTls() || api.hasKeys()) {
            throw new IOException(
                    "--network: an inference node has no HTTP server: --api-keys and --tls-certificate are"
                            + " a gateway's.");
        }
    }

    /** The key that this process signs by, made at its first start. */
    private static KeyPair keys(Path file) throws IOException {
        if (!Files.exists(file)) {
            Network.writeKey(file, KeyPair.random());
        }
        return Network.readKey(file);
    }
}
