package io.plumbline.transport.guard;

import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How often one host may begin: a token bucket each, for the hosts heard last. Single-threaded. */
final class Rates {
    /** Beginnings that a host may make at once. */
    static final int BURST = 256;

    private static final long REFILL_NS = TimeUnit.SECONDS.toNanos(1) / 64;
    private static final int MAX_HOSTS = 4096;

    /** Of each host, when its bucket will be full again. */
    private final Map<Long, Long> fullAtNs = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
            return size() > MAX_HOSTS;
        }
    };

    boolean admits(InetAddress from, long nowNs) {
        long host = Hosts.of(from);
        Long full = fullAtNs.get(host);
        long next = (full == null || full - nowNs < 0 ? nowNs : full) + REFILL_NS;
        if (next - nowNs > BURST * REFILL_NS) {
            return false;
        }
        fullAtNs.put(host, next);
        return true;
    }
}
