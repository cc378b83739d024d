package io.plumbline.ledger.cluster;

import java.util.concurrent.TimeUnit;

/** The ledger's clock as it was last heard, and the time since: a host's own clock may be wrong. For any thread. */
final class HeardTime {
    private record Heard(long ms, long atNs) {}

    private volatile Heard last;

    void heard(long ms) {
        last = new Heard(ms, System.nanoTime());
    }

    /** Now, by the ledger; by this host, where nothing was heard. */
    long nowMs() {
        Heard heard = last;
        return heard == null
                ? System.currentTimeMillis()
                : heard.ms + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heard.atNs);
    }
}
