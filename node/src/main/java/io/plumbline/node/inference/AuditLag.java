package io.plumbline.node.inference;

import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.ArrayDeque;
import java.util.Deque;
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
 * Keeps an inference node from answering more than auditors keep up with: honest answers that they come to when their
 * time is over are refunded. An auditor begins with asking what stands behind a receipt, so the node knows which of
 * its answers wait for as many auditors as decide. It takes no more work while these and the requests that it has
 * queued are more than auditors took up in the last ten seconds: by Little's law they come to each about ten seconds
 * after it was signed, however fast they are, and a host that is suddenly eight times slower still comes to the last
 * of them within the least time that an audit has. Called by any thread.
 */
final class AuditLag {
    /** So long after an answer auditors come to it where they are as fast as they were. */
    private static final long WAIT_NS = TimeUnit.SECONDS.toNanos(10);

    /** So many may wait at any speed, at the start and after a pause. */
    static final int LEAST = 64;

    /**
     * An answer that was not asked for after this does not count: most of the auditors that were drawn for it are down,
     * or liars, who would hold a node up by their silence.
     */
    private static final long FORGOTTEN_NS = TimeUnit.SECONDS.toNanos(60);

    private final int deciding;
    private final LongSupplier clockNs;
    private final Consumer<Event> onChange;

    /** Answers that wait, by request, the oldest first. */
    private final Map<Bytes32, Answer> waiting = new LinkedHashMap<>();

    /** When those that wait no more were taken up, within the last {@link #WAIT_NS}. */
    private final Deque<Long> takenUpNs = new ArrayDeque<>();

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
    AuditLag(int deciding, LongSupplier clockNs, Consumer<Event> onChange) {
        this.deciding = deciding;
        this.clockNs = clockNs;
        this.onChange = onChange;
    }

    /** An answer that will be audited was signed. */
    synchronized void signed(Bytes32 request) {
        waiting.put(request, new Answer(clockNs.getAsLong()));
    }

    /** A full node has asked what stands behind the receipt for a request. */
    synchronized void asked(Bytes32 request, Bytes32 auditor) {
        Answer answer = waiting.get(request);
        if (answer != null && answer.askedBy.add(auditor) && answer.askedBy.size() >= deciding) {
            waiting.remove(request);
            takenUpNs.addLast(clockNs.getAsLong());
        }
    }

    /**
     * Refuses work that auditors would come to too late.
     *
     * @param queued requests that were taken on and wait to be computed.
     * @throws RejectedExecutionException where there is too much to do already.
     */
    void requireKeptUp(int queued) {
        if (isBehind(queued)) {
            throw new RejectedExecutionException(
                    "As much waits at this node, or for those that audit it, as they do in ten seconds. Ask again in some"
                            + " seconds.");
        }
    }

    private synchronized boolean isBehind(int queued) {
        long now = clockNs.getAsLong();
        while (!takenUpNs.isEmpty() && now - takenUpNs.peekFirst() > WAIT_NS) {
            takenUpNs.removeFirst();
        }
        Iterator<Answer> oldest = waiting.values().iterator();
        while (oldest.hasNext() && now - oldest.next().signedNs > FORGOTTEN_NS) {
            oldest.remove();
        }
        boolean isBehind = waiting.size() + queued >= Math.max(LEAST, takenUpNs.size());
        if (isBehind != wasBehind) {
            wasBehind = isBehind;
            onChange.accept(isBehind ? new Event.AuditorsBehind() : new Event.AuditorsCaughtUp());
        }
        return isBehind;
    }
}
