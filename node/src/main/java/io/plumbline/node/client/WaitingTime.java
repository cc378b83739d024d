package io.plumbline.node.client;

/**
 * How much of an audit's time went by waiting for the node; the rest is this host's own. By one thread, from its start.
 */
public final class WaitingTime {
    private final long beginNs;
    private long waitedNs;

    /**
     * Of an audit that begins now.
     *
     * @param beforeNs that the node was waited for until now. It decides when an audit's openings begin: what it takes
     *     for what it discloses is its own time as well, or it would disclose so late that nothing can be opened.
     */
    public WaitingTime(long beforeNs) {
        this.beginNs = System.nanoTime() - beforeNs;
        this.waitedNs = beforeNs;
    }

    public void add(long ns) {
        waitedNs += ns;
    }

    /**
     * Whether an audit that is not over is the node's silence: it took half of the time, or a quarter for what is asked
     * of it now. Where this host's own work took so much that the node had less, it is not.
     *
     * @param nowNs that were waited for what is asked now.
     */
    public boolean isSilence(long nowNs) {
        long allNs = System.nanoTime() - beginNs;
        return 2 * waitedNs >= allNs || 4 * nowNs >= allNs;
    }
}
