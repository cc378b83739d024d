package io.plumbline.node.inference;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Whether auditors keep up with what an inference node answers. An auditor begins with asking what stands behind a
 * receipt; where those come later and later, the first to have no time left for their audit are a minute away, and then
 * honest answers are refunded. So the node takes no more work until they have caught up.
 *
 * <p>It goes by how many of the answers of half a minute ago were asked for by as many auditors as decide, not by the
 * oldest: a third of the full nodes, which may be liars, decides few draws by its silence. Called by any thread.
 */
final class AuditLag {
    /** An answer that auditors have not asked for after this is late: a quarter of the least time that an audit has. */
    static final long LATE_NS = TimeUnit.SECONDS.toNanos(30);

    /** So long an answer counts that was asked for, and one that was not. */
    private static final long ASKED_NS = TimeUnit.SECONDS.toNanos(60);

    private static final long NOT_ASKED_NS = TimeUnit.SECONDS.toNanos(120);

    /** Of fewer answers nothing is concluded. */
    private static final int LEAST = 8;

    /** Answers of two minutes, at a rate that no ledger settles. */
    private static final int MAX_ANSWERS = 1_000_000;

    private final int deciding;
    private final LongSupplier clockNs;
    private final Consumer<String> onChange;

    /** By request, the oldest first. */
    private final Map<Bytes32, Answer> answers = new LinkedHashMap<>();

    private boolean wasBehind;

    /** An answer that was signed. */
    private static final class Answer {
        private final long signedNs;
        private final Set<Bytes32> askedBy = new HashSet<>();

        Answer(long signedNs) {
            this.signedNs = signedNs;
        }
    }

    /**
     * @param deciding auditors whose verdicts decide: more than half of those that are drawn.
     * @param onChange told when auditors fall behind and when they have caught up.
     */
    AuditLag(int deciding, LongSupplier clockNs, Consumer<String> onChange) {
        this.deciding = deciding;
        this.clockNs = clockNs;
        this.onChange = onChange;
    }

    /** An answer that will be audited was signed. */
    synchronized void signed(Bytes32 request) {
        if (answers.size() < MAX_ANSWERS) {
            answers.put(request, new Answer(clockNs.getAsLong()));
        }
    }

    /** A full node has asked what stands behind the receipt for a request. */
    synchronized void asked(Bytes32 request, Bytes32 auditor) {
        Answer answer = answers.get(request);
        if (answer != null) {
            answer.askedBy.add(auditor);
        }
    }

    /** @throws RejectedExecutionException where auditors are behind. */
    void requireKeptUp() {
        if (isBehind()) {
            throw new RejectedExecutionException(
                    "Auditors are behind with what this node has answered. Ask again in half a minute.");
        }
    }

    private synchronized boolean isBehind() {
        long now = clockNs.getAsLong();
        int all = 0;
        int late = 0;
        for (Iterator<Answer> oldest = answers.values().iterator(); oldest.hasNext(); ) {
            Answer answer = oldest.next();
            long age = now - answer.signedNs;
            boolean isAsked = answer.askedBy.size() >= deciding;
            if (age < LATE_NS) {
                break;
            }
            if (age > (isAsked ? ASKED_NS : NOT_ASKED_NS)) {
                oldest.remove();
            } else {
                all++;
                late += isAsked ? 0 : 1;
            }
        }
        boolean isBehind = all >= LEAST && 2 * late > all;
        if (isBehind != wasBehind) {
            wasBehind = isBehind;
            onChange.accept(isBehind ? "auditors-behind" : "auditors-caught-up");
        }
        return isBehind;
    }
}
