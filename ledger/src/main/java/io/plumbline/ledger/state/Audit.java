package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Verdict.Opinion;
import io.plumbline.verifier.audit.Cell;
import io.plumbline.verifier.audit.Cells;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The audit of one answer as the ledger sees it. Keys of maps are full nodes' keys in hexadecimal.
 *
 * @param beacon 32 bytes, drawn when the receipt was ordered.
 * @param auditors whose verdicts count.
 * @param round begins anew, and with it all commitments, when a challenge is posted.
 * @param posted cells that an auditor got no answer for, at most one from each.
 * @param commitments of this round.
 * @param verdicts revealed.
 * @param deadlineMs cluster time at which this phase ends.
 */
public record Audit(
        byte[] beacon,
        List<String> auditors,
        int round,
        SortedMap<String, Cell> posted,
        SortedMap<String, byte[]> commitments,
        SortedMap<String, Verdict> verdicts,
        long deadlineMs) {
    /** Before a receipt is ordered there is none. */
    static final Audit NONE = new Audit(
            new byte[32],
            List.of(),
            0,
            Collections.emptySortedMap(),
            Collections.emptySortedMap(),
            Collections.emptySortedMap(),
            Long.MAX_VALUE);

    /** Verdicts that decide: more than half. */
    public int quorum() {
        return auditors.size() / 2 + 1;
    }

    /** Cells posted by any auditor. */
    public List<Cell> postedCells() {
        return List.copyOf(posted.values());
    }

    /** Good verdicts whose auditors show the same work, the most there are: others did not do theirs. */
    public long good() {
        return goodByWork().values().stream().mapToLong(List::size).max().orElse(0);
    }

    /** Verdicts that the answer is bad. */
    public long bad() {
        return verdicts.values().stream()
                .filter(verdict -> verdict.opinion() == Opinion.BAD)
                .count();
    }

    /** Auditors who called an answer good without the work that most others show. */
    public List<String> lazy() {
        List<String> lazy = new ArrayList<>();
        long most = good();
        goodByWork().values().stream().filter(same -> same.size() < most).forEach(lazy::addAll);
        Collections.sort(lazy);
        return lazy;
    }

    private Map<String, List<String>> goodByWork() {
        Map<String, List<String>> byWork = new HashMap<>();
        verdicts.forEach((auditor, verdict) -> {
            if (verdict.opinion() == Opinion.GOOD) {
                byWork.computeIfAbsent(HexFormat.of().formatHex(verdict.work()), work -> new ArrayList<>())
                        .add(auditor);
            }
        });
        return byWork;
    }

    Audit until(long nextDeadlineMs) {
        return new Audit(beacon, auditors, round, posted, commitments, verdicts, nextDeadlineMs);
    }

    Audit committed(String auditor, byte[] commitment) {
        return new Audit(beacon, auditors, round, posted, plus(commitments, auditor, commitment), verdicts, deadlineMs);
    }

    Audit revealed(String auditor, Verdict verdict) {
        return new Audit(beacon, auditors, round, posted, commitments, plus(verdicts, auditor, verdict), deadlineMs);
    }

    Audit posted(String auditor, Cell cell, long nextDeadlineMs) {
        return new Audit(
                beacon,
                auditors,
                round + 1,
                plus(posted, auditor, cell),
                Collections.emptySortedMap(),
                verdicts,
                nextDeadlineMs);
    }

    private static <V> SortedMap<String, V> plus(SortedMap<String, V> map, String key, V value) {
        SortedMap<String, V> more = new TreeMap<>(map);
        more.put(key, value);
        return Collections.unmodifiableSortedMap(more);
    }

    void write(CanonicalWriter out) {
        out.putFixed(beacon).putInt(auditors.size());
        auditors.forEach(auditor -> out.putFixed(HexFormat.of().parseHex(auditor)));
        out.putInt(round).putInt(posted.size());
        posted.forEach((auditor, cell) -> {
            out.putFixed(HexFormat.of().parseHex(auditor));
            Cells.write(out, cell);
        });
        out.putInt(commitments.size());
        commitments.forEach((auditor, commitment) ->
                out.putFixed(HexFormat.of().parseHex(auditor)).putFixed(commitment));
        out.putInt(verdicts.size());
        verdicts.forEach((auditor, verdict) -> {
            out.putFixed(HexFormat.of().parseHex(auditor));
            verdict.write(out);
        });
        out.putLong(deadlineMs);
    }

    static Audit read(CanonicalReader in) {
        byte[] beacon = in.getFixed(32, "beacon");
        List<String> auditors = new ArrayList<>();
        for (int n = in.getInt("auditors"); n > 0; n--) {
            auditors.add(key(in));
        }
        int round = in.getInt("round");
        SortedMap<String, Cell> posted = new TreeMap<>();
        for (int n = in.getInt("posted"); n > 0; n--) {
            String auditor = key(in);
            posted.put(auditor, Cells.read(in));
        }
        SortedMap<String, byte[]> commitments = new TreeMap<>();
        for (int n = in.getInt("commitments"); n > 0; n--) {
            String auditor = key(in);
            commitments.put(auditor, in.getFixed(32, "commitment"));
        }
        SortedMap<String, Verdict> verdicts = new TreeMap<>();
        for (int n = in.getInt("verdicts"); n > 0; n--) {
            String auditor = key(in);
            verdicts.put(auditor, Verdict.read(in));
        }
        return new Audit(beacon, List.copyOf(auditors), round, posted, commitments, verdicts, in.getLong("deadline"));
    }

    private static String key(CanonicalReader in) {
        return HexFormat.of().formatHex(in.getFixed(32, "auditor"));
    }
}
