package io.plumbline.node.full;

import com.fasterxml.jackson.databind.JsonNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.plumbline.data.transfer.BlobNode;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.cluster.ClusterSequencer;
import io.plumbline.ledger.cluster.IngressAddress;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerIngress;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.LocalVoteSigner;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.Rejoin;
import io.plumbline.ledger.cluster.SignedElsewhereException;
import io.plumbline.ledger.cluster.SigningHistory;
import io.plumbline.ledger.cluster.Snapshots;
import io.plumbline.ledger.cluster.Upkeep;
import io.plumbline.ledger.cluster.VoteSigner;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.index.LedgerIndex;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Command.CastVote;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Node;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.data.DataNodes;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.health.FaultListener;
import io.plumbline.node.health.Lifecycle;
import io.plumbline.node.health.RunningRole;
import io.plumbline.node.metrics.MediaMetrics;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.Launch;
import io.plumbline.node.network.LedgerFollowed;
import io.plumbline.node.network.LedgerWait;
import io.plumbline.node.network.Network;
import io.plumbline.node.page.PageSource;
import io.plumbline.node.page.RecentBlocks;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.receipt.KeyPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.agrona.CloseHelper;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.AgentRunner;

/**
 * The role that orders, audits and settles, on a host without a GPU and without weights: it reads a model once to
 * make its verifier key, and judges every receipt that the ledger orders.
 */
public final class FullNode implements RunningRole, PageSource {
    /** Longest wait for a node's next sign of life: three fit into the time the ledger gives for a verdict. */
    public static final long ANSWER_TIMEOUT_MS = 30_000;

    /** Applied again in some twenty seconds. */
    public static final long SNAPSHOT_BYTES = 256L << 20;

    /** Longest wait for another full node when it is said who is missing. */
    private static final long REACH_MS = 1_000;

    /** Commands ordered while it answers are no sign of being behind: so many commands are a second's work. */
    private static final long MAX_BEHIND = 10_000;

    /** Longest wait for the replica to say what it has. */
    private static final long LOOK_MS = 1_000;

    private final Events events;
    private final ErrorHandler errors;
    private final LedgerFollowed follows;
    private final FullNodeReading.BlockCounts counts = new FullNodeReading.BlockCounts();
    private final FullNodeReading reading;
    private final RecentAudits recent = new RecentAudits();
    private final RecentBlocks blocks = new RecentBlocks();
    private final FullNodePage page;
    private final NodeClient client;
    private final AuditAgent audits;
    private final Voter voter;
    private final Member member;
    private final Media media;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    private final LedgerClient ledger;
    private final LedgerIndex index;
    private final AdminSocket control;
    private final Upkeep upkeep;

    /** Null where there is none. */
    private final Archive archive;

    /**
     * What a full node works with.
     *
     * @param models imported, whose answers it can judge: tensor models, and at most one language model that its
     *     verifier key is made of; none of that kind where {@code keyFile} is there.
     * @param keyFile verifier key; made there where there is none. Not looked at where there are only tensor models.
     * @param folder of this node's data.
     * @param snapshotBytes of the log from one snapshot to the next.
     * @param answerTimeoutMs longest wait for a node's next sign of life.
     * @param archive where evidence and snapshots are put too; null for nowhere.
     * @param signer signs its votes by its own history, and is closed with the full node; null where the signing
     *     history is in {@code folder}.
     */
    public record Context(
            List<Path> models,
            Path keyFile,
            Path folder,
            long snapshotBytes,
            long answerTimeoutMs,
            ArchivePlace archive,
            VoteSigner signer) {
        public Context(List<Path> models, Path keyFile, Path folder) {
            this(models, keyFile, folder, SNAPSHOT_BYTES, ANSWER_TIMEOUT_MS);
        }

        public Context(List<Path> models, Path keyFile, Path folder, long snapshotBytes, long answerTimeoutMs) {
            this(models, keyFile, folder, snapshotBytes, answerTimeoutMs, null, null);
        }

        /** The same with what signs votes; null as above. */
        public Context signingBy(VoteSigner other) {
            return new Context(models, keyFile, folder, snapshotBytes, answerTimeoutMs, archive, other);
        }

        /** The same with a data node for evidence and snapshots; null as above. */
        public Context archivingAt(ArchivePlace other) {
            return new Context(models, keyFile, folder, snapshotBytes, answerTimeoutMs, other, signer);
        }

        /** @throws IOException where no full node can be started with it: before anything is. */
        void conclude() throws IOException {
            List<Path> language = new ArrayList<>();
            for (Path model : models) {
                if (!TensorPackage.isIn(model)) {
                    language.add(model);
                }
            }
            if (language.size() > 1) {
                throw new IOException("Both " + language.get(0) + " and " + language.get(1)
                        + " are language models: a full node audits one. Leave one out.");
            }
        }
    }

    /**
     * Starts a full node.
     *
     * @param faults hears that it cannot go on: the process should end.
     * @throws IOException where it cannot start: nothing of it is left running.
     */
    public static FullNode launch(Network network, KeyPair keys, Context context, Events events, FaultListener faults)
            throws IOException {
        context.conclude();
        if (network.genesis().place(keys.publicKey()) < 0) {
            throw new IOException("The key file is not one of this network's full nodes.");
        }
        return Launch.of(launch -> new FullNode(launch, network, keys, context, events, faults));
    }

    private FullNode(Launch launch, Network network, KeyPair keys, Context context, Events events, FaultListener faults)
            throws IOException {
        Path folder = context.folder;
        this.client = new NodeClient(context.answerTimeoutMs);
        this.events = events;
        this.errors = Lifecycle.errors(events::emit, faults);
        int id = network.genesis().place(keys.publicKey());
        IngressAddress address = network.ingresses().get(id);
        Member.Place place = new Member.Place(id, network.members(), folder, keys, network.genesis());
        VoteSigner votes = launch.opened(votes(network, keys, context));
        // The others are asked while the models are read.
        CompletableFuture<Long> rejoined = CompletableFuture.supplyAsync(() -> rejoin(place, network));
        AuditInbox inbox = new AuditInbox();
        Map<String, AnswerAuditor> auditors = auditors(
                context.models, context.keyFile, folder, network.genesis().trusted());
        this.voter = launch.opened(new Voter(
                keys.publicKey(),
                network.genesis().hash(),
                network.genesis().fullNodes().size(),
                votes,
                e -> {
                    report(e);
                    if (e instanceof SignedElsewhereException) {
                        faults.onFault(ExitCode.SIGNED_ELSEWHERE, e);
                    }
                }));
        this.index = launch.opened(new LedgerIndex(folder.resolve("index"), this::report));
        this.archive = context.archive == null
                ? null
                : launch.opened(
                        new Archive(context.archive, folder.resolve("archived"), Archive.MOST_EVIDENCE_BYTES, events));
        LedgerService service = new LedgerService(
                network.genesis(),
                new Replica.Listener() {
                    @Override
                    public void onAudit(Settlement changed, Node node) {
                        inbox.onAudit(changed, node);
                        recent.changed(changed);
                        if (!changed.isOpen()) {
                            index.onClosed(changed);
                        }
                    }

                    @Override
                    public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
                        counts.block();
                        voter.onBlock(header, epoch, statements);
                    }

                    @Override
                    public void onVote(CastVote vote) {
                        voter.onVote(vote);
                    }

                    @Override
                    public void onCertified(BlockHeader header, Certificate certificate) {
                        counts.certificate();
                        voter.onCertified(header.number(), certificate);
                        blocks.add(header, certificate);
                        recent.certified(header);
                        index.onCertified(header, certificate);
                    }

                    @Override
                    public void onSnapshot(byte[] snapshot, long height) {
                        voter.onSnapshot(height, Snapshots.hash(snapshot));
                        if (archive != null) {
                            archive.snapshot(snapshot, height);
                        }
                    }
                },
                folder);
        await(rejoined);
        AtomicBoolean hasEnded = new AtomicBoolean();
        this.member = launch.opened(new Member(place, service, this::report, () -> {
            hasEnded.set(true);
            faults.onFault(ExitCode.LEDGER, null);
        }));
        this.upkeep = launch.opened(new Upkeep(member, context.snapshotBytes, this::report));
        events.emit(new Event.Joined());
        warn(network.members().get(id));
        this.media = launch.opened(new Media(folder.resolve("outside"), this::report, () -> {
            hasEnded.set(true);
            faults.onFault(ExitCode.DRIVER, null);
        }));
        ClusterSequencer sequencer = new ClusterSequencer(
                member.aeronDirectory(),
                Member.ingressEndpoints(network.members()),
                host(network.members().get(id)),
                keys,
                network.genesis().hash());
        this.ledger = launch.opened(
                new LedgerClient(sequencer, keys, network.genesis().hash()));
        this.endpoint = new Endpoint(
                media.aeron(),
                address.host(),
                address.port(),
                new Identity(keys::sign, keys.publicKey().bytes()),
                client.protocol(),
                new LedgerIngress(sequencer.forOthers(), service.admission(), member::logStart).protocol());
        this.runner = launch.opened(new AgentRunner(Drivers.idle(media.directory()), this::report, null, endpoint));
        AgentRunner.startOnThread(runner);
        this.audits = launch.opened(new AuditAgent(
                keys.publicKey(),
                endpoint,
                ledger,
                node -> registered(service, node),
                auditors,
                new EvidenceFolder(folder.resolve("evidence"), EvidenceFolder.MOST_BYTES, archive),
                new VerdictStore(folder.resolve("verdicts")),
                recent,
                events));
        inbox.deliverTo(audits);
        voter.begin(ledger, service::signingSeen);
        LedgerWait.await(
                ledger,
                events,
                hasEnded::get,
                () -> Event.Waiting.forLedger(missing(network.ingresses(), keys.publicKey()), service.applied()));
        AdminCommands operator =
                new AdminCommands(id, network.genesis().fullNodes().size(), member, service, voter, ledger, index);
        this.control = launch.opened(new AdminSocket(folder, operator::execute, this::report));
        this.reading = new FullNodeReading(service, member, voter, audits, counts);
        recent.live();
        this.page = new FullNodePage(network, id, service, reading, blocks, recent);
        this.follows = new LedgerFollowed(() -> behind(service));
        events.emit(new Event.Ready("full-node", keys.publicKey().toString(), null, null));
    }

    private static VoteSigner votes(Network network, KeyPair keys, Context context) throws IOException {
        Path file = Files.createDirectories(context.folder).resolve(SigningHistory.FILE);
        Bytes32 genesis = network.genesis().hash();
        if (context.signer == null) {
            return new LocalVoteSigner(
                    keys, genesis, network.genesis().fullNodes().size(), file);
        }
        if (Files.exists(file)) {
            SigningHistory.requireIn(context.signer.signed(), context.folder);
        }
        return context.signer;
    }

    @Override
    public SortedMap<String, JsonNode> sections() throws IOException {
        return page.sections();
    }

    /** Why what it has applied is not what the ledger has ordered, or null. */
    private String behind(LedgerService service) throws IOException {
        long ordered = ledger.status().height();
        long applied = service.applied();
        if (!service.isSure()) {
            return "its copy of the ledger is not certified yet";
        }
        return applied + MAX_BEHIND < ordered
                ? "it has applied " + applied + " commands of " + ordered + " that are ordered"
                : null;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        FullNodeMetrics.declare(registry, reading);
        new MediaMetrics(media, endpoint).bindTo(registry);
    }

    /** Full nodes that are not reached, by their addresses. */
    private List<String> missing(List<IngressAddress> ingresses, Bytes32 own) {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> found = ingresses.stream()
                    .filter(ingress -> !ingress.key().equals(own))
                    .map(ingress -> threads.submit(() -> {
                        try {
                            Peer peer = endpoint.connect(
                                    ingress.host(),
                                    ingress.port(),
                                    ingress.key().bytes());
                            return peer.awaitOpen(REACH_MS) ? null : ingress.address();
                        } catch (IllegalArgumentException e) {
                            return ingress.address() + " (" + e.getMessage() + ")";
                        }
                    }))
                    .toList();
            List<String> missing = new ArrayList<>();
            for (Future<String> one : found) {
                missing.add(one.get());
            }
            missing.removeIf(Objects::isNull);
            return missing;
        } catch (ExecutionException e) {
            return List.of(String.valueOf(e.getCause().getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return List.of();
        }
    }

    private long rejoin(Member.Place place, Network network) {
        try {
            String host = host(place.members().get(place.id()));
            long position = Rejoin.prepare(place, host, network.ingresses(), at -> events.emit(new Event.Copying(at)));
            if (position > 0) {
                events.emit(new Event.Copied(position));
            }
            return position;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void await(CompletableFuture<Long> rejoined) throws IOException {
        try {
            rejoined.join();
        } catch (CompletionException e) {
            throw new IOException(
                    "The ledger cannot be had from the other full nodes: "
                            + e.getCause().getMessage(),
                    e.getCause());
        }
    }

    private static String host(String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }

    private Map<String, AnswerAuditor> auditors(List<Path> models, Path keyFile, Path folder, TrustedLedger trusted)
            throws IOException {
        Map<String, AnswerAuditor> auditors = new HashMap<>();
        Path language = null;
        for (Path one : models) {
            if (TensorPackage.isIn(one)) {
                TensorPackage model = TensorPackage.open(one);
                auditors.put(model.manifest().id().toString(), new TolerantAnswerAuditor(model, trusted, client));
                events.emit(new Event.TensorModelLoaded(model.name()));
            } else {
                language = one;
            }
        }
        if (language != null || Files.exists(keyFile) || auditors.isEmpty()) {
            VerifierKey key = verifierKey(language, keyFile);
            warn(key.config());
            auditors.put(
                    key.manifest().id().toString(),
                    new ExactAnswerAuditor(
                            key, language, this::dataNodes, trusted, client, DrawSecret.in(folder), events));
        }
        return auditors;
    }

    private List<BlobNode> dataNodes() throws IOException {
        List<BlobNode> known = DataNodes.of(ledger);
        if (known.isEmpty()) {
            throw new IOException("The ledger knows no data node.");
        }
        return known;
    }

    private VerifierKey verifierKey(Path folder, Path keyFile) throws IOException {
        if (folder == null) {
            VerifierKey key = VerifierKeyFile.read(keyFile);
            events.emit(new Event.KeyLoaded(key.bytes()));
            return key;
        }
        try (LoadedModel model = LoadedModel.open(folder);
                ChatTokenizer tokenizer = ChatTokenizer.of(model.tokenFiles())) {
            VerifierKey key = model.verifierKey(keyFile, events.tenths(Event.MakingKey::new));
            events.emit(new Event.KeyLoaded(key.bytes()));
            AuditRehearsal.run(model, key, tokenizer);
            events.emit(new Event.Rehearsed());
            return key;
        }
    }

    /**
     * The cluster's ports are for the other full nodes: they hear no other hosts, but a sender's address can be
     * forged.
     */
    private void warn(String own) {
        List<String> open = Member.openToAll(own);
        if (!open.isEmpty()) {
            events.emit(new Event.Warning("The cluster's ports, from " + own + " on, are at " + open
                    + ", which is no private address."
                    + " Put them in a network that only full nodes are in, as in"
                    + " DOORHOST:PORT@PRIVATEHOST:PORT, or have a firewall let in only the other"
                    + " full nodes."));
        }
    }

    /** Some answers cannot be audited with this heap: better said now than when one comes. */
    private void warn(ModelConfig config) {
        long needed = Auditor.memoryBytes(config, config.maxPositions());
        if (!AuditMemory.OF_HEAP.holds(needed)) {
            events.emit(new Event.Warning("An audit of the longest answer that the model gives needs " + (needed >> 20)
                    + " MiB, which this heap does not have to spare: it will be left to other full nodes. Start with a"
                    + " heap of " + (2 * needed >> 20) + " MiB or more: -Xmx."));
        }
    }

    /** A node as this full node's replica has it; as it was, where it has none or cannot say. */
    private static Node registered(LedgerService service, Node node) {
        try {
            Node now = service.look(state -> state.node(node.key())).get(LOOK_MS, TimeUnit.MILLISECONDS);
            return now == null ? node : now;
        } catch (ExecutionException | TimeoutException e) {
            return node;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return node;
        }
    }

    private void report(Throwable e) {
        errors.onError(e);
    }

    @Override
    public String notReady() {
        return follows.notReady();
    }

    @Override
    public void close() {
        CloseHelper.closeAll(control, upkeep, audits, voter, runner, ledger, media, member, index, archive);
    }
}
