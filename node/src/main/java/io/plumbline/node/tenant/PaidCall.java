package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One call that an account's credit pays: the most that it may cost is held while it is under way, and what it did cost
 * is charged at its end. Closed, it has used nothing where nothing was said.
 */
public final class PaidCall implements AutoCloseable {
    private final Tenant payer;
    private final UsageBook book;
    private final Turns turns;
    private final InstantSource wall;
    private Turns.Turn turn;
    private long held;
    private long charged;
    private boolean hasEnded;

    PaidCall(Tenant payer, UsageBook book, Turns turns, InstantSource wall) {
        this.payer = payer;
        this.book = book;
        this.turns = turns;
        this.wall = wall;
    }

    /**
     * Holds the most that it may cost, and waits for its turn.
     *
     * @throws HttpException 402 where the credit is less, 429 or 503 where it is not answered now: nothing is held.
     */
    public void begin(HttpExchange http, int answers, long tokens, long cost) throws IOException {
        if (book.isFull(payer)) {
            throw new HttpException(
                    429, "rate_limit_exceeded", Account.WAITING, RateHeaders.retryAfter(TimeUnit.SECONDS.toNanos(1)));
        }
        if (!book.hold(payer, cost)) {
            throw new HttpException(
                    402,
                    "insufficient_quota",
                    "This call may cost up to " + cost + ", and " + book.left(payer) + " of the account's credit are"
                            + " left beside what its calls under way may cost.",
                    Map.of("x-should-retry", "false"));
        }
        held = cost;
        boolean hasBegun = false;
        try {
            turn = turns.enter(payer.name(), answers, Math.max(1, tokens));
            if (turn == null) {
                throw new HttpException(
                        429,
                        "rate_limit_exceeded",
                        "As many calls of this account wait as may. Send it again in a moment.",
                        RateHeaders.retryAfter(TimeUnit.SECONDS.toNanos(1)));
            }
            turn.await(http);
            hasBegun = true;
        } finally {
            if (!hasBegun) {
                close();
            }
        }
    }

    /**
     * It has ended: what it used is charged, and never more than was held. A second call does nothing.
     *
     * @param rest see {@link Admission#used(Usage, Rest)}.
     */
    public synchronized void used(Usage usage, Rest rest) {
        if (hasEnded) {
            return;
        }
        hasEnded = true;
        if (turn != null) {
            turn.close(usage.tokens());
        }
        charged = Math.min(held, usage.cost());
        CompletableFuture<Long> later = rest == null ? null : book.open(payer, rest);
        long kept = later == null ? 0 : Math.min(rest.most(), held - charged);
        book.settle(payer, held - kept, usage, wall.instant());
        if (later != null) {
            later.thenAccept(cost -> book.settle(payer, kept, Usage.ofCost(Math.min(cost, kept)), wall.instant()));
        }
    }

    public synchronized boolean hasEnded() {
        return hasEnded;
    }

    /** The cost that it was charged; 0 before its end. */
    public synchronized long charged() {
        return charged;
    }

    /** The account's credit now. */
    public long left() {
        return book.left(payer);
    }

    @Override
    public void close() {
        used(Usage.NONE, null);
    }
}
