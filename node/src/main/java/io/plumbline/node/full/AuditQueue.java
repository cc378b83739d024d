package io.plumbline.node.full;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Runs audits side by side, a few of each node at once: a node that answers slowly holds up its own audits, and no
 * others. Of a node's the most urgent goes first, and those that nobody wants any more go without being run. Called
 * by any thread.
 *
 * @param <N> what names a node.
 */
final class AuditQueue<N> {
    /** A thread that has nothing to do for so long ends. */
    private static final long IDLE_S = 30;

    private final int atOnce;
    private final ExecutorService threads;
    private final Map<N, Lane> lanes = new HashMap<>();

    /** What waits for its turn. */
    interface Audit extends Runnable {
        /** It is not wanted any more. */
        long UNWANTED = Long.MAX_VALUE;

        /** The lowest goes first; {@link #UNWANTED} is dropped. Asked whenever there is a turn to give. */
        long rank();
    }

    /** One node's audits. */
    private static final class Lane {
        private final List<Audit> waiting = new ArrayList<>();
        private int running;

        /** Takes the most urgent out; null where there is none. */
        private Audit next() {
            int best = -1;
            long least = Audit.UNWANTED;
            List<Audit> wanted = new ArrayList<>();
            for (Audit audit : waiting) {
                long rank = audit.rank();
                if (rank < Audit.UNWANTED) {
                    if (rank < least) {
                        best = wanted.size();
                        least = rank;
                    }
                    wanted.add(audit);
                }
            }
            waiting.clear();
            waiting.addAll(wanted);
            return best < 0 ? null : waiting.remove(best);
        }
    }

    /**
     * @param all audits that run at once.
     * @param ofOneNode of them, at most.
     */
    AuditQueue(int all, int ofOneNode) {
        this.atOnce = ofOneNode;
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                all,
                all,
                IDLE_S,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().name("audit-", 0).daemon().factory());
        pool.allowCoreThreadTimeOut(true);
        this.threads = pool;
    }

    /** Has an audit of {@code node} run when its turn comes; drops it once this is closed. */
    synchronized void add(N node, Audit audit) {
        Lane lane = lanes.computeIfAbsent(node, name -> new Lane());
        lane.waiting.add(audit);
        turn(node, lane);
    }

    private void turn(N node, Lane lane) {
        while (lane.running < atOnce && !lane.waiting.isEmpty()) {
            // What is chosen is chosen when a thread is free, not now: it may wait for one.
            lane.running++;
            try {
                threads.execute(() -> run(node, lane));
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

    private void run(N node, Lane lane) {
        try {
            Audit audit = take(lane);
            if (audit != null) {
                audit.run();
            }
        } finally {
            ended(node, lane);
        }
    }

    private synchronized Audit take(Lane lane) {
        return lane.next();
    }

    private synchronized void ended(N node, Lane lane) {
        lane.running--;
        turn(node, lane);
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
