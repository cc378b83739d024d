package io.plumbline.node.inference;

import io.plumbline.inference.language.engine.DeviceHealth;
import io.plumbline.inference.language.engine.DeviceUnsoundException;
import io.plumbline.node.health.ExitCode;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.Events;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Has an engine fail whose device's driver reports that its memory, or the device itself, has failed, before another
 * answer of its is signed: the node loses its stake by one that is false.
 *
 * <p>A signature waits for a look that begins after its answer was computed. One from before, however new, would say
 * nothing of the errors since, which are those that the answer may have; so there is no age up to which a look counts.
 * It costs a few calls of the driver, which signatures that wait together share. Between answers a look each second
 * finds out what an idle device has come to.
 */
public final class DeviceWatch implements AutoCloseable {
    private static final long LOOK_MS = 1_000;

    /** Time for the driver to answer: one that does not in so long hangs, as it may where a GPU has gone. */
    private static final long ANSWER_MS = 5_000;

    /** Between two tries where the driver gave no answer. */
    private static final long AGAIN_MS = 50;

    private final DeviceHealth health;
    private final CompletableFuture<Throwable> failed;
    private final long lookMs;
    private final long answerMs;
    private final Thread thread;

    /** Looks that were begun, and the last of them that had an answer. */
    private long begun;

    private long answered;

    /** The last look that somebody waits for. */
    private long wanted;

    private String unanswered = "it hangs";
    private DeviceUnsoundException fault;
    private boolean isClosed;

    /**
     * Begins to look.
     *
     * @param health closed with this; null where no device is watched.
     * @param failed completed where the device has failed.
     */
    DeviceWatch(DeviceHealth health, CompletableFuture<Throwable> failed) {
        this(health, failed, LOOK_MS, ANSWER_MS);
    }

    /** With other times, in ms. */
    DeviceWatch(DeviceHealth health, CompletableFuture<Throwable> failed, long lookMs, long answerMs) {
        this.health = health;
        this.failed = failed;
        this.lookMs = lookMs;
        this.answerMs = answerMs;
        this.thread = health == null
                ? null
                : Thread.ofPlatform().daemon().name("device-watch").start(this::run);
    }

    /** Opens what is asked of a device; null where there is none. */
    @FunctionalInterface
    interface Source {
        /** @throws IOException in a line why nothing can be asked. */
        DeviceHealth open() throws IOException;
    }

    /**
     * What a watch is to look at, or null where there is nothing; an operator hears where nothing can be asked.
     *
     * @throws IOException where the device has failed already: nothing that it computes is to be signed.
     */
    static DeviceHealth sound(Source source, Events events) throws IOException {
        DeviceHealth health;
        try {
            health = source.open();
        } catch (IOException e) {
            events.emit(
                    new Event.Warning("Nothing tells whether the GPU fails while it serves: " + e.getMessage() + "."));
            return null;
        }
        String fault = null;
        try {
            fault = health == null ? null : health.fault();
        } catch (IOException e) {
            // The watch asks again, and nothing is signed without an answer.
        }
        if (fault != null) {
            health.close();
            throw new IOException(fault + " Nothing was served.");
        }
        return health;
    }

    /** What a process ends with whose engine has failed so. */
    public static ExitCode exitCode(Throwable why) {
        return why instanceof DeviceUnsoundException ? ExitCode.DEVICE : ExitCode.ENGINE;
    }

    private void run() {
        try {
            while (true) {
                long look;
                synchronized (this) {
                    if (wanted <= answered) {
                        wait(lookMs);
                    }
                    if (isClosed || fault != null) {
                        return;
                    }
                    look = ++begun;
                }
                look(look);
            }
        } catch (InterruptedException e) {
            // Closed.
        } finally {
            health.close();
        }
    }

    private void look(long number) throws InterruptedException {
        try {
            String said = health.fault();
            if (said != null) {
                fail(said);
            }
            synchronized (this) {
                answered = number;
                notifyAll();
            }
        } catch (IOException | RuntimeException e) {
            synchronized (this) {
                unanswered = e.getMessage();
            }
            Thread.sleep(AGAIN_MS);
        }
    }

    private void fail(String said) {
        DeviceUnsoundException why;
        synchronized (this) {
            if (fault != null || isClosed) {
                return;
            }
            fault = new DeviceUnsoundException(said + " Nothing more is signed for what it computes.");
            why = fault;
            notifyAll();
        }
        failed.complete(why);
    }

    /**
     * Waits for what the driver says of the device from now on. Called when an answer was computed, before its
     * signature.
     *
     * @throws DeviceUnsoundException where the device has failed, or the driver does not answer.
     * @throws IllegalStateException where this was closed.
     */
    void requireSound() {
        if (health == null) {
            return;
        }
        String unanswering = null;
        synchronized (this) {
            // The one that is under way may have read the count before this answer's last step.
            long needed = begun + 1;
            wanted = Math.max(wanted, needed);
            notifyAll();
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(answerMs);
            while (answered < needed && fault == null && !isClosed) {
                long leftMs = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
                if (leftMs <= 0) {
                    unanswering = unanswered;
                    break;
                }
                await(leftMs);
            }
        }
        if (unanswering != null) {
            fail("The driver has not said for " + answerMs + " ms how the GPU is: " + unanswering + ".");
        }
        synchronized (this) {
            if (fault != null) {
                throw fault;
            }
            if (isClosed) {
                throw new IllegalStateException("The engine is being closed.");
            }
        }
    }

    private void await(long ms) {
        try {
            wait(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("The engine is being closed.", e);
        }
    }

    /** Does not wait for a driver that hangs. */
    @Override
    public void close() {
        if (thread == null) {
            return;
        }
        synchronized (this) {
            isClosed = true;
            notifyAll();
        }
        thread.interrupt();
    }
}
