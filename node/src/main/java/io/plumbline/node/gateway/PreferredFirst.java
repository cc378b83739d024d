package io.plumbline.node.gateway;

import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Tries candidates in order of preference without waiting for each in turn, as RFC 8305 does for addresses: the first
 * alone, a few more every moment that nothing answers. One that answers waits a moment for those preferred to it. So
 * candidates that are dead cost a moment for several of them, and the best that is there is taken.
 *
 * @param <C> what is tried.
 * @param <R> what comes of one that answers.
 */
final class PreferredFirst<C, R> {
    /** From one start to the next while nothing has answered. */
    private static final long NEXT_NS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How long an answer waits for those of preferred candidates. */
    private static final long GRACE_NS = TimeUnit.MILLISECONDS.toNanos(200);

    /** Started at once, after the first. */
    private static final int TOGETHER = 4;

    private final List<C> candidates;
    private final Attempt<C, R> attempt;
    private final BlockingQueue<Ended<R>> news = new LinkedBlockingQueue<>();
    private final long graceNs;
    private final boolean[] hasEnded;
    private int started;
    private int running;
    private long nextNs;
    private Ended<R> best;
    private long decideNs;

    /** Tries one candidate, on a virtual thread of its own, which goes on when another was taken. */
    interface Attempt<C, R> {
        /** @return null where it does not answer. */
        R run(C candidate);
    }

    private record Ended<R>(int index, R result) {}

    /** @param candidates the most preferred first. */
    PreferredFirst(List<C> candidates, Attempt<C, R> attempt) {
        this(candidates, attempt, GRACE_NS);
    }

    /** @param graceNs how long an answer waits for those of preferred candidates. */
    PreferredFirst(List<C> candidates, Attempt<C, R> attempt, long graceNs) {
        this.graceNs = graceNs;
        this.candidates = candidates;
        this.attempt = attempt;
        this.hasEnded = new boolean[candidates.size()];
    }

    /** What came of the best candidate that answers; null where none does. */
    R find() throws InterruptedException {
        nextNs = System.nanoTime();
        while (true) {
            long nowNs = System.nanoTime();
            if (best == null && started < candidates.size() && (running == 0 || nowNs - nextNs >= 0)) {
                start(started == 0 ? 1 : TOGETHER);
                nextNs = nowNs + NEXT_NS;
            }
            if (best != null && (isBestPossible() || nowNs - decideNs >= 0)) {
                return best.result;
            }
            if (running == 0 && started == candidates.size()) {
                return null;
            }
            note(await(nowNs));
        }
    }

    private void start(int count) {
        for (int i = 0; i < count && started < candidates.size(); i++) {
            int index = started++;
            running++;
            Thread.startVirtualThread(() -> {
                R result = null;
                try {
                    result = attempt.run(candidates.get(index));
                } finally {
                    news.add(new Ended<>(index, result));
                }
            });
        }
    }

    /** Whether all that are preferred to the best one so far have not answered. */
    private boolean isBestPossible() {
        for (int i = 0; i < best.index; i++) {
            if (!hasEnded[i]) {
                return false;
            }
        }
        return true;
    }

    private Ended<R> await(long nowNs) throws InterruptedException {
        if (best == null && started == candidates.size()) {
            return news.take();
        }
        return news.poll((best == null ? nextNs : decideNs) - nowNs, TimeUnit.NANOSECONDS);
    }

    private void note(Ended<R> ended) {
        if (ended == null) {
            return;
        }
        running--;
        hasEnded[ended.index] = true;
        if (ended.result != null && (best == null || ended.index < best.index)) {
            decideNs = best == null ? System.nanoTime() + graceNs : decideNs;
            best = ended;
        }
    }
}
