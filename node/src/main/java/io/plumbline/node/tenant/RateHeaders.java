package io.plumbline.node.tenant;

import java.util.Map;
import java.util.TreeMap;

/** How rates are told to clients: OpenAI's headers, by which its clients wait before they ask again. */
final class RateHeaders {
    private static final long MS_NANOS = 1_000_000;

    private RateHeaders() {}

    /** Adds the state of a rate; {@code unit} is "requests" or "tokens". */
    static void add(Map<String, String> headers, String unit, TokenBucket bucket, long nowNanos) {
        if (bucket != null) {
            headers.put("x-ratelimit-limit-" + unit, Long.toString(bucket.capacity()));
            headers.put("x-ratelimit-remaining-" + unit, Long.toString(bucket.remaining(nowNanos)));
            headers.put("x-ratelimit-reset-" + unit, duration(bucket.nanosUntil(bucket.capacity(), nowNanos)));
        }
    }

    /** When to ask again. */
    static Map<String, String> retryAfter(long nanos) {
        long ms = Math.max(1, Math.ceilDiv(nanos, MS_NANOS));
        Map<String, String> headers = new TreeMap<>();
        headers.put("Retry-After", Long.toString(Math.ceilDiv(ms, 1000)));
        headers.put("retry-after-ms", Long.toString(ms));
        return headers;
    }

    /** As OpenAI writes a time: 120ms, 7s, 6m0s. */
    static String duration(long nanos) {
        long ms = Math.ceilDiv(nanos, MS_NANOS);
        if (ms < 1000) {
            return ms + "ms";
        }
        long seconds = Math.ceilDiv(ms, 1000);
        return seconds < 60 ? seconds + "s" : seconds / 60 + "m" + seconds % 60 + "s";
    }
}
