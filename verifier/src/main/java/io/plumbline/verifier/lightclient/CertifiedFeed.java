package io.plumbline.verifier.lightclient;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import java.util.ArrayList;
import java.util.List;

/**
 * The ledger's entry on a feed as a verifier reads it: what was declared, and the latest value. The state machine has a
 * reader of its own: checker and checked share no code here.
 *
 * @param id hash of the declaration, 32 bytes.
 * @param owner public key that declared it.
 * @param decimals a value is an integer times 10^-decimals.
 * @param least smallest value that is taken, and {@code most} the largest.
 * @param maxAgeMs how old a value may be and still be used.
 * @param policy BLAKE3 of the text that says where and how the value is fetched, 32 bytes.
 * @param fund money that reports are paid from, in the ledger's smallest unit.
 * @param missed rounds in which too few reported.
 * @param latest value, however old; null where no round had one.
 */
public record CertifiedFeed(
        Bytes32 id,
        Bytes32 owner,
        String name,
        String unit,
        int decimals,
        long least,
        long most,
        long roundMs,
        int leastReports,
        long maxAgeMs,
        Bytes32 policy,
        long fund,
        long missed,
        Value latest) {
    private static final int MAX_TEXT = 255;
    private static final int MAX_DECIMALS = 18;
    private static final int MAX_REPORTS = 64;

    /**
     * The outcome of a round.
     *
     * @param spread median distance of the reports that counted from {@code value}.
     * @param reports that were taken in all.
     * @param outliers keys of the data nodes whose reports did not count, ascending.
     * @param timeMs cluster time at which the round closed: the value's age counts from here.
     * @param reportsHash stands for all reports with all they say, 32 bytes.
     */
    public record Value(
            long round,
            long value,
            long spread,
            int reports,
            List<Bytes32> outliers,
            long timeMs,
            byte[] reportsHash) {}

    /**
     * Reads the value of an entry.
     *
     * @throws MalformedException where it is none.
     */
    public static CertifiedFeed decode(byte[] entry) {
        CanonicalReader in = new CanonicalReader(entry, "feed");
        byte[] declaration = in.getBytes("declaration");
        Bytes32 id = LedgerHashes.feedId(declaration);
        CanonicalReader declared = new CanonicalReader(declaration, "feed's declaration");
        Bytes32 owner = declared.getBytes32("owner");
        String name = text(declared, "name");
        String unit = text(declared, "unit");
        int decimals = Math.toIntExact(within(declared.getInt("decimals"), "decimals", 0, MAX_DECIMALS));
        long least = declared.getLong("least value");
        long most = within(declared.getLong("most value"), "most value", least, Long.MAX_VALUE);
        long roundMs = within(declared.getLong("round"), "round", 1, Long.MAX_VALUE);
        within(declared.getLong("time for reports"), "time for reports", 1, roundMs);
        int leastReports = Math.toIntExact(within(declared.getInt("fewest reports"), "fewest reports", 1, MAX_REPORTS));
        long maxAgeMs = within(declared.getLong("age"), "age", roundMs, Long.MAX_VALUE);
        Bytes32 policy = declared.getBytes32("policy");
        declared.getLong("pay");
        declared.end();
        long fund = within(in.getLong("fund"), "fund", 0, Long.MAX_VALUE);
        long missed = within(in.getLong("rounds missed"), "rounds missed", 0, Long.MAX_VALUE);
        in.getLong("open round");
        in.getInt("open reports");
        in.getFixed(Blake3.HASH_BYTES, "open reports' hash");
        Value latest = within(in.getInt("presence of a value"), "presence of a value", 0, 1) == 0
                ? null
                : value(in, id, least, most);
        in.end();
        return new CertifiedFeed(
                id,
                owner,
                name,
                unit,
                decimals,
                least,
                most,
                roundMs,
                leastReports,
                maxAgeMs,
                policy,
                fund,
                missed,
                latest);
    }

    private static Value value(CanonicalReader in, Bytes32 id, long least, long most) {
        if (!in.getBytes32("feed").equals(id)) {
            throw new MalformedException("Malformed feed: its value is another feed's.");
        }
        long round = within(in.getLong("value's round"), "value's round", 0, Long.MAX_VALUE);
        long value = within(in.getLong("value"), "value", least, most);
        long spread = within(in.getLong("spread"), "spread", 0, Long.MAX_VALUE);
        int reports = Math.toIntExact(within(in.getInt("reports"), "reports", 1, MAX_REPORTS));
        List<Bytes32> outliers = new ArrayList<>();
        for (long n = within(in.getInt("outliers"), "outliers", 0, reports - 1L); n > 0; n--) {
            outliers.add(in.getBytes32("outlier"));
        }
        long timeMs = within(in.getLong("value's time"), "value's time", 0, Long.MAX_VALUE);
        byte[] reportsHash = in.getFixed(Blake3.HASH_BYTES, "reports' hash");
        return new Value(round, value, spread, reports, List.copyOf(outliers), timeMs, reportsHash);
    }

    private static String text(CanonicalReader in, String field) {
        String text = in.getText(field);
        if (text.length() > MAX_TEXT || !text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
            throw new MalformedException("Malformed feed: its " + field + " is too long, or not printable.");
        }
        return text;
    }

    private static long within(long number, String field, long least, long most) {
        if (number < least || number > most) {
            throw new MalformedException("Malformed feed: " + field + " is " + number + ".");
        }
        return number;
    }
}
