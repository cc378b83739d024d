package io.plumbline.benchmarks.load;

import io.plumbline.inference.language.importer.ModelStore;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.node.serve.LocalModels;
import io.plumbline.node.serve.LocalServer;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** The model that ships, served as {@code plumbline serve} does. */
final class ServedStories implements AutoCloseable {
    private final LocalServer server;

    /** @param folder for the model and its receipts. */
    ServedStories(Path folder) throws IOException {
        Path model = new ModelStore(folder.resolve("models"))
                .find(Path.of("..", "models", "plumbline-stories-2m"), share -> {}, note -> {});
        KeyPair keys = KeyPair.random();
        server = LocalServer.launch(
                LocalModels.of(
                        "stories",
                        model,
                        new LanguageEngine(
                                model,
                                ComputeBackend.Choice.cpu(1, 64 << 20),
                                LoadedModel::layers,
                                keys,
                                0,
                                null,
                                new Events(new PrintStream(PrintStream.nullOutputStream())))),
                keys,
                new ReceiptLog(folder.resolve("serve")),
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace);
    }

    String url() {
        return "http://localhost:" + server.port() + "/v1";
    }

    @Override
    public void close() {
        server.close();
    }
}
