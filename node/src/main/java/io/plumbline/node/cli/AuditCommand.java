package io.plumbline.node.cli;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.beust.jcommander.ParametersDelegate;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.Replay;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Node;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.full.TensorAudit;
import io.plumbline.node.gateway.HeldTexts;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Network;
import io.plumbline.node.network.Terminal;
import io.plumbline.node.serve.ReceiptLog;
import io.plumbline.transport.Addresses;
import io.plumbline.transport.Drivers;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Identity;
import io.plumbline.transport.Media;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Counts;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.CertifiedSettlement;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.receipt.Answer;
import io.plumbline.verifier.receipt.KeyPair;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.receipt.Request;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.agrona.concurrent.AgentRunner;

/** {@code plumbline audit RECEIPT}: a person audits an answer as a full node does. */
@Parameters(
        commandNames = "audit",
        commandDescription = "Audit an answer yourself: challenge its node and check what it opens.")
public final class AuditCommand extends CommandOptions implements Callable<Integer> {
    /** Exit codes of a bad answer, and of one that cannot be judged. */
    private static final int BAD = 1;

    private static final int CANNOT_JUDGE = 3;

    /** Longest audit that a person waits for. */
    private static final long AUDIT_MS = 24 * 3_600_000L;

    @Parameter(
            description = "RECEIPT: in hexadecimal, as the gateway gives it, or a file that holds it",
            required = true)
    private String receipt;

    @Parameter(names = "--level", description = "signed, audited or full")
    private String level = "full";

    @ParametersDelegate
    private KeySource keySource = new KeySource();

    @Parameter(
            names = "--network",
            description =
                    "FILE: the network, to find the node's address on its ledger, and to prove facts in the request")
    private Path network;

    @Parameter(names = "--node", description = "HOST:PORT of the node, where no ledger is to be asked")
    private String nodeAddress;

    @Parameter(
            names = "--log",
            description = "DIR: of a model that was served without a network, to audit what stands in its log; --model"
                    + " is opened here then, and checked by a key made from it")
    private Path log;

    @Parameter(
            names = "--host",
            description = "address at which the node can reach this process; that of this host towards it otherwise")
    private String host;

    @Parameter(
            names = "--answer",
            description = "FILE: the text that you hold, to tell whether it is the audited one; - reads standard input")
    private String answerFile;

    @Parameter(
            names = "--messages",
            description =
                    "FILE: the messages that you sent, a JSON list, to tell whether they are the answered ones; an"
                            + " object of \"messages\" and \"tools\", \"template\" or \"plumbline\" where the request had these")
    private Path messagesFile;

    @Parameter(names = "--evidence", description = "FILE: where to write what proves a lie")
    private Path evidence = Path.of("plumbline.evidence");

    /** Set where the ledger has another receipt of the same node. */
    private String second;

    /** Where a verifier key comes from. */
    static final class KeySource {
        @Parameter(names = "--verifier-key", description = "FILE: the verifier key")
        private Path verifierKey;

        @Parameter(names = "--model", description = "DIR: imported model to make a key of, where there is none yet")
        private Path model;

        Path model() {
            return model;
        }

        TensorPackage tensors() throws IOException {
            if (model == null) {
                throw new IOException("The receipt is of an ONNX model's answer: name the model with --model DIR.");
            }
            return TensorPackage.open(model);
        }

        VerifierKey read() throws IOException {
            if (model == null && verifierKey == null) {
                throw new IOException(
                        "Name a verifier key with --verifier-key, or a model to make one of with --model.");
            }
            if (model == null) {
                return VerifierKeyFile.read(verifierKey);
            }
            try (LoadedModel loaded = LoadedModel.open(model);
                    ProgressBar bar = Terminal.progress("verifier key")) {
                return verifierKey == null
                        ? loaded.verifierKey(share -> bar.stepTo((long) (share * 100)))
                        : loaded.verifierKey(verifierKey, share -> bar.stepTo((long) (share * 100)));
            }
        }
    }

    @Override
    public Integer call() throws Exception {
        Receipt given = GivenReceipt.read(receipt);
        Level wanted = wanted();
        boolean isTensors = given.contractVersion() == Receipt.TOLERANT;
        TensorPackage tensors = isTensors ? keySource.tensors() : null;
        if (isTensors && (answerFile != null || messagesFile != null)) {
            throw new IOException("--answer and --messages compare texts, and the receipt is of an ONNX model's answer."
                    + " Compare the plumbline_request_hash that the gateway gave you with the receipt's.");
        }
        VerifierKey key = isTensors ? null : keySource.read();
        if (log != null) {
            return fromLog(key, tensors, given, wanted);
        }
        if ((network == null) == (nodeAddress == null)) {
            throw new IOException("Say where the node is: --network FILE to look it up, or --node HOST:PORT; or where"
                    + " the log is, where the model was served without a network: --log DIR.");
        }
        host = host == null ? addressHere() : host;
        Path folder = Files.createTempDirectory("plumbline-audit-");
        NodeClient client = new NodeClient();
        // Anyone may look: a key of the moment opens the sessions.
        KeyPair keys = KeyPair.random();
        try (Media media = new Media(folder.resolve("driver"), e -> {}, () -> {});
                AgentRunner runner = start(
                        media,
                        new Endpoint(
                                media.aeron(),
                                host,
                                0,
                                new Identity(keys::sign, keys.publicKey().bytes()),
                                client.protocol()))) {
            Peer peer = peer((Endpoint) runner.agent(), media.directory(), keys, given);
            if (second != null) {
                Terminal.print("BAD      " + second);
                return BAD;
            }
            return isTensors ? runAgain(tensors, given, wanted, client, peer) : audit(key, given, wanted, client, peer);
        } finally {
            Directories.discard(folder);
        }
    }

    private static AgentRunner start(Media media, Endpoint endpoint) {
        AgentRunner runner = new AgentRunner(Drivers.idle(media.directory()), e -> {}, null, endpoint);
        AgentRunner.startOnThread(runner);
        return runner;
    }

    private Level wanted() throws IOException {
        try {
            Level parsed = Level.valueOf(level.toUpperCase(Locale.ROOT));
            if (parsed != Level.REPLAYED) {
                return parsed;
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new IOException("--level is signed, audited or full, not " + level + ".");
    }

    /** The address that this host reaches the network, or the node, from. */
    private String addressHere() throws IOException {
        if (nodeAddress == null) {
            return Network.read(network).addressHere();
        }
        InetSocketAddress node = node();
        return Addresses.towards(node.getHostString(), node.getPort());
    }

    /** Where the node is that {@code --node} names; its name is not resolved. */
    private InetSocketAddress node() throws IOException {
        int colon = nodeAddress.lastIndexOf(':');
        String port = nodeAddress.substring(colon + 1);
        if (colon < 1 || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65_535) {
            throw new IOException("--node is HOST:PORT, not " + nodeAddress + ".");
        }
        return InetSocketAddress.createUnresolved(nodeAddress.substring(0, colon), Integer.parseInt(port));
    }

    private Peer peer(Endpoint endpoint, String aeronDirectory, KeyPair keys, Receipt given) throws IOException {
        if (nodeAddress != null) {
            InetSocketAddress node = node();
            return endpoint.connect(
                    node.getHostString(), node.getPort(), given.node().bytes());
        }
        Network known = Network.read(network);
        try (LedgerClient ledger = known.ledger(aeronDirectory, host, keys)) {
            second = second(new CertifiedSettlements(ledger, known.genesis()), given);
            for (Node node : ledger.nodes()) {
                if (node.key().equals(given.node())) {
                    return endpoint.connect(node.host(), node.port(), node.key().bytes());
                }
            }
        }
        throw new IOException("The ledger has no node " + given.node()
                + ", or it was slashed or has asked its stake back. Name its address with --node HOST:PORT.");
    }

    /** By a quorum's word: one full node may show what it likes. */
    private static String second(CertifiedSettlements settlements, Receipt given) throws IOException {
        CertifiedEntry entry = settlements.find(given.requestHash());
        if (entry == null || entry.value() == null || !given.signatureHolds()) {
            return null;
        }
        Receipt ordered = CertifiedSettlement.decode(entry.value()).receipt();
        return ordered == null || !ordered.node().equals(given.node()) ? null : GivenReceipt.second(given, ordered);
    }

    private int runAgain(TensorPackage model, Receipt given, Level wanted, NodeClient client, Peer peer)
            throws IOException {
        NodeClient.TensorDisclosed disclosed;
        try {
            disclosed = client.discloseTensors(peer, given.hash(), Deadline.after(AUDIT_MS));
        } catch (IOException | IllegalArgumentException e) {
            Terminal.print("CANNOT JUDGE: " + e.getMessage());
            return CANNOT_JUDGE;
        }
        return runAgain(model, given, wanted, disclosed.request(), disclosed.answer());
    }

    private int runAgain(TensorPackage model, Receipt given, Level wanted, TensorRequest request, TensorAnswer answer)
            throws IOException {
        TolerantAuditor.Report report;
        try {
            report = TensorAudit.run(model, given, request, answer, wanted, Network.trusted(network));
        } catch (IOException | IllegalArgumentException | IllegalStateException e) {
            Terminal.print("CANNOT JUDGE: " + e.getMessage());
            return CANNOT_JUDGE;
        }
        System.out.printf(
                Locale.ROOT,
                "audit    %s: %s, %d elements compared, %.1f ms of CPU%n",
                wanted,
                report.isRunAgain() ? "run again on this host" : "not run again",
                report.elements(),
                report.cpuNanos() / 1e6);
        Terminal.print("engine   " + answer.engine());
        if (report.good()) {
            Terminal.print(
                    "GOOD     within the bounds of model " + given.modelId() + ", as node " + given.node() + " says");
            return 0;
        }
        Terminal.print("BAD      " + report.failure());
        TolerantEvidence shown = new TolerantEvidence(given, request, answer);
        if (shown.foreign() != null || report.needsLedger()) {
            return BAD;
        }
        Files.write(evidence, shown.encode());
        Terminal.print("evidence " + evidence + "; anyone checks it: plumbline verify " + evidence + " --model DIR");
        return BAD;
    }

    private int audit(VerifierKey key, Receipt given, Level wanted, NodeClient client, Peer peer) throws IOException {
        Bytes32 hash = given.hash();
        NodeClient.Disclosed disclosed;
        try {
            disclosed = client.disclose(
                    peer,
                    hash,
                    TextCheck.maxDisclosedBytes(key.config(), given.promptTokens(), given.outputTokens()),
                    Deadline.after(AUDIT_MS));
        } catch (IOException | IllegalArgumentException | IllegalStateException e) {
            Terminal.printOver("CANNOT JUDGE: " + e.getMessage());
            return CANNOT_JUDGE;
        }
        OpeningSource openings = client.openings(peer, hash, Deadline.after(AUDIT_MS));
        return audit(key, given, wanted, disclosed.request(), disclosed.answer(), openings);
    }

    /**
     * Audits what stands in a log.
     *
     * @param key of a language model; null where it is an ONNX model.
     * @param tensors an ONNX model; null where it is a language model.
     */
    private int fromLog(VerifierKey key, TensorPackage tensors, Receipt given, Level wanted) throws IOException {
        if (keySource.model() == null) {
            throw new IOException("The answer is opened here: name the model's weights with --model DIR.");
        }
        ReceiptLog.Entry entry = ReceiptLog.find(log, given.requestHash());
        if (entry == null) {
            throw new IOException("The log in " + log + " has no answer to request " + given.requestHash() + ".");
        }
        if (!Arrays.equals(entry.receipt().encode(), given.encode())) {
            Terminal.print("BAD      the log has another receipt for this request");
            return BAD;
        }
        Terminal.print(
                "log      entry " + entry.number() + ", in a chain that holds up to " + Blake3.hex(entry.chain()));
        return tensors != null
                ? runAgain(tensors, given, wanted, entry.tensorRequest(), entry.tensorAnswer())
                : opened(key, given, wanted, entry);
    }

    /** Opens with the weights, and audits without them. */
    private int opened(VerifierKey key, Receipt given, Level wanted, ReceiptLog.Entry entry) throws IOException {
        Request request = entry.request();
        Answer answer = entry.answer();
        Path traces = Files.createTempDirectory("plumbline-audit-");
        try (LoadedModel model = LoadedModel.open(keySource.model());
                ForwardPass forward = new ForwardPass(model);
                Replay replay = Replay.of(
                        new Generator(forward, given.node()),
                        forward,
                        given.node(),
                        request,
                        answer.tokens(),
                        traces)) {
            return audit(key, given, wanted, request, answer, replay);
        } finally {
            Directories.discard(traces);
        }
    }

    private int audit(
            VerifierKey key, Receipt given, Level wanted, Request request, Answer answer, OpeningSource openings)
            throws IOException {
        HeldTexts held = HeldTexts.read(answerFile, messagesFile);
        AuditReport report;
        try (ChatTokenizer tokenizer = ChatTokenizer.of(key.tokenFiles(), Network.trusted(network));
                Auditor auditor = new Auditor(key, tokenizer)) {
            report = auditor.audit(given, request, answer, Assignment.of(wanted), openings, AuditCommand::show);
        } catch (IOException | IllegalArgumentException | IllegalStateException e) {
            Terminal.printOver("CANNOT JUDGE: " + e.getMessage());
            return CANNOT_JUDGE;
        }
        Counts counts = report.counts();
        System.out.printf(
                Locale.ROOT,
                "\raudit    %s: %d cells, %d matrix rows, %d attention heads, %d choices, %d bytes, %.1f ms of CPU%n",
                report.level(),
                counts.cells(),
                counts.rows(),
                counts.heads(),
                counts.positions(),
                counts.bytes(),
                report.cpuNanos() / 1e6);
        String difference = held.difference(request, answer);
        if (report.good() && difference != null) {
            Terminal.print("BAD      " + difference);
            return BAD;
        }
        Terminal.print("asked    " + RequestLine.of(request));
        if (report.good()) {
            Terminal.print("GOOD     " + answer.tokens().length + " tokens of model " + given.modelId() + ", as node "
                    + given.node() + " says");
            return 0;
        }
        Terminal.print("BAD      " + report.failure());
        Evidence proof = Evidence.of(key, given, request, answer, report);
        if (proof != null) {
            Files.write(evidence, proof.encode());
            Terminal.print(
                    "evidence " + evidence + "; anyone checks it: plumbline verify " + evidence + " --model DIR");
        }
        return BAD;
    }

    private static void show(Counts counts) {
        if (System.console() != null) {
            System.out.printf("\r%d cells, %d choices checked", counts.cells(), counts.positions());
            System.out.flush();
        }
    }
}
