package io.plumbline.data.transfer;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.PartialBlob;
import io.plumbline.verifier.blake3.ChunkGroups;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Ranges of a blob that wait, and those that are under way from sources. When none waits, a source with nothing to do
 * takes over half of what is missing of one that is slow, and at last the same 16 KiB as others: what comes first
 * counts, and the rest is dropped. So a blob comes as fast as its fastest source gives it, whatever the others do. For
 * several threads at once.
 */
final class RangeQueue {
    /** For which a range is under way before others help. */
    static final long SLOW_NS = TimeUnit.SECONDS.toNanos(2);

    private static final long LOOK_MS = 100;

    private final PartialBlob blob;
    private final LongSupplier clockNs;
    private final Deque<ByteRange> waiting;
    private final List<Piece> pieces = new ArrayList<>();
    private boolean isStopped;

    /** A range that is under way, of one source or, where it is one group, of several. */
    private final class Piece {
        private final long begunNs = clockNs.getAsLong();
        private final List<Fetch> fetches = new ArrayList<>();

        /** Ends earlier once another source has taken its end over. */
        private ByteRange range;

        Piece(ByteRange range) {
            this.range = range;
        }

        /** Twice as many may be at it with each time that it is slow for. */
        private boolean isOpenTo(BlobSource source) {
            int most = 1 << Math.clamp((clockNs.getAsLong() - begunNs) / SLOW_NS, 0, Integer.SIZE - 2);
            return fetches.size() < most && fetches.stream().noneMatch(fetch -> fetch.source == source);
        }
    }

    /** A source's part in a range. */
    final class Fetch {
        private final BlobSource source;
        private final Piece piece;
        private final ByteRange range;
        private AutoCloseable stream;
        private boolean isDropped;

        private Fetch(BlobSource source, Piece piece, ByteRange range) {
            this.source = source;
            this.piece = piece;
            this.range = range;
            piece.fetches.add(this);
        }

        /** Bytes to be asked for. */
        ByteRange range() {
            return range;
        }

        /** Has a stream closed when the fetch is dropped, perhaps at once; closing it ends its reads. */
        void reads(AutoCloseable opened) {
            synchronized (RangeQueue.this) {
                stream = opened;
                if (!isDropped) {
                    return;
                }
            }
            closeQuietly(opened);
        }

        /** Whether all that it was for is there by now, by itself or by others. */
        boolean isDropped() {
            synchronized (RangeQueue.this) {
                return isDropped;
            }
        }

        /** Bytes have been written: where its range is there now, all that are at it are dropped. */
        void came() {
            List<AutoCloseable> streams = new ArrayList<>();
            synchronized (RangeQueue.this) {
                if (blob.missing(piece.range) == null) {
                    streams.addAll(drop(piece));
                }
            }
            streams.forEach(RangeQueue::closeQuietly);
        }

        /** It is over, in whatever way. What is missing waits again where no other source is at it. */
        void end() {
            synchronized (RangeQueue.this) {
                piece.fetches.remove(this);
                if (piece.fetches.isEmpty() && pieces.remove(piece)) {
                    ByteRange missing = blob.missing(piece.range);
                    if (missing != null) {
                        waiting.addFirst(missing);
                    }
                }
                RangeQueue.this.notifyAll();
            }
        }
    }

    /**
     * @param longest bytes of one range, whole groups.
     * @param clockNs nanoseconds since some time, as {@link System#nanoTime}.
     */
    RangeQueue(PartialBlob blob, long longest, LongSupplier clockNs) {
        this.blob = blob;
        this.clockNs = clockNs;
        this.waiting = new ArrayDeque<>(blob.missing(longest, Integer.MAX_VALUE));
    }

    /**
     * The range that a source is to fetch next. Waits where nothing is to be done yet, since a range under way may fail
     * or turn out slow.
     *
     * @return to be ended; null when nothing is left.
     */
    synchronized Fetch next(BlobSource source) throws InterruptedException {
        while (!isStopped && !(waiting.isEmpty() && pieces.isEmpty())) {
            if (!waiting.isEmpty()) {
                return begin(source, waiting.removeFirst());
            }
            Fetch help = help(source);
            if (help != null) {
                return help;
            }
            wait(LOOK_MS);
        }
        return null;
    }

    private Fetch begin(BlobSource source, ByteRange range) {
        Piece piece = new Piece(range);
        pieces.add(piece);
        return new Fetch(source, piece, range);
    }

    /** A part of the slow range that lacks most, of those that other sources are at; null where there is none. */
    private Fetch help(BlobSource source) {
        Piece slowest = null;
        ByteRange most = null;
        for (Piece piece : pieces) {
            ByteRange missing = piece.isOpenTo(source) ? blob.missing(piece.range) : null;
            if (missing != null && (most == null || missing.length() > most.length())) {
                slowest = piece;
                most = missing;
            }
        }
        return slowest == null ? null : help(source, slowest, most);
    }

    private Fetch help(BlobSource source, Piece piece, ByteRange missing) {
        int groups = ChunkGroups.count(missing.length());
        if (groups == 1) {
            return new Fetch(source, piece, missing);
        }
        long middle = missing.from() + groups / 2 * (long) ChunkGroups.BYTES;
        piece.range = new ByteRange(piece.range.from(), middle);
        return begin(source, new ByteRange(middle, missing.to()));
    }

    /** @return the streams of its fetches, which end by being closed. */
    private List<AutoCloseable> drop(Piece piece) {
        List<AutoCloseable> streams = new ArrayList<>();
        for (Fetch fetch : piece.fetches) {
            fetch.isDropped = true;
            if (fetch.stream != null) {
                streams.add(fetch.stream);
            }
        }
        pieces.remove(piece);
        notifyAll();
        return streams;
    }

    /** Drops all that is under way, and gives nothing out any more. */
    void stop() {
        List<AutoCloseable> streams = new ArrayList<>();
        synchronized (this) {
            isStopped = true;
            List.copyOf(pieces).forEach(piece -> streams.addAll(drop(piece)));
            notifyAll();
        }
        streams.forEach(RangeQueue::closeQuietly);
    }

    /** Outside of the monitor: it may wait for the network. */
    private static void closeQuietly(AutoCloseable stream) {
        try {
            stream.close();
        } catch (Exception e) {
            // The range that it reads is there already.
        }
    }
}
