package io.plumbline.node.gateway;

import io.plumbline.verifier.encoding.Bytes32;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Tells whose fault a refusal is. A client can make requests that honest nodes refuse, so a refusal says nothing of a
 * node that answers others; one that answers nothing, and refuses what another node then answers, wastes escrows. Any
 * thread may call.
 */
final class Refusals {
    /** For so long a node that has answered may refuse what it likes. */
    private static final long ANSWERED_NS = TimeUnit.HOURS.toNanos(1);

    /** Nodes that are remembered. */
    private static final int MAX_NODES = 10_000;

    private final LongSupplier clockNs;

    /** When they answered last. */
    private final Map<Bytes32, Long> answeredNs = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes32, Long> eldest) {
            return size() > MAX_NODES;
        }
    };

    /** @param clockNs nanoseconds since some time, as {@link System#nanoTime}. */
    Refusals(LongSupplier clockNs) {
        this.clockNs = clockNs;
    }

    synchronized void answered(Bytes32 node) {
        answeredNs.put(node, clockNs.getAsLong());
    }

    /** Whether it counts against a node that it refused a request which another has answered. */
    synchronized boolean counts(Bytes32 node) {
        Long last = answeredNs.get(node);
        return last == null || clockNs.getAsLong() - last > ANSWERED_NS;
    }
}
