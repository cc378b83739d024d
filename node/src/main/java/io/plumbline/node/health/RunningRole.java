package io.plumbline.node.health;

import io.micrometer.core.instrument.MeterRegistry;

/** A role that runs: what its process asks of it. Its methods are called by any thread, and return at once. */
public interface RunningRole extends AutoCloseable {
    /** Why it is not ready to do its work, in a few words for the operator; null where it is. May take 2 s. */
    String notReady();

    /** Adds its metrics. */
    default void bindTo(MeterRegistry registry) {
        // The metrics of every process say enough.
    }

    /** Takes on nothing new from now on, and says so to those that ask; what was begun goes on. */
    default void drain() {
        // A role that takes nothing on has nothing to drain.
    }

    /** Whether nothing that was taken on is left to do. */
    default boolean isIdle() {
        return true;
    }

    /** Ends early what is left, with a receipt for what was delivered; it becomes idle soon. */
    default void cut() {
        // As above.
    }

    @Override
    void close();
}
