package io.plumbline.node.full;

import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.DeadlineRuns;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.audit.Level;
import io.plumbline.verifier.lightclient.TrustedLedger;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.tensor.TensorAnswer;
import io.plumbline.verifier.tensor.TensorRequest;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.TolerantAuditor;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** One audit of a tensor model's answer on this host, for a person at the command line. */
public final class TensorAudit {
    /** A person waits longer than a full node does, and not for ever. */
    private static final long MAX_RUN_NANOS = TimeUnit.MINUTES.toNanos(10);

    private TensorAudit() {}

    /** @param ledger that inputs which are facts are proven by; null where none is known. */
    public static TolerantAuditor.Report run(
            TensorPackage model,
            Receipt receipt,
            TensorRequest request,
            TensorAnswer answer,
            Level level,
            TrustedLedger ledger)
            throws IOException {
        Bounds bounds = model.requireBounds();
        try (AuditRuns runs = AuditRuns.open(model, bounds.outputs().keySet())) {
            TolerantAuditor auditor = new TolerantAuditor(
                    model.manifest(),
                    bounds,
                    ledger,
                    (precision, inputs, outputs) ->
                            new DeadlineRuns(1).run(stop -> runs.run(precision, inputs, outputs, stop), MAX_RUN_NANOS));
            return auditor.audit(receipt, request, answer, level, null);
        }
    }
}
