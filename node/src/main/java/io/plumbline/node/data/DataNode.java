package io.plumbline.node.data;

import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.RunningRole;
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
import io.plumbline.node.tenant.Tenants;
import io.plumbline.transport.Addresses;
import io.plumbline.transport.Media;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLContext;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;

/** The role that keeps large files off the ledger: a blob store over HTTP, announced on the ledger with a stake. */
public final class DataNode implements RunningRole {
    private final Media media;
    private final LedgerClient ledger;
    private final BlobStore store;
    private final BlobServer server;
    private final Upkeep upkeep;
    private final Reporter reporter;
    private final DealKeeper deals;
    private final LedgerFollowed followed;
    private final Tenants tenants;
    private final EverySecond looking;

    /**
     * Where it works.
     *
     * @param folder of its data, its store among them.
     * @param port for HTTP, 0 for any free one.
     * @param origins the web pages that may use it, and names by which it may be asked.
     * @param quotaBytes that its blobs may have together.
     * @param scrubEvery period in which each blob is compared with its id once.
     * @param scrubRate at which blobs are read for that.
     * @param keepUnpinned after which blobs that nobody pinned are removed.
     * @param repairAfter for which a striped blob's shard is gone before it is made again.
     * @param lookEvery between looks at what is due of all this.
     * @param feeds ids of those that are reported on.
     * @param fetch by which their sources are asked.
     * @param offer what blobs are kept for; null where no more deals are taken on.
     */
    public record Context(
            Path folder,
            String host,
            int port,
            Origins origins,
            long stake,
            long quotaBytes,
            Duration scrubEvery,
            RateLimit scrubRate,
            Duration keepUnpinned,
            Duration repairAfter,
            Duration lookEvery,
            Set<Bytes32> feeds,
            SourceFetch fetch,
            StorageOffer offer) {}

    /**
     * Starts the node and announces it on the ledger.
     *
     * @param tenants that may change the store; null for everybody on this host. Closed with it.
     * @param tls null for HTTP in the clear.
     * @param faults hears that it cannot go on: the process should end.
     * @throws IOException where it cannot start: nothing of it is left running.
     */
    public static DataNode launch(
            Network network,
            KeyPair keys,
            Context context,
            Tenants tenants,
            SSLContext tls,
            Events events,
            FaultListener faults)
            throws IOException {
        return Launch.of(launch -> new DataNode(launch, network, keys, context, tenants, tls, events, faults));
    }

    private DataNode(
            Launch launch,
            Network network,
            KeyPair keys,
            Context context,
            Tenants tenants,
            SSLContext tls,
            Events events,
            FaultListener faults)
            throws IOException {
        this.tenants = tenants == null ? null : launch.opened(tenants);
        ErrorHandler errors = Lifecycle.errors(events::emit, faults);
        this.store = launch.opened(BlobStore.open(context.folder().resolve("store"), context.quotaBytes()));
        // A request that fails is refused; the process is well.
        this.server = launch.opened(new BlobServer(
                store,
                context.host(),
                context.port(),
                context.origins(),
                tenants,
                tls,
                fault -> events.emit(new Event.Error(fault.toString()))));
        AtomicBoolean hasEnded = new AtomicBoolean();
        this.media = launch.opened(new Media(context.folder().resolve("driver"), errors, () -> {
            hasEnded.set(true);
            faults.onFault(ExitCode.DRIVER, null);
        }));
        this.ledger = launch.opened(network.ledger(media.directory(), context.host(), keys, media.errors()));
        this.followed = new LedgerFollowed(() -> {
            ledger.status();
            return null;
        });
        LedgerWait.await(ledger, events, hasEnded::get, () -> Event.Waiting.forLedger(network.fullNodes(), null));
        announce(keys, context);
        Bytes32 self = keys.publicKey();
        this.upkeep = launch.opened(new Upkeep(
                store,
                self,
                () -> others(self),
                context.scrubEvery(),
                context.scrubRate(),
                context.keepUnpinned(),
                context.repairAfter(),
                context.lookEvery(),
                events::emit));
        upkeep.start();
        this.reporter = launch.opened(new Reporter(
                context.feeds(),
                ledger,
                store,
                () -> others(self),
                context.fetch(),
                new ReportFile(context.folder().resolve("reports")),
                events::emit));
        reporter.start();
        CertifiedSettlements certified = new CertifiedSettlements(ledger, network.genesis());
        this.deals = launch.opened(
                new DealKeeper(self, context.offer(), certified, store, () -> others(self), events::emit));
        deals.start();
        this.looking = tenants == null ? null : new EverySecond("api-files", tenants::lookAgain, errors::onError);
        events.emit(new Event.Ready("data-node", keys.publicKey().toString(), null, server.port()));
    }

    private void announce(KeyPair keys, Context context) throws IOException {
        LedgerClient.Outcome outcome = ledger.submit(new Command.RegisterDataNode(
                context.stake(), Addresses.text(Addresses.resolve(context.host())), server.port()));
        if (!outcome.isApplied()) {
            throw new IOException("The ledger refused to register this data node: " + outcome.reason()
                    + ". Its account is " + keys.publicKey() + ", which needs "
                    + context.stake()
                    + " for the stake and some for fees. Whoever keeps the network's bank key pays in,"
                    + " by: plumbline ledger deposit --network FILE --key BANK --to ACCOUNT --amount N --reference"
                    + " TEXT.");
        }
    }

    private List<Peer> others(Bytes32 self) throws IOException {
        List<Peer> others = new ArrayList<>();
        for (io.plumbline.ledger.state.DataNode node : ledger.dataNodes()) {
            if (!node.key().equals(self)) {
                others.add(new Peer(node.key(), DataNodes.at(node)));
            }
        }
        return others;
    }

    @Override
    public String notReady() {
        return followed.notReady();
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        new StoreMetrics(store).bindTo(registry);
        new DealMetrics(deals).bindTo(registry);
        new MediaMetrics(media, null).bindTo(registry);
    }

    public int port() {
        return server.port();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(looking, deals, reporter, upkeep, server, tenants, ledger, media, store);
    }
}
