package io.plumbline.ledger.state;

import io.plumbline.ledger.state.Command.FundFeed;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Outside facts: feeds with their funds, the reports of rounds that are open, and what closed rounds came to. A feed
 * has one open round at most, and none while nobody reports: a feed that is left alone costs nothing as time goes by.
 */
final class Feeds {
    /** Feeds that there may be: with all values of a feed that many report on, some 70 kB each in a snapshot. */
    static final int MAX_FEEDS = 10_000;

    /** Values of a feed that stay in the state. */
    static final int KEPT_VALUES = 64;

    /** How far a data node's clock may be ahead, in ms: as far as a full node's. */
    private static final long MAX_AHEAD_MS = 60_000;

    private static final long NONE = -1;

    private final Books books;
    private final Registry registry;
    private final Entries entries;
    private final NavigableMap<Bytes32, FeedState> feeds = new TreeMap<>();

    /** Data nodes that signed two reports for one round. */
    private final SortedMap<Bytes32, Equivocation> caught = new TreeMap<>();

    /** Feeds whose round is open, by the time it closes. */
    private final NavigableMap<Long, TreeSet<Bytes32>> closings = new TreeMap<>();

    /** Money of all funds. */
    private long funds;

    private static final class FeedState {
        private final Feed feed;
        private final Bytes32 id;
        private final SortedMap<Bytes32, ValueReport> reports = new TreeMap<>();

        /** The oldest first. */
        private final Deque<FeedValue> values = new ArrayDeque<>();

        private long fund;
        private long missed;
        private long openRound = NONE;

        FeedState(Feed feed) {
            this.feed = feed;
            this.id = feed.id();
        }

        DeclaredFeed declared() {
            return new DeclaredFeed(
                    feed,
                    fund,
                    missed,
                    openRound,
                    reports.size(),
                    ValueReport.hash(reports.values()),
                    values.peekLast());
        }
    }

    Feeds(Books books, Registry registry, Entries entries) {
        this.books = books;
        this.registry = registry;
        this.entries = entries;
    }

    /** Declares a feed, which costs what an entry costs; the same again costs nothing and changes nothing. */
    String declare(Feed feed, Parameters parameters, long block) {
        String fault = feed.fault();
        if (fault != null) {
            return fault;
        }
        FeedState declared = new FeedState(feed);
        if (feeds.containsKey(declared.id)) {
            return null;
        }
        if (feeds.size() >= MAX_FEEDS) {
            return "the ledger has " + MAX_FEEDS + " feeds, and takes no more";
        }
        String refusal = registry.charge(feed.owner(), parameters, block);
        if (refusal == null) {
            feeds.put(declared.id, declared);
            enter(declared);
        }
        return refusal;
    }

    String fund(Bytes32 from, FundFeed c) {
        FeedState to = feeds.get(c.feed());
        long balance = books.account(from).balance();
        if (to == null) {
            return "there is no such feed";
        }
        if (c.amount() <= 0 || c.amount() > balance) {
            return c.amount() + " is not above 0, or not covered by " + balance;
        }
        books.hold(from, c.amount());
        pay(to, c.amount());
        enter(to);
        return null;
    }

    /** Moves money into a fund, or out of it where the amount is below 0. */
    private void pay(FeedState feed, long amount) {
        feed.fund = Math.addExact(feed.fund, amount);
        funds = Math.addExact(funds, amount);
    }

    /** @param block whose certificate burns the stake of a node that said two things. */
    String report(Bytes32 node, ReportValue c, Parameters parameters, long nowMs, long block) {
        FeedState to = feeds.get(c.feed());
        if (to == null) {
            return "there is no such feed";
        }
        long current = to.feed.round(nowMs);
        if (c.round() != current || nowMs >= to.feed.closesMs(current)) {
            return "round " + c.round() + " takes no reports at " + nowMs + " ms: round " + current + " takes them for "
                    + to.feed.reportMs() + " ms from " + current * to.feed.roundMs();
        }
        ValueReport report =
                new ValueReport(node, c.value(), c.sentMs(), c.receivedMs(), c.bodyHash(), c.certificateHash());
        ValueReport before = to.reports.get(node);
        if (before != null) {
            // Whatever it says and whatever stake is left: it is answered for before anything else of it is looked at.
            return before.says(report)
                    ? "this report was taken before"
                    : catchNode(to, node, before, report, nowMs, block);
        }
        String refusal = refusal(node, to.feed, report, parameters, nowMs);
        if (refusal == null && to.reports.size() >= Feed.MAX_REPORTS) {
            refusal = "this round has " + Feed.MAX_REPORTS + " reports, and takes no more";
        }
        if (refusal == null) {
            if (to.openRound == NONE) {
                open(to, current);
            }
            to.reports.put(node, report);
            enter(to);
        }
        return refusal;
    }

    private String refusal(Bytes32 node, Feed feed, ValueReport report, Parameters parameters, long nowMs) {
        if (caught.containsKey(node)) {
            return "this data node has signed two reports for one round, and reports no more";
        }
        if (!registry.isDataNode(node) || books.account(node).stake() < parameters.minStake()) {
            return "only data nodes with a stake of " + parameters.minStake() + " report";
        }
        if (report.value() < feed.least() || report.value() > feed.most()) {
            return "value " + report.value() + " is not in " + feed.least() + ".." + feed.most();
        }
        long oldestMs = nowMs - feed.maxAgeMs();
        if (report.sentMs() < oldestMs
                || report.receivedMs() < report.sentMs()
                || report.receivedMs() > nowMs + MAX_AHEAD_MS) {
            return "what was asked at " + report.sentMs() + " and answered at " + report.receivedMs()
                    + " ms is in no order, older than " + feed.maxAgeMs() + " ms, or of the time after " + nowMs;
        }
        return null;
    }

    /** All that a node has at stake is burned, and neither report counts: the two contradict each other. */
    private String catchNode(
            FeedState feed, Bytes32 node, ValueReport first, ValueReport second, long nowMs, long block) {
        feed.reports.remove(node);
        enter(feed);
        long lost = books.seize(node);
        books.burn(lost, block);
        put(new Equivocation(node, feed.id, feed.openRound, first.hash(), second.hash(), lost, nowMs));
        return "this data node has signed two reports for round " + feed.openRound + ", and lost its stake of " + lost;
    }

    /** Whether a data node has reported in a round that is open. */
    boolean hasReported(Bytes32 node) {
        return closings.values().stream()
                .anyMatch(
                        ids -> ids.stream().anyMatch(id -> feeds.get(id).reports.containsKey(node)));
    }

    private void put(Equivocation one) {
        Bytes32 node = one.node();
        caught.put(node, one);
        entries.put(Kind.EQUIVOCATION, node, one::encode);
    }

    private void open(FeedState feed, long round) {
        feed.openRound = round;
        closings.computeIfAbsent(feed.feed.closesMs(round), at -> new TreeSet<>())
                .add(feed.id);
    }

    /** Every change of a feed comes here, so what is encoded later is what it came to. */
    private void enter(FeedState feed) {
        entries.put(Kind.DECLARED_FEED, feed.id, () -> feed.declared().encode());
    }

    /** Closes rounds whose time is over; whether there was any. */
    boolean expire(long nowMs, long block) {
        boolean any = false;
        while (nextMs() <= nowMs) {
            long closesMs = closings.firstKey();
            for (Bytes32 id : closings.pollFirstEntry().getValue()) {
                close(feeds.get(id), closesMs, block);
            }
            any = true;
        }
        return any;
    }

    /** The next time a round closes, or the end of time. */
    long nextMs() {
        return closings.isEmpty() ? Long.MAX_VALUE : closings.firstKey();
    }

    private void close(FeedState feed, long closesMs, long block) {
        if (feed.reports.size() < feed.feed.leastReports()) {
            feed.missed++;
        } else {
            List<Bytes32> counted = value(feed, closesMs);
            // As far as the fund reaches, to all alike.
            long share = Math.min(feed.feed.pay(), feed.fund / counted.size());
            counted.forEach(node -> books.owe(node, share, block));
            pay(feed, -share * counted.size());
        }
        feed.reports.clear();
        feed.openRound = NONE;
        enter(feed);
    }

    /** Gives the open round its value. @return data nodes whose reports counted, 1 or more. */
    private List<Bytes32> value(FeedState feed, long closesMs) {
        List<Bytes32> nodes = List.copyOf(feed.reports.keySet());
        RobustMedian median = RobustMedian.of(
                feed.reports.values().stream().mapToLong(ValueReport::value).toArray());
        List<Bytes32> counted = new ArrayList<>();
        List<Bytes32> outliers = new ArrayList<>();
        for (int i = 0; i < nodes.size(); i++) {
            (median.isOutlier()[i] ? outliers : counted).add(nodes.get(i));
        }
        add(
                feed,
                new FeedValue(
                        feed.id,
                        feed.openRound,
                        median.value(),
                        median.spread(),
                        nodes.size(),
                        outliers,
                        closesMs,
                        ValueReport.hash(feed.reports.values())));
        return counted;
    }

    private void add(FeedState feed, FeedValue value) {
        feed.values.add(value);
        entries.put(Kind.FEED_VALUE, valueId(value), value::encode);
        if (feed.values.size() > KEPT_VALUES) {
            entries.remove(Kind.FEED_VALUE, valueId(feed.values.remove()));
        }
    }

    private static Bytes32 valueId(FeedValue value) {
        return FeedValue.id(value.feed(), value.round());
    }

    /** A feed as it stands, or null. */
    DeclaredFeed find(Bytes32 id) {
        FeedState found = feeds.get(id);
        return found == null ? null : found.declared();
    }

    /** Outcomes of a feed's rounds, the oldest first; none where there is no such feed. */
    List<FeedValue> values(Bytes32 id) {
        FeedState found = feeds.get(id);
        return found == null ? List.of() : List.copyOf(found.values);
    }

    /**
     * Some feeds in the order of their ids.
     *
     * @param id after which, null for the first ones.
     */
    List<Feed> after(Bytes32 id, int limit) {
        Collection<FeedState> following = (id == null ? feeds : feeds.tailMap(id, false)).values();
        return following.stream().limit(limit).map(standing -> standing.feed).toList();
    }

    /** Data nodes that signed two reports for one round, by their keys. */
    SortedMap<Bytes32, Equivocation> caught() {
        return caught;
    }

    /** Money of all funds. */
    long total() {
        return funds;
    }

    void write(CanonicalWriter out) {
        out.putInt(caught.size());
        caught.values().forEach(one -> out.putFixed(one.encode()));
        out.putInt(feeds.size());
        for (FeedState feed : feeds.values()) {
            out.putFixed(feed.feed.encode()).putLong(feed.fund).putLong(feed.missed);
            out.putInt(feed.values.size());
            feed.values.forEach(value -> out.putFixed(value.encode()));
            out.putLong(feed.openRound).putInt(feed.reports.size());
            feed.reports.values().forEach(report -> out.putFixed(report.encode()));
        }
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws ArithmeticException where sums or times are more than a ledger can hold.
     */
    static Feeds read(Books books, Registry registry, Entries entries, CanonicalReader in) {
        Feeds read = new Feeds(books, registry, entries);
        for (int n = in.getInt("equivocations"); n > 0; n--) {
            read.put(Equivocation.read(in));
        }
        for (int n = in.getInt("feeds"); n > 0; n--) {
            FeedState feed = new FeedState(Feed.read(in));
            long fund = in.getLong("fund");
            feed.missed = in.getLong("rounds missed");
            int values = in.getInt("values");
            if (fund < 0 || fund > Books.MAX_DEPOSITED || feed.missed < 0 || values < 0 || values > KEPT_VALUES) {
                throw new MalformedException("Malformed feed: a fund of " + fund + ", " + feed.missed
                        + " rounds missed, " + values + " values.");
            }
            read.pay(feed, fund);
            for (; values > 0; values--) {
                FeedValue value = FeedValue.read(in);
                if (!value.feed().equals(feed.id)) {
                    throw new MalformedException("Malformed feed: it has another one's value.");
                }
                read.add(feed, value);
            }
            read.openRound(feed, in);
            read.feeds.put(feed.id, feed);
            read.enter(feed);
        }
        return read;
    }

    private void openRound(FeedState feed, CanonicalReader in) {
        long round = in.getLong("open round");
        int reports = in.getInt("reports");
        if (round < NONE || reports < 0 || reports > (round == NONE ? 0 : Feed.MAX_REPORTS)) {
            throw new MalformedException("Malformed feed: " + reports + " reports of round " + round + ".");
        }
        if (round != NONE) {
            open(feed, round);
        }
        for (; reports > 0; reports--) {
            ValueReport report = ValueReport.read(in);
            feed.reports.put(report.node(), report);
        }
    }
}
