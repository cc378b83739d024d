package io.plumbline.node.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.ledger.state.Settlement;
import io.plumbline.verifier.encoding.Bytes32;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * How the answers of each inference node came out, as far as a role has seen since it began. Sums alone: no request and
 * no requester can be told from them. Any thread may call.
 */
public final class NodeQuality {
    /** Nodes that are remembered; the one that was heard of longest ago goes first. */
    static final int MAX_NODES = 256;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final LongSupplier clockMs;

    private final Map<Bytes32, Tally> byNode = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Bytes32, Tally> eldest) {
            return size() > MAX_NODES;
        }
    };

    private static final class Tally {
        private final long sinceMs;
        private long lastMs;
        private long settled;
        private long refunded;
        private long slashed;
        private long tokens;
        private long audits;
        private long faults;
        private long cells;
        private long rows;
        private long heads;
        private long positions;

        Tally(long sinceMs) {
            this.sinceMs = sinceMs;
        }
    }

    /** @param clockMs milliseconds since 1970. */
    public NodeQuality(LongSupplier clockMs) {
        this.clockMs = clockMs;
    }

    private Tally of(Bytes32 node) {
        Tally tally = byNode.computeIfAbsent(node, unused -> new Tally(clockMs.getAsLong()));
        tally.lastMs = clockMs.getAsLong();
        return tally;
    }

    /** An answer that was audited has come to its end. */
    public synchronized void closed(Settlement settlement) {
        Tally tally = of(settlement.node());
        switch (settlement.status()) {
            case SETTLED -> tally.settled++;
            case REFUNDED -> tally.refunded++;
            case SLASHED -> tally.slashed++;
            default -> throw new IllegalArgumentException("The settlement is open: " + settlement.status() + ".");
        }
        // An answer proven false was counted when it was settled, or says nothing.
        if (settlement.receipt() != null && settlement.status() != Settlement.Status.SLASHED) {
            tally.tokens +=
                    settlement.receipt().promptTokens() + settlement.receipt().outputTokens();
        }
    }

    /**
     * This process has audited an answer itself.
     *
     * @param cells,rows,heads,positions that it recomputed, all of them equal but for the last where it is not good.
     */
    public synchronized void audited(Bytes32 node, boolean isGood, long cells, long rows, long heads, long positions) {
        Tally tally = of(node);
        tally.audits++;
        tally.faults += isGood ? 0 : 1;
        tally.cells += cells;
        tally.rows += rows;
        tally.heads += heads;
        tally.positions += positions;
    }

    /** The section: sums by the nodes' keys in hexadecimal, at most {@link LedgerSections#MAX_ROWS} of the latest. */
    public synchronized ObjectNode section() {
        ObjectNode json = MAPPER.createObjectNode();
        byNode.entrySet().stream()
                .skip(Math.max(0, byNode.size() - LedgerSections.MAX_ROWS))
                .forEach(entry -> {
                    Tally tally = entry.getValue();
                    json.putObject(entry.getKey().toString())
                            .put("since_ms", tally.sinceMs)
                            .put("last_ms", tally.lastMs)
                            .put("settled", tally.settled)
                            .put("refunded", tally.refunded)
                            .put("slashed", tally.slashed)
                            .put("tokens", tally.tokens)
                            .put("audits", tally.audits)
                            .put("faults", tally.faults)
                            .put("cells", tally.cells)
                            .put("rows", tally.rows)
                            .put("heads", tally.heads)
                            .put("positions", tally.positions);
                });
        return json;
    }
}
