package io.plumbline.inference.language.engine;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share a job's tasks. The caller works too, as worker 0; the others spin a little between jobs, which
 * follow each other in microseconds while a model runs, and park when there are none. A job is over when its tasks are
 * done, whichever threads did them: one that the system has not let run is not waited for. One caller at a time.
 * Nothing is allocated by a job.
 */
public final class Workers implements AutoCloseable {
    /** About 50 microseconds of spinning: longer than any pause between two jobs of one token. */
    private static final int SPINS = 2_000;

    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

    private final Thread[] threads;

    /**
     * The number of the job in the upper half, and in the lower how many of its tasks nobody has claimed: both change
     * together or not at all, and a job that has none left cannot be claimed from while the next one is set up.
     */
    private final AtomicLong unclaimed = new AtomicLong();

    /** Tasks of the job that are done. */
    private final AtomicInteger done = new AtomicInteger();

    private final AtomicInteger sleepers = new AtomicInteger();
    private volatile boolean closed;
    private volatile Thread waiting;
    private volatile Throwable failure;
    private Task task;
    private int tasks;

    /** A part of a job. */
    public interface Task {
        /**
         * Does one part.
         *
         * @param worker which thread this is, for scratch memory: 0 to {@link #count()} - 1.
         */
        void run(int worker, int index);
    }

    /** @param count threads, the caller's among them; at least 1. */
    public Workers(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("At least one thread is needed, not " + count + ".");
        }
        threads = new Thread[count - 1];
        for (int i = 0; i < threads.length; i++) {
            int worker = i + 1;
            threads[i] = Thread.ofPlatform().daemon().name("worker-" + worker).start(() -> work(worker));
        }
    }

    /** As many as the host has processors. */
    public static Workers ofHost() {
        return new Workers(Runtime.getRuntime().availableProcessors());
    }

    public int count() {
        return threads.length + 1;
    }

    /** Runs {@code count} tasks and returns when all are done. The first failure of a task is thrown here. */
    public void run(int count, Task job) {
        if (threads.length == 0 || count == 1 || closed) {
            for (int i = 0; i < count; i++) {
                job.run(0, i);
            }
            return;
        }
        done.setPlain(0);
        task = job;
        tasks = count;
        int number = number(unclaimed.get()) + 1;
        unclaimed.set((long) number << 32 | count);
        if (sleepers.get() > 0) {
            for (Thread thread : threads) {
                LockSupport.unpark(thread);
            }
        }
        share(0, number);
        int spins = SPINS;
        while (done.get() < count && !closed) {
            if (spins-- > 0) {
                Thread.onSpinWait();
            } else {
                waiting = Thread.currentThread();
                if (done.get() < count) {
                    LockSupport.park(this);
                }
                waiting = null;
            }
        }
        Throwable thrown = failure;
        failure = null;
        switch (thrown) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new AssertionError(thrown);
        }
    }

    private static int number(long claim) {
        return (int) (claim >> 32);
    }

    /** Does tasks of job {@code number} while there are some. */
    private void share(int worker, int number) {
        while (true) {
            long claim = unclaimed.get();
            int left = (int) claim;
            if (number(claim) != number || left == 0) {
                return;
            }
            if (!unclaimed.compareAndSet(claim, claim - 1)) {
                continue;
            }
            // Of the job that was claimed from: the next one is not set up before all of its tasks are done.
            Task job = task;
            int count = tasks;
            try {
                if (failure == null) {
                    job.run(worker, count - left);
                }
            } catch (RuntimeException | Error e) {
                failure = e;
            }
            if (done.incrementAndGet() == count) {
                Thread waiter = waiting;
                if (waiter != null) {
                    LockSupport.unpark(waiter);
                }
            }
        }
    }

    private void work(int worker) {
        int seen = 0;
        while (true) {
            int spins = SPINS;
            while (number(unclaimed.get()) == seen) {
                if (closed) {
                    return;
                }
                if (spins-- > 0) {
                    Thread.onSpinWait();
                } else {
                    sleepers.getAndIncrement();
                    if (number(unclaimed.get()) == seen && !closed) {
                        LockSupport.park(this);
                    }
                    sleepers.getAndDecrement();
                }
            }
            seen = number(unclaimed.get());
            share(worker, seen);
        }
    }

    /** CPU time of the caller and of all workers, in nanoseconds; differences of two readings are what a job cost. */
    public long cpuNanos() {
        long sum = CPU.getCurrentThreadCpuTime();
        for (Thread thread : threads) {
            sum += Math.max(0, CPU.getThreadCpuTime(thread.threadId()));
        }
        return sum;
    }

    @Override
    public void close() {
        closed = true;
        for (Thread thread : threads) {
            LockSupport.unpark(thread);
        }
        LockSupport.unpark(waiting);
    }
}
