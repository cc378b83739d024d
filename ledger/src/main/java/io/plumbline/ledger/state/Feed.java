package io.plumbline.ledger.state;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes;

/**
 * An outside fact that data nodes report round by round, as its owner has declared it. It never changes: another
 * declaration is another feed.
 *
 * @param owner public key of the account that declared it, 32 bytes.
 * @param name 1 to 255 printable ASCII characters.
 * @param unit of a value, at most 64 printable ASCII characters.
 * @param decimals a value is an integer times 10^-decimals; 0 to 18.
 * @param least smallest value that is taken, and {@code most} the largest.
 * @param roundMs length of a round, 1 s to 7 days: round r begins when the ledger's time is r times this.
 * @param reportMs time from a round's begin in which its reports are taken; 1 to {@code roundMs}, and at most {@link
 *     #MAX_REPORT_MS}.
 * @param leastReports reports without which a round has no value; 1 to {@link #MAX_REPORTS}.
 * @param maxAgeMs how old a value may be and still be used; {@code roundMs} to a year.
 * @param policy BLAKE3 of the text that says where and how the value is fetched; 32 bytes. Data nodes keep the text.
 * @param pay for each report that counted, from the feed's fund; 0 or more.
 */
public record Feed(
        Bytes32 owner,
        String name,
        String unit,
        int decimals,
        long least,
        long most,
        long roundMs,
        long reportMs,
        int leastReports,
        long maxAgeMs,
        Bytes32 policy,
        long pay) {
    /** Reports of a round, at most. */
    public static final int MAX_REPORTS = 64;

    /**
     * Longest time in which reports of a round are taken. It is shorter than any time for which a stake that is asked
     * back still answers ({@link Parameters#unbondMs} is at least twice {@link Parameters#MAX_OPENING_MS}), so no stake
     * leaves before the rounds are closed that its owner reported in.
     */
    public static final long MAX_REPORT_MS = Parameters.MAX_OPENING_MS;

    private static final int MAX_NAME = 255;
    private static final int MAX_UNIT = 64;
    private static final int MAX_DECIMALS = 18;
    private static final long LEAST_ROUND_MS = 1_000;
    private static final long DAY_MS = 24 * 3_600_000L;
    private static final long MAX_ROUND_MS = 7 * DAY_MS;
    private static final long MAX_AGE_MS = 365 * DAY_MS;

    /** The same, of another owner. */
    Feed ownedBy(Bytes32 account) {
        return new Feed(
                account, name, unit, decimals, least, most, roundMs, reportMs, leastReports, maxAgeMs, policy, pay);
    }

    /** The first fault of it, or null. */
    public String fault() {
        if (name.isEmpty() || name.length() > MAX_NAME || !isPrintable(name)) {
            return "a feed's name has 1 to " + MAX_NAME + " printable ASCII characters";
        }
        if (unit.length() > MAX_UNIT || !isPrintable(unit)) {
            return "a feed's unit has at most " + MAX_UNIT + " printable ASCII characters";
        }
        if (decimals < 0 || decimals > MAX_DECIMALS) {
            return decimals + " decimals are not in 0.." + MAX_DECIMALS;
        }
        if (least > most) {
            return "the least value, " + least + ", is above the most, " + most;
        }
        if (roundMs < LEAST_ROUND_MS || roundMs > MAX_ROUND_MS) {
            return "a round of " + roundMs + " ms is not in " + LEAST_ROUND_MS + ".." + MAX_ROUND_MS;
        }
        long mostReportMs = Math.min(roundMs, MAX_REPORT_MS);
        if (reportMs < 1 || reportMs > mostReportMs) {
            return "a time for reports of " + reportMs + " ms is not in 1.." + mostReportMs;
        }
        if (leastReports < 1 || leastReports > MAX_REPORTS) {
            return leastReports + " reports as the fewest are not in 1.." + MAX_REPORTS;
        }
        if (maxAgeMs < roundMs || maxAgeMs > MAX_AGE_MS) {
            return "an age of " + maxAgeMs + " ms is not in " + roundMs + ".." + MAX_AGE_MS;
        }
        return pay < 0 || pay > Books.MAX_DEPOSITED ? "a pay of " + pay + " is negative, or more than there is" : null;
    }

    /** The same on every JVM, whatever Unicode it knows, and nothing that a terminal obeys. */
    private static boolean isPrintable(String text) {
        return text.chars().allMatch(c -> c >= ' ' && c <= '~');
    }

    /** By which it is known: 32 bytes. */
    public Bytes32 id() {
        return LedgerHashes.feedId(encode());
    }

    /** The round of a time, in ms of the ledger. */
    public long round(long timeMs) {
        return Math.floorDiv(timeMs, roundMs);
    }

    /**
     * When a round is closed: reports are taken before.
     *
     * @throws ArithmeticException where no time is that of this round.
     */
    public long closesMs(long round) {
        return Math.addExact(Math.multiplyExact(round, roundMs), reportMs);
    }

    public byte[] encode() {
        CanonicalWriter out = new CanonicalWriter().putBytes32(owner);
        writeTerms(out);
        return out.toBytes();
    }

    /** All but its owner. */
    void writeTerms(CanonicalWriter out) {
        out.putText(name)
                .putText(unit)
                .putInt(decimals)
                .putLong(least)
                .putLong(most)
                .putLong(roundMs)
                .putLong(reportMs)
                .putInt(leastReports)
                .putLong(maxAgeMs)
                .putBytes32(policy)
                .putLong(pay);
    }

    /** @return what was read, which may have a {@link #fault}. */
    static Feed readTerms(Bytes32 owner, CanonicalReader in) {
        return new Feed(
                owner,
                in.getText("name"),
                in.getText("unit"),
                in.getInt("decimals"),
                in.getLong("least value"),
                in.getLong("most value"),
                in.getLong("round"),
                in.getLong("time for reports"),
                in.getInt("fewest reports"),
                in.getLong("age"),
                in.getBytes32("policy"),
                in.getLong("pay"));
    }

    /** @throws MalformedException where it is none that a ledger takes. */
    public static Feed read(CanonicalReader in) {
        Feed feed = readTerms(in.getBytes32("owner"), in);
        String fault = feed.fault();
        if (fault != null) {
            throw new MalformedException("Malformed feed: " + fault + ".");
        }
        return feed;
    }
}
