package io.plumbline.node;

import io.aeron.Aeron;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.cluster.LedgerService;
import io.plumbline.ledger.cluster.Member;
import io.plumbline.ledger.state.Command;
import io.plumbline.ledger.state.LedgerState.Case;
import io.plumbline.ledger.state.LedgerState.Node;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Endpoint.Peer;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.receipt.Keys;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentRunner;

/**
 * The role that orders, audits and settles, on a host without a GPU and without weights: it reads a model once to make its verifier
 * key, and judges every receipt that the ledger orders.
 */
final class FullNode implements AutoCloseable {
    private static final int ATTEMPTS = 3;

    private final Keys keys;
    private final Level level;
    private final Events events;
    private final Auditor auditor;
    private final ExecutorService audits = Executors.newSingleThreadExecutor();
    private final NodeClient client = new NodeClient();
    private final Member member;
    private final Aeron aeron;
    private final Endpoint endpoint;
    private final AgentRunner runner;
    private final LedgerClient ledger;

    /** @param level at which every receipt is audited. */
    FullNode(Network network, Keys keys, Path modelFolder, Path folder, Level level, Events events) throws IOException {
        this.keys = keys;
        this.level = level;
        this.events = events;
        int id = -1;
        for (int i = 0; i < network.genesis().fullNodes().size(); i++) {
            id = Arrays.equals(network.genesis().fullNodes().get(i), keys.publicKey()) ? i : id;
        }
        if (id < 0) {
            throw new IOException("The key file is not one of this network's full nodes.");
        }
        try (LoadedModel model = LoadedModel.open(modelFolder)) {
            VerifierKey key = model.verifierKey(share -> {});
            this.auditor = new Auditor(key);
            events.emit("model", json -> json.put("verifierKeyBytes", key.bytes()));
            AuditRehearsal.run(model, key);
        }
        events.emit("rehearsed", json -> {});
        String address = network.members().get(id);
        String host = address.substring(0, address.lastIndexOf(':'));
        LedgerService service = new LedgerService(network.genesis(), this::onReceipt);
        this.member = new Member(id, network.members(), folder, 1, service, e -> report(e));
        events.emit("joined", json -> {});
        this.aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(member.aeronDirectory()));
        this.endpoint = new Endpoint(aeron, host, 0, client);
        this.runner = new AgentRunner(Drivers.idle(), this::report, null, endpoint);
        AgentRunner.startOnThread(runner);
        this.ledger = new LedgerClient(member.aeronDirectory(), Member.ingressEndpoints(network.members()), host);
        ledger.root();
        events.emit(
                "ready",
                json -> json.put("role", "full-node").put("key", HexFormat.of().formatHex(keys.publicKey())));
    }

    private void report(Throwable e) {
        events.emit("error", json -> json.put("message", e.toString()));
    }

    /** On the service thread: hand over and return. */
    private void onReceipt(Case ordered, Node node) {
        try {
            audits.execute(() -> judge(ordered, node));
        } catch (RejectedExecutionException e) {
            report(e);
        }
    }

    private void judge(Case ordered, Node node) {
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            try {
                Case now = ledger.findCase(ordered.requestHash());
                if (now == null || now.verdicts().containsKey(HexFormat.of().formatHex(keys.publicKey()))) {
                    return;
                }
                AuditReport report = audit(ordered, node);
                Command.Verdict verdict = new Command.Verdict(
                        ordered.requestHash(),
                        report.good(),
                        report.good() ? "" : report.failure().step().name(),
                        report.good() ? "" : report.failure().place());
                LedgerClient.Outcome outcome = ledger.submit(verdict, keys);
                emit(ordered, report, outcome);
                return;
            } catch (IOException | RuntimeException e) {
                // No verdict on what could not be judged: silence is not proof of a lie.
                events.emit(
                        "cannot-judge",
                        json -> json.put("request", HexFormat.of().formatHex(ordered.requestHash()))
                                .put("reason", String.valueOf(e.getMessage())));
            }
        }
    }

    private AuditReport audit(Case ordered, Node node) throws IOException {
        Peer peer = endpoint.connect(node.host(), node.port());
        byte[] receiptHash = ordered.receipt().hash();
        NodeClient.Disclosed disclosed = client.disclose(peer, receiptHash);
        return auditor.audit(
                ordered.receipt(),
                disclosed.request(),
                disclosed.answer(),
                level,
                client.openings(peer, receiptHash),
                null);
    }

    private void emit(Case ordered, AuditReport report, LedgerClient.Outcome outcome) {
        events.emit("audited", json -> {
            json.put("request", HexFormat.of().formatHex(ordered.requestHash()));
            json.put("level", report.level().name()).put("good", report.good());
            json.put("cells", report.counts().cells())
                    .put("rows", report.counts().rows());
            json.put("heads", report.counts().heads())
                    .put("positions", report.counts().positions());
            json.put("bytes", report.counts().bytes()).put("cpuMs", report.cpuNanos() / 1e6);
            if (!report.good()) {
                json.put("step", report.failure().step().name())
                        .put("cell", report.failure().place());
                json.put("detail", report.failure().detail());
            }
            json.put("height", outcome.height());
        });
    }

    @Override
    public void close() {
        audits.shutdownNow();
        CloseHelper.closeAll(ledger, runner, aeron, member);
    }
}
