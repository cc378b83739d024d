package io.plumbline.node.inference;

import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.Genesis;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.metrics.MediaMetrics;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Launch;
import io.plumbline.node.network.LedgerWait;
import io.plumbline.node.network.Network;
import io.plumbline.transport.Addresses;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Predicate;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.AgentRunner;

/**
 * The role that runs models: it is reached by others, announced on the ledger, and does for them what its {@link
 * Service} does.
 */
public final class InferenceNode implements RunningRole {
    /** Longest wait for one full node that is asked of this node's key. */
    private static final long ASK_NS = TimeUnit.SECONDS.toNanos(5);

    private final Media media;
    private final LedgerClient ledger;
    private final AnswerStore answers;
    private final NodeResponder replies;
    private final Service service;
    private final Endpoint endpoint;
    private final AgentRunner runner;

    /**
     * Where a node is reached and what it is announced with.
     *
     * @param folder of its data.
     * @param port UDP port, 0 for any free one.
     * @param price of a token, or of a row.
     * @param most the highest level at which it lets its answers be audited.
     */
    public record Context(Path folder, String host, int port, long stake, long price, Level most) {
        public Context(Path folder, String host, int port, long stake, long price) {
            this(folder, host, port, stake, price, Level.FULL);
        }
    }

    /** Makes what runs the model. */
    @FunctionalInterface
    public interface Serving {
        Service serve(Context context, NodeResponder replies, Predicate<Bytes32> isFullNode) throws IOException;
    }

    /**
     * A language model's.
     *
     * @param layers weights that it is computed with.
     */
    public static Serving language(
            Path model, ComputeBackend.Choice choice, Function<LoadedModel, List<LoadedModel.Layer>> layers) {
        return (context, replies, isFullNode) ->
                new LanguageService(model, context, choice, layers, replies, isFullNode);
    }

    /**
     * Starts the node and announces it on the ledger.
     *
     * @param faults hears that it cannot go on: the process should end.
     * @throws IOException where it cannot start: nothing of it is left running.
     */
    public static InferenceNode launch(
            Network network, KeyPair keys, Context context, Serving serving, Events events, FaultListener faults)
            throws IOException {
        return Launch.of(launch -> new InferenceNode(launch, network, keys, context, serving, events, faults));
    }

    private InferenceNode(
            Launch launch,
            Network network,
            KeyPair keys,
            Context context,
            Serving serving,
            Events events,
            FaultListener faults)
            throws IOException {
        ErrorHandler errors = Lifecycle.errors(events::emit, faults);
        AtomicBoolean hasEnded = new AtomicBoolean();
        this.media = launch.opened(new Media(context.folder().resolve("driver"), errors, () -> {
            hasEnded.set(true);
            faults.onFault(ExitCode.DRIVER, null);
        }));
        this.ledger = launch.opened(network.ledger(media.directory(), context.host(), keys, media.errors()));
        Predicate<Bytes32> isFullNode = key -> network.genesis().place(key) >= 0;
        CertifiedSettlements settlements = new CertifiedSettlements(ledger, network.genesis());
        this.answers = launch.opened(new AnswerStore(
                context.folder().resolve("answers"),
                new SignedRequests(context.folder().resolve("signed-requests"))));
        this.replies = launch.opened(new NodeResponder(
                keys,
                settlements,
                network.genesis().trusted(),
                answers,
                isFullNode,
                deciding(network.genesis()),
                events));
        this.service = launch.opened(serving.serve(context, replies, isFullNode));
        service.failed().thenAccept(why -> faults.onFault(DeviceWatch.exitCode(why), why));
        this.endpoint = new Endpoint(
                media.aeron(),
                context.host(),
                context.port(),
                new Identity(keys::sign, keys.publicKey().bytes()),
                new NodeRequests(service).protocol());
        this.runner = launch.opened(new AgentRunner(Drivers.idle(media.directory()), errors, null, endpoint));
        AgentRunner.startOnThread(runner);
        LedgerWait.await(ledger, events, hasEnded::get, () -> Event.Waiting.forLedger(network.fullNodes(), null));
        if (!replies.hasBegun()) {
            List<LedgerClient> each = network.eachFullNode(media.directory(), context.host(), keys, ASK_NS);
            try {
                replies.begin(KeyHistory.isNew(each, network.genesis(), keys.publicKey()));
            } finally {
                CloseHelper.closeAll(each);
            }
        }
        LedgerClient.Outcome outcome = ledger.submit(new Command.RegisterNode(
                context.stake(),
                service.modelId(),
                context.price(),
                Addresses.text(Addresses.resolve(context.host())),
                endpoint.port(),
                context.most(),
                service.openMsPerToken()));
        if (outcome.reason().startsWith(Command.RotateKey.REPLACED)) {
            events.emit(new Event.Warning("On the ledger " + outcome.reason()
                    + ": nobody asks this node any more. It answers what is open, and auditors; stop it when it is owed"
                    + " nothing (plumbline_owed_receipts)."));
        } else if (!outcome.isApplied()) {
            throw new IOException("The ledger refused to register this node: " + outcome.reason()
                    + ". Its account is " + keys.publicKey() + ", which needs "
                    + context.stake()
                    + " for the stake and some for fees. Whoever keeps the network's bank key pays in, by: plumbline"
                    + " ledger deposit --network FILE --key BANK --to ACCOUNT --amount N --reference TEXT.");
        }
        events.emit(new Event.Ready(
                "inference-node", keys.publicKey().toString(), service.modelId().toString(), endpoint.port()));
    }

    /** More than half of those that are drawn. */
    private static int deciding(Genesis genesis) {
        return Math.min(genesis.fullNodes().size(), genesis.parameters().maxAuditors()) / 2 + 1;
    }

    /** The UDP port it is reached at. */
    public int port() {
        return endpoint.port();
    }

    @Override
    public String notReady() {
        return service.notReady();
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        service.bindTo(registry);
        new MediaMetrics(media, endpoint).bindTo(registry);
    }

    @Override
    public void drain() {
        service.drain();
    }

    @Override
    public boolean isIdle() {
        return service.isIdle();
    }

    @Override
    public void cut() {
        service.cut();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(replies, service, ledger, runner, media, answers);
    }
}
