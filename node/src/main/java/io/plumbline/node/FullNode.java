package io.plumbline.node;

import io.aeron.Aeron;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.cluster.Voter;
import io.plumbline.ledger.index.LedgerIndex;
import io.plumbline.ledger.order.Replica;
import io.plumbline.ledger.state.Case;
import io.plumbline.ledger.state.EpochStatement;
import io.plumbline.ledger.state.Node;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.ledger.BlockHeader;
import io.plumbline.verifier.ledger.Certificate;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/**
 * The role that orders, audits and settles, on a host without a GPU and without weights: it reads a model once to make its verifier
 * key, and judges every receipt that the ledger orders.
 */
final class FullNode implements AutoCloseable {
    /** Longest wait for a node's next sign of life: three fit into the time the ledger gives for a verdict. */
    private static final long ANSWER_TIMEOUT_MS = 30_000;

    private final Events events;
    private final NodeClient client;
    private final Judge judge;
    private final Voter voter;
    private final Member member;
    private final Aeron aeron;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    private final LedgerClient ledger;
    private final LedgerIndex index;
    private final Control control;

    /**
     * @param models imported, whose answers it can judge: tensor models, and at most one language model that its verifier key is made of;
     *     none of that kind where {@code keyFile} is there.
     * @param keyFile verifier key; made there where there is none. Not looked at where there are only tensor models.
     * @param folder of this node's data.
     * @param onEnd called when the ledger's member cannot go on: the process should end.
     */
    FullNode(Network network, Keys keys, List<Path> models, Path keyFile, Path folder, Events events, Runnable onEnd)
            throws IOException {
        this(network, keys, models, keyFile, folder, ANSWER_TIMEOUT_MS, events, onEnd);
    }

    /** With another wait for nodes that do not answer. */
    FullNode(
            Network network,
            Keys keys,
            List<Path> models,
            Path keyFile,
            Path folder,
            long answerTimeoutMs,
            Events events,
            Runnable onEnd)
            throws IOException {
        this.client = new NodeClient(answerTimeoutMs);
        this.events = events;
        int id = -1;
        for (int i = 0; i < network.genesis().fullNodes().size(); i++) {
            id = Arrays.equals(network.genesis().fullNodes().get(i), keys.publicKey()) ? i : id;
        }
        if (id < 0) {
            throw new IOException("The key file is not one of this network's full nodes.");
        }
        this.judge = new Judge(keys, judges(models, keyFile), folder.resolve("evidence"), events);
        String address = network.members().get(id);
        String host = address.substring(0, address.lastIndexOf(':'));
        this.voter = new Voter(
                keys,
                network.genesis().hash(),
                network.genesis().fullNodes().size(),
                folder.resolve("votes"),
                this::report);
        this.index = new LedgerIndex(folder.resolve("index"), this::report);
        LedgerService service = new LedgerService(network.genesis(), new Replica.Listener() {
            @Override
            public void onAudit(Case changed, Node node) {
                judge.onAudit(changed, node);
                if (!changed.isOpen()) {
                    index.onClosed(changed);
                }
            }

            @Override
            public void onBlock(BlockHeader header, long epoch, Collection<EpochStatement> statements) {
                voter.onBlock(header, epoch, statements);
            }

            @Override
            public void onCertified(BlockHeader header, Certificate certificate) {
                voter.onCertified(header.number());
                index.onCertified(header, certificate);
            }
        });
        this.member = new Member(
                new Member.Place(
                        id, network.members(), folder, network.genesis().hash()),
                service,
                e -> report(e),
                onEnd);
        events.emit("joined", json -> {});
        this.aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(member.aeronDirectory()));
        this.endpoint = new Endpoint(aeron, host, 0, client);
        this.runner = new AgentRunner(Drivers.idle(), this::report, null, endpoint);
        AgentRunner.startOnThread(runner);
        this.ledger = LedgerClient.connect(
                member.aeronDirectory(),
                Member.ingressEndpoints(network.members()),
                host,
                keys,
                network.genesis().hash());
        judge.begin(endpoint, ledger);
        voter.begin(ledger);
        ledger.root();
        Operator operator =
                new Operator(id, network.genesis().fullNodes().size(), member, service, voter, ledger, index);
        this.control = new Control(folder, operator::obey, this::report);
        events.emit(
                "ready",
                json -> json.put("role", "full-node").put("key", HexFormat.of().formatHex(keys.publicKey())));
    }

    private Map<String, AnswerJudge> judges(List<Path> models, Path keyFile) throws IOException {
        Map<String, AnswerJudge> judges = new HashMap<>();
        Path language = null;
        for (Path folder : models) {
            if (TensorPackage.isIn(folder)) {
                TensorPackage model = TensorPackage.open(folder);
                judges.put(Blake3.hex(model.manifest().id()), new TolerantJudge(model, client));
                events.emit("model", json -> json.put("tensors", model.name()));
            } else if (language == null) {
                language = folder;
            } else {
                throw new IOException("Both " + language + " and " + folder
                        + " are language models: a full node audits one. Leave one out.");
            }
        }
        if (language != null || Files.exists(keyFile) || judges.isEmpty()) {
            VerifierKey key = verifierKey(language, keyFile);
            judges.put(Blake3.hex(key.manifest().id()), new ExactJudge(key, client));
        }
        return judges;
    }

    private VerifierKey verifierKey(Path folder, Path keyFile) throws IOException {
        if (folder == null) {
            VerifierKey key = VerifierKeyFile.read(keyFile);
            events.emit("model", json -> json.put("verifierKeyBytes", key.bytes()));
            return key;
        }
        try (LoadedModel model = LoadedModel.open(folder)) {
            VerifierKey key = model.verifierKey(keyFile, events.tenths("verifier-key", json -> {}));
            events.emit("model", json -> json.put("verifierKeyBytes", key.bytes()));
            AuditRehearsal.run(model, key);
            events.emit("rehearsed", json -> {});
            return key;
        }
    }

    private void report(Throwable e) {
        events.emit("error", json -> json.put("message", e.toString()));
    }

    @Override
    public void close() {
        CloseHelper.closeAll(control, judge, voter, ledger, runner, aeron, member, index);
    }
}
