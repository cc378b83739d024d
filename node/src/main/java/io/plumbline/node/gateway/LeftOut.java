package io.plumbline.node.gateway;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;

/**
 * Nodes that are not asked for a while, by their keys. What a node did goes with it to the key that replaces its own:
 * it could name a row of them beforehand, and have each forget what the one before has done. Any thread may call.
 */
final class LeftOut {
    /** Entries, at most; more are not remembered. */
    private static final int MOST = 10_000;

    /** Keys whose successor is asked for in one call: each is a question to a full node. */
    private static final int MOST_ASKED = 8;

    /** From one question after a key to the next, twice as long each time. */
    private static final long FIRST_PAUSE_NS = TimeUnit.SECONDS.toNanos(1);

    private static final long LONGEST_PAUSE_NS = TimeUnit.MINUTES.toNanos(5);

    /** @param why what it is left out for; the node itself where it is empty. */
    private record Left(String why, Bytes32 key) {}

    private static final class Until {
        private final long ns;
        private long pauseNs = FIRST_PAUSE_NS;
        private long askNs;

        /** @param askNs when its successor may be asked for. */
        Until(long ns, long askNs) {
            this.ns = ns;
            this.askNs = askNs;
        }
    }

    private final LongSupplier clockNs;
    private final Map<Left, Until> left = new HashMap<>();

    /** All nodes when it was last looked for successors. */
    private Set<Bytes32> seen = Set.of();

    /** @param clockNs nanoseconds since some time, as {@link System#nanoTime}. */
    LeftOut(LongSupplier clockNs) {
        this.clockNs = clockNs;
    }

    synchronized boolean contains(String why, Bytes32 key) {
        Until until = left.get(new Left(why, key));
        return until != null && until.ns - clockNs.getAsLong() > 0;
    }

    /** Leaves a node out for so long; what was decided before for longer stands. */
    synchronized void add(String why, Bytes32 key, long ns) {
        long now = clockNs.getAsLong();
        left.values().removeIf(until -> until.ns - now <= 0);
        put(new Left(why, key), now + ns);
    }

    private void put(Left which, long untilNs) {
        if (left.size() < MOST) {
            left.merge(
                    which,
                    new Until(untilNs, clockNs.getAsLong()),
                    (before, after) -> before.ns - after.ns > 0 ? before : after);
        }
    }

    /**
     * Leaves out those that have replaced a node which is left out, and is not among the nodes any more.
     *
     * @param nodes keys of all that are registered.
     * @param successors tell which key has replaced one; null where none has, or it cannot be found out now.
     */
    void follow(Set<Bytes32> nodes, UnaryOperator<Bytes32> successors) {
        look(nodes);
        for (int asked = 0; asked < MOST_ASKED; asked++) {
            Left next = nextGone(nodes);
            if (next == null) {
                return;
            }
            Bytes32 successor = successors.apply(next.key);
            if (successor != null) {
                moved(next, successor);
            }
        }
    }

    /** A node that was not there before may be the successor of any that is gone: all may be asked for at once. */
    private synchronized void look(Set<Bytes32> nodes) {
        if (!seen.containsAll(nodes)) {
            long now = clockNs.getAsLong();
            left.values().forEach(until -> until.askNs = now);
        }
        seen = Set.copyOf(nodes);
    }

    private synchronized Left nextGone(Set<Bytes32> nodes) {
        long now = clockNs.getAsLong();
        for (Map.Entry<Left, Until> one : left.entrySet()) {
            Until until = one.getValue();
            Left which = one.getKey();
            if (which.why.isEmpty() && !nodes.contains(which.key) && until.ns - now > 0 && until.askNs - now <= 0) {
                until.askNs = now + until.pauseNs;
                until.pauseNs = Math.min(LONGEST_PAUSE_NS, 2 * until.pauseNs);
                return which;
            }
        }
        return null;
    }

    private synchronized void moved(Left from, Bytes32 to) {
        Until until = left.remove(from);
        if (until != null) {
            put(new Left(from.why, to), until.ns);
        }
    }
}
