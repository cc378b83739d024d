package io.plumbline.node.inference;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Work of many peers, done by a few threads, who take turns by peer: whoever asks for much waits behind its own, not
 * others behind it. What waits is bounded, of each peer and in bytes of all.
 *
 * @param <P> what names a peer.
 */
final class FairQueue<P> implements AutoCloseable {
    private final int mostOfOne;
    private final long mostBytes;
    private final Predicate<P> isPreferred;
    private final Map<P, Deque<Job>> waiting = new HashMap<>();

    /** Peers that something waits of, those whose turn is next first. */
    private final Set<P> preferred = new LinkedHashSet<>();

    private final Set<P> others = new LinkedHashSet<>();
    private final Thread[] threads;
    private long bytes;
    private boolean isClosed;

    private record Job(Runnable work, long bytes) {}

    /**
     * @param name of its threads.
     * @param mostOfOne pieces of work of one peer that may wait.
     * @param mostBytes that may wait of all, beside the first piece.
     * @param isPreferred whose work goes before that of others.
     */
    FairQueue(String name, int threads, int mostOfOne, long mostBytes, Predicate<P> isPreferred) {
        this.mostOfOne = mostOfOne;
        this.mostBytes = mostBytes;
        this.isPreferred = isPreferred;
        this.threads = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            this.threads[i] = Thread.ofPlatform().name(name + "-" + i).daemon().start(this::serve);
        }
    }

    /** Has work done when its turn comes; false where too much waits. May be called by any thread. */
    synchronized boolean offer(P peer, long size, Runnable work) {
        Deque<Job> jobs = waiting.computeIfAbsent(peer, name -> new ArrayDeque<>());
        boolean fits = !isClosed && jobs.size() < mostOfOne && (bytes == 0 || bytes + size <= mostBytes);
        if (fits) {
            jobs.add(new Job(work, size));
            bytes += size;
            (isPreferred.test(peer) ? preferred : others).add(peer);
            notify();
        } else if (jobs.isEmpty()) {
            waiting.remove(peer);
        }
        return fits;
    }

    private void serve() {
        try {
            while (true) {
                Job job = take();
                try {
                    job.work.run();
                } catch (RuntimeException | Error e) {
                    // Whoever asked is told by the work itself; the others still wait, also where memory ran out.
                }
            }
        } catch (InterruptedException e) {
            // Closed.
        }
    }

    private synchronized Job take() throws InterruptedException {
        while (preferred.isEmpty() && others.isEmpty()) {
            wait();
        }
        Set<P> turns = preferred.isEmpty() ? others : preferred;
        P peer = turns.iterator().next();
        turns.remove(peer);
        Deque<Job> jobs = waiting.get(peer);
        Job job = jobs.poll();
        bytes -= job.bytes;
        if (jobs.isEmpty()) {
            waiting.remove(peer);
        } else {
            turns.add(peer);
        }
        return job;
    }

    /** Ends its threads; what waits is dropped. */
    @Override
    public void close() {
        synchronized (this) {
            isClosed = true;
            waiting.clear();
            preferred.clear();
            others.clear();
        }
        for (Thread thread : threads) {
            thread.interrupt();
        }
    }
}
