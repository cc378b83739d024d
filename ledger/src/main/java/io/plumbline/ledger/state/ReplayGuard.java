package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What became of commands that may come again: who sends one a second time, having heard nothing, gets the first
 * one's answer. They are forgotten when their own time is over, because then they are not applied any more.
 */
final class ReplayGuard {
    /** Reasons by command id, in order; empty text where a command was applied. */
    private final Map<Bytes32, List<String>> byId = new HashMap<>();

    private final NavigableMap<Long, TreeSet<Bytes32>> byLastMs = new TreeMap<>();

    /** What was answered before, or null. */
    List<String> find(Bytes32 id) {
        return byId.get(id);
    }

    void put(Bytes32 id, long lastMs, List<String> reasons) {
        byId.put(id, List.copyOf(reasons));
        byLastMs.computeIfAbsent(lastMs, at -> new TreeSet<>()).add(id);
    }

    void expire(long nowMs) {
        while (!byLastMs.isEmpty() && byLastMs.firstKey() < nowMs) {
            byLastMs.pollFirstEntry().getValue().forEach(byId::remove);
        }
    }

    void write(CanonicalWriter out) {
        out.putInt(byId.size());
        byLastMs.forEach((lastMs, ids) -> ids.forEach(id -> {
            List<String> reasons = byId.get(id);
            out.putLong(lastMs).putFixed(id.bytes()).putInt(reasons.size());
            reasons.forEach(out::putText);
        }));
    }

    static ReplayGuard read(CanonicalReader in) {
        ReplayGuard outcomes = new ReplayGuard();
        for (int n = in.getInt("outcomes"); n > 0; n--) {
            long lastMs = in.getLong("last time");
            Bytes32 id = Bytes32.of(in.getFixed(32, "command id"));
            List<String> reasons = new ArrayList<>();
            for (int k = in.getInt("reasons"); k > 0; k--) {
                reasons.add(in.getText("reason"));
            }
            outcomes.put(id, lastMs, reasons);
        }
        return outcomes;
    }
}
