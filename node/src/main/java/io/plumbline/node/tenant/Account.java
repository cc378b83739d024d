package io.plumbline.node.tenant;

import io.plumbline.node.http.HttpException;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** One tenant's use of its quota, past and present. Any thread may call. */
final class Account {
    /** That what answers cost is certain only when the ledger has said it. */
    static final String WAITING = "As many answers of this key wait for the ledger to say what they cost as may: "
            + UsageBook.MOST_OPEN + ". Send it again in a moment.";

    private static final String RATE = "rate_limit_exceeded";

    private final DailyTokens daily;
    private final Spending spending;
    private Tenant tenant;
    private TokenBucket requests;
    private TokenBucket tokens;
    private int underWay;

    Account(Tenant tenant, DailyTokens daily, Spending spending, long nowNanos) {
        this.daily = daily;
        this.spending = spending;
        update(tenant, nowNanos);
    }

    /** The tenant's line in the file is another: what it has used stays used. */
    final synchronized void update(Tenant changed, long nowNanos) {
        requests = rate(requests, changed.quota().requestsPerMinute(), nowNanos);
        tokens = rate(tokens, changed.quota().tokensPerMinute(), nowNanos);
        tenant = changed;
    }

    private static TokenBucket rate(TokenBucket before, long perMinute, long nowNanos) {
        if (perMinute == 0 || before != null && before.capacity() == perMinute) {
            return perMinute == 0 ? null : before;
        }
        return before == null ? new TokenBucket(perMinute, nowNanos) : before.resized(perMinute, nowNanos);
    }

    synchronized Tenant tenant() {
        return tenant;
    }

    /** A request comes; {@link #end} follows where it is let in. */
    synchronized void begin(long nowNanos) {
        int most = tenant.quota().concurrent();
        if (most > 0 && underWay >= most) {
            throw refused(
                    "Of this API key's requests " + underWay + " are under way, and " + most
                            + " are the most. Send it again when one of them has ended.",
                    TimeUnit.SECONDS.toNanos(1),
                    nowNanos);
        }
        if (requests != null && !requests.take(1, nowNanos)) {
            throw refused(
                    "This API key may send " + requests.capacity()
                            + " requests a minute. Wait as long as Retry-After says.",
                    requests.nanosUntil(1, nowNanos),
                    nowNanos);
        }
        underWay++;
    }

    synchronized void end() {
        underWay--;
    }

    /** Counts the most that a request may take; {@link #giveBack} follows. */
    synchronized void reserve(long count, long nowNanos, Instant now) {
        Quota quota = tenant.quota();
        if (tokens != null && count > tokens.capacity() || quota.tokensPerDay() > 0 && count > quota.tokensPerDay()) {
            throw never(count, nowNanos);
        }
        if (tokens != null && tokens.nanosUntil(count, nowNanos) > 0) {
            throw refused(
                    "This API key may ask for " + tokens.capacity() + " tokens a minute, of which "
                            + tokens.remaining(nowNanos) + " are left; prompt and answer may take " + count
                            + ". Wait as long as Retry-After says, or ask for fewer with max_tokens.",
                    tokens.nanosUntil(count, nowNanos),
                    nowNanos);
        }
        if (!daily.take(tenant.name(), count, quota.tokensPerDay(), now)) {
            long left = Math.max(0, quota.tokensPerDay() - daily.of(tenant.name(), now));
            throw exhausted(count, left, now, nowNanos);
        }
        if (tokens != null) {
            tokens.take(count, nowNanos);
        }
    }

    private HttpException never(long count, long nowNanos) {
        // Clients of OpenAI's would send the same again and again.
        Map<String, String> headers = headers(nowNanos);
        headers.put("x-should-retry", "false");
        return new HttpException(
                429,
                RATE,
                "Prompt and answer may take " + count + " tokens, which is more than this API key may ask for in a"
                        + " minute or a day. Name a smaller max_tokens, or shorten the prompt.",
                headers);
    }

    private HttpException exhausted(long count, long left, Instant now, long nowNanos) {
        Map<String, String> headers = headers(nowNanos);
        long seconds = DailyTokens.end(now).getEpochSecond() - now.getEpochSecond();
        headers.putAll(RateHeaders.retryAfter(TimeUnit.SECONDS.toNanos(seconds)));
        headers.put("x-should-retry", "false");
        return new HttpException(
                429,
                "insufficient_quota",
                "This API key may use " + tenant.quota().tokensPerDay() + " tokens a day, of which " + left
                        + " are left; prompt and answer may take " + count + ". The day ends at midnight UTC.",
                headers);
    }

    /** Takes tokens back that were not used. */
    synchronized void giveBack(long count, long nowNanos, Instant reserved, Instant now) {
        if (tokens != null) {
            tokens.giveBack(count, nowNanos);
        }
        daily.giveBack(tenant.name(), count, reserved, now);
    }

    /** Holds the most that a request may cost; {@link #settle} follows. */
    void hold(Tenant by, long most) {
        spending.hold(by, most);
    }

    /** @throws HttpException 429 where as many answers wait for the ledger as may. */
    void requireRoom(Tenant by, long nowNanos) {
        if (spending.isFull(by)) {
            throw refused(WAITING, TimeUnit.SECONDS.toNanos(1), nowNanos);
        }
    }

    /** The cost of an answer that is certain later only, see {@link UsageBook#open}. */
    CompletableFuture<Long> open(Tenant by, Rest rest) {
        return spending.open(by, rest);
    }

    /** A request has ended that held so much. */
    void settle(Tenant by, long held, Usage used, Instant now) {
        spending.settle(by, held, used, now);
    }

    Admission.Told told(Tenant to) {
        return spending.told(to);
    }

    /** The rates, as clients are told of them beside each answer. */
    synchronized Map<String, String> headers(long nowNanos) {
        Map<String, String> headers = new TreeMap<>();
        RateHeaders.add(headers, "requests", requests, nowNanos);
        RateHeaders.add(headers, "tokens", tokens, nowNanos);
        return headers;
    }

    /** A refusal of what may be asked later. */
    synchronized HttpException refused(String message, long nanos, long nowNanos) {
        Map<String, String> headers = headers(nowNanos);
        headers.putAll(RateHeaders.retryAfter(nanos));
        return new HttpException(429, RATE, message, headers);
    }
}
