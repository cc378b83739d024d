package io.plumbline.data.erasure;

import io.plumbline.data.store.ByteRange;
import io.plumbline.data.store.NoSuchBlobException;
import io.plumbline.data.transfer.BlobSource;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Which sources have which shards of a blob, and what those that are gone were, of any k others. */
public final class ShardSources {
    /** Bytes of each shard that are at hand at once. */
    static final int PIECE_BYTES = 4 << 20;

    private final StripedBlob blob;
    private final List<List<BlobSource>> holders = new ArrayList<>();
    private final ReedSolomon code;

    /** Asks each source for each shard. One that cannot be reached has none. */
    public ShardSources(StripedBlob blob, List<? extends BlobSource> sources) {
        this.blob = blob;
        this.code = new ReedSolomon(blob.k(), blob.shards().size());
        blob.shards().forEach(shard -> holders.add(new ArrayList<>()));
        for (BlobSource source : sources) {
            ask(source);
        }
    }

    private void ask(BlobSource source) {
        for (int i = 0; i < holders.size(); i++) {
            try {
                if (source.bytes(blob.shards().get(i)) == blob.shardBytes()) {
                    holders.get(i).add(source);
                }
            } catch (NoSuchBlobException e) {
                // It may have another one.
            } catch (IOException e) {
                // It is not reached: each further question would take as long.
                return;
            }
        }
    }

    /** Sources that have a shard. */
    public List<BlobSource> holders(int shard) {
        return List.copyOf(holders.get(shard));
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
        int[] have = atHand(shard);
        int most = (int) Math.min(PIECE_BYTES, range.length());
        byte[] out = new byte[most];
        try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
            // The next pieces come while these are added up and written.
            Pieces now = new Pieces(have, most);
            Pieces next = new Pieces(have, most);
            now.begin(range.from(), range.to(), readers);
            for (long at = range.from(); at < range.to(); at += most) {
                if (at + most < range.to()) {
                    next.begin(at + most, range.to(), readers);
                }
                int length = now.await();
                code.compute(have, now.bytes, shard, out, length);
                output.write(out, length);
                Pieces done = now;
                now = next;
                next = done;
            }
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

        int await() throws IOException {
            try {
                for (Future<?> read : reads) {
                    read.get();
                }
                return length;
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Interrupted while shards were read.", e);
            }
        }
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
            read(shard, range, target);
            return;
        }
        int[] at = {0};
        compute(shard, range, (some, length) -> {
            System.arraycopy(some, 0, target, at[0], length);
            at[0] += length;
        });
    }

    private void read(int shard, ByteRange range, byte[] target) throws IOException {
        Bytes32 id = blob.shards().get(shard);
        IOException last = new NoSuchBlobException(id, "any source");
        for (BlobSource source : holders.get(shard)) {
            try {
                source.read(id, blob.shardBytes(), range, target);
                return;
            } catch (IOException e) {
                last = e;
            }
        }
        throw last;
    }
}
