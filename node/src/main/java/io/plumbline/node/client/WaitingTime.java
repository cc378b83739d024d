package io.plumbline.node.client;

/**
 * How much of an audit's time went by waiting for the node; the rest is this host's own. By one thread, from its start.
 */
final class WaitingTime {
    private final long beginNs = System.nanoTime();
    private long waitedNs;

    void add(long ns) {
        waitedNs += ns;
    }

    /**
     * Whether the node took at least half: where this host did, an audit that is not over is no silence of the node's.
     */
    boolean isMost() {
        return 2 * waitedNs >= System.nanoTime() - beginNs;
    }
}
