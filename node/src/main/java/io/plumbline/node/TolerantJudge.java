package io.plumbline.node;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.ledger.state.Case;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import io.plumbline.verifier.tolerant.TolerantEvidence;
import java.io.IOException;

/**
 * Judges answers of a tensor model by running sampled ones again on this host, within the bounds the model is
 * calibrated to.
 */
final class TolerantJudge implements AnswerJudge {
    private final LoadedTensorModel reference;
    private final TolerantAuditor auditor;
    private final NodeClient client;

    TolerantJudge(TensorPackage model, NodeClient client) throws IOException {
        this.client = client;
        this.reference = Variants.reference(model);
        this.auditor = new TolerantAuditor(
                model.manifest(),
                model.requireBounds(),
                (inputs, outputs) -> reference.run(inputs, outputs, new Stop()));
    }

    @Override
    public Finding judge(Case ordered, Peer peer, Deadline deadline, Cell[] asked, ObjectNode event)
            throws IOException {
        NodeClient.TensorDisclosed disclosed =
                client.discloseTensors(peer, ordered.receipt().hash(), deadline);
        TolerantAuditor.Report report;
        try {
            report = auditor.audit(
                    ordered.receipt(),
                    disclosed.request(),
                    disclosed.answer(),
                    ordered.level(),
                    ordered.audit().beacon());
        } catch (IOException | IllegalArgumentException e) {
            // The node has shown all there is.
            throw new UnjudgeableException(e);
        }
        event.put("runAgain", report.isRunAgain())
                .put("elements", report.elements())
                .put("cpuMs", report.cpuNanos() / 1e6);
        byte[] evidence = report.good()
                ? null
                : new TolerantEvidence(ordered.receipt(), disclosed.request(), disclosed.answer()).encode();
        // What one host computes to the last bit another does not: there is no work to compare.
        return new Finding(report.failure(), new byte[32], evidence, false);
    }

    @Override
    public void close() {
        reference.close();
    }
}
