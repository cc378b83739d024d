package io.plumbline.node.network;

import io.plumbline.ledger.cluster.LedgerClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Waits at a role's start until the ledger answers, however long: operators start their hosts when they can, and a
 * ledger that was stopped first applies its log again.
 */
public final class LedgerWait {
    /** A network that runs answers sooner; then it is said now and then that, and for what, is waited. */
    private static final long TELL_MS = 5_000;

    private LedgerWait() {}

    /**
     * Returns when the ledger answers.
     *
     * @param hasEnded whether what the answer would come through has ended: then there will be none.
     * @param waiting what is said while waiting.
     * @throws IOException where it has ended, or this thread is interrupted.
     */
    public static void await(
            LedgerClient ledger, Events events, BooleanSupplier hasEnded, Supplier<Event.Waiting> waiting)
            throws IOException {
        try {
            CompletableFuture<Void> answered = asked(ledger);
            while (true) {
                try {
                    answered.get(TELL_MS, TimeUnit.MILLISECONDS);
                    return;
                } catch (ExecutionException e) {
                    // Asked again: the reason is that nobody answers.
                    answered = asked(ledger);
                } catch (TimeoutException e) {
                    events.emit(waiting.get());
                }
                if (hasEnded.getAsBoolean()) {
                    throw new IOException("It ended while it waited for the ledger; what went wrong is said above.");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the ledger was waited for.", e);
        }
    }

    private static CompletableFuture<Void> asked(LedgerClient ledger) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        ledger.root();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                Thread::startVirtualThread);
    }
}
