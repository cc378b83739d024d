package io.plumbline.node.network;

import java.util.concurrent.TimeUnit;

/**
 * The time by which something must be over, however often a peer gives signs of life before. It may come nearer while
 * somebody waits.
 */
@FunctionalInterface
public interface Deadline {
    /** Whoever waits looks again after so long. */
    long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(100);

    static Deadline after(long ms) {
        long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
        return () -> endNs - System.nanoTime();
    }

    /** Left of it in ns; 0 or less when it is over. */
    long leftNs();
}
