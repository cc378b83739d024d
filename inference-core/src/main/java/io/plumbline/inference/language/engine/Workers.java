package io.plumbline.inference.language.engine;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share a job's tasks. The caller works too, as worker 0; the others spin a little between jobs, which
 * follow each other in microseconds while a model runs, and park when there are none. One caller at a time. Nothing
 * is allocated by a job.
 */
public final class Workers implements AutoCloseable {
    /** About 50 microseconds of spinning: longer than any pause between two jobs of one token. */
    private static final int SPINS = 2_000;

    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

    private final Thread[] threads;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger finished = new AtomicInteger();
    private final AtomicInteger sleepers = new AtomicInteger();
    private volatile int generation;
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
        task = job;
        tasks = count;
        finished.setPlain(0);
        next.setPlain(0);
        generation++;
        if (sleepers.get() > 0) {
            for (Thread thread : threads) {
                LockSupport.unpark(thread);
            }
        }
        share(0, job, count);
        int spins = SPINS;
        while (finished.get() < threads.length && !closed) {
            if (spins-- > 0) {
                Thread.onSpinWait();
            } else {
                waiting = Thread.currentThread();
                if (finished.get() < threads.length) {
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

    private void share(int worker, Task job, int count) {
        try {
            for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                job.run(worker, i);
            }
        } catch (RuntimeException | Error e) {
            failure = e;
            next.set(count);
        }
    }

    private void work(int worker) {
        int seen = 0;
        while (true) {
            int spins = SPINS;
            while (generation == seen) {
                if (closed) {
                    return;
                }
                if (spins-- > 0) {
                    Thread.onSpinWait();
                } else {
                    sleepers.getAndIncrement();
                    if (generation == seen && !closed) {
                        LockSupport.park(this);
                    }
                    sleepers.getAndDecrement();
                }
            }
            seen = generation;
            share(worker, task, tasks);
            finished.getAndIncrement();
            Thread waiter = waiting;
            if (waiter != null) {
                LockSupport.unpark(waiter);
            }
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
