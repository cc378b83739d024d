package io.plumbline.node.data;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Places for blobs that deals are offered for while they are fetched: a few at once, and fewer of one client. One that
 * comes slowly keeps its place as long as no other offer waits for one. Any thread may call.
 */
final class OfferFetches implements AutoCloseable {
    static final int PLACES = 8;
    static final int PLACES_OF_ONE = 2;

    /** Slower, it has to go where another waits: eight of these are what a line of 4 Mbit/s carries. */
    private static final long LEAST_BYTES_A_S = 64 << 10;

    /** Before which a fetch is not looked at: others may have to be reached. */
    private static final long GRACE_NS = TimeUnit.SECONDS.toNanos(60);

    /** For so long an offer that was turned away counts as one that waits. */
    private static final long WAITS_NS = TimeUnit.SECONDS.toNanos(10);

    private final LongSupplier clockNs;
    private final Map<Bytes32, Integer> ofClients = new HashMap<>();
    private final ExecutorService threads = Executors.newFixedThreadPool(
            PLACES, Thread.ofPlatform().daemon().name("deal-blobs-", 0).factory());
    private int taken;
    private boolean hasTurnedAway;
    private long turnedAwayNs;

    /** Has a blob fetched. */
    interface Work {
        /** @param fetch to be told of bytes that have come. */
        void run(Fetch fetch);
    }

    /** One that is under way. */
    final class Fetch {
        private final long begunNs = clockNs.getAsLong();
        private final long endNs;
        private long bytes;

        private Fetch(long lastsMs) {
            this.endNs = begunNs + TimeUnit.MILLISECONDS.toNanos(lastsMs);
        }

        /**
         * More bytes have come.
         *
         * @throws UncheckedIOException where it has to end: the offer is over, or others wait and it is slow.
         */
        void more(long count) {
            synchronized (OfferFetches.this) {
                bytes += count;
                long nowNs = clockNs.getAsLong();
                if (nowNs - endNs >= 0) {
                    throw ended("the offer is over before its blob is here");
                }
                long lasted = nowNs - begunNs;
                boolean isWaitedFor = hasTurnedAway && nowNs - turnedAwayNs < WAITS_NS;
                if (isWaitedFor && lasted > GRACE_NS && bytes < LEAST_BYTES_A_S * (lasted / 1_000_000_000L)) {
                    throw ended("it comes at less than " + LEAST_BYTES_A_S / 1024 + " KiB/s, and other offers wait");
                }
            }
        }

        private static UncheckedIOException ended(String why) {
            return new UncheckedIOException(new IOException(why));
        }
    }

    /** @param clockNs nanoseconds since some time, as {@link System#nanoTime}. */
    OfferFetches(LongSupplier clockNs) {
        this.clockNs = clockNs;
    }

    /** Whether a client's offer finds a place; where it does not, those that are slow have to go. */
    synchronized boolean hasPlace(Bytes32 client) {
        if (ofClients.getOrDefault(client, 0) >= PLACES_OF_ONE) {
            return false;
        }
        if (taken < PLACES) {
            return true;
        }
        hasTurnedAway = true;
        turnedAwayNs = clockNs.getAsLong();
        return false;
    }

    /**
     * Begins a fetch on a thread of its own.
     *
     * @param lastsMs for which the offer stands.
     * @return false where there is no place.
     */
    synchronized boolean begin(Bytes32 client, long lastsMs, Work work) {
        if (!hasPlace(client)) {
            return false;
        }
        taken++;
        ofClients.merge(client, 1, Integer::sum);
        Fetch fetch = new Fetch(lastsMs);
        threads.execute(() -> {
            try {
                work.run(fetch);
            } finally {
                giveBack(client);
            }
        });
        return true;
    }

    private synchronized void giveBack(Bytes32 client) {
        taken--;
        ofClients.merge(client, -1, Integer::sum);
        ofClients.remove(client, 0);
    }

    /** Begins none any more, and waits some seconds for those that are under way. */
    @Override
    public void close() {
        threads.shutdown();
        DealKeeper.await(threads);
    }
}
