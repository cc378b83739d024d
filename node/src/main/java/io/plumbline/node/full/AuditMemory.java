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

    /**
     * What one audit, or one node's, is counted as at most, as a part of all: the others go on beside the largest, of
     * which there is one at a time.
     */
    private static final int PARTS_OF_ONE = 2;

    private final long total;
    private final Deque<Ticket> waiting = new ArrayDeque<>();
    private final Map<Object, Long> ofNode = new HashMap<>();
    private long left;
    private boolean isLargeRunning;

    private static final class Ticket {
        private final Object node;
        private long share;
        private boolean isLarge;
        private int overtaken;

        Ticket(Object node, long share, boolean isLarge) {
            this.node = node;
            this.share = share;
            this.isLarge = isLarge;
        }
    }

    /** @param bytes for all audits, at least 1. */
    AuditMemory(long bytes) {
        this.total = bytes;
        this.left = bytes;
    }

    /** Memory of one audit; given back when it is closed. */
    interface Share extends AutoCloseable {
        /**
         * Takes as much as would be given for {@code bytes}, where that is there at once. It does not wait: audits that
         * hold some while they wait for more would wait for each other.
         *
         * @param bytes no fewer than it has.
         * @return whether it has it now; else it has what it had.
         */
        boolean grow(long bytes);

        @Override
        void close();
    }

    /**
     * Waits until so much is there. One that needs more than half of what there is waits for other such ones, and takes
     * half. One node's audits together have a quarter, or one of them. Whoever waits for his own node's audits to end
     * holds up nobody else.
     *
     * @param node whose answer it is.
     * @throws UnjudgeableException where it is not there by the deadline, or cannot be there: no fault of the node's.
     */
    Share take(Object node, long bytes, Deadline deadline) throws IOException {
        if (!holds(bytes)) {
            throw new UnjudgeableException(new IOException("The audit needs " + (bytes >> 20)
                    + " MiB, and this host's heap allows " + (MOST_ALONE * total >> 20)
                    + ". Start the full node with a larger one: -Xmx."));
        }
        long most = mostOfOne();
        Ticket ticket = new Ticket(node, Math.min(bytes, most), bytes > most);
        synchronized (this) {
            waiting.add(ticket);
            try {
                while (!isTurn(ticket)) {
                    await(deadline);
                }
                for (Ticket before : waiting) {
                    if (before == ticket) {
                        break;
                    }
                    before.overtaken++;
                }
                left -= ticket.share;
                isLargeRunning |= ticket.isLarge;
                ofNode.merge(node, ticket.share, Long::sum);
            } finally {
                waiting.remove(ticket);
                notifyAll();
            }
        }
        return new Share() {
            @Override
            public boolean grow(long bytes) {
                return AuditMemory.this.grow(ticket, bytes);
            }

            @Override
            public void close() {
                giveBack(ticket);
            }
        };
    }

    private synchronized boolean grow(Ticket ticket, long bytes) {
        long most = mostOfOne();
        long more = Math.min(bytes, most) - ticket.share;
        boolean isLarge = bytes > most;
        long its = ofNode.get(ticket.node);
        boolean mayGrow = (its == ticket.share || its + more <= total / 4)
                && (ticket.isLarge || !isLarge || !isLargeRunning)
                && waiting.stream().noneMatch(before -> before.overtaken >= MAX_OVERTAKEN && mayRun(before));
        if (!holds(bytes) || more > left || !mayGrow) {
            return false;
        }
        waiting.forEach(before -> before.overtaken++);
        left -= more;
        isLargeRunning |= isLarge;
        ofNode.merge(ticket.node, more, Long::sum);
        ticket.share += more;
        ticket.isLarge |= isLarge;
        return true;
    }

    private long mostOfOne() {
        return Math.max(1, total / PARTS_OF_ONE);
    }

    /** Whether an audit that needs so much can be run here at all. */
    boolean holds(long bytes) {
        return bytes <= MOST_ALONE * total;
    }

    /** Whether it waits for memory alone, and not for another audit of its node's or of its size. */
    private boolean mayRun(Ticket ticket) {
        long its = ofNode.getOrDefault(ticket.node, 0L);
        return (its == 0 || its + ticket.share <= total / 4) && !(ticket.isLarge && isLargeRunning);
    }

    private boolean isTurn(Ticket ticket) {
        if (left < ticket.share || !mayRun(ticket)) {
            return false;
        }
        for (Ticket before : waiting) {
            if (before == ticket) {
                return true;
            }
            if (before.overtaken >= MAX_OVERTAKEN && mayRun(before)) {
                return false;
            }
        }
        return true;
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

    private synchronized void giveBack(Ticket ticket) {
        left += ticket.share;
        isLargeRunning &= !ticket.isLarge;
        ofNode.computeIfPresent(ticket.node, (any, its) -> its == ticket.share ? null : its - ticket.share);
        notifyAll();
    }
}
