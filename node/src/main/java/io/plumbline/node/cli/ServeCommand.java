package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import com.beust.jcommander.converters.PathConverter;
import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.serve.LocalServer;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import me.tongfei.progressbar.ProgressBar;

/** {@code plumbline serve MODEL}: a model on an OpenAI-compatible endpoint, in one process and without a network. */
@Parameters(
        commandNames = "serve",
        commandDescription = "Serve a model on an OpenAI-compatible endpoint, with receipts, without a network.")
public final class ServeCommand extends CommandOptions implements Callable<Integer> {
    @Parameter(
            description = "MODEL: a Hugging Face folder, a GGUF file, or an imported model's folder; what is not"
                    + " imported yet is, into ~/.plumbline/models, or where PLUMBLINE_MODELS says",
            required = true,
            converter = PathConverter.class)
    private Path model;

    @Parameter(names = "--name", description = "what clients know the model by; the folder's or the file's otherwise")
    private String name;

    @Parameter(names = "--host", description = "address to listen on; 0.0.0.0 for all of this host's")
    private String host = "localhost";

    @Parameter(names = "--port", description = "HTTP port, 0 for any")
    private int port = 8080;

    @Parameter(
            names = "--dir",
            description = "DIR: for the signing key and the log of receipts; ~/.plumbline/serve/NAME otherwise")
    private Path dir;

    @Parameter(names = "--threads", description = "threads that compute; as many as processors where none is named")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Parameter(
            names = "--device",
            description = "auto, cpu, gpu, or a GPU's index; auto takes a GPU where there is one")
    private String device = "auto";

    @Parameter(
            names = "--cache-mib",
            description = "memory for keys and values in MiB; where none is named a quarter of the host's, or what a"
                    + " GPU has left")
    private long cacheMib;

    @ParametersDelegate
    private ApiOptions api = new ApiOptions();

    @Override
    public Integer call() throws Exception {
        requireSound();
        String known = name == null ? ModelStore.name(model) : name;
        Path imported;
        try (ProgressBar bar = ModelStore.isImported(model) ? null : Terminal.progress("import")) {
            imported = new ModelStore(TensorPackage.store()).find(model, share -> bar.stepTo((long) (share * 100)));
        }
        Path folder = dir == null ? Path.of(System.getProperty("user.home"), ".plumbline", "serve", known) : dir;
        ReceiptLog log = new ReceiptLog(folder);
        LocalServer server;
        LanguageEngine language;
        try {
            KeyPair keys = keys(folder.resolve("serve.key"));
            language = new LanguageEngine(
                    imported,
                    new ComputeBackend.Choice(device, threads, cacheMib << 20),
                    LoadedModel::layers,
                    keys,
                    0,
                    new Events(new PrintStream(PrintStream.nullOutputStream())));
            server = new LocalServer(
                    known,
                    imported,
                    language,
                    keys,
                    log,
                    new ApiServer.Place(
                            host, port, api.origins(), api.access(folder, language.maxSequences(), ServeCommand::tell)),
                    fault -> System.err.println(Terminal.printable("plumbline: " + fault)));
        } catch (IOException | RuntimeException e) {
            log.close();
            throw e;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        show(known, imported, folder, language, server.port());
        new CountDownLatch(1).await();
        return 0;
    }

    /** Tells an operator what has changed, in a line: nothing else is printed while it serves. */
    private static void tell(Event event) {
        String text = switch (event) {
            case Event.Warning warning -> warning.message();
            case Event.Renewed renewed -> "read again: " + renewed.file() + ", " + renewed.what();
            default -> event.toString();
        };
        System.err.println(Terminal.printable("plumbline: " + text));
    }

    private void requireSound() throws IOException {
        api.requireSound();
        if (TensorPackage.isIn(model) || model.toString().endsWith(".onnx")) {
            throw new IOException("serve runs language models. An ONNX model is served on a network: plumbline"
                    + " inference-node, or plumbline tensor-demo to see one at work.");
        }
        ComputeBackend.Choice.requireDevice(device);
        if (threads < 1 || cacheMib < 0 || port < 0 || port > 65_535) {
            throw new IOException("--threads and --cache-mib are 1 or more, --port is 0 to 65535.");
        }
    }

    /** The key that this process signs by, made at its first start. */
    private static KeyPair keys(Path file) throws IOException {
        if (!Files.exists(file)) {
            Network.writeKey(file, KeyPair.random());
        }
        return Network.readKey(file);
    }

    private void show(String name, Path imported, Path folder, LanguageEngine language, int port) {
        LoadedModel model = language.model();
        ComputeBackend compute = language.compute();
        Terminal.print("model     " + name + ", " + Blake3.hex(model.id()));
        Terminal.print("computes  " + compute.describe());
        String base =
                (api.isTls() ? "https" : "http") + "://" + (api.isTls() ? host : "localhost") + ":" + port + "/v1";
        Terminal.print("serves    " + base + ", which OpenAI's clients take as base URL; "
                + (api.hasKeys() ? "with an API key of ./plumbline api-key new" : "any API key"));
        Terminal.print("receipts  " + folder.resolve(ReceiptLog.FILE_NAME) + "; check one:");
        Terminal.print("          ./plumbline audit RECEIPT --log " + folder + " --model " + imported);
        Terminal.print("try it    ./plumbline chat " + base);
    }
}
