package io.plumbline.node.page;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.TestModels;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Feed;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Genesis.Deposit;
import io.plumbline.node.full.FullNode;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.FileSources;
import io.plumbline.node.gateway.Gateway;
import io.plumbline.node.gateway.Terms;
import io.plumbline.node.health.OperatorListener;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.Origins;
import io.plumbline.node.inference.ComputeBackend;
import io.plumbline.node.inference.InferenceNode;
import io.plumbline.node.inference.LanguageEngine;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Network;
import io.plumbline.node.serve.LocalModels;
import io.plumbline.node.serve.LocalServer;
import io.plumbline.node.serve.NpmClients;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The pages of a gateway, of a full node and of {@code serve} in headless Chromium, driven by Playwright, on a network
 * that runs in this process and has a node that cheats. {@code -Dplumbline.chromium=FILE} names a Chromium that is not
 * on the path; {@code -Dplumbline.screenshots=DIR} has pictures taken for docs.
 */
@Tag("slow")
class BrowserPageTest {
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
    private static final String HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>";

    @TempDir
    private Path folder;

    private final List<AutoCloseable> running = new ArrayList<>();
    private final Events events = new Events(new PrintStream(PrintStream.nullOutputStream()));

    private static Path chromium() {
        String given = System.getProperty("plumbline.chromium", "");
        Stream<Path> places = given.isEmpty()
                ? Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .flatMap(place -> NAMES.stream().map(name -> Path.of(place, name)))
                : Stream.of(Path.of(given));
        return places.filter(Files::isExecutable).findFirst().orElse(null);
    }

    @AfterEach
    void stop() {
        CloseHelper.closeAll(running.reversed());
    }

    private <T extends AutoCloseable> T run(T one) {
        running.add(one);
        return one;
    }

    @Test
    void aBrowserShowsTheNetworkChatsAndChecksReceiptsItself() throws Exception {
        Path chromium = chromium();
        assumeTrue(chromium != null, "Chromium is not here: the page is not shown in a browser");
        NpmClients.install();
        Path model = folder.resolve("stories");
        ModelImport.run(Path.of("../models/plumbline-stories-2m"), model, share -> {});
        KeyPair full = KeyPair.random();
        KeyPair honest = KeyPair.random();
        KeyPair cheat = KeyPair.random();
        KeyPair requester = KeyPair.random();
        List<Deposit> deposits = Stream.of(honest, cheat, requester)
                .map(keys -> new Deposit(keys.publicKey(), 100_000))
                .toList();
        Network network = Network.onThisHost(new Genesis(List.of(full.publicKey()), deposits));
        network.write(folder.resolve("network.json"));
        FullNode fullNode = run(FullNode.launch(
                network,
                full,
                new FullNode.Context(List.of(model), folder.resolve("verifier.key"), folder.resolve("full")),
                events,
                (code, why) -> {}));
        run(node(network, honest, "honest", 2, InferenceNode.language(model, backend(), LoadedModel::layers)));
        run(node(
                network,
                cheat,
                "cheat",
                3,
                InferenceNode.language(model, backend(), loaded -> TestModels.withSwap(loaded, 1))));
        declareFeed(network, requester);
        Gateway gateway = run(Gateway.launch(
                network,
                requester,
                Map.of("stories", model),
                new Gateway.Context(folder.resolve("gateway"), "localhost", 0, Terms.at(Level.FULL), Origins.LOCAL),
                events,
                (code, why) -> {}));
        NpmClients.check(
                "page",
                Map.of(
                        "CHROMIUM",
                        chromium.toString(),
                        "GATEWAY",
                        "http://localhost:" + gateway.port(),
                        "FULL_NODE",
                        "http://localhost:" + operator(fullNode).port(),
                        "SERVE",
                        "http://localhost:" + serve(model).port(),
                        "CHEAT",
                        cheat.publicKey().toString(),
                        "HOSTILE",
                        HOSTILE,
                        "FOLDER",
                        folder.toString(),
                        "SCREENSHOTS",
                        System.getProperty("plumbline.screenshots", "")));
    }

    private static ComputeBackend.Choice backend() {
        return ComputeBackend.Choice.cpu(1, 64 << 20);
    }

    private InferenceNode node(Network network, KeyPair keys, String name, long price, InferenceNode.Serving serving)
            throws IOException {
        return InferenceNode.launch(
                network,
                keys,
                new InferenceNode.Context(folder.resolve(name), "localhost", 0, 50_000, price),
                serving,
                events,
                (code, why) -> {});
    }

    /** A feed whose declarer would like its name to be markup. */
    private void declareFeed(Network network, KeyPair owner) throws IOException {
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                LedgerClient ledger = network.ledger(media.directory(), "localhost", owner)) {
            Feed feed = new Feed(
                    owner.publicKey(), HOSTILE, "<b>", 1, -500, 600, 60_000, 20_000, 1, 300_000, Bytes32.ZERO, 1);
            assertTrue(ledger.submit(new Command.DeclareFeed(feed)).isApplied());
        }
    }

    /** As {@code --health} of a full node serves it. */
    private OperatorListener operator(FullNode fullNode) throws IOException {
        LiveView view = run(new LiveView(fullNode, Throwable::printStackTrace));
        HttpRoutes routes = new HttpRoutes();
        PageRoutes.addTo(routes, view, PageRoutes.OPERATOR_STREAMS);
        view.start();
        return run(new OperatorListener(
                new OperatorListener.Address("localhost", 0), Set.of(), routes, Throwable::printStackTrace));
    }

    private LocalServer serve(Path model) throws IOException {
        KeyPair keys = KeyPair.random();
        LanguageEngine language = new LanguageEngine(model, backend(), LoadedModel::layers, keys, 0, null, events);
        return run(LocalServer.launch(
                LocalModels.of("alone", model, language),
                keys,
                new ReceiptLog(folder.resolve("serve")),
                new FileSources(List.of()),
                new ApiServer.Place("localhost", 0, Origins.LOCAL),
                Throwable::printStackTrace));
    }
}
