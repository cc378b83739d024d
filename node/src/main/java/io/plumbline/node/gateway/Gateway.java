package io.plumbline.node.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Account;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.HealthRoutes;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.http.HttpExchange;
import io.plumbline.node.http.HttpRoutes;
import io.plumbline.node.http.Origins;
import io.plumbline.node.metrics.MediaMetrics;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.EverySecond;
import io.plumbline.node.network.Launch;
import io.plumbline.node.network.LedgerFollowed;
import io.plumbline.node.network.LedgerWait;
import io.plumbline.node.network.Network;
import io.plumbline.node.page.LiveView;
import io.plumbline.node.page.PageRoutes;
import io.plumbline.node.tenant.Payers;
import io.plumbline.node.tenant.Tenants;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.AgentRunner;

/**
 * The entry for applications to a network: an {@link ApiServer} whose answers are bought of inference nodes, an escrow
 * for each, and which says what became of them on the ledger.
 */
public final class Gateway implements RunningRole {
    private static final HexFormat HEX = HexFormat.of();

    private final Media media;
    private final AgentRunner runner;
    private final Endpoint endpoint;
    private final LedgerClient ledger;
    private final CertifiedSettlements settlements;
    private final ApiServer server;
    private final Genesis genesis;
    private final LedgerCredit credit;
    private final UnsettledRequests unsettled;
    private final LedgerFollowed followed;
    private final PayPerCall calls;
    private final LiveView page;
    private final EverySecond looking;

    /**
     * Where a gateway works and what it offers.
     *
     * @param httpPort 0 takes any free one.
     * @param terms that answers are bought at.
     * @param origins the web pages that may use it.
     * @param access the tenants that may use it, and how it is known to them; closed with it.
     * @param payers accounts that pay for each call, where calls without a tenant's key are paid; closed with it. Null
     *     where they are not.
     * @param operator adds the operator's routes; see {@link ApiServer.Place}.
     */
    public record Context(
            Path folder,
            String host,
            int httpPort,
            Terms terms,
            Origins origins,
            Access access,
            Payers payers,
            Consumer<HttpRoutes> operator) {
        /** For tenants, or for everybody; its operator's routes are elsewhere. */
        public Context(Path folder, String host, int httpPort, Terms terms, Origins origins, Access access) {
            this(folder, host, httpPort, terms, origins, access, null, routes -> {});
        }

        /** For everybody, in the clear. */
        public Context(Path folder, String host, int httpPort, Terms terms, Origins origins) {
            this(folder, host, httpPort, terms, origins, Access.open());
        }
    }

    /**
     * Starts the gateway.
     *
     * @param models folders of imported models by the names clients know them by.
     * @param faults hears that it cannot go on: the process should end.
     * @throws IOException where it cannot start: nothing of it is left running.
     */
    public static Gateway launch(
            Network network,
            KeyPair keys,
            Map<String, Path> models,
            Context context,
            Events events,
            FaultListener faults)
            throws IOException {
        return Launch.of(launch -> new Gateway(launch, network, keys, models, context, events, faults));
    }

    private Gateway(
            Launch launch,
            Network network,
            KeyPair keys,
            Map<String, Path> models,
            Context context,
            Events events,
            FaultListener faults)
            throws IOException {
        String host = context.host();
        this.genesis = network.genesis();
        ErrorHandler errors = Lifecycle.errors(events::emit, faults);
        AtomicBoolean hasEnded = new AtomicBoolean();
        this.media = launch.opened(new Media(context.folder().resolve("driver"), errors, () -> {
            hasEnded.set(true);
            faults.onFault(ExitCode.DRIVER, null);
        }));
        NodeClient client = new NodeClient();
        this.endpoint = new Endpoint(
                media.aeron(),
                host,
                0,
                new Identity(keys::sign, keys.publicKey().bytes()),
                client.protocol());
        this.runner = launch.opened(new AgentRunner(Drivers.idle(media.directory()), errors, null, endpoint));
        AgentRunner.startOnThread(runner);
        this.ledger = launch.opened(network.ledger(media.directory(), host, keys, media.errors()));
        this.settlements = new CertifiedSettlements(ledger, genesis);
        NodeLists lists = new NodeLists(ledger, System::nanoTime);
        this.followed = new LedgerFollowed(
                () -> lists.has(node -> true) ? null : "no inference node is registered on the ledger");
        LedgerWait.await(ledger, events, hasEnded::get, () -> Event.Waiting.forLedger(network.fullNodes(), null));
        BoughtAnswers bought = new BoughtAnswers(settlements);
        this.unsettled = launch.opened(new UnsettledRequests(settlements));
        Access access = context.access();
        // A request that fails is refused, and a look that fails comes again; the process is well.
        Consumer<Throwable> requestFaults = fault -> events.emit(new Event.Error(fault.toString()));
        LedgerFees fees = new LedgerFees(settlements, requestFaults);
        NodeSelector nodes = new NodeSelector(
                keys, settlements, lists, endpoint, client, context.terms(), bought, unsettled, fees, events);
        this.page = launch.opened(new LiveView(
                new GatewayPage(network, ledger, settlements, nodes, bought, context.terms(), access), requestFaults));
        this.calls = context.payers() == null
                ? null
                : new PayPerCall(ledger, fees, genesis.hash(), keys, context.payers(), access.tls() != null);
        if (calls != null) {
            access = access.paidBy(calls);
        }
        this.credit = credit(access.tenants(), keys, events);
        this.server = launch.opened(new ApiServer(
                nodes,
                new NetworkSources(ledger, genesis.trusted()),
                models,
                context.terms().level(),
                new ApiServer.Place(host, context.httpPort(), context.origins(), access, context.operator()),
                this::addRoutes,
                requestFaults));
        if (credit != null) {
            launch.opened(credit).start();
        }
        unsettled.start(requestFaults);
        this.looking = launch.opened(new EverySecond("bought-answers", bought::look, requestFaults));
        page.start();
        events.emit(new Event.Ready("gateway", null, null, server.port()));
    }

    /** Looks for payments; null where none are taken. */
    private LedgerCredit credit(Tenants tenants, KeyPair keys, Events events) {
        List<Payee> payees = new ArrayList<>();
        if (tenants != null) {
            tenants.takePayments(keys.publicKey());
            payees.add(new Payee.OfTenants(tenants));
        }
        if (calls != null) {
            payees.add(calls);
        }
        LedgerCredit found = payees.isEmpty() ? null : new LedgerCredit(ledger, genesis, payees, events);
        if (calls != null) {
            calls.onAwaited(found::hurry);
        }
        return found;
    }

    public int port() {
        return server.port();
    }

    @Override
    public String notReady() {
        return server != null && server.isDraining() ? "draining" : followed.notReady();
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        server.bindTo(registry);
        new MediaMetrics(media, endpoint).bindTo(registry);
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
        routes.get("/v1/receipts/{request}", this::receipt)
                .get("/v1/receipts/{request}/proof", this::proof)
                .get("/v1/accounts/{key}", this::account);
    }

    private void account(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            Bytes32 key = Http.key(http.parameter("key"));
            Account account = ledger.account(key);
            ObjectNode json = Http.MAPPER
                    .createObjectNode()
                    .put("balance", account.balance())
                    .put("stake", account.stake())
                    .put("unbonding", account.unbonding());
            if (calls != null) {
                json.put("credit", calls.left(key));
            }
            Http.send(http, 200, json);
        });
    }

    private void receipt(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            Bytes32 request = Http.key(http.parameter("request"));
            CertifiedEntry entry = settlements.find(request);
            Settlement certified = entry == null || entry.value() == null ? null : Settlement.decode(entry.value());
            // What the ledger has ordered is what one full node says; what a quorum has signed is what they have all
            // computed, and what is shown wherever it says as much.
            Settlement ordered = certified != null && !certified.isOpen() ? certified : ledger.findSettlement(request);
            Settlement found = ordered == null ? certified : ordered;
            if (found == null) {
                throw new ApiException(404, "The ledger knows no such request.");
            }
            boolean isCertified = certified != null && certified.status() == found.status();
            ObjectNode json = described(isCertified ? certified : found);
            json.put("finality", isCertified ? "certified" : "ordered");
            json.set("certified", certified == null ? Http.MAPPER.nullNode() : block(entry, certified));
            Http.send(http, 200, json);
        });
    }

    private static ObjectNode described(Settlement found) {
        ObjectNode json = Http.MAPPER
                .createObjectNode()
                .put("status", found.status().name())
                .put("height", found.height())
                .put("level", found.level().name())
                .put("escrow", found.escrow())
                .put("node", found.node().toString());
        if (found.receipt() != null) {
            json.put("receipt", HEX.formatHex(found.receipt().encode()))
                    .put("price", found.receipt().price());
        }
        ObjectNode verdicts = json.putObject("verdicts");
        found.audit()
                .verdicts()
                .forEach((node, verdict) -> verdicts.put(
                        node.toString(),
                        verdict.opinion().name().toLowerCase(Locale.ROOT).replace('_', ' ')));
        ArrayNode lazy = json.putArray("lazy");
        found.audit().lazy().forEach(auditor -> lazy.add(auditor.toString()));
        ArrayNode reasons = json.putArray("reasons");
        found.reasons().forEach(reasons::add);
        return json;
    }

    private JsonNode block(CertifiedEntry entry, Settlement certified) {
        return Http.MAPPER
                .createObjectNode()
                .put("status", certified.status().name())
                .put("block", entry.header().number())
                .put("signatures", entry.signers(genesis.hash(), genesis.fullNodes()))
                .put("full_nodes", genesis.fullNodes().size());
    }

    /** The bytes that {@code plumbline receipt verify} checks offline. */
    private void proof(HttpExchange http) throws IOException {
        Http.guarded(http, Http::openAi, () -> {
            CertifiedEntry entry = settlements.find(Http.key(http.parameter("request")));
            if (entry == null || entry.value() == null) {
                throw new ApiException(404, "No certified block has this request yet. Ask again.");
            }
            http.responseHeader("Content-Type", "application/octet-stream");
            http.send(200, entry.encode());
        });
    }

    @Override
    public void close() {
        CloseHelper.closeAll(page, looking, credit, unsettled, server, ledger, runner, media);
    }
}
