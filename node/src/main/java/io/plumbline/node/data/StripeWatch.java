package io.plumbline.node.data;

import io.plumbline.data.erasure.ShardSources;
import io.plumbline.data.erasure.StripedBlob;
import io.plumbline.data.erasure.StripedGet;
import io.plumbline.data.erasure.StripedRepair;
import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.Progress;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Sees that striped blobs keep the shards they were declared with: one that no data node has is made again of any k
 * others. All nodes that know of the blob choose the same one for it, of those that have none of its shards, by their
 * keys; where two see different nodes, a shard is there twice, which harms nothing.
 */
final class StripeWatch {
    private static final int MOST_BLOBS = 100_000;

    /** Looks at a blob in the time for which a shard must be gone. */
    private static final int LOOKS = 3;

    private final BlobStore store;
    private final Bytes32 self;
    private final long repairAfterMs;
    private final Consumer<Event> events;

    /** When descriptions are looked at next: all shards of all blobs are many questions. */
    private final Map<Bytes32, Long> nextMs = new HashMap<>();

    /** Since when shards are gone. */
    private final Map<Bytes32, Long> goneSinceMs = new HashMap<>();

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
        nextMs.keySet().retainAll(descriptions.stream().map(BlobStat::id).collect(Collectors.toSet()));
        for (BlobStat description : descriptions) {
            long now = System.currentTimeMillis();
            if (!description.isDamaged() && nextMs.getOrDefault(description.id(), 0L) <= now) {
                nextMs.put(description.id(), now + repairAfterMs / LOOKS);
                lookAt(StripedGet.read(description.id(), here), sources, peers);
            }
        }
    }

    private void lookAt(StripedBlob blob, List<BlobSource> sources, List<Peer> peers) {
        ShardSources shards = new ShardSources(blob, sources);
        List<Integer> missing = shards.missing();
        for (int i = 0; i < blob.shards().size(); i++) {
            if (!missing.contains(i)) {
                goneSinceMs.remove(blob.shards().get(i));
            }
        }
        for (int shard : missing) {
            long now = System.currentTimeMillis();
            long since = goneSinceMs.computeIfAbsent(blob.shards().get(shard), id -> now);
            if (now - since >= repairAfterMs && chosen(blob, shard, peers).equals(self)) {
                repair(blob, shard, shards);
            }
        }
    }

    /** The node that makes a shard again. */
    private Bytes32 chosen(StripedBlob blob, int shard, List<Peer> peers) {
        SortedMap<Bytes32, Integer> shardsOf = new TreeMap<>();
        shardsOf.put(self, count(blob));
        for (Peer peer : peers) {
            try {
                if (!peer.node().pinned(StripedBlob.pin(blob.id())).isEmpty()) {
                    shardsOf.put(
                            peer.key(),
                            peer.node().pinned(StripedBlob.shardPin(blob.id())).size());
                }
            } catch (IOException e) {
                // It is gone, and makes nothing.
            }
        }
        int fewest = shardsOf.values().stream().min(Integer::compare).orElseThrow();
        List<Bytes32> candidates = shardsOf.entrySet().stream()
                .filter(entry -> entry.getValue() == fewest)
                .map(Map.Entry::getKey)
                .toList();
        return candidates.get(
                (int) Long.remainderUnsigned(blob.shards().get(shard).a(), candidates.size()));
    }

    private int count(StripedBlob blob) {
        try {
            return store.pinned(StripedBlob.shardPin(blob.id()), blob.shards().size())
                    .size();
        } catch (IOException e) {
            return blob.shards().size();
        }
    }

    private void repair(StripedBlob blob, int shard, ShardSources shards) {
        Bytes32 id = blob.shards().get(shard);
        try {
            StripedRepair.run(blob, shard, shards, store, Progress.none());
            goneSinceMs.remove(id);
            events.accept(new Event.Repaired(id.toString(), blob.shardBytes()));
        } catch (IOException e) {
            events.accept(new Event.Warning("A shard that is gone is not made again yet, and is tried again in a"
                    + " minute: " + e.getMessage()));
        }
    }
}
