package io.plumbline.node;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * The memory that all audits of a process may take together. An opening's size follows from what the node says it
 * answered, so nodes could fill a heap by long answers that are audited at once. Audits wait their turn, in order: a
 * large one is not overtaken for ever.
 */
final class AuditMemory {
    private final long total;
    private final Deque<Object> waiting = new ArrayDeque<>();
    private long left;

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
     * Waits until so much is there. An audit that needs more than there is at all has all of it: it runs alone.
     *
     * @throws UnjudgeableException where it is not there by the deadline: no fault of the node's.
     */
    Share take(long bytes, Deadline deadline) throws IOException {
        long share = Math.min(bytes, total);
        Object ticket = new Object();
        synchronized (this) {
            waiting.add(ticket);
            try {
                while (waiting.peek() != ticket || left < share) {
                    await(deadline);
                }
                left -= share;
            } finally {
                waiting.remove(ticket);
                notifyAll();
            }
        }
        return () -> giveBack(share);
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

    private synchronized void giveBack(long bytes) {
        left += bytes;
        notifyAll();
    }
}
