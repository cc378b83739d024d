package io.plumbline.node.data;

import io.plumbline.data.feed.SourceFetch;
import io.plumbline.data.feed.SourcePolicy;
import io.plumbline.data.feed.SourceValue;
import io.plumbline.data.feed.SourceValue.NoValueException;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.store.TooManyPinsException;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command.ReportValue;
import io.plumbline.ledger.state.Feed;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Reports on feeds round by round: fetches the source that a feed's policy names, keeps what came as a blob, and signs
 * the value that stands in it. What cannot be had, is no number any more, or is outside the feed's bounds is not
 * reported, and said.
 */
final class Reporter implements AutoCloseable {
    private static final long LOOK_MS = 250;

    /** Feeds are declared and never change: they are asked for this often where some are not known yet. */
    private static final long FEEDS_MS = 5_000;

    /** By so much the time that a full node says may be apart from this host's clock, as full nodes' own may be. */
    private static final long MOST_APART_MS = 60_000;

    /** Bodies of a feed that are kept. */
    private static final int KEPT_BODIES = 64;

    /** One for all feeds: many may have the same policy, and a blob has so many pins. */
    private static final String POLICY_PIN = "feed policy";

    /** The ledger's refusal of a report that it has: this process was ended before it heard of it. */
    private static final String TAKEN_BEFORE = "this report was taken before";

    private static final long CLOSE_S = 20;

    private final Set<Bytes32> wanted;
    private final LedgerClient ledger;
    private final BlobStore store;
    private final Upkeep.Peers peers;
    private final SourceFetch fetch;
    private final ReportFile reports;
    private final Consumer<Event> events;
    private final Map<Bytes32, Feed> feeds = new HashMap<>();
    private final Map<Bytes32, SourcePolicy> policies = new HashMap<>();

    /** The last round of each feed that was reported, or given up. */
    private final Map<Bytes32, Long> done = new HashMap<>();

    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("feeds").factory());
    private final ExecutorService fetching = Executors.newVirtualThreadPerTaskExecutor();
    private long askedMs;
    private volatile boolean isClosing;

    /**
     * @param wanted ids of the feeds that are reported on.
     * @param peers asked for policies that are not in the store.
     */
    Reporter(
            Set<Bytes32> wanted,
            LedgerClient ledger,
            BlobStore store,
            Upkeep.Peers peers,
            SourceFetch fetch,
            ReportFile reports,
            Consumer<Event> events) {
        this.wanted = Set.copyOf(wanted);
        this.ledger = ledger;
        this.store = store;
        this.peers = peers;
        this.fetch = fetch;
        this.reports = reports;
        this.events = events;
    }

    void start() {
        thread.scheduleWithFixedDelay(this::look, 0, LOOK_MS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            learn();
            long ledgerMs = ledger.timeMs();
            if (apartMs(ledgerMs) > MOST_APART_MS) {
                // One full node's word: a report of a round that is years ahead would be this node's last for years.
                return;
            }
            List<Runnable> due = new ArrayList<>();
            for (Map.Entry<Bytes32, Feed> entry : feeds.entrySet()) {
                long round = entry.getValue().round(ledgerMs);
                if (done.getOrDefault(entry.getKey(), -1L) < round
                        && policy(entry.getKey(), entry.getValue(), round) != null) {
                    done.put(entry.getKey(), round);
                    due.add(() -> report(entry.getKey(), entry.getValue(), round));
                }
            }
            // Side by side: a source that is slow keeps none of the others from being reported in time.
            due.forEach(fetching::execute);
        } catch (IOException | RuntimeException e) {
            if (!isClosing) {
                events.accept(new Event.Warning("Feeds cannot be reported: " + e.getMessage()));
            }
        }
    }

    private static long apartMs(long ledgerMs) {
        return Math.abs(ledgerMs - System.currentTimeMillis());
    }

    /** Asks the ledger for feeds that are not known yet, and for its time. */
    private void learn() throws IOException {
        if (System.currentTimeMillis() - askedMs < FEEDS_MS) {
            return;
        }
        askedMs = System.currentTimeMillis();
        if (feeds.keySet().containsAll(wanted)) {
            ledger.status();
        } else {
            learnFeeds();
        }
        long apartMs = apartMs(ledger.timeMs());
        if (!feeds.isEmpty() && apartMs > MOST_APART_MS) {
            ledger.distrust();
            throw new IOException("a full node's time is " + apartMs
                    + " ms from this host's clock. Another is asked; set the clock where all of them say so");
        }
    }

    private void learnFeeds() throws IOException {
        for (Feed feed : ledger.feeds()) {
            Bytes32 id = feed.id();
            if (wanted.contains(id) && feeds.put(id, feed) == null) {
                events.accept(new Event.Reports(id.toString(), feed.name(), feed.roundMs()));
            }
        }
    }

    /** A feed's policy; null where it is not to be had. */
    private SourcePolicy policy(Bytes32 id, Feed feed, long round) {
        SourcePolicy known = policies.get(id);
        if (known != null) {
            return known;
        }
        Bytes32 policy = feed.policy();
        try {
            fetchPolicy(policy);
            store.pin(policy, POLICY_PIN);
            try (StoredBlob blob = store.open(policy)) {
                byte[] text = new byte[(int) Math.min(blob.bytes(), SourcePolicy.MOST_BYTES + 1L)];
                blob.read(0, text, 0, text.length);
                SourcePolicy read = SourcePolicy.parse(text);
                if (!read.id().equals(policy)) {
                    throw new IOException("blob " + policy + " is too long for a policy, or damaged");
                }
                policies.put(id, read);
                return read;
            }
        } catch (IOException | IllegalArgumentException e) {
            // Once a round is enough to hear of it.
            done.put(id, round);
            events.accept(new Event.NotReported(id.toString(), round, "its policy: " + e.getMessage()));
            return null;
        }
    }

    private void fetchPolicy(Bytes32 policy) throws IOException {
        if (store.stat(policy) != null) {
            return;
        }
        List<Peer> others = peers.find();
        if (others.isEmpty()) {
            throw new IOException("blob " + policy + " is not here, and there is no other data node. Put it by:"
                    + " plumbline blob put");
        }
        Download download = new Download(others.stream().map(Peer::node).toList(), RateLimit.none(), warning -> {});
        long bytes = download.bytes(policy);
        if (bytes > SourcePolicy.MOST_BYTES) {
            throw new IOException("blob " + policy + " is too long for a policy");
        }
        PartialBlob part = store.receiveProven(policy, bytes);
        download.run(part, Progress.none());
    }

    private void report(Bytes32 id, Feed feed, long round) {
        try {
            ReportValue last = reports.last(feed.id());
            if (last != null && last.round() > round) {
                // A ledger's time does not go back: this is another ledger's, or a copied folder.
                throw new IOException("round " + last.round() + " was reported before");
            }
            boolean isAgain = last != null && last.round() == round;
            ReportValue report = isAgain ? last : fetched(id, feed, round);
            LedgerClient.Outcome outcome = ledger.submit(report);
            if (outcome.isApplied() || isAgain && outcome.reason().equals(TAKEN_BEFORE)) {
                events.accept(new Event.Reported(id.toString(), round, report.value(), feed.decimals(), feed.unit()));
            } else {
                throw new IOException("the ledger refused it: " + outcome.reason());
            }
        } catch (IOException | NoValueException | RuntimeException e) {
            if (!isClosing) {
                events.accept(new Event.NotReported(id.toString(), round, String.valueOf(e.getMessage())));
            }
        }
    }

    private ReportValue fetched(Bytes32 id, Feed feed, long round) throws IOException, NoValueException {
        SourcePolicy policy = policies.get(id);
        SourceFetch.Fetched fetched = fetch.get(policy.url());
        long value = SourceValue.read(policy, fetched.body(), feed.decimals());
        if (value < feed.least() || value > feed.most()) {
            throw new NoValueException(policy.url() + " says " + value + "e-" + feed.decimals()
                    + ", which is outside of what the feed takes, " + feed.least() + " to " + feed.most());
        }
        String pin = "body of feed " + id;
        Bytes32 body = archive(fetched.body(), pin);
        keepLast(body, pin);
        ReportValue report = new ReportValue(
                feed.id(),
                round,
                value,
                fetched.sentMs(),
                fetched.receivedMs(),
                body.bytes(),
                fetched.certificateHash());
        reports.keep(report);
        return report;
    }

    private Bytes32 archive(byte[] body, String pin) throws IOException {
        try {
            return store.put(new ByteArrayInputStream(body), Progress.none(), pin);
        } catch (TooManyPinsException e) {
            // So many other feeds have the same body, and keep it.
            return Bytes32.of(Blake3.hash(body));
        }
    }

    private void keepLast(Bytes32 body, String pin) throws IOException {
        List<BlobStat> kept = new ArrayList<>(store.pinned(pin, 2 * KEPT_BODIES));
        kept.sort(Comparator.comparingLong(BlobStat::storedMs));
        for (BlobStat old : kept.subList(0, Math.max(0, kept.size() - KEPT_BODIES))) {
            if (!old.id().equals(body)) {
                store.unpin(old.id(), pin);
            }
        }
    }

    @Override
    public void close() {
        isClosing = true;
        thread.shutdown();
        fetching.shutdown();
        try {
            fetching.awaitTermination(CLOSE_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
