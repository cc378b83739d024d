package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpExchange;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** One request of a tenant's. */
final class TenantAdmission implements Admission, AutoCloseable {
    private final Account account;
    private final Tenant tenant;
    private final Turns turns;
    private final LongSupplier nanos;
    private final InstantSource wall;
    private final boolean isCounted;
    private Turns.Turn turn;
    private Instant reservedAt;
    private long reserved;
    private long held;
    private boolean hasEnded;

    /** @param isCounted whether it counts as a request: one that only looks something up does not. */
    TenantAdmission(Account account, Turns turns, LongSupplier nanos, InstantSource wall, boolean isCounted) {
        this.account = account;
        this.tenant = account.tenant();
        this.turns = turns;
        this.nanos = nanos;
        this.wall = wall;
        this.isCounted = isCounted;
        if (isCounted) {
            account.begin(nanos.getAsLong());
        }
    }

    Map<String, String> headers() {
        return account.headers(nanos.getAsLong());
    }

    @Override
    public boolean mayAsk(String model) {
        return tenant.mayAsk(model);
    }

    @Override
    public void begin(HttpExchange http, int answers, long tokens, long cost) throws IOException {
        account.requireRoom(tenant, nanos.getAsLong());
        Instant now = wall.instant();
        account.reserve(tokens, nanos.getAsLong(), now);
        reservedAt = now;
        reserved = tokens;
        account.hold(tenant, cost);
        held = cost;
        headers().forEach(http::responseHeader);
        turn = turns.enter(tenant.name(), answers, Math.max(1, tokens));
        if (turn == null) {
            throw account.refused(
                    "As many requests of this API key wait as may. Send it again in a moment.",
                    TimeUnit.SECONDS.toNanos(1),
                    nanos.getAsLong());
        }
        turn.await(http);
    }

    @Override
    public synchronized void used(Usage usage, Rest rest) {
        if (hasEnded) {
            return;
        }
        hasEnded = true;
        long used = Math.min(reserved, usage.tokens());
        if (turn != null) {
            turn.close(used);
        }
        if (reserved > used) {
            account.giveBack(reserved - used, nanos.getAsLong(), reservedAt, wall.instant());
        }
        CompletableFuture<Long> later = rest == null || !tenant.hasBudget() ? null : account.open(tenant, rest);
        long kept = later == null ? 0 : Math.min(rest.most(), Math.max(0, held - usage.cost()));
        account.settle(tenant, held - kept, usage, wall.instant());
        if (later != null) {
            later.thenAccept(cost -> account.settle(tenant, kept, Usage.ofCost(Math.min(cost, kept)), wall.instant()));
        }
    }

    @Override
    public Told told() {
        return account.told(tenant);
    }

    /** Where nothing was said of use, nothing was used. */
    @Override
    public void close() {
        used(Usage.NONE);
        if (isCounted) {
            account.end();
        }
    }
}
