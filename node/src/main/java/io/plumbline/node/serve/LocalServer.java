package io.plumbline.node.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.node.gateway.ApiException;
import io.plumbline.node.gateway.ApiServer;
import io.plumbline.node.gateway.Http;
import io.plumbline.node.gateway.RequestSources;
import io.plumbline.node.health.HealthRoutes;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.network.Launch;
import io.plumbline.node.page.LiveView;
import io.plumbline.node.page.PageRoutes;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.util.HexFormat;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.agrona.CloseHelper;

/**
 * Serves models from this process alone: the same API as a gateway's, with receipts that go into a {@link ReceiptLog}
 * in place of a ledger.
 */
public final class LocalServer implements RunningRole {
    private static final HexFormat HEX = HexFormat.of();

    private final LocalModels models;
    private final ReceiptLog log;
    private final ApiServer server;
    private final LiveView page;
    private final boolean isPrivate;
    private final String key;

    /**
     * Starts it.
     *
     * @param models closed with it.
     * @param log closed with it.
     * @param sources where files are found that requests name.
     * @throws IOException where it cannot start: nothing of it is left running, and models and log are the caller's.
     */
    public static LocalServer launch(
            LocalModels models,
            KeyPair keys,
            ReceiptLog log,
            RequestSources sources,
            ApiServer.Place place,
            Consumer<Throwable> faults)
            throws IOException {
        return Launch.of(launch -> new LocalServer(launch, models, keys, log, sources, place, faults));
    }

    private LocalServer(
            Launch launch,
            LocalModels models,
            KeyPair keys,
            ReceiptLog log,
            RequestSources sources,
            ApiServer.Place place,
            Consumer<Throwable> faults)
            throws IOException {
        this.models = models;
        this.log = log;
        this.page = launch.opened(new LiveView(this::sections, faults));
        this.isPrivate = place.access().isPrivate();
        this.key = keys.publicKey().toString();
        this.server = launch.opened(new ApiServer(
                new LocalAnswers(models, keys, log),
                sources,
                models.folders(),
                Level.SIGNED,
                place,
                this::addRoutes,
                faults));
        page.start();
    }

    public int port() {
        return server.port();
    }

    /** Completed, by any thread, with why the engine has failed. */
    public CompletableFuture<Object> failed() {
        return CompletableFuture.anyOf(models.failed().toArray(CompletableFuture[]::new));
    }

    @Override
    public String notReady() {
        return server != null && server.isDraining() ? "draining" : models.notReady();
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        server.bindTo(registry);
        models.bindTo(registry);
    }

    @Override
    public void drain() {
        server.drain();
    }

    @Override
    public boolean isIdle() {
        return server.isIdle();
    }

    @Override
    public void cut() {
        server.cut();
    }

    private void addRoutes(HttpRoutes routes) {
        HealthRoutes.addTo(routes, this::notReady);
        PageRoutes.addTo(routes, page, PageRoutes.API_STREAMS);
        routes.get("/v1/receipts/{request}", this::receipt);
    }

    /** The page's sections on this process: what its tenants do is their business. */
    private SortedMap<String, JsonNode> sections() {
        SortedMap<String, JsonNode> sections = new TreeMap<>();
        sections.put(
                "about",
                Http.MAPPER
                        .createObjectNode()
                        .put("role", "serve")
                        .put("key", key)
                        .put("needs_key", isPrivate)
                        .put("level", Level.SIGNED.name()));
        if (!isPrivate) {
            sections.put(
                    "log",
                    Http.MAPPER
                            .createObjectNode()
                            .put("receipts", log.count())
                            .put("chain", HEX.formatHex(log.chain()))
                            .put("under_way", server.underWay()));
        }
        return sections;
    }

    private void receipt(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            ReceiptLog.Entry entry = log.find(Http.key(http.parameter("request")));
            if (entry == null) {
                throw new ApiException(404, "The log has no such request.");
            }
            ObjectNode json = Http.MAPPER
                    .createObjectNode()
                    .put("status", "SIGNED")
                    .put("finality", "local")
                    .put("node", entry.receipt().node().toString())
                    .put("receipt", HEX.formatHex(entry.receipt().encode()))
                    .put("price", entry.receipt().price())
                    .put("time_ms", entry.timeMs());
            json.putObject("log").put("entry", entry.number()).put("chain", HEX.formatHex(entry.chain()));
            Http.send(http, 200, json);
        });
    }

    @Override
    public void close() {
        CloseHelper.closeAll(page, server, models, log);
    }
}
