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
     * Whether an audit that is not over is the node's silence: it took half of the time, or a quarter for what is asked
     * of it now. Where this host's own work took so much that the node had less, it is not.
     *
     * @param nowNs that were waited for what is asked now.
     */
    boolean isSilence(long nowNs) {
        long allNs = System.nanoTime() - beginNs;
        return 2 * waitedNs >= allNs || 4 * nowNs >= allNs;
    }
}
