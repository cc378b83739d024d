package io.plumbline.node.full;

import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.DeadlineRuns;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.HonestRuns;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Judges answers of a tensor model by running sampled ones again on this host, within the bounds the model is
 * calibrated to.
 */
final class TolerantAnswerAuditor implements AnswerAuditor {
    /** Longest that all runs of one request take: nodes give up one after 30 s. */
    private static final long MAX_RUN_MS = 30_000L * (1 + AuditRuns.PANEL);

    /** Runs of one model at once: more would be no faster, and would need their memory at the same time. */
    private static final int RUNS_AT_ONCE = Math.max(2, Runtime.getRuntime().availableProcessors());

    /** What is disclosed, as bytes and as tensors, in almost all cases. */
    private static final long DISCLOSED_BYTES = 2L * Endpoint.MAX_MESSAGE_BYTES;

    /** Of an element of the answer: five runs of it, and what they are compared by. */
    private static final int ELEMENT_BYTES = 160;

    private final AuditRuns runs;
    private final DeadlineRuns deadlines = new DeadlineRuns(RUNS_AT_ONCE);
    private final TensorManifest manifest;
    private final Bounds bounds;
    private final NodeClient client;
    private final TrustedLedger ledger;

    TolerantAnswerAuditor(TensorPackage model, TrustedLedger ledger, NodeClient client) throws IOException {
        this.client = client;
        this.ledger = ledger;
        this.manifest = model.manifest();
        this.bounds = model.requireBounds();
        this.runs = AuditRuns.open(model, bounds.outputs().keySet());
    }

    /** A request may have a model run for hours: what it takes longer than that cannot be judged here. */
    private HonestRuns run(Precision precision, List<Tensor> inputs, List<String> outputs, Deadline deadline)
            throws IOException {
        long nanos = Math.min(deadline.leftNs(), TimeUnit.MILLISECONDS.toNanos(MAX_RUN_MS));
        return deadlines.run(stop -> runs.run(precision, inputs, outputs, stop), nanos);
    }

    @Override
    public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) throws IOException {
        Bytes32 node = ordered.node();
        try {
            // How large its tensors are is not known before they come.
            NodeClient.TensorDisclosed disclosed;
            try (AuditMemory.Share _ = AuditMemory.OF_HEAP.take(node, DISCLOSED_BYTES, deadline)) {
                disclosed = client.discloseTensors(peer, ordered.receipt().hash(), deadline);
            }
            long elements = disclosed.answer().outputs().stream()
                    .mapToLong(Tensor::elements)
                    .sum();
            if (elements > AnswerTooLargeException.MAX_ELEMENTS) {
                throw new UnjudgeableException(new IOException("The answer has " + elements
                        + " elements, more than the " + AnswerTooLargeException.MAX_ELEMENTS + " that are compared."));
            }
            long bytes = DISCLOSED_BYTES + ELEMENT_BYTES * elements;
            try (AuditMemory.Share _ = AuditMemory.OF_HEAP.take(node, bytes, deadline)) {
                return judged(ordered, disclosed, deadline);
            }
        } catch (OutOfMemoryError e) {
            throw new UnjudgeableException(e);
        }
    }

    private Finding judged(Settlement ordered, NodeClient.TensorDisclosed disclosed, Deadline deadline)
            throws IOException {
        TolerantAuditor.Report report;
        try {
            report = new TolerantAuditor(
                            manifest,
                            bounds,
                            ledger,
                            (precision, inputs, outputs) -> run(precision, inputs, outputs, deadline))
                    .audit(
                            ordered.receipt(),
                            disclosed.request(),
                            disclosed.answer(),
                            ordered.level(),
                            ordered.audit().beacon());
        } catch (IOException | IllegalArgumentException e) {
            // The node has shown all there is.
            throw new UnjudgeableException(e);
        }
        Event.TolerantWork looked =
                new Event.TolerantWork(report.isRunAgain(), report.elements(), report.cpuNanos() / 1e6);
        TolerantEvidence shown = new TolerantEvidence(ordered.receipt(), disclosed.request(), disclosed.answer());
        boolean isShown = !report.good() && shown.foreign() == null && !report.needsLedger();
        byte[] evidence = isShown ? shown.encode() : null;
        // What one host computes to the last bit another does not: there is no work to compare.
        return new Finding(report.failure(), new byte[32], evidence, false, looked);
    }

    @Override
    public void close() {
        runs.close();
    }
}
