package io.plumbline.node.http;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How fast a client takes its answer. One that takes a byte now and then never pauses for long, and would hold what is
 * to be sent in memory for ever: so the time that writes wait for it, all together, is bounded. What it takes earns it
 * more; while nothing is to be written no time runs.
 */
final class AnswerPace {
    private final HttpLimits limits;
    private final AtomicLong takenBytes = new AtomicLong();
    private long waitedNanos;
    private long writingSince;
    private boolean isWriting;

    AnswerPace(HttpLimits limits) {
        this.limits = limits;
    }

    /** The next answer. */
    synchronized void begin() {
        takenBytes.set(0);
        waitedNanos = 0;
        isWriting = false;
    }

    /** Bytes went to the client's connection. */
    void taken(long bytes) {
        takenBytes.addAndGet(bytes);
    }

    /** A write begins, which may wait for the client. */
    synchronized void beginWrite() {
        writingSince = System.nanoTime();
        isWriting = true;
    }

    synchronized void endWrite() {
        waitedNanos += System.nanoTime() - writingSince;
        isWriting = false;
    }

    /** Whether writes have waited for longer than they may. */
    synchronized boolean isTooSlow() {
        long waited = waitedNanos + (isWriting ? System.nanoTime() - writingSince : 0);
        double earned = 1e9 * takenBytes.get() / limits.bodyBytesPerSecond();
        return isWriting && waited > limits.bodyTime().toNanos() + earned;
    }
}
