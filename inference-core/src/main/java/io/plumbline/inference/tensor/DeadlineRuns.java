package io.plumbline.inference.tensor;

import java.io.IOException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs one model for callers that wait no longer than they say. A runtime looks between operators whether it is to
 * stop, and one operator may take hours: then the caller goes on, and the run keeps its place among those at once
 * until it ends. So a request that cannot be stopped takes one core of one model, and no other model's.
 */
public final class DeadlineRuns {
    /** How long a run that was told to stop may take to do so. */
    private static final long GRACE_MS = 2_000;

    private final Semaphore places;
    private final ThreadFactory threads;

    /** A run of the model, or several one after the other. */
    @FunctionalInterface
    public interface Run<T> {
        /** @param stop ends it early, with a {@link CancellationException}. */
        T run(Stop stop) throws IOException;
    }

    /** @param atOnce runs at once, those that cannot be stopped among them. */
    public DeadlineRuns(int atOnce) {
        this(atOnce, Thread.ofPlatform().daemon().name("tensor-run").factory());
    }

    /** @param threads of which each run has one. */
    DeadlineRuns(int atOnce, ThreadFactory threads) {
        this.places = new Semaphore(atOnce);
        this.threads = threads;
    }

    /**
     * Runs the model.
     *
     * @param nanos longest time from now; 0 or less is over already.
     * @return what {@code run} gives.
     * @throws IOException where it is not run in time, or the backend failed.
     * @throws IllegalArgumentException where the model cannot be run on these inputs.
     */
    public <T> T run(Run<T> run, long nanos) throws IOException {
        long end = System.nanoTime() + nanos;
        try {
            if (!places.tryAcquire(nanos, TimeUnit.NANOSECONDS)) {
                throw new IOException("The model is busy on this host with runs that take as long as may be.");
            }
            Stop stop = new Stop();
            FutureTask<T> task = new FutureTask<>(() -> {
                try {
                    return run.run(stop);
                } finally {
                    places.release();
                }
            });
            start(task);
            return await(task, stop, end);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the model ran.", e);
        }
    }

    /** A host that has no thread to give has not begun the run: its place is free again. */
    private void start(FutureTask<?> task) {
        boolean isBegun = false;
        try {
            threads.newThread(task).start();
            isBegun = true;
        } finally {
            if (!isBegun) {
                places.release();
            }
        }
    }

    private static <T> T await(FutureTask<T> run, Stop stop, long end) throws IOException, InterruptedException {
        try {
            try {
                return run.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                stop.stop();
                return run.get(GRACE_MS, TimeUnit.MILLISECONDS);
            } finally {
                // Whoever is interrupted waits no longer, and needs no result.
                stop.stop();
            }
        } catch (TimeoutException e) {
            throw new IOException("The model ran longer on this host than there is time, and does not stop.", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case CancellationException stopped ->
                    throw new IOException("The model ran longer on this host than there is time.", stopped);
                case IOException failed -> throw failed;
                case RuntimeException failed -> throw failed;
                case OutOfMemoryError full ->
                    throw new IOException("This host has no memory to run the model on these inputs.", full);
                default -> throw new IOException("The model failed: " + e.getCause(), e);
            }
        }
    }
}
