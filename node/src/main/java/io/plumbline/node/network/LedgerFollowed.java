package io.plumbline.node.network;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Whether a process follows the ledger, asked of the ledger itself when somebody wants to know, and at most once a
 * second: programs that ask whether it is ready may ask often.
 */
public final class LedgerFollowed {
    /** A ledger that is there answers sooner. */
    private static final long ANSWER_MS = 2_000;

    private static final long FRESH_NS = TimeUnit.SECONDS.toNanos(1);

    private final Look look;
    private CompletableFuture<String> asked;
    private long askedNs;

    /** Asks the ledger. */
    @FunctionalInterface
    public interface Look {
        /** @return why it is not followed; null where it is. */
        String reason() throws IOException;
    }

    public LedgerFollowed(Look look) {
        this.look = look;
    }

    /** Why the ledger is not followed; null where it is. Waits for 2 s at most. */
    public String notReady() {
        try {
            return asked().get(ANSWER_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return "the ledger has not answered within " + TimeUnit.MILLISECONDS.toSeconds(ANSWER_MS) + " s";
        } catch (ExecutionException e) {
            return "the ledger does not answer: " + e.getCause().getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }

    /** The last question, while it is open or fresh; one at a time is on its way. */
    private synchronized CompletableFuture<String> asked() {
        boolean isFresh = asked != null && (!asked.isDone() || System.nanoTime() - askedNs < FRESH_NS);
        if (!isFresh) {
            askedNs = System.nanoTime();
            CompletableFuture<String> next = new CompletableFuture<>();
            asked = next;
            Thread.startVirtualThread(() -> {
                try {
                    next.complete(look.reason());
                } catch (IOException | RuntimeException e) {
                    next.completeExceptionally(e);
                } catch (Error e) {
                    next.completeExceptionally(e);
                    throw e;
                }
            });
        }
        return asked;
    }
}
