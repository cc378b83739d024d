package io.plumbline.node.gateway;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How quick the nodes are that this gateway buys from, as far as it has seen: the time to a first token, by a running
 * mean, and how many answers are under way at each. A node that was not tried counts as quick, so that it is. Any
 * thread may call.
 */
final class NodePace {
    /** Share of the newest reading in the mean. */
    private static final double NEWEST = 0.2;

    /** Nodes that are remembered. */
    private static final int MAX_NODES = 10_000;

    /** The readings of one. */
    private static final class Seen {
        private double firstNs;
        private int underWay;
    }

    private final LongSupplier clockNs;

    private final Map<Bytes32, Seen> seen = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes32, Seen> eldest) {
            return size() > MAX_NODES;
        }
    };

    /** @param clockNs nanoseconds since some time, as {@link System#nanoTime}. */
    NodePace(LongSupplier clockNs) {
        this.clockNs = clockNs;
    }

    /** One answer of a node, from asking to its end. */
    final class Reading {
        private final Seen of;
        private final long begunNs;
        private boolean isWaiting = true;
        private boolean isUnderWay = true;

        private Reading(Seen of) {
            this.of = of;
            this.begunNs = clockNs.getAsLong();
        }

        /** A token has come; those after the first say nothing new. */
        void token() {
            first(0);
        }

        /** It is not waited for any longer: a first token that has not come takes as long as this at least. */
        void givenUp() {
            synchronized (NodePace.this) {
                first(of.firstNs);
            }
        }

        /** @param leastNs a shorter time says nothing. */
        private void first(double leastNs) {
            synchronized (NodePace.this) {
                double tookNs = clockNs.getAsLong() - begunNs;
                if (isWaiting && tookNs >= leastNs) {
                    of.firstNs = of.firstNs == 0 ? tookNs : of.firstNs + NEWEST * (tookNs - of.firstNs);
                }
                isWaiting = false;
            }
        }

        /** The answer is over, whatever came of it. */
        void end() {
            synchronized (NodePace.this) {
                if (isUnderWay) {
                    isUnderWay = false;
                    of.underWay--;
                }
            }
        }
    }

    /** A node is asked. */
    synchronized Reading begin(Bytes32 node) {
        Seen one = seen.computeIfAbsent(node, unused -> new Seen());
        one.underWay++;
        return new Reading(one);
    }

    /**
     * How long a first token from a node may take, in nanoseconds: longer the more answers are under way there.
     *
     * @return 0 where the node was never tried.
     */
    synchronized double expectedNs(Bytes32 node) {
        Seen one = seen.get(node);
        return one == null ? 0 : one.firstNs * (1 + one.underWay);
    }

    /** The running mean of the time to a node's first token, in nanoseconds; 0 where it was never tried. */
    synchronized double firstNs(Bytes32 node) {
        Seen one = seen.get(node);
        return one == null ? 0 : one.firstNs;
    }

    /** Answers of a node that are under way. */
    synchronized int underWay(Bytes32 node) {
        Seen one = seen.get(node);
        return one == null ? 0 : one.underWay;
    }
}
