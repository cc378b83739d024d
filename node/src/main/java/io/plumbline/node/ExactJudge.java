package io.plumbline.node;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tokenizer.ChatTokenizer;
import io.plumbline.ledger.state.Audit;
import io.plumbline.ledger.state.Case;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Assignment;
import io.plumbline.verifier.audit.AuditReport;
import io.plumbline.verifier.audit.Auditor;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Evidence;
import io.plumbline.verifier.audit.OpeningSource;
import io.plumbline.verifier.model.VerifierKey;
import java.io.IOException;

/** Judges answers of a language model without its weights, cell by cell. */
final class ExactJudge implements AnswerJudge {
    private final VerifierKey key;
    private final ChatTokenizer tokenizer;
    private final Auditor auditor;
    private final NodeClient client;

    ExactJudge(VerifierKey key, NodeClient client) throws IOException {
        this.key = key;
        this.tokenizer = ChatTokenizer.of(key.tokenFiles());
        this.auditor = new Auditor(key, tokenizer);
        this.client = client;
    }

    @Override
    public Finding judge(Case ordered, Peer peer, Cell[] asked, ObjectNode event) throws IOException {
        byte[] receiptHash = ordered.receipt().hash();
        NodeClient.Disclosed disclosed = client.disclose(peer, receiptHash);
        OpeningSource openings = client.openings(peer, receiptHash);
        Audit audit = ordered.audit();
        AuditReport report = auditor.audit(
                ordered.receipt(),
                disclosed.request(),
                disclosed.answer(),
                new Assignment(ordered.level(), audit.beacon(), audit.postedCells()),
                cell -> {
                    asked[0] = cell;
                    return openings.open(cell);
                },
                null);
        event.put("cells", report.counts().cells()).put("rows", report.counts().rows());
        event.put("heads", report.counts().heads())
                .put("positions", report.counts().positions());
        event.put("bytes", report.counts().bytes()).put("cpuMs", report.cpuNanos() / 1e6);
        Evidence evidence = report.good()
                ? null
                : Evidence.of(key, ordered.receipt(), disclosed.request(), disclosed.answer(), report);
        return new Finding(
                report.failure(),
                report.work() == null ? new byte[32] : report.work(),
                evidence == null ? null : evidence.encode());
    }

    @Override
    public void close() {
        // The auditor's memory is the auditing thread's, and ends with it.
        tokenizer.close();
    }
}
