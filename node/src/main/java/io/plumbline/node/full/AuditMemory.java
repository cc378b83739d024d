package io.plumbline.node.full;

import io.plumbline.node.network.Deadline;
import io.plumbline.node.network.UnjudgeableException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The memory that all audits of a process may take together. An opening's size follows from what the node says it
 * answered, so nodes could fill a heap by long answers that are audited at once. Audits wait their turn, in order: a
 * large one is not overtaken for ever.
 */
final class AuditMemory {
    /** Smaller audits that may pass a large one that waits, so that it gets its turn. */
    private static final int MAX_OVERTAKEN = 64;

    /** Of this process. */
    static final AuditMemory OF_HEAP = new AuditMemory(Runtime.getRuntime().maxMemory() / 4);

    /** An audit that needs more than so many times what there is for all is not begun. */
    private static final int MOST_ALONE = 2;

    private final long total;
    private final Deque<Ticket> waiting = new ArrayDeque<>();
    private final Map<Object, Long> ofNode = new HashMap<>();
    private long left;

    private static final class Ticket {
        private int overtaken;
    }

    /** @param bytes for all audits, at least 1. */
    AuditMemory(long bytes) {
        this.total = bytes;
        this.left = bytes;
    }

    /** Memory of one audit; given back when it is closed. */
    interface Share extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Waits until so much is there. An audit that needs more than there is at all has all of it: it runs alone, unless
     * it needs twice as much. One node's audits together have a quarter, or one of them.
     *
     * @param node whose answer it is.
     * @throws UnjudgeableException where it is not there by the deadline, or cannot be there: no fault of the node's.
     */
    Share take(Object node, long bytes, Deadline deadline) throws IOException {
        if (!holds(bytes)) {
            throw new UnjudgeableException(
                    new IOException("The audit needs " + (bytes >> 20) + " MiB, and this host's heap" + " allows "
                            + (MOST_ALONE * total >> 20) + ". Start the full node with a larger one: -Xmx."));
        }
        long share = Math.min(bytes, total);
        Ticket ticket = new Ticket();
        synchronized (this) {
            waiting.add(ticket);
            try {
                while (!isTurn(ticket, node, share)) {
                    await(deadline);
                }
                for (Ticket before : waiting) {
                    if (before == ticket) {
                        break;
                    }
                    before.overtaken++;
                }
                left -= share;
                ofNode.merge(node, share, Long::sum);
            } finally {
                waiting.remove(ticket);
                notifyAll();
            }
        }
        return () -> giveBack(node, share);
    }

    /** Whether an audit that needs so much can be run here at all. */
    boolean holds(long bytes) {
        return bytes <= MOST_ALONE * total;
    }

    private boolean isTurn(Ticket ticket, Object node, long share) {
        long its = ofNode.getOrDefault(node, 0L);
        boolean fits = left >= share && (its == 0 || its + share <= total / 4);
        Ticket first = waiting.peek();
        return fits && (first == ticket || first.overtaken < MAX_OVERTAKEN);
    }

    private void await(Deadline deadline) throws IOException {
        long longest = Math.min(Deadline.LOOK_NS, deadline.leftNs());
        if (longest <= 0) {
            throw new UnjudgeableException(
                    new IOException("This host had no memory left for the audit in the time that it has."));
        }
        try {
            TimeUnit.NANOSECONDS.timedWait(this, longest);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UnjudgeableException(e);
        }
    }

    private synchronized void giveBack(Object node, long bytes) {
        left += bytes;
        ofNode.computeIfPresent(node, (any, its) -> its == bytes ? null : its - bytes);
        notifyAll();
    }
}
