package io.plumbline.node.cli.local;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.cli.NamedPaths;
import io.plumbline.node.cli.role.TensorOptions;
import io.plumbline.node.cli.serve.ServableModels;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.network.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline network up}. */
@Parameters(
        commandNames = "up",
        commandDescription = "Start four full nodes, an inference node and a gateway on this host; they stay.")
final class UpCommand extends LocalOptions {
    @Parameter(
            names = "--model",
            description = "MODEL: a Hugging Face folder, a GGUF file, an ONNX file, or an imported model's folder; what"
                    + " this network ran before, or the model that ships, where none is named")
    private Path model;

    @Parameter(
            names = "--inputs",
            description = "FILE with real requests that an ONNX model's bounds are calibrated with; random inputs where"
                    + " none is named. Repeat for more")
    private List<Path> inputs = new ArrayList<>();

    @Parameter(
            names = "--name",
            description = "what clients know the model by; what it was before, or the folder's or the file's")
    private String name;

    @Parameter(names = "--port", description = "HTTP port of the gateway, 0 for any; what it was before, or 8080")
    private Integer port;

    @Parameter(
            names = "--device",
            description =
                    "auto, cpu, gpu, or a GPU's UUID, PCI bus id or index; what it was before, or auto, which takes"
                            + " a GPU where there is one")
    private String device;

    @Override
    public Integer call() throws Exception {
        if (port != null && (port < 0 || port > 65_535)) {
            throw new IOException("--port is 0 to 65535, not " + port + ".");
        }
        if (device != null) {
            ComputeBackend.Choice.requireDevice(device);
        }
        for (Path file : inputs) {
            NamedPaths.requireFile("--inputs", file);
        }
        try (LocalNetwork network = new LocalNetwork(dir)) {
            LocalNetwork.Settings settings = settings(network.settings());
            int roles = network.roles().size();
            try (ProgressBar bar = Terminal.progress("start")) {
                network.up(settings, ready -> bar.stepTo(100L * ready / roles));
            }
            String gateway = network.gateway();
            Terminal.print(
                    "network   " + roles + " processes, kept in " + dir + "; ./plumbline network down stops them");
            if (TensorPackage.isIn(Path.of(settings.model()))) {
                Terminal.print("serves    " + gateway.replaceFirst("/v1$", "/v2/models/") + settings.name()
                        + "/infer, the Open Inference Protocol of KServe and Triton");
            } else {
                Terminal.print("serves    " + gateway + ", which OpenAI's clients take as base URL; any API key");
                Terminal.print("try it    ./plumbline chat " + gateway);
            }
            Terminal.print(
                    "see it    " + network.page() + " in a browser; a full node's audits: " + network.fullNodePage());
        }
        return 0;
    }

    private LocalNetwork.Settings settings(LocalNetwork.Settings before) throws IOException {
        Path source = model != null ? model : before != null ? Path.of(before.model()) : shippedModel();
        Path imported = new ServableModels(new TensorOptions(), inputs, null).find(source);
        String folder = imported.toAbsolutePath().normalize().toString();
        if (before == null) {
            return new LocalNetwork.Settings(
                    folder,
                    name != null ? name : ServableModels.name(source),
                    port != null ? port : 8080,
                    device != null ? device : "auto");
        }
        if (!before.model().equals(folder)) {
            throw new IOException("The network in " + dir + " runs " + before.model()
                    + ". Another model needs a network" + " of its own: name another folder with --dir.");
        }
        return new LocalNetwork.Settings(
                folder,
                name != null ? name : before.name(),
                port != null ? port : before.port(),
                device != null ? device : before.device());
    }
}
