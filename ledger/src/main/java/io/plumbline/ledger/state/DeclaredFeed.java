package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;

/**
 * A feed as it stands in the state.
 *
 * @param fund money that its reports are paid from.
 * @param missed rounds in which some reported, and fewer than it needs: they have no value, and nobody was paid.
 * @param openRound round whose reports are being taken, or -1.
 * @param openReports reports of it so far.
 * @param openHash stands for these, see {@link ValueReport#hash}; 32 bytes.
 * @param latest value, however old; null where no round had one.
 */
public record DeclaredFeed(
        Feed feed, long fund, long missed, long openRound, int openReports, byte[] openHash, FeedValue latest) {
    /** The same without its value. */
    public DeclaredFeed withoutValue() {
        return new DeclaredFeed(feed, fund, missed, openRound, openReports, openHash, null);
    }

    /** The entry of the state tree. The declaration comes first with its length: its hash is the entry's id. */
    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter()
                .putBytes(feed.encode())
                .putLong(fund)
                .putLong(missed)
                .putLong(openRound)
                .putInt(openReports)
                .putFixed(openHash)
                .putInt(latest == null ? 0 : 1);
        return latest == null ? out.toBytes() : out.putFixed(latest.encode()).toBytes();
    }

    /** @throws MalformedException where it is none. */
    public static DeclaredFeed read(CanonicalReader in) {
        CanonicalReader declaration = new CanonicalReader(in.getBytes("declaration"), "feed");
        Feed feed = Feed.read(declaration);
        declaration.end();
        long fund = in.getLong("fund");
        long missed = in.getLong("rounds missed");
        long openRound = in.getLong("open round");
        int openReports = in.getInt("open reports");
        byte[] openHash = in.getFixed(32, "open reports' hash");
        int presence = in.getInt("presence of a value");
        if (fund < 0 || missed < 0 || openReports < 0 || openReports > Feed.MAX_REPORTS || presence >>> 1 != 0) {
            throw new MalformedException("Malformed feed: a fund of " + fund + ", " + missed + " rounds missed, "
                    + openReports + " reports, a value's presence " + presence + ".");
        }
        FeedValue latest = presence == 0 ? null : FeedValue.read(in);
        return new DeclaredFeed(feed, fund, missed, openRound, openReports, openHash, latest);
    }
}
