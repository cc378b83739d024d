package io.plumbline.node.data;

import io.plumbline.data.store.BlobStat;
import io.plumbline.data.store.BlobStore;
import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.Download;
import io.plumbline.data.transfer.RateLimit;
import io.plumbline.node.network.Event;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Compares blobs with their ids when their time has come, has what a disk has changed sent again by other data nodes,
 * sees that striped blobs keep their shards, and removes what nobody has pinned for long.
 */
final class Upkeep implements AutoCloseable {
    private static final long CLOSE_S = 10;

    /** Names the other data nodes. */
    @FunctionalInterface
    interface Peers {
        List<Peer> find() throws IOException;
    }

    private final BlobStore store;
    private final Peers peers;
    private final StripeWatch stripes;
    private final long periodMs;
    private final RateLimit rate;
    private final long keepUnpinnedMs;
    private final long lookEveryMs;
    private volatile boolean isClosing;
    private final Consumer<Event> events;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("blob-upkeep").factory());

    /**
     * @param period in which each blob is compared once.
     * @param rate at which they are read, so that those who ask for blobs do not wait.
     * @param keepUnpinned after which blobs without a pin are removed.
     * @param lookEvery between looks at what is due; a damaged blob that nobody had is asked for again as often.
     * @param repairAfter for which a striped blob's shard is gone before it is made again: hosts restart.
     */
    Upkeep(
            BlobStore store,
            Bytes32 self,
            Peers peers,
            Duration period,
            RateLimit rate,
            Duration keepUnpinned,
            Duration repairAfter,
            Duration lookEvery,
            Consumer<Event> events) {
        this.store = store;
        this.peers = peers;
        this.stripes = new StripeWatch(store, self, repairAfter, events);
        this.periodMs = period.toMillis();
        this.rate = rate;
        this.lookEveryMs = lookEvery.toMillis();
        this.keepUnpinnedMs = keepUnpinned.toMillis();
        this.events = events;
    }

    void start() {
        thread.scheduleWithFixedDelay(this::look, 0, lookEveryMs, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            store.collect(System.currentTimeMillis() - keepUnpinnedMs);
            store.forEach(this::lookAt);
            stripes.look(peers.find());
        } catch (UncheckedIOException e) {
            // The process ends.
        } catch (IOException | RuntimeException | Error e) {
            // An exception let go on would end all further looks, also a lack of memory for one blob.
            events.accept(new Event.Error("Blobs cannot be compared with their ids: " + e.getMessage()));
        }
    }

    private void lookAt(BlobStat stat) throws IOException {
        if (!stat.isDamaged() && System.currentTimeMillis() - stat.verifiedMs() < periodMs) {
            return;
        }
        try {
            List<ByteRange> damaged = store.scrub(stat.id(), this::pace);
            if (!damaged.isEmpty()) {
                if (!stat.isDamaged()) {
                    long bytes = damaged.stream().mapToLong(ByteRange::length).sum();
                    events.accept(new Event.Damaged(stat.id().toString(), bytes, stat.bytes()));
                }
                repair(stat);
            }
        } catch (NoSuchBlobException e) {
            // Deleted meanwhile.
        }
    }

    private void pace(long bytes) {
        requireOpen(bytes);
        try {
            rate.take(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends a transfer where the process ends. */
    private void requireOpen(long bytes) {
        if (isClosing) {
            throw new UncheckedIOException(new IOException("The process ends."));
        }
    }

    private void repair(BlobStat stat) {
        try {
            List<? extends BlobSource> others =
                    peers.find().stream().map(Peer::node).toList();
            if (others.isEmpty()) {
                return;
            }
            PartialBlob part = store.receive(stat.id(), stat.bytes());
            new Download(others, RateLimit.none(), warning -> events.accept(new Event.Warning(warning)))
                    .run(part, this::requireOpen);
            events.accept(new Event.Repaired(stat.id().toString(), stat.bytes()));
        } catch (IOException e) {
            events.accept(new Event.Warning(
                    "A damaged blob is not repaired yet, and is asked for again in a minute: " + e.getMessage()));
        }
    }

    @Override
    public void close() {
        // Without an interrupt, which would close the files that are being read.
        isClosing = true;
        thread.shutdown();
        try {
            thread.awaitTermination(CLOSE_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
