package io.plumbline.node.full;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs audits side by side, a few of each node at once: a node that answers slowly holds up its own audits, and no
 * others. Of a node's the most urgent goes first, and those that nobody wants any more go without being run. Called
 * by any thread; who adds never waits for what ranking the others takes, however many wait.
 *
 * @param <N> what names a node.
 */
final class AuditQueue<N> {
    /** A thread that has nothing to do for so long ends. */
    private static final long IDLE_S = 30;

    private final int atOnce;
    private final ExecutorService threads;
    private final Map<N, Lane> lanes = new ConcurrentHashMap<>();

    /** What waits for its turn. */
    interface Audit extends Runnable {
        /** It is not wanted any more. */
        long UNWANTED = Long.MAX_VALUE;

        /** The lowest goes first; {@link #UNWANTED} is dropped. Asked whenever there is a turn to give. */
        long rank();
    }

    /** One node's audits. */
    private static final class Lane {
        /** Added and not looked at yet. */
        private final Queue<Audit> added = new ConcurrentLinkedQueue<>();

        /** All that wait. */
        private final AtomicInteger count = new AtomicInteger();

        /** Looked at; under this lane's lock. */
        private List<Audit> ranked = new ArrayList<>();

        /** Changed while the map of lanes works on this one, and at no other time. */
        private int running;

        /** Takes the most urgent out; null where there is none. */
        private synchronized Audit next() {
            for (Audit audit; (audit = added.poll()) != null; ) {
                ranked.add(audit);
            }
            int best = -1;
            long least = Audit.UNWANTED;
            List<Audit> wanted = new ArrayList<>();
            for (Audit audit : ranked) {
                long rank = audit.rank();
                if (rank < Audit.UNWANTED) {
                    if (rank < least) {
                        best = wanted.size();
                        least = rank;
                    }
                    wanted.add(audit);
                }
            }
            Audit next = best < 0 ? null : wanted.remove(best);
            count.addAndGet(wanted.size() - ranked.size());
            ranked = wanted;
            return next;
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
    void add(N node, Audit audit) {
        lanes.compute(node, (name, known) -> {
            Lane lane = known == null ? new Lane() : known;
            lane.added.add(audit);
            lane.count.incrementAndGet();
            return turn(node, lane);
        });
    }

    /** @return the lane, or null where nothing of it is left. */
    private Lane turn(N node, Lane lane) {
        while (lane.running < atOnce && lane.count.get() > 0) {
            // What is chosen is chosen when a thread is free, not now: it may wait for one.
            lane.running++;
            try {
                threads.execute(() -> run(node, lane));
            } catch (RejectedExecutionException e) {
                // It is closed.
                return null;
            }
        }
        return lane.running == 0 ? null : lane;
    }

    private void run(N node, Lane lane) {
        try {
            Audit audit = lane.next();
            if (audit != null) {
                audit.run();
            }
        } finally {
            lanes.computeIfPresent(node, (name, its) -> {
                its.running--;
                return turn(node, its);
            });
        }
    }

    /** Audits that wait for their turn. */
    int waiting() {
        return lanes.values().stream().mapToInt(lane -> lane.count.get()).sum();
    }

    /** Ends all; false where some are still under way after {@code ms}. */
    boolean close(long ms) throws InterruptedException {
        threads.shutdownNow();
        return threads.awaitTermination(ms, TimeUnit.MILLISECONDS);
    }
}
