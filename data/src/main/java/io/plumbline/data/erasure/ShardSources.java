package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.data.transfer.SourceQuery;
import io.plumbline.data.transfer.SourceSurvey;
import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder.WrongBytesException;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Which sources have which shards of a blob, and what those that are gone were, of any k others. That a source has a
 * shard is believed when it has given 16 KiB of it, drawn anew for each look, so that one that says so and has none
 * counts for nothing, and one that has lost a part of it not for long.
 */
public final class ShardSources {
    /** Most bytes of each shard that are at hand at once. */
    private static final int PIECE_BYTES = 4 << 20;

    /** Most bytes of all shards that are at hand at once: 200 of 4 MiB would be more than a host may have. */
    private static final int TURN_BYTES = 64 << 20;

    /** For which sources are asked, beside the time for each shard. */
    private static final long ASK_MS = 10_000;

    private static final long ASK_SHARD_MS = 500;

    /** For which a source may take for a piece of a shard before the next one that has it is asked as well. */
    private static final long SLOW_MS = 2_000;

    /** For which a piece is waited for where another shard would do: one that drips holds all others up. */
    private static final long PIECE_MS = 60_000;

    private final StripedBlob blob;
    private final long pieceMs;
    private final Set<BlobSource> unanswered;
    private final List<List<BlobSource>> holders = new ArrayList<>();
    private final ReedSolomon code;

    /**
     * Asks all sources for each shard, side by side. One that cannot be reached in time has none.
     *
     * @throws IOException where this thread is interrupted.
     */
    public ShardSources(StripedBlob blob, List<? extends BlobSource> sources) throws IOException {
        this(blob, sources, PIECE_MS);
    }

    /** @param pieceMs for which a piece is waited for where another shard would do. */
    ShardSources(StripedBlob blob, List<? extends BlobSource> sources, long pieceMs) throws IOException {
        this.blob = blob;
        this.pieceMs = pieceMs;
        this.code = new ReedSolomon(blob.k(), blob.shards().size());
        Map<BlobSource, Set<Integer>> proven = new ConcurrentHashMap<>();
        Set<BlobSource> answered = ConcurrentHashMap.newKeySet();
        SourceSurvey.run(sources, ASK_MS + ASK_SHARD_MS * blob.shards().size(), (BlobSource source) -> {
            try {
                ask(source, proven.computeIfAbsent(source, one -> ConcurrentHashMap.newKeySet()));
            } catch (WrongBytesException e) {
                // A lie, or a disk that rots, is an answer, and says nothing of other blobs.
            }
            answered.add(source);
        });
        unanswered =
                sources.stream().filter(source -> !answered.contains(source)).collect(Collectors.toUnmodifiableSet());
        for (int i = 0; i < blob.shards().size(); i++) {
            int shard = i;
            // In the order in which they are given.
            holders.add(sources.stream()
                    .<BlobSource>map(source -> source)
                    .filter(source -> proven.getOrDefault(source, Set.of()).contains(shard))
                    .collect(Collectors.toCollection(CopyOnWriteArrayList::new)));
        }
    }

    /** @throws IOException where it is not reached, or lies: each further question would take as long for nothing. */
    private void ask(BlobSource source, Set<Integer> proven) throws IOException {
        for (int i = 0; i < blob.shards().size(); i++) {
            Bytes32 shard = blob.shards().get(i);
            try {
                if (source.bytes(shard) == blob.shardBytes()) {
                    int groups = ChunkGroups.count(blob.shardBytes());
                    source.proveGroup(
                            shard,
                            blob.shardBytes(),
                            ThreadLocalRandom.current().nextInt(groups));
                    proven.add(i);
                }
            } catch (NoSuchBlobException e) {
                // It may have another one.
            }
        }
    }

    /** Sources that have a shard. */
    public List<BlobSource> holders(int shard) {
        return List.copyOf(holders.get(shard));
    }

    /** Sources that failed when they were asked, or were silent: others wait as long for them again. */
    public Set<BlobSource> unanswered() {
        return unanswered;
    }

    /** Bytes of each of {@code k} shards that are at hand at once: whole groups. */
    static int pieceBytes(int k) {
        int share = TURN_BYTES / k / ChunkGroups.BYTES * ChunkGroups.BYTES;
        return Math.clamp(share, ChunkGroups.BYTES, PIECE_BYTES);
    }

    /** Indices of shards that no source has. */
    public List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < holders.size(); i++) {
            if (holders.get(i).isEmpty()) {
                missing.add(i);
            }
        }
        return missing;
    }

    /** Takes a shard's bytes in order. */
    @FunctionalInterface
    public interface Output {
        /** @param bytes from 0 to {@code length}; used again after the call. */
        void write(byte[] bytes, int length) throws IOException;
    }

    /** A shard that was at hand does not come: the others count from now on. */
    void lose(int shard) {
        holders.get(shard).clear();
    }

    /** Computes a shard that is gone, all of it. */
    public void compute(int shard, Output output) throws IOException {
        compute(shard, new ByteRange(0, blob.shardBytes()), output);
    }

    /**
     * Computes a range of a shard that is gone.
     *
     * @throws IOException where fewer than k others can be had; the message says which are.
     */
    public void compute(int shard, ByteRange range, Output output) throws IOException {
        long[] at = {range.from()};
        Output counted = (bytes, length) -> {
            output.write(bytes, length);
            at[0] += length;
        };
        while (at[0] < range.to()) {
            try {
                computeOf(atHand(shard), shard, new ByteRange(at[0], range.to()), counted);
            } catch (LostShardException e) {
                lose(e.shard);
            }
        }
    }

    /** @param have shards that it is computed of. */
    private void computeOf(int[] have, int shard, ByteRange range, Output output) throws IOException {
        int most = (int) Math.min(pieceBytes(blob.k()), range.length());
        byte[] out = new byte[most];
        try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
            // The next pieces come while these are added up and written.
            Pieces now = new Pieces(have, most);
            Pieces next = new Pieces(have, most);
            try {
                now.begin(range.from(), range.to(), readers);
                for (long at = range.from(); at < range.to(); at += most) {
                    if (at + most < range.to()) {
                        next.begin(at + most, range.to(), readers);
                    }
                    int length = now.await(shard);
                    code.compute(have, now.bytes, shard, out, length);
                    output.write(out, length);
                    Pieces done = now;
                    now = next;
                    next = done;
                }
            } finally {
                // Closing the readers waits for what is on its way, however slow.
                now.cancel();
                next.cancel();
            }
        }
    }

    /** None of those that have shown a part of a shard gives all of it. */
    private static final class LostShardException extends IOException {
        private static final long serialVersionUID = 1;

        private final int shard;

        LostShardException(int shard, IOException cause) {
            super(cause.getMessage(), cause);
            this.shard = shard;
        }
    }

    /** A range of each shard at hand, on its way or there. */
    private final class Pieces {
        private final int[] have;
        private final byte[][] bytes;
        private final List<Future<?>> reads = new ArrayList<>();
        private int length;

        Pieces(int[] have, int most) {
            this.have = have;
            this.bytes = new byte[have.length][most];
        }

        void begin(long at, long end, ExecutorService readers) {
            length = (int) Math.min(bytes[0].length, end - at);
            ByteRange range = new ByteRange(at, at + length);
            reads.clear();
            for (int i = 0; i < have.length; i++) {
                int one = i;
                reads.add(readers.submit(() -> {
                    read(have[one], range, bytes[one]);
                    return null;
                }));
            }
        }

        /** @param computed shard, of which none is needed. */
        int await(int computed) throws IOException {
            long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pieceMs);
            int waitsFor = 0;
            try {
                for (; waitsFor < have.length; waitsFor++) {
                    if (countAtHand(computed) > have.length) {
                        reads.get(waitsFor).get(Math.max(0, endNs - System.nanoTime()), TimeUnit.NANOSECONDS);
                    } else {
                        reads.get(waitsFor).get();
                    }
                }
                return length;
            } catch (TimeoutException e) {
                throw new LostShardException(
                        have[waitsFor],
                        new IOException("Shard " + have[waitsFor] + " of blob " + blob.id() + " comes too slowly.", e));
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while shards were read.", e);
            }
        }

        void cancel() {
            reads.forEach(read -> read.cancel(true));
        }
    }

    private long countAtHand(int but) {
        return IntStream.range(0, holders.size())
                .filter(shard -> shard != but && !holders.get(shard).isEmpty())
                .count();
    }

    private int[] atHand(int but) throws IOException {
        List<Integer> have = new ArrayList<>();
        for (int i = 0; i < holders.size(); i++) {
            if (i != but && !holders.get(i).isEmpty()) {
                have.add(i);
            }
        }
        if (have.size() < blob.k()) {
            throw new IOException("Blob " + blob.id() + " cannot be had: " + have.size() + " of its "
                    + blob.shards().size() + " shards are there, and it takes " + blob.k() + ".");
        }
        return have.stream().limit(blob.k()).mapToInt(Integer::intValue).toArray();
    }

    /**
     * Reads a range of a shard, computed of others where no source has it.
     *
     * @param target receives it from 0 on.
     */
    void readOrCompute(int shard, ByteRange range, byte[] target) throws IOException {
        if (!holders.get(shard).isEmpty()) {
            try {
                read(shard, range, target);
                return;
            } catch (LostShardException e) {
                lose(shard);
            }
        }
        int[] at = {0};
        compute(shard, range, (some, length) -> {
            System.arraycopy(some, 0, target, at[0], length);
            at[0] += length;
        });
    }

    private void read(int shard, ByteRange range, byte[] target) throws IOException {
        Bytes32 id = blob.shards().get(shard);
        List<BlobSource> from = holders(shard);
        if (from.isEmpty()) {
            throw new LostShardException(shard, new NoSuchBlobException(id, "any source"));
        }
        try {
            byte[] read = SourceQuery.first(id, from, SLOW_MS, source -> {
                byte[] bytes = new byte[(int) range.length()];
                source.read(id, blob.shardBytes(), range, bytes);
                return bytes;
            });
            System.arraycopy(read, 0, target, 0, read.length);
        } catch (IOException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw e;
            }
            throw new LostShardException(shard, e);
        }
    }
}
