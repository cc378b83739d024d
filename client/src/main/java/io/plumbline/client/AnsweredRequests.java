package io.plumbline.client;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The requests whose answers a client has had lately: a server that shows one answer for two questions alike would be
 * paid for two, and would not draw anew. For any number of threads.
 */
final class AnsweredRequests {
    private final long keptMs;

    /** When each came, the oldest first. */
    private final Map<Bytes32, Long> seen = new LinkedHashMap<>();

    /** @param keptMs after which a request is refused by its own time, ms. */
    AnsweredRequests(long keptMs) {
        this.keptMs = keptMs;
    }

    /**
     * Adds one.
     *
     * @param nowMs by a clock that is read here alone, ms.
     * @return whether it is new.
     */
    synchronized boolean add(Bytes32 requestHash, long nowMs) {
        Iterator<Long> times = seen.values().iterator();
        while (times.hasNext() && nowMs - times.next() > keptMs) {
            times.remove();
        }
        return seen.putIfAbsent(requestHash, nowMs) == null;
    }
}
