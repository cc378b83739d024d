package io.plumbline.benchmarks.load;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Starts requests, each on a thread of its own: when they are due (open loop), or as soon as one of so many clients is
 * free (closed loop).
 */
final class Pace {
    private final int mostUnderWay;

    private final AtomicLong underWay = new AtomicLong();

    /** One request from its start to its end. */
    interface Request {
        /**
         * Sends it and waits for its end.
         *
         * @param number counted from 0.
         * @param intendedNs when it was due, by {@link System#nanoTime}.
         */
        void run(long number, long intendedNs);
    }

    /** @param mostUnderWay 1 or more; an open loop that has so many under way waits, and falls behind its rate. */
    Pace(int mostUnderWay) {
        this.mostUnderWay = mostUnderWay;
    }

    /** Requests that have begun and not ended. */
    long underWay() {
        return underWay.get();
    }

    /**
     * Sends each request that {@code arrivals} has due within {@code lengthNs}; returns when all have ended.
     *
     * @return requests that were due and not sent: too many were under way until the time was over.
     */
    long open(Arrivals arrivals, long beginNs, long lengthNs, Request request) throws InterruptedException {
        Semaphore room = new Semaphore(mostUnderWay);
        long numbers = 0;
        long unsent = 0;
        for (long at = arrivals.nextNs(); at < lengthNs; at = arrivals.nextNs()) {
            long intendedNs = beginNs + at;
            sleepUntil(intendedNs);
            long leftNs = beginNs + lengthNs - System.nanoTime();
            if (!room.tryAcquire() && !room.tryAcquire(leftNs, TimeUnit.NANOSECONDS)) {
                unsent++;
                continue;
            }
            long number = numbers++;
            start(() -> {
                try {
                    request.run(number, intendedNs);
                } finally {
                    room.release();
                }
            });
        }
        room.acquire(mostUnderWay);
        return unsent;
    }

    /** Has {@code clients} ask again as soon as they have an answer, for {@code lengthNs}. */
    void closed(int clients, long beginNs, long lengthNs, Request request) throws InterruptedException {
        AtomicLong numbers = new AtomicLong();
        Thread[] threads = new Thread[clients];
        for (int i = 0; i < clients; i++) {
            threads[i] = start(() -> {
                for (long now = System.nanoTime(); now - beginNs < lengthNs; now = System.nanoTime()) {
                    request.run(numbers.getAndIncrement(), now);
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private Thread start(Runnable work) {
        underWay.incrementAndGet();
        return Thread.startVirtualThread(() -> {
            try {
                work.run();
            } finally {
                underWay.decrementAndGet();
            }
        });
    }

    private static void sleepUntil(long ns) throws InterruptedException {
        for (long left = ns - System.nanoTime(); left > 0; left = ns - System.nanoTime()) {
            LockSupport.parkNanos(left);
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
    }
}
