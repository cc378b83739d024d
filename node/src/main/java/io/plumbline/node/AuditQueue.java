package io.plumbline.node;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Runs audits side by side, a few of each node at once: a node that answers slowly holds up its own audits, and no others. Called by any
 * thread.
 *
 * @param <N> what names a node.
 */
final class AuditQueue<N> {
    private final int atOnce;
    private final ExecutorService threads;
    private final Map<N, Lane> lanes = new HashMap<>();

    /** One node's audits. */
    private static final class Lane {
        private final Deque<Runnable> waiting = new ArrayDeque<>();
        private int running;
    }

    /**
     * @param all audits that run at once.
     * @param ofOneNode of them, at most.
     */
    AuditQueue(int all, int ofOneNode) {
        this.atOnce = ofOneNode;
        this.threads = Executors.newFixedThreadPool(
                all, Thread.ofPlatform().name("audit-", 0).daemon().factory());
    }

    /** Has an audit of {@code node} run when its turn comes; drops it once this is closed. */
    synchronized void add(N node, Runnable audit) {
        Lane lane = lanes.computeIfAbsent(node, name -> new Lane());
        lane.waiting.add(audit);
        next(node, lane);
    }

    private void next(N node, Lane lane) {
        while (lane.running < atOnce && !lane.waiting.isEmpty()) {
            Runnable audit = lane.waiting.poll();
            lane.running++;
            try {
                threads.execute(() -> {
                    try {
                        audit.run();
                    } finally {
                        ended(node);
                    }
                });
            } catch (RejectedExecutionException e) {
                // It is closed.
                lane.running--;
                lane.waiting.clear();
            }
        }
        if (lane.running == 0) {
            lanes.remove(node);
        }
    }

    private synchronized void ended(N node) {
        Lane lane = lanes.get(node);
        lane.running--;
        next(node, lane);
    }

    /** Audits that wait for their turn. */
    synchronized int waiting() {
        return lanes.values().stream().mapToInt(lane -> lane.waiting.size()).sum();
    }

    /** Ends all; false where some are still under way after {@code ms}. */
    boolean close(long ms) throws InterruptedException {
        threads.shutdownNow();
        return threads.awaitTermination(ms, TimeUnit.MILLISECONDS);
    }
}
