package io.plumbline.node.inference;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Finds out that an engine computes nothing any more before a client does: where it is idle it has it compute one
 * token, or one row, and where steps do not come to an end it is taken for dead. A GPU that has fallen off the bus
 * shows itself so, and a thread that waits for ever.
 */
final class EngineWatchdog implements AutoCloseable {
    /** From one look to the next: so old is what is known at most. */
    private static final long LOOK_MS = 10_000;

    /** One step of the largest models on the slowest hosts, many times over. */
    private static final long STALL_MS = 120_000;

    private final Probed engine;
    private final CompletableFuture<Throwable> failed;
    private final Thread thread;
    private final long lookMs;
    private final long stallMs;
    private volatile boolean hasAnswered;

    /** An engine, as what watches over it sees it. */
    interface Probed {
        /** Steps that have come to an end since the start. */
        long steps();

        /**
         * Has the smallest request computed, whose answer nobody gets.
         *
         * @return null where the model takes none that could be made here.
         * @throws RejectedExecutionException where too much waits already: then there is no need for it.
         */
        CompletableFuture<?> probe();
    }

    /** @param failed completed where the engine has failed; nothing is done any more then. */
    EngineWatchdog(Probed engine, CompletableFuture<Throwable> failed) {
        this(engine, failed, LOOK_MS, STALL_MS);
    }

    /** With other times, in ms. */
    EngineWatchdog(Probed engine, CompletableFuture<Throwable> failed, long lookMs, long stallMs) {
        this.engine = engine;
        this.failed = failed;
        this.lookMs = lookMs;
        this.stallMs = stallMs;
        this.thread = Thread.ofPlatform().daemon().name("engine-watchdog").start(this::run);
    }

    /** Whether anything has come out since the start. */
    boolean hasAnswered() {
        return hasAnswered;
    }

    private void run() {
        try {
            while (!failed.isDone()) {
                long before = engine.steps();
                if (hasAnswered) {
                    Thread.sleep(lookMs);
                }
                if (engine.steps() == before) {
                    look(before);
                }
                hasAnswered = true;
            }
        } catch (InterruptedException e) {
            // Closed.
        } catch (ExecutionException e) {
            failed.complete(e.getCause());
        }
    }

    /** Returns when it has computed something. */
    private void look(long before) throws InterruptedException, ExecutionException {
        CompletableFuture<?> probe = begun();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(stallMs);
        while (probe != null && !failed.isDone() && engine.steps() == before) {
            try {
                probe.get(Math.min(lookMs, stallMs), TimeUnit.MILLISECONDS);
                return;
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof RejectedExecutionException)) {
                    throw e;
                }
                // Too much waits, or it is closing; what waits shows as well whether anything is computed.
                probe = new CompletableFuture<>();
            } catch (TimeoutException e) {
                if (System.nanoTime() - end > 0) {
                    failed.complete(new IllegalStateException("Nothing has been computed for "
                            + TimeUnit.MILLISECONDS.toSeconds(stallMs) + " s, and something waits to be."));
                }
            }
        }
    }

    private CompletableFuture<?> begun() {
        try {
            return engine.probe();
        } catch (RejectedExecutionException e) {
            return new CompletableFuture<>();
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
