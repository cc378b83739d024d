package io.plumbline.node;

import java.util.concurrent.TimeUnit;

/**
 * The time by which something must be over, however often a peer gives signs of life before.
 *
 * @param endNs by {@link System#nanoTime}.
 */
record Deadline(long endNs) {
    static Deadline after(long ms) {
        return new Deadline(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms));
    }

    /** Left of it in ns; 0 or less when it is over. */
    long leftNs() {
        return endNs - System.nanoTime();
    }

    /** The shorter of what is left of it and {@code ns}. */
    long atMostNs(long ns) {
        return Math.min(ns, leftNs());
    }
}
