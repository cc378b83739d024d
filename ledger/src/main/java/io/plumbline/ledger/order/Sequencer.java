package io.plumbline.ledger.order;

import java.io.IOException;
import java.util.List;

/**
 * What puts commands in one order, the same for every replica, and lets one of them be asked. Safety does not rest on
 * it: a client believes what a quorum of full nodes has signed. An ordering that lies can hold the ledger up, and no
 * more.
 */
public interface Sequencer extends AutoCloseable {
    /**
     * What became of commands.
     *
     * @param height commands ordered so far.
     * @param timeMs cluster time.
     * @param reasons for each command why it was not applied, or null; one for all where none was looked at.
     */
    record Answer(long height, long timeMs, List<String> reasons) {}

    /**
     * Has commands ordered and applied.
     *
     * @param signed see {@link io.plumbline.ledger.state.Signed#encode}.
     * @throws IOException where nobody answers. The commands may have been applied all the same, now or later within
     *     their own time.
     */
    Answer submit(byte[] signed) throws IOException;

    /**
     * Reads the state, in order with the commands.
     *
     * @return empty where there is nothing.
     * @throws IOException where nobody answers.
     */
    byte[] ask(Query query, byte[] key) throws IOException;

    /** What was answered last did not hold: another full node is asked from now on, where there is a choice. */
    default void distrust() {
        // A full node's own session has no choice.
    }

    /** Which full node is asked first now, for {@link #distrust(int)}. */
    default int asked() {
        return 0;
    }

    /** Which full node has answered this thread last: another one where the first let it wait. */
    default int answered() {
        return 0;
    }

    /** Full nodes that can be asked. */
    default int fullNodes() {
        return 1;
    }

    /** Has one full node asked first again in place of another, unless it is a third by now. */
    default void prefer(int one, int over) {
        // A full node's own session has no choice.
    }

    /**
     * As {@link #distrust()}, where that full node is still the one that is asked first: of many that found it out at
     * once, one has another asked, and the rest do not go on past that, or back to the first.
     *
     * @param asked see {@link #asked}, from before the question whose answer did not hold.
     */
    default void distrust(int asked) {
        distrust();
    }

    /** Cluster time as far as it is known; now, where nothing is. */
    long timeMs();

    @Override
    void close();
}
