package io.plumbline.node.data;

import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.store.Progress;
import io.plumbline.data.store.StoredBlob;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.ledger.cluster.LedgerClient;
import io.plumbline.ledger.state.Command.AcceptDeal;
import io.plumbline.ledger.state.Command.ProveStorage;
import io.plumbline.ledger.state.StorageChallenge;
import io.plumbline.ledger.state.StorageDeal;
import io.plumbline.ledger.state.StorageDeal.Phase;
import io.plumbline.ledger.state.StorageDeal.Role;
import io.plumbline.ledger.state.StorageTerms;
import io.plumbline.node.network.CertifiedSettlements;
import io.plumbline.node.network.Event;
import io.plumbline.node.network.EverySecond;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.lightclient.CertifiedEntry;
import io.plumbline.verifier.lightclient.LedgerHashes.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Keeps blobs for pay: accepts deals that pay enough, fetches their blobs where it has them not, pins them for as long
 * as it holds the deal, and answers the ledger's challenges. What stands on the ledger is all that it knows of its
 * deals: a process that begins again goes on with them.
 */
public final class DealKeeper implements AutoCloseable {
    /** Beginning of the names of pins of deals; the deal's number follows. */
    static final String PIN = "deal-";

    /** Between looks at the deals that it holds, and at pins whose deal is over. */
    private static final long HELD_MS = 5_000;

    /** By so much a certified block may be ahead of this host's clock, or behind the newest one. */
    private static final long AHEAD_MS = 120_000;

    /** Deals of which a quorum's word is asked for in one look. */
    private static final int MAX_ASKED = 32;

    /** Deals that it does not know yet of which a quorum's word is asked for in one look: after a start, of all. */
    private static final int MAX_CONFIRMED = 256;

    /** Between looks at offers, which anybody may make. */
    private static final long OFFERS_MS = 2_000;

    /** After which a blob that could not be had is asked for again. */
    private static final long MISSED_MS = 60_000;

    private static final long CLOSE_S = 10;

    private final Bytes32 self;
    private final StorageOffer offer;
    private final CertifiedSettlements certified;
    private final LedgerClient ledger;
    private final BlobStore store;
    private final Upkeep.Peers peers;
    private final Consumer<Event> events;

    /** By their numbers: those that it accepted, and those that a quorum has signed as its own. */
    private final Map<Long, StorageDeal> held = new ConcurrentHashMap<>();

    /** Of these, those that a quorum has signed. */
    private final Set<Long> confirmed = ConcurrentHashMap.newKeySet();

    /** When this process learnt that it holds a deal. */
    private final Map<Long, Long> knownMs = new ConcurrentHashMap<>();

    private final long beganMs = System.currentTimeMillis();

    /** Deals whose blob is being fetched, to accept them or because it is gone. */
    private final Set<Long> fetching = ConcurrentHashMap.newKeySet();

    /** Blobs that are being fetched for offers, and those that are because they are gone. */
    private final Set<Bytes32> offered = ConcurrentHashMap.newKeySet();

    private final Set<Bytes32> repaired = ConcurrentHashMap.newKeySet();

    /** Challenges that are being answered, by deal. */
    private final Set<Long> answering = ConcurrentHashMap.newKeySet();

    /** Offers that are not taken, for as long as they stand. */
    private final Set<Long> declined = ConcurrentHashMap.newKeySet();

    /** When the blobs of offers could not be had last: others may have them again, or a shard be made again here. */
    private final Map<Long, Long> missedMs = new ConcurrentHashMap<>();

    /** When open offers were first seen here. */
    private final Map<Long, Long> seenMs = new HashMap<>();

    /** The last that was said of a deal's round that cannot be proven: once is enough. */
    private final Map<Long, String> said = new ConcurrentHashMap<>();

    private final OfferFetches fetches = new OfferFetches(System::nanoTime);

    /**
     * For lost blobs, on which a collateral hangs: that of an offer may come as slowly as its source likes. Each has a
     * thread, as one of them may come slowly too; there are as many as deals at most, which the stake bounds.
     */
    private final ExecutorService repairs = Executors.newCachedThreadPool(
            Thread.ofPlatform().daemon().name("deal-repairs-", 0).factory());

    private final ExecutorService answers = Executors.newVirtualThreadPerTaskExecutor();

    /** Time of the newest certified block that was shown. */
    private final AtomicLong newestMs = new AtomicLong();

    private EverySecond looking;
    private long heldAtMs;
    private long offersAtMs;
    private volatile boolean isClosing;

    /**
     * @param self public key of this data node.
     * @param offer what it keeps blobs for; null where it takes no more deals, and goes on with those that it holds.
     * @param peers that blobs are fetched from.
     */
    DealKeeper(
            Bytes32 self,
            StorageOffer offer,
            CertifiedSettlements certified,
            BlobStore store,
            Upkeep.Peers peers,
            Consumer<Event> events) {
        this.self = self;
        this.offer = offer;
        this.certified = certified;
        this.ledger = certified.ledger();
        this.store = store;
        this.peers = peers;
        this.events = events;
    }

    void start() {
        looking = new EverySecond("deals", this::look, fault -> {
            if (!isClosing) {
                events.accept(new Event.Warning("Storage deals cannot be looked after: " + fault.getMessage()));
            }
        });
    }

    /** Deals that this data node holds. */
    int deals() {
        return held.size();
    }

    /** Stake that they reserve. */
    long collateral() {
        return held.values().stream()
                .mapToLong(deal -> deal.terms().collateral())
                .sum();
    }

    private void look() throws IOException {
        long nowMs = System.currentTimeMillis();
        // First: where the rest fails, answers must not wait for it.
        if (isAnyDue()) {
            lookAtChallenges();
        }
        if (nowMs - heldAtMs >= HELD_MS) {
            lookAtHeld();
            heldAtMs = nowMs;
        }
        if (offer != null && nowMs - offersAtMs >= OFFERS_MS) {
            lookAtOffers();
            offersAtMs = nowMs;
        }
    }

    /** Whether a round of what it holds may be over: the ledger is not asked for challenges that cannot be there. */
    private boolean isAnyDue() {
        long ledgerMs = ledger.timeMs();
        return held.values().stream().anyMatch(deal -> deal.phase() != Phase.HELD || deal.atMs() <= ledgerMs);
    }

    private void lookAtChallenges() throws IOException {
        int unknown = MAX_CONFIRMED;
        for (StorageDeal deal : ledger.deals(self, Role.CHALLENGED, -1)) {
            boolean isKnown = seen(deal);
            if ((isKnown || unknown-- > 0) && answering.add(deal.number())) {
                answers.execute(() -> answer(deal.number()));
            }
        }
    }

    /** Notes how a deal of this node's stands, by one full node's word; false where no quorum has signed that it is. */
    private boolean seen(StorageDeal told) {
        StorageDeal known = confirmed.contains(told.number()) ? held.get(told.number()) : null;
        boolean isKnown = known != null
                && known.terms().equals(told.terms())
                && known.client().equals(told.client());
        if (isKnown) {
            hold(told.number(), told);
        }
        return isKnown;
    }

    /** Holds a deal where a quorum has signed that it is this node's. @return it, or null. */
    private StorageDeal confirm(long number) throws IOException {
        StorageDeal deal = signed(number);
        if (deal == null || !isOurs(deal)) {
            return null;
        }
        hold(number, deal);
        confirmed.add(number);
        return deal;
    }

    /** A pin of a deal that this process knows nothing of. */
    private record Pin(Bytes32 blob, String name, long deal) {}

    /**
     * Compares what it holds with what the ledger says, and pins with both. One full node is asked, each time another:
     * it may leave a deal out until the next is asked, and no deal is taken for over, or for held, by its word.
     */
    private void lookAtHeld() throws IOException {
        ledger.distrust();
        Map<Long, StorageDeal> now = new HashMap<>();
        int asked = MAX_CONFIRMED;
        for (StorageDeal told : ledger.deals(self, Role.HELD, -1)) {
            StorageDeal ours = seen(told) ? told : asked-- > 0 ? confirm(told.number()) : null;
            if (ours != null) {
                now.put(told.number(), ours);
            }
        }
        List<Pin> unknown = new ArrayList<>();
        store.forEach(stat -> stat.pins().stream()
                .filter(this::isUnknown)
                .forEach(pin -> unknown.add(new Pin(stat.id(), pin, Long.parseLong(pin.substring(PIN.length()))))));
        int left = MAX_ASKED;
        for (StorageDeal before : List.copyOf(held.values())) {
            CertifiedEntry end = now.containsKey(before.number()) || left-- <= 0 ? null : end(before.number());
            if (end != null) {
                tellOfEnd(before, read(end));
                unpin(before.terms().blob(), PIN + before.number());
            }
        }
        for (Pin pin : unknown) {
            if (left-- > 0 && end(pin.deal()) != null) {
                unpin(pin.blob(), pin.name());
            }
        }
        for (StorageDeal deal : now.values()) {
            pin(deal);
        }
    }

    private void hold(long number, StorageDeal deal) {
        knownMs.putIfAbsent(number, System.currentTimeMillis());
        held.put(number, deal);
    }

    /**
     * The entry that a quorum has signed of a deal that is not this node's any more, in a block that was closed after
     * this node knew that it was: a full node may show the block of before. Null where nothing says so.
     */
    private CertifiedEntry end(long number) throws IOException {
        CertifiedEntry entry = certified.find(Kind.STORAGE_DEAL, StorageDeal.id(number));
        if (entry == null) {
            return null;
        }
        StorageDeal deal = read(entry);
        boolean isLater = entry.header().timeMs() >= knownMs.getOrDefault(number, beganMs) + AHEAD_MS;
        boolean isOver = deal != null && deal.phase().isOver();
        return isOver || isLater && (deal == null || !isOurs(deal)) ? entry : null;
    }

    /**
     * A deal as a quorum has signed it lately; null where none has yet. What one full node alone says of a deal is not
     * acted on: an offer is accepted by its number, whatever its terms are on the ledger, and each command that the
     * ledger refuses costs a fee.
     */
    private StorageDeal signed(long number) throws IOException {
        CertifiedEntry entry = certified.find(Kind.STORAGE_DEAL, StorageDeal.id(number));
        if (entry == null) {
            return null;
        }
        long newest = newestMs.accumulateAndGet(entry.header().timeMs(), Math::max);
        return entry.header().timeMs() < newest - AHEAD_MS ? null : read(entry);
    }

    private static StorageDeal read(CertifiedEntry entry) {
        return entry.value() == null ? null : StorageDeal.read(new CanonicalReader(entry.value(), "storage deal"));
    }

    private boolean isOurs(StorageDeal deal) {
        return deal.phase().isHeld() && deal.dataNode().equals(self);
    }

    /** @param after as it stands; null where it has left the ledger. */
    private void tellOfEnd(StorageDeal before, StorageDeal after) {
        held.remove(before.number());
        boolean wasOurs = confirmed.remove(before.number());
        knownMs.remove(before.number());
        said.remove(before.number());
        if (!wasOurs) {
            // A full node has said that the deal was accepted, and it never was.
            return;
        }
        String blob = before.terms().blob().toString();
        boolean isFulfilled = after != null && after.phase() == Phase.FULFILLED;
        events.accept(
                isFulfilled
                        ? new Event.DealEnded(before.number(), blob, after.proven())
                        : new Event.DealLost(
                                before.number(),
                                blob,
                                before.proven(),
                                before.terms().collateral()));
    }

    private boolean isUnknown(String pin) {
        if (!pin.startsWith(PIN) || !pin.substring(PIN.length()).matches("\\d{1,18}")) {
            return false;
        }
        long number = Long.parseLong(pin.substring(PIN.length()));
        return !held.containsKey(number) && !fetching.contains(number);
    }

    /** The blob of a deal, where it is here whole; null otherwise. */
    private BlobStat whole(StorageTerms terms) throws IOException {
        BlobStat stat = store.stat(terms.blob());
        return stat == null || stat.isDamaged() || stat.bytes() != terms.bytes() ? null : stat;
    }

    /**
     * Whether the blob is here, and pinned for this deal.
     *
     * @throws IllegalArgumentException where it has too many pins.
     */
    private boolean pin(StorageDeal deal) throws IOException {
        String pin = PIN + deal.number();
        BlobStat stat = whole(deal.terms());
        if (stat != null && !stat.pins().contains(pin)) {
            store.pin(stat.id(), pin);
        }
        return stat != null;
    }

    private void unpin(Bytes32 blob, String pin) {
        try {
            if (store.stat(blob) == null
                    && held.values().stream()
                            .noneMatch(deal -> deal.terms().blob().equals(blob) && !pin.equals(PIN + deal.number()))) {
                // The part that has come again of one that was gone is for no deal any more.
                store.forget(blob);
            }
            store.unpin(blob, pin);
        } catch (NoSuchBlobException e) {
            // It was deleted.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void answer(long number) {
        try {
            StorageDeal deal = confirm(number);
            if (deal != null && deal.phase().isChallenged()) {
                prove(deal);
            }
        } catch (IOException | RuntimeException e) {
            // The next look asks again, and says where no full node is reached.
        } finally {
            answering.remove(number);
        }
    }

    private void prove(StorageDeal deal) {
        try {
            StorageChallenge challenge = deal.challenge();
            byte[] slice;
            try (StoredBlob blob = store.open(deal.terms().blob())) {
                slice = blob.cut(challenge.slice());
            }
            if (!challenge.isAnsweredBy(slice)) {
                // The disk has changed it: what is damaged is named, and sent again by others.
                store.scrub(deal.terms().blob(), Progress.none());
                throw new IOException("the disk has changed the blob");
            }
            LedgerClient.Outcome outcome = ledger.submit(new ProveStorage(deal.number(), deal.proven(), slice));
            if (!outcome.isApplied()) {
                throw new IOException("the ledger refused it: " + outcome.reason());
            }
            events.accept(new Event.StorageProven(
                    deal.number(), deal.proven(), slice.length, deal.terms().price()));
        } catch (IOException | RuntimeException e) {
            if (!isClosing) {
                notProven(deal, e);
            }
        }
    }

    private void notProven(StorageDeal deal, Exception why) {
        String what = deal.proven() + ": " + why.getMessage();
        if (!what.equals(said.put(deal.number(), what))) {
            events.accept(new Event.NotProven(
                    deal.number(), deal.terms().blob().toString(), deal.proven(), why.getMessage()));
        }
        if (why instanceof NoSuchBlobException && fetching.add(deal.number())) {
            repairs.execute(() -> fetchAgain(deal));
        }
    }

    /** A blob that is gone from here may be elsewhere, and the challenge be answered yet. */
    private void fetchAgain(StorageDeal deal) {
        Bytes32 blob = deal.terms().blob();
        boolean isFirst = repaired.add(blob);
        try {
            if (isFirst) {
                fetch(deal.terms(), true, Progress.none());
                pin(deal);
            }
        } catch (IOException | RuntimeException e) {
            // It is said already that the blob is not here.
        } finally {
            if (isFirst) {
                repaired.remove(blob);
            }
            fetching.remove(deal.number());
        }
    }

    private void lookAtOffers() throws IOException {
        List<StorageDeal> offers = new ArrayList<>(ledger.deals(self, Role.OFFERED, -1));
        List<StorageDeal> open = ledger.deals(StorageTerms.ANY_NODE, Role.OFFERED, -1);
        offers.addAll(open);
        Set<Long> numbers = new HashSet<>();
        offers.forEach(deal -> numbers.add(deal.number()));
        seenMs.keySet().retainAll(numbers);
        missedMs.keySet().retainAll(numbers);
        declined.retainAll(numbers);
        if (offers.isEmpty()) {
            return;
        }
        inTurn(offers, Map.copyOf(missedMs));
        // Once for all of them: each question takes the ledger's thread.
        long stake = ledger.account(self).stake();
        List<Peer> others = peers.find();
        int left = MAX_ASKED;
        for (StorageDeal deal : offers) {
            if (declined.contains(deal.number()) || fetching.contains(deal.number()) || hasCopy(deal)) {
                continue;
            }
            String refusal = refusal(deal.terms(), stake - collateral());
            if (refusal != null) {
                decline(deal, refusal);
            } else if (left > 0
                    && (whole(deal.terms()) != null || isItsTurn(deal, others) && fetches.hasPlace(deal.client()))) {
                left--;
                take(deal);
            }
        }
    }

    /**
     * Those that failed come after all others, the last that did last: else they would take the places in turn, and
     * newer offers would never be looked at.
     */
    static void inTurn(List<StorageDeal> offers, Map<Long, Long> missedMs) {
        offers.sort(Comparator.comparingLong(deal -> missedMs.getOrDefault(deal.number(), 0L)));
    }

    private void take(StorageDeal deal) throws IOException {
        StorageDeal signed = signed(deal.number());
        if (signed == null || !Arrays.equals(signed.encode(), deal.encode())) {
            return;
        }
        try {
            if (pin(deal)) {
                accept(deal);
                // That takes its time, and anybody may offer many: no challenge waits for all of them.
                if (isAnyDue()) {
                    lookAtChallenges();
                }
            } else if (offered.add(deal.terms().blob())) {
                // Of one blob one at a time: the other offers for it find it here.
                fetching.add(deal.number());
                long lastsMs = deal.atMs() - ledger.timeMs();
                if (!fetches.begin(deal.client(), lastsMs, fetch -> fetchAndAccept(deal, fetch))) {
                    fetching.remove(deal.number());
                    offered.remove(deal.terms().blob());
                }
            }
        } catch (IllegalArgumentException e) {
            decline(deal, e.getMessage());
        }
    }

    /** The ledger takes a second copy for the same client from another data node only. */
    private boolean hasCopy(StorageDeal offered) {
        return held.values().stream()
                .anyMatch(deal -> deal.client().equals(offered.client())
                        && deal.terms().blob().equals(offered.terms().blob()));
    }

    private String refusal(StorageTerms terms, long free) {
        String refusal = offer.refusal(terms);
        return refusal == null && terms.collateral() > free
                ? "a collateral of " + terms.collateral() + " is not covered by a free stake of " + free
                : refusal;
    }

    private void decline(StorageDeal deal, String why) {
        declined.add(deal.number());
        tellDeclined(deal, why);
    }

    private void tellDeclined(StorageDeal deal, String why) {
        events.accept(new Event.DealDeclined(deal.number(), deal.terms().blob().toString(), why));
    }

    /**
     * Whether this node fetches the blob of an offer now. One that is named does at once. Where any may, all would
     * fetch it and one be paid: they come one after the other, by their keys, in the first half of the offer's time.
     */
    private boolean isItsTurn(StorageDeal deal, List<Peer> others) {
        if (System.currentTimeMillis() - missedMs.getOrDefault(deal.number(), 0L) < MISSED_MS) {
            return false;
        }
        if (!deal.dataNode().equals(StorageTerms.ANY_NODE)) {
            return true;
        }
        long seen = seenMs.computeIfAbsent(deal.number(), number -> System.currentTimeMillis());
        Bytes32 blob = deal.terms().blob();
        long before = others.stream()
                .filter(peer -> distance(peer.key(), blob) < distance(self, blob))
                .count();
        long waitMs = deal.terms().offerMs() / 2 * before / (others.size() + 1);
        return System.currentTimeMillis() - seen >= waitMs;
    }

    /** By which nodes come in another order for each blob. */
    private static long distance(Bytes32 node, Bytes32 blob) {
        return (node.a() ^ blob.a()) >>> 1;
    }

    private void fetchAndAccept(StorageDeal deal, OfferFetches.Fetch fetch) {
        try {
            fetch(deal.terms(), false, fetch::more);
            if (!pin(deal)) {
                throw new IOException("the blob with this id has another length");
            }
            accept(deal);
        } catch (IOException | RuntimeException e) {
            if (missedMs.put(deal.number(), System.currentTimeMillis()) == null && !isClosing) {
                tellDeclined(deal, "its blob cannot be had yet: " + e.getMessage());
            }
        } finally {
            fetching.remove(deal.number());
            offered.remove(deal.terms().blob());
        }
    }

    /**
     * Fetches a blob of the length that the ledger has: one data node that says another would decide for all.
     *
     * @param isHeld whether the deal has been accepted, which has proven the length.
     * @param progress hears of bytes that have come, and ends the fetch by what it throws.
     */
    private void fetch(StorageTerms terms, boolean isHeld, Progress progress) throws IOException {
        Bytes32 id = terms.blob();
        BlobStat stat = store.stat(id);
        if (stat != null && !stat.isDamaged()) {
            return;
        }
        List<Peer> others = peers.find();
        if (others.isEmpty()) {
            throw new IOException("there is no other data node");
        }
        Download download = new Download(
                others.stream().map(Peer::node).toList(),
                RateLimit.none(),
                warning -> events.accept(new Event.Warning(warning)));
        boolean isOthers = store.receiving(id) != null;
        PartialBlob part = isHeld ? store.receiveProven(id, terms.bytes()) : store.receiveAsItComes(id, terms.bytes());
        try {
            download.run(part, bytes -> {
                requireOpen();
                progress.more(bytes);
            });
        } catch (IOException | RuntimeException e) {
            if (!isOthers && !isHeld && stat == null) {
                // Room that an offer takes for nothing is another blob's; the good part of one that is held is not
                // given up because a source fails.
                store.forget(id);
            }
            throw e;
        }
    }

    /** Ends a transfer where the process ends. */
    private void requireOpen() {
        if (isClosing) {
            throw new UncheckedIOException(new IOException("The process ends."));
        }
    }

    /** The blob is here, and pinned. */
    private void accept(StorageDeal deal) throws IOException {
        StorageChallenge last = StorageChallenge.ofLength(deal.terms());
        byte[] slice;
        try (StoredBlob blob = store.open(deal.terms().blob())) {
            slice = blob.cut(last.slice());
        }
        LedgerClient.Outcome outcome = ledger.submit(new AcceptDeal(deal.number(), slice));
        if (outcome.isApplied()) {
            hold(deal.number(), deal);
            events.accept(new Event.DealAccepted(
                    deal.number(),
                    deal.terms().blob().toString(),
                    deal.terms().bytes(),
                    deal.terms().rounds(),
                    deal.terms().price()));
        } else {
            unpin(deal.terms().blob(), PIN + deal.number());
            decline(deal, "the ledger refused: " + outcome.reason());
        }
    }

    @Override
    public void close() {
        isClosing = true;
        if (looking != null) {
            looking.close();
        }
        // Without an interrupt, which would close the files that are being read.
        repairs.shutdown();
        answers.shutdown();
        fetches.close();
        await(repairs);
        await(answers);
    }

    /** Waits some seconds for what is under way. */
    static void await(ExecutorService threads) {
        try {
            threads.awaitTermination(CLOSE_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
