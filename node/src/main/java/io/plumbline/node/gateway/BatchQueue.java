package io.plumbline.node.gateway;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands what several threads add to one reader, which takes all that waits at once. The first element is handed over at
 * once, and so is one that comes later than a pause after the last batch; what comes faster is handed over together, at
 * the pause's end. A fast producer so wakes its reader no more often than a slow one, and never waits for it.
 *
 * @param <E> elements; null is none.
 */
final class BatchQueue<E> {
    private final long pauseNs;
    private final int most;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition wake = lock.newCondition();
    private final Queue<E> waiting = new ArrayDeque<>();

    /** Whether something was added that no pause delays. */
    private boolean isUrgent;

    /** Whether the reader waits for whatever comes. */
    private boolean isAwaited;

    /** When the pause ends. */
    private long nextNs = System.nanoTime();

    /**
     * @param pauseNs from one batch to the next, in nanoseconds.
     * @param most elements of a batch.
     */
    BatchQueue(long pauseNs, int most) {
        this.pauseNs = pauseNs;
        this.most = most;
    }

    /** Adds what may wait for the pause's end. */
    void add(E element) {
        add(element, false);
    }

    /** Adds what ends the pause. */
    void addUrgent(E element) {
        add(element, true);
    }

    private void add(E element, boolean urgent) {
        lock.lock();
        try {
            waiting.add(element);
            isUrgent |= urgent;
            if (urgent || isAwaited) {
                wake.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the next batch, and moves it to {@code into}, in the order of adding. One thread may call. */
    void take(List<E> into) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long leftNs = nextNs - System.nanoTime();
            while (leftNs > 0 && !isUrgent && waiting.size() < most) {
                leftNs = wake.awaitNanos(leftNs);
            }
            isAwaited = true;
            while (waiting.isEmpty()) {
                wake.await();
            }
            isAwaited = false;
            while (!waiting.isEmpty() && into.size() < most) {
                into.add(waiting.remove());
            }
            isUrgent &= !waiting.isEmpty();
            nextNs = System.nanoTime() + pauseNs;
        } finally {
            lock.unlock();
        }
    }
}
