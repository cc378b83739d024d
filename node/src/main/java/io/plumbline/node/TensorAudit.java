package io.plumbline.node;

import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import java.io.IOException;

/** One audit of a tensor model's answer on this host, for a person at the command line. */
final class TensorAudit {
    private TensorAudit() {}

    static TolerantAuditor.Report run(
            TensorPackage model, Receipt receipt, TensorRequest request, TensorAnswer answer, Level level)
            throws IOException {
        Bounds bounds = model.requireBounds();
        try (AuditRuns runs = AuditRuns.open(model, bounds.outputs().keySet())) {
            TolerantAuditor auditor = new TolerantAuditor(
                    model.manifest(),
                    bounds,
                    (precision, inputs, outputs) -> runs.run(precision, inputs, outputs, new Stop()));
            return auditor.audit(receipt, request, answer, level, null);
        }
    }
}
