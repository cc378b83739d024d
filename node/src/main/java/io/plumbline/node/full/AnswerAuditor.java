package io.plumbline.node.full;

import io.plumbline.ledger.state.Settlement;
import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.Event;
import io.plumbline.transport.Peer;
import io.plumbline.verifier.audit.Failure;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** Judges answers of one model. Asked by several threads at once. */
interface AnswerAuditor extends AutoCloseable {
    /** Where less than this is left of an audit's time, what was waited for before is why it is not judged. */
    long LEAST_NS = TimeUnit.SECONDS.toNanos(2);

    /**
     * What came of looking at an answer.
     *
     * @param failure the first one, or null where the answer is good.
     * @param work 32 bytes that only an auditor that has done the audit knows; zeros where there is nothing common to
     *     know.
     * @param evidence encoded, of a failure that can be shown to others; else null.
     * @param isProof whether the ledger itself can see the failure in the evidence.
     * @param looked what was looked at; null where the receipt alone was enough.
     */
    record Finding(Failure failure, byte[] work, byte[] evidence, boolean isProof, Event.AuditWork looked) {
        boolean good() {
            return failure == null;
        }
    }

    /**
     * Looks at the answer behind a receipt.
     *
     * @param deadline by which the audit must be over.
     * @param asked receives each cell before it is asked for.
     * @throws IOException where the node is silent, or the answer cannot be judged here: nothing is proven then.
     */
    Finding audit(Settlement ordered, Peer peer, Deadline deadline, AskedCells asked) throws IOException;

    @Override
    void close();
}
