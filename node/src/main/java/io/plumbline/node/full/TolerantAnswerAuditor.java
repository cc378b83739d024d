package io.plumbline.node.full;

import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.DeadlineRuns;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.client.NodeClient;
import io.plumbline.node.client.WaitingTime;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.UnjudgeableException;
import io.plumbline.transport.Endpoint;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Failure;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.tensor.AnswerTooLargeException;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorAnswer;
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
    private final AuditMemory memory;

    TolerantAnswerAuditor(TensorPackage model, TrustedLedger ledger, NodeClient client) throws IOException {
        this(model, ledger, client, AuditMemory.OF_HEAP);
    }

    /** @param memory that all audits share. */
    TolerantAnswerAuditor(TensorPackage model, TrustedLedger ledger, NodeClient client, AuditMemory memory)
            throws IOException {
        this.client = client;
        this.memory = memory;
        this.ledger = ledger;
        this.manifest = model.manifest();
        this.bounds = model.requireBounds();
        this.runs = AuditRuns.open(model, bounds.outputs().keySet());
    }

    /** A request may have a model run for hours: what it takes longer than that cannot be judged here. */
    private HonestRuns run(Precision precision, List<Tensor> inputs, List<String> outputs, Deadline deadline)
            throws IOException {
        long nanos = Math.min(deadline.leftNs(), TimeUnit.MILLISECONDS.toNanos(MAX_RUN_MS));
        if (nanos <= 0) {
            throw new IOException("No time was left to run the model.");
        }
        return deadlines.run(stop -> runs.run(precision, inputs, outputs, stop), nanos);
    }

    @Override
    public Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) throws IOException {
        return audit(
                ordered, until -> client.discloseTensors(peer, ordered.receipt().hash(), until), deadline);
    }

    /** Has the node show what stands behind a receipt. */
    interface Disclosing {
        NodeClient.TensorDisclosed disclose(Deadline deadline) throws IOException;
    }

    /** The same of a node that is reached in whatever way. */
    Finding audit(Settlement ordered, Disclosing node, Deadline deadline) throws IOException {
        Asked asked = new Asked(node);
        try {
            // How large its tensors are is not known before they come.
            long needed = DISCLOSED_BYTES;
            while (true) {
                try (AuditMemory.Share share = memory.take(ordered.node(), needed, deadline)) {
                    NodeClient.TensorDisclosed disclosed = asked.disclose(deadline);
                    long bytes = needed(disclosed);
                    if (bytes <= needed || share.grow(bytes)) {
                        return judged(ordered, disclosed, deadline);
                    }
                    // The disclosed answer is not held while others' memory is waited for: it is asked for again.
                    needed = bytes;
                }
            }
        } catch (UnjudgeableException e) {
            throw asked.isSilence(deadline)
                    ? new IOException("The inference node disclosed its answer when the audit's time was almost over.")
                    : e;
        } catch (OutOfMemoryError e) {
            throw new UnjudgeableException(e);
        }
    }

    private static long needed(NodeClient.TensorDisclosed disclosed) {
        long elements = elements(disclosed.answer());
        // An answer with more is not run again.
        return DISCLOSED_BYTES + (elements > AnswerTooLargeException.MAX_ELEMENTS ? 0 : ELEMENT_BYTES * elements);
    }

    private static long elements(TensorAnswer answer) {
        return answer.outputs().stream().mapToLong(Tensor::elements).sum();
    }

    /** A node that is asked, and how long it is waited for. */
    private static final class Asked {
        private final Disclosing node;
        private WaitingTime waiting;
        private long waitedNs;

        Asked(Disclosing node) {
            this.node = node;
        }

        NodeClient.TensorDisclosed disclose(Deadline deadline) throws IOException {
            if (deadline.leftNs() < LEAST_NS) {
                // The time went by on this host: it must not be told as the node's silence.
                throw new UnjudgeableException(new IOException("This host had too little time left for the audit."));
            }
            long begin = System.nanoTime();
            NodeClient.TensorDisclosed disclosed = node.disclose(deadline);
            long ns = System.nanoTime() - begin;
            if (waiting == null) {
                waiting = new WaitingTime(ns);
            } else {
                waiting.add(ns);
            }
            waitedNs += ns;
            return disclosed;
        }

        /**
         * Whether the audit has no time because the node took it: it decides when it discloses, and a false answer
         * must not pass for one that could not be judged.
         */
        boolean isSilence(Deadline deadline) {
            return deadline.leftNs() < LEAST_NS && waiting != null && waiting.isSilence(waitedNs);
        }
    }

    private Finding judged(Settlement ordered, NodeClient.TensorDisclosed disclosed, Deadline deadline)
            throws IOException {
        TolerantAuditor.Report report = report(ordered, disclosed, deadline);
        Event.TolerantWork looked =
                new Event.TolerantWork(report.isRunAgain(), report.elements(), report.cpuNanos() / 1e6);
        TolerantEvidence shown = new TolerantEvidence(ordered.receipt(), disclosed.request(), disclosed.answer());
        boolean isShown = !report.good() && shown.foreign() == null && !report.needsLedger();
        byte[] evidence = isShown ? shown.encode() : null;
        // What one host computes to the last bit another does not: there is no work to compare.
        return new Finding(report.failure(), new byte[32], evidence, false, looked);
    }

    private TolerantAuditor.Report report(Settlement ordered, NodeClient.TensorDisclosed disclosed, Deadline deadline)
            throws IOException {
        try {
            long elements = elements(disclosed.answer());
            if (elements > AnswerTooLargeException.MAX_ELEMENTS) {
                return unrun(ordered, disclosed, elements);
            }
            return new TolerantAuditor(
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
    }

    /** Of an answer with more elements than are compared: that it is false may be seen all the same. */
    private TolerantAuditor.Report unrun(Settlement ordered, NodeClient.TensorDisclosed disclosed, long elements)
            throws IOException {
        Failure failure =
                TolerantAuditor.checkReceipt(ordered.receipt(), disclosed.request(), disclosed.answer(), manifest);
        if (failure == null) {
            throw new IOException("The answer has " + elements + " elements, more than the "
                    + AnswerTooLargeException.MAX_ELEMENTS + " that are compared.");
        }
        return new TolerantAuditor.Report(false, 0, 0, failure);
    }

    @Override
    public void close() {
        runs.close();
    }
}
