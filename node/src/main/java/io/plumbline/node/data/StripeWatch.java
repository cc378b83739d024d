package io.plumbline.node.data;

import io.plumbline.data.erasure.ShardSources;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.erasure.StripedRepair;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.SourceSurvey;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Sees that striped blobs keep the shards they were declared with: one that no data node shows is made again of any k
 * others. All nodes that know of the blob choose the same one for it, of those that have none of its shards, by their
 * keys, and others when that one makes nothing; where two see different nodes, a shard is there twice, which harms
 * nothing.
 */
final class StripeWatch {
    private static final int MOST_BLOBS = 100_000;

    /** For which other nodes are asked for a description. */
    private static final long ASK_MS = 10_000;

    /** From one turn of those that may make a shard again to the next, at least. */
    private static final long LEAST_TURN_MS = 5_000;

    /** Looks at a blob in the time for which a shard must be gone. */
    private static final int LOOKS = 3;

    private final BlobStore store;
    private final Bytes32 self;
    private final long repairAfterMs;
    private final Consumer<Event> events;

    /** When descriptions are looked at next: all shards of all blobs are many questions. */
    private final Map<Bytes32, Long> nextMs = new HashMap<>();

    /** Since when shards are gone, by descriptions. */
    private final Map<Bytes32, Map<Bytes32, Long>> goneSinceMs = new HashMap<>();

    StripeWatch(BlobStore store, Bytes32 self, Duration repairAfter, Consumer<Event> events) {
        this.store = store;
        this.self = self;
        this.repairAfterMs = repairAfter.toMillis();
        this.events = events;
    }

    /** Looks at all that are known here. */
    void look(List<Peer> peers) throws IOException {
        LocalSource here = new LocalSource(store);
        List<BlobSource> sources = new ArrayList<>();
        sources.add(here);
        peers.forEach(peer -> sources.add(peer.node()));
        List<BlobStat> descriptions = store.pinned(StripedBlob.allPin(), MOST_BLOBS);
        Set<Bytes32> known = descriptions.stream().map(BlobStat::id).collect(Collectors.toSet());
        nextMs.keySet().retainAll(known);
        goneSinceMs.keySet().retainAll(known);
        for (BlobStat description : descriptions) {
            long now = System.currentTimeMillis();
            if (!description.isDamaged() && nextMs.getOrDefault(description.id(), 0L) <= now) {
                nextMs.put(description.id(), now + repairAfterMs / LOOKS);
                try {
                    lookAt(description.id(), StripedGet.read(description.id(), here), sources, peers);
                } catch (IOException e) {
                    if (Thread.currentThread().isInterrupted()) {
                        throw e;
                    }
                    // Whoever may put blobs may pin any text as one: the others are looked at all the same.
                    events.accept(new Event.Warning("Blob " + description.id()
                            + " is pinned as the description of a striped blob: " + e.getMessage()));
                }
            }
        }
    }

    /**
     * Looks at one blob.
     *
     * @param sources this store first; those that do not answer are taken out, so that one that is silent holds a look
     *     up once and not for each blob.
     */
    private void lookAt(Bytes32 description, StripedBlob blob, List<BlobSource> sources, List<Peer> peers)
            throws IOException {
        ShardSources shards = new ShardSources(blob, sources);
        sources.subList(1, sources.size()).removeIf(shards.unanswered()::contains);
        List<Integer> missing = shards.missing();
        Map<Bytes32, Long> gone = goneSinceMs.computeIfAbsent(description, id -> new HashMap<>());
        for (int i = 0; i < blob.shards().size(); i++) {
            if (!missing.contains(i)) {
                gone.remove(blob.shards().get(i));
            }
        }
        SortedMap<Bytes32, Integer> candidates = null;
        for (int shard : missing) {
            long now = System.currentTimeMillis();
            long since = gone.computeIfAbsent(blob.shards().get(shard), id -> now);
            long lateMs = now - since - repairAfterMs;
            if (lateMs >= 0) {
                candidates = candidates == null
                        ? candidates(description, blob, shards, sources.getFirst(), answering(sources, peers))
                        : candidates;
                if (isTurn(candidates, blob.shards().get(shard), lateMs)) {
                    repair(blob, shard, shards, gone);
                }
            }
        }
    }

    private static List<Peer> answering(List<BlobSource> sources, List<Peer> peers) {
        return peers.stream().filter(peer -> sources.contains(peer.node())).toList();
    }

    /**
     * Nodes that may make a shard again, and how many of the blob's shards they have: what they have is what they have
     * shown, and that they know of the blob is believed when they have given a group of its description.
     */
    private SortedMap<Bytes32, Integer> candidates(
            Bytes32 description, StripedBlob blob, ShardSources shards, BlobSource here, List<Peer> peers)
            throws IOException {
        Set<Bytes32> told = ConcurrentHashMap.newKeySet();
        long bytes = blob.text().length();
        SourceSurvey.run(peers, ASK_MS, (Peer peer) -> {
            peer.node().proveGroup(description, bytes, 0);
            told.add(peer.key());
        });
        SortedMap<Bytes32, Integer> shardsOf = new TreeMap<>();
        shardsOf.put(self, count(blob, shards, here));
        peers.stream()
                .filter(peer -> told.contains(peer.key()))
                .forEach(peer -> shardsOf.put(peer.key(), count(blob, shards, peer.node())));
        return shardsOf;
    }

    /**
     * Whether this node makes a shard again: the first of those with fewest shards does at once, and where it does not,
     * twice as many may with each further turn.
     *
     * @param lateMs since the first might have.
     */
    private boolean isTurn(SortedMap<Bytes32, Integer> candidates, Bytes32 shard, long lateMs) {
        int own = candidates.get(self);
        long fewer = candidates.values().stream().filter(count -> count < own).count();
        List<Bytes32> alike = candidates.entrySet().stream()
                .filter(entry -> entry.getValue() == own)
                .map(Map.Entry::getKey)
                .toList();
        int first = (int) Long.remainderUnsigned(shard.a(), alike.size());
        long before = fewer + Math.floorMod(alike.indexOf(self) - first, alike.size());
        long turns = lateMs / Math.max(repairAfterMs, LEAST_TURN_MS);
        return turns >= Integer.SIZE || before < 1L << turns;
    }

    private static int count(StripedBlob blob, ShardSources shards, BlobSource source) {
        return (int) IntStream.range(0, blob.shards().size())
                .filter(shard -> shards.holders(shard).contains(source))
                .count();
    }

    private void repair(StripedBlob blob, int shard, ShardSources shards, Map<Bytes32, Long> gone) {
        Bytes32 id = blob.shards().get(shard);
        try {
            StripedRepair.run(blob, shard, shards, store, Progress.none());
            gone.remove(id);
            events.accept(new Event.Repaired(id.toString(), blob.shardBytes()));
        } catch (IOException e) {
            events.accept(new Event.Warning("A shard that is gone is not made again yet, and is tried again in a"
                    + " minute: " + e.getMessage()));
        }
    }
}
