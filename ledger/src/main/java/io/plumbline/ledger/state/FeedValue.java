package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes;
import java.util.ArrayList;
import java.util.List;

/**
 * The outcome of a feed's round.
 *
 * @param feed its id, 32 bytes.
 * @param value median of the reports that were no outliers, see {@link RobustMedian}.
 * @param spread median distance of these from {@code value}.
 * @param reports that were taken in all; 1 to {@link Feed#MAX_REPORTS}.
 * @param outliers data nodes whose reports did not count, in the order of their keys; fewer than {@code reports}.
 * @param timeMs cluster time at which the round closed; a value's age counts from here.
 * @param reportsHash stands for all reports with all they say, see {@link ValueReport#hash}; 32 bytes.
 */
public record FeedValue(
        Bytes32 feed,
        long round,
        long value,
        long spread,
        int reports,
        List<Bytes32> outliers,
        long timeMs,
        byte[] reportsHash) {
    public FeedValue {
        outliers = List.copyOf(outliers);
    }

    /** Under which the value of a round stands in the state, 32 bytes. */
    public static Bytes32 id(Bytes32 feed, long round) {
        return LedgerHashes.feedValueId(feed, round);
    }

    /** Whether it is older than its feed allows at a time. */
    public boolean isStale(Feed declared, long nowMs) {
        return nowMs - timeMs > declared.maxAgeMs();
    }

    /** The entry of the state tree. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putBytes32(feed)
                .putLong(round)
                .putLong(value)
                .putLong(spread)
                .putInt(reports)
                .putInt(outliers.size());
        outliers.forEach(node -> out.putBytes32(node));
        return out.putLong(timeMs).putFixed(reportsHash).toBytes();
    }

    /** @throws MalformedException where it is none. */
    public static FeedValue read(CanonicalReader in) {
        Bytes32 feed = in.getBytes32("feed");
        long round = in.getLong("round");
        long value = in.getLong("value");
        long spread = in.getLong("spread");
        int reports = in.getInt("reports");
        int count = in.getInt("outliers");
        if (reports < 1 || reports > Feed.MAX_REPORTS || count < 0 || count >= reports || spread < 0) {
            throw new MalformedException("Malformed feed value: it is of " + reports + " reports and " + count
                    + " outliers, with a spread of " + spread + ".");
        }
        List<Bytes32> outliers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Bytes32 node = in.getBytes32("outlier");
            if (i > 0 && node.compareTo(outliers.getLast()) <= 0) {
                throw new MalformedException("Malformed feed value: its outliers are not in the order of their keys.");
            }
            outliers.add(node);
        }
        long timeMs = in.getLong("time");
        if (round < 0 || timeMs < 0) {
            throw new MalformedException("Malformed feed value: round " + round + " closed at " + timeMs + " ms.");
        }
        return new FeedValue(feed, round, value, spread, reports, outliers, timeMs, in.getFixed(32, "reports' hash"));
    }
}
