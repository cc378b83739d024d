package io.plumbline.ledger.order;

import io.plumbline.ledger.state.DeclaredFeed;
import io.plumbline.ledger.state.FeedValue;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * A feed as one full node answers it: with its latest value only where that may still be used. A proof is another
 * question, see {@link Query#PROOF}.
 *
 * @param declared without the value where that is stale.
 * @param isStale whether there is a value, and it is older than the feed allows.
 * @param timeMs cluster time of the answer, by which a value's age is meant.
 */
public record FeedReading(DeclaredFeed declared, boolean isStale, long timeMs) {
    /** A feed at a time. */
    static FeedReading of(DeclaredFeed declared, long nowMs) {
        boolean isStale = declared.latest() != null && declared.latest().isStale(declared.feed(), nowMs);
        return new FeedReading(isStale ? declared.withoutValue() : declared, isStale, nowMs);
    }

    /** Its latest value; null where there is none, or it is stale. */
    public FeedValue value() {
        return declared.latest();
    }

    byte[] encode() {
        return new CanonicalWriter()
                .putLong(timeMs)
                .putInt(isStale ? 1 : 0)
                .putFixed(declared.encode())
                .toBytes();
    }

    /** @throws MalformedException where these bytes are none, or give a value that is stale. */
    public static FeedReading decode(byte[] bytes) {
        CanonicalReader in = new CanonicalReader(bytes, "feed");
        long timeMs = in.getLong("time");
        int stale = in.getInt("staleness");
        DeclaredFeed declared = DeclaredFeed.read(in);
        in.end();
        FeedValue value = declared.latest();
        if (stale >>> 1 != 0 || timeMs < 0 || value != null && (stale == 1 || value.isStale(declared.feed(), timeMs))) {
            throw new MalformedException("Malformed feed: at " + timeMs + " ms it gives a value that is stale.");
        }
        return new FeedReading(declared, stale == 1, timeMs);
    }
}
