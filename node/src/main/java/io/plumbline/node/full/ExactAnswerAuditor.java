package io.plumbline.node.full;

import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.ledger.state.Audit;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.data.KnownDataNodes;
import io.plumbline.node.data.PulledTensors;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Counts;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.audit.TextCheck;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.model.TensorSource;
import io.plumbline.verifier.model.VerifierKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Judges answers of a language model without its weights, cell by cell. */
final class ExactAnswerAuditor implements AnswerAuditor {

    /** What is disclosed is held as bytes and as what they say. */
    private static final int DECODED = 2;

    private final VerifierKey key;
    private final Path modelFolder;
    private final KnownDataNodes dataNodes;
    private final Events events;
    private final ChatTokenizer tokenizer;
    private final NodeClient client;
    private final byte[] drawSecret;

    private static final String WITHOUT_ROW = "A false product was found, and the model's row that proves it to the"
            + " ledger cannot be had, so that it takes no stake. Put the model at a data node (model push), or have it"
            + " here (--model). Why: ";

    /** There are as many as audits were under way at once; without an audit they hold next to nothing. */
    private final ConcurrentLinkedQueue<Auditor> idle = new ConcurrentLinkedQueue<>();

    /**
     * @param modelFolder the imported model, for the one row that a false product is proven by; null where only the
     *     key is here.
     * @param dataNodes which the matrix with that row is fetched from where the model is not here.
     * @param ledger that facts in requests are proven by.
     * @param drawSecret 32 bytes that this full node alone knows, the same after a restart: which cells it asks for
     *     follows from it and the receipt, however often it has to ask anew.
     */
    ExactAnswerAuditor(
            VerifierKey key,
            Path modelFolder,
            KnownDataNodes dataNodes,
            TrustedLedger ledger,
            NodeClient client,
            byte[] drawSecret,
            Events events)
            throws IOException {
        this.key = key;
        this.modelFolder = modelFolder;
        this.dataNodes = dataNodes;
        this.events = events;
        this.tokenizer = ChatTokenizer.of(key.tokenFiles(), ledger);
        this.client = client;
        this.drawSecret = drawSecret.clone();
    }

    @Override
    public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) throws IOException {
        Auditor free = idle.poll();
        Auditor auditor = free == null ? new Auditor(key, tokenizer) : free;
        try {
            return audit(auditor, ordered, peer, deadline, asked);
        } finally {
            auditor.close();
            idle.add(auditor);
        }
    }

    private Finding audit(Auditor auditor, Settlement ordered, Peer peer, Deadline deadline, AskedCells asked)
            throws IOException {
        Bytes32 receiptHash = ordered.receipt().hash();
        // By what the receipt says: a disclosure that says otherwise is refuted before anything is opened.
        int prompt = ordered.receipt().promptTokens();
        int output = ordered.receipt().outputTokens();
        long disclosedBytes = TextCheck.maxDisclosedBytes(key.config(), prompt, output);
        long memory = Auditor.memoryBytes(key.config(), prompt + output) + DECODED * disclosedBytes;
        Bytes32 node = ordered.node();
        try (AuditMemory.Share _ = AuditMemory.OF_HEAP.take(node, memory, deadline)) {
            if (deadline.leftNs() < LEAST_NS) {
                // The time went by on this host: it must not be told as the node's silence.
                throw new UnjudgeableException(new IOException("This host had too little time left for the audit."));
            }
            long begin = System.nanoTime();
            NodeClient.Disclosed disclosed = client.disclose(peer, receiptHash, disclosedBytes, deadline);
            long waitedNs = System.nanoTime() - begin;
            OpeningSource openings = client.openings(peer, receiptHash, deadline, waitedNs);
            return audit(auditor, ordered, disclosed, openings, deadline, asked);
        } catch (OutOfMemoryError e) {
            // Of this host: the ledger's own thread must not come to be the next to meet it.
            throw new UnjudgeableException(e);
        }
    }

    private Finding audit(
            Auditor auditor,
            Settlement ordered,
            NodeClient.Disclosed disclosed,
            OpeningSource openings,
            Deadline deadline,
            AskedCells asked)
            throws IOException {
        Bytes32 receiptHash = ordered.receipt().hash();
        asked.begin(key.config().layers());
        Audit audit = ordered.audit();
        AuditReport report;
        try {
            report = auditor.audit(
                    ordered.receipt(),
                    disclosed.request(),
                    disclosed.answer(),
                    new Assignment(ordered.level(), audit.beacon(), audit.postedCells(), seed(receiptHash)),
                    cell -> {
                        asked.add(cell);
                        return openings.open(cell);
                    },
                    null);
        } catch (IllegalStateException e) {
            // This host is too slow to say whether the messages became the prompt.
            throw new UnjudgeableException(e);
        }
        Counts counts = report.counts();
        Event.ExactWork looked = new Event.ExactWork(
                counts.cells(),
                counts.rows(),
                counts.heads(),
                counts.positions(),
                counts.bytes(),
                report.cpuNanos() / 1e6);
        if (!report.good()) {
            report = inOneToken(auditor, ordered, disclosed, openings, report);
        }
        Evidence evidence = report.good()
                ? null
                : Evidence.of(key, ordered.receipt(), disclosed.request(), disclosed.answer(), report);
        if (evidence == null) {
            byte[] work = report.work() == null ? new byte[32] : report.work();
            return new Finding(report.failure(), work, null, false, looked);
        }
        Evidence whole = withRow(evidence, deadline);
        Evidence.Finding alone = whole.check(null, null);
        return new Finding(report.failure(), new byte[32], whole.encode(), alone.failure() != null, looked);
    }

    private byte[] seed(Bytes32 receiptHash) {
        return Blake3.keyed(drawSecret).update(receiptHash.bytes()).digest();
    }

    /**
     * The same failure in a cell of the one token that it shows in: evidence must be small enough for the ledger.
     * Where the node opens that no more, or shows something else in it, the failure as it was found.
     */
    private AuditReport inOneToken(
            Auditor auditor,
            Settlement ordered,
            NodeClient.Disclosed disclosed,
            OpeningSource openings,
            AuditReport found)
            throws IOException {
        if (found.exhibit() == null
                || found.exhibit().token() < 0
                || found.exhibit().seal().cell().tokens() == 1) {
            return found;
        }
        int token = found.exhibit().token();
        Cell one = new Cell(found.exhibit().seal().cell().layer(), token, token + 1);
        try {
            AuditReport again = auditor.audit(
                    ordered.receipt(),
                    disclosed.request(),
                    disclosed.answer(),
                    new Assignment(Level.AUDITED, null, List.of(one)),
                    openings,
                    null);
            return again.exhibit() == null ? found : again;
        } catch (IOException e) {
            return found;
        }
    }

    /**
     * With the row that a false product is false in, where the model is here or can be had in time. A lie is told in
     * any case, with less to show: what is wrong with this host's copy is no silence of the node's.
     */
    private Evidence withRow(Evidence evidence, Deadline deadline) throws IOException {
        if (!evidence.check(null, null).needsModel()) {
            return evidence;
        }
        if (modelFolder != null && Files.isDirectory(modelFolder)) {
            try (LoadedModel model = LoadedModel.open(modelFolder)) {
                return withRow(evidence, model::tensor);
            } catch (IOException | RuntimeException e) {
                events.emit(new Event.Warning("The model in " + modelFolder + " cannot be read; a row that proves a lie"
                        + " is asked of data nodes. Import it again. Why: " + e.getMessage()));
            }
        }
        return withPulledRow(evidence, deadline);
    }

    private Evidence withRow(Evidence evidence, TensorSource weights) throws IOException {
        Evidence.FalseProduct product = evidence.check(weights, tokenizer).product();
        return product == null ? evidence : evidence.with(product, weights);
    }

    /** Half of the time that is left goes to the row, and no more. */
    private Evidence withPulledRow(Evidence evidence, Deadline deadline) {
        FutureTask<Evidence> pull = new FutureTask<>(() -> {
            try (PulledTensors tensors = new PulledTensors(
                    key.manifest(), dataNodes.find(), Files.createTempDirectory("plumbline-tensors-"))) {
                return withRow(evidence, tensors);
            }
        });
        Thread.ofPlatform().daemon().name("row").start(pull);
        try {
            return pull.get(deadline.leftNs() / 2, TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            events.emit(new Event.Warning(WITHOUT_ROW + e.getCause().getMessage()));
        } catch (TimeoutException e) {
            events.emit(new Event.Warning(WITHOUT_ROW + "data nodes did not give it in time."));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            pull.cancel(true);
        }
        return evidence;
    }

    @Override
    public void close() {
        idle.forEach(Auditor::close);
        tokenizer.close();
    }
}
