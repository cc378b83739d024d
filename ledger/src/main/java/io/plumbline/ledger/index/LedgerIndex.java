package io.plumbline.ledger.index;

import io.plumbline.ledger.state.Settlement;
import io.plumbline.ledger.tree.MerkleMountainRange;
import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalWriter;
import io.plumbline.verifier.lightclient.BlockHeader;
import io.plumbline.verifier.lightclient.Certificate;
import io.plumbline.verifier.lightclient.RangeProof;
import io.plumbline.verifier.platform.ExtractedLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.rocksdb.Checkpoint;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.util.Environment;

/**
 * What the ledger has certified, for as long as the disk lasts: blocks with the signatures under them, requests as
 * they came to their end, and the headers' mountain range, which proves an old block by a new one. In RocksDB, by a
 * thread of its own. It holds nothing that the log does not say: a full node that starts from the log's beginning
 * with an empty index writes all of it again. Where the log's beginning was dropped, another full node's index is the
 * only other place: {@link #copyTo}.
 */
public final class LedgerIndex implements AutoCloseable {
    private static final byte BLOCK = 'b';
    private static final byte REQUEST = 'r';
    private static final byte MOUNTAIN = 'm';
    private static final byte[] LENGTH = {'l'};
    private static final long CLOSE_S = 10;

    static {
        loadLibrary();
    }

    private final Options options = new Options().setCreateIfMissing(true);
    private final RocksDB db;
    private final MerkleMountainRange range;
    private final Consumer<Throwable> onError;
    private final ExecutorService writer = Executors.newSingleThreadExecutor();

    /** A certified block. */
    public record Block(BlockHeader header, Certificate certificate) {}

    private interface Write {
        void run() throws RocksDBException;
    }

    /**
     * @param folder made where it is absent.
     * @param onError hears what could not be written.
     */
    public LedgerIndex(Path folder, Consumer<Throwable> onError) throws IOException {
        this.onError = onError;
        Files.createDirectories(folder);
        try {
            db = RocksDB.open(options, folder.toString());
            byte[] length = db.get(LENGTH);
            range = new MerkleMountainRange(
                    new Mountains(),
                    length == null ? 0 : ByteBuffer.wrap(length).getLong());
        } catch (RocksDBException e) {
            throw new IOException(
                    "The index in " + folder + " cannot be opened: " + e.getMessage()
                            + ". Where this full node's log was never purged, remove it: it is written again from the log."
                            + " Else put in its place what `plumbline ledger copy-index` makes at another full node.",
                    e);
        }
    }

    private static void loadLibrary() {
        try {
            String name = Environment.getJniLibraryFileName("rocksdb");
            boolean isLoaded = ExtractedLibraries.load(RocksDB.class, List.of("/" + name), folder -> {
                // What it looks for in a folder is called otherwise than what it looks for in its jar.
                Files.move(folder.resolve(name), folder.resolve(Environment.getJniLibraryFileName("rocksdbjni")));
                RocksDB.loadLibrary(List.of(folder.toString()));
            });
            if (!isLoaded) {
                // A platform of which its jar has nothing: perhaps the host has it.
                RocksDB.loadLibrary();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("RocksDB's library cannot be copied from its jar: " + e.getMessage(), e);
        }
    }

    /** The mountain range's hashes as rows. */
    private final class Mountains implements MerkleMountainRange.Nodes {
        private byte[] key(int height, long index) {
            return ByteBuffer.allocate(10)
                    .put(MOUNTAIN)
                    .put((byte) height)
                    .putLong(index)
                    .array();
        }

        @Override
        public byte[] get(int height, long index) {
            try {
                return db.get(key(height, index));
            } catch (RocksDBException e) {
                throw new IllegalStateException("The index cannot be read: " + e.getMessage(), e);
            }
        }

        @Override
        public void put(int height, long index, byte[] hash) {
            try {
                db.put(key(height, index), hash);
            } catch (RocksDBException e) {
                throw new IllegalStateException("The index cannot be written: " + e.getMessage(), e);
            }
        }
    }

    private static byte[] block(long number) {
        return ByteBuffer.allocate(9).put(BLOCK).putLong(number).array();
    }

    private static byte[] request(byte[] hash) {
        byte[] key = Arrays.copyOf(new byte[] {REQUEST}, 1 + hash.length);
        System.arraycopy(hash, 0, key, 1, hash.length);
        return key;
    }

    private Future<?> write(Write write) {
        try {
            return writer.submit(() -> {
                try {
                    write.run();
                } catch (RocksDBException | RuntimeException e) {
                    onError.accept(e);
                }
            });
        } catch (RejectedExecutionException e) {
            return null;
        }
    }

    /** Keeps a block; returns at once. */
    public void onCertified(BlockHeader header, Certificate certificate) {
        write(() -> {
            CanonicalWriter out = new CanonicalWriter().putFixed(header.encode());
            certificate.write(out);
            db.put(block(header.number()), out.toBytes());
            // A log that is replayed tells of blocks that are here; after a start from a snapshot some may be missing
            // for good.
            if (header.number() == range.length()) {
                range.add(header.hash());
                db.put(LENGTH, ByteBuffer.allocate(8).putLong(range.length()).array());
            }
        });
    }

    /** Keeps a request as it came to its end; returns at once. */
    public void onClosed(Settlement closed) {
        write(() -> db.put(request(closed.requestHash().bytes()), closed.encode()));
    }

    private byte[] get(byte[] key) throws IOException {
        try {
            // In order with what was written before.
            Future<?> before = write(() -> {});
            if (before != null) {
                before.get();
            }
            return db.get(key);
        } catch (RocksDBException | ExecutionException e) {
            throw new IOException("The index cannot be read: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while reading the index.", e);
        }
    }

    /** The block of this number, or null. */
    public Block findBlock(long number) throws IOException {
        byte[] bytes = get(block(number));
        if (bytes == null) {
            return null;
        }
        CanonicalReader in = new CanonicalReader(bytes, "indexed block");
        Block found = new Block(BlockHeader.read(in), Certificate.read(in));
        in.end();
        return found;
    }

    /** A request that came to its end, however long ago; or null. */
    public Settlement findRequest(byte[] hash) throws IOException {
        byte[] bytes = get(request(hash));
        return bytes == null ? null : Settlement.decode(bytes);
    }

    /** How many blocks from the first on it has without a gap. */
    public long length() throws IOException {
        get(LENGTH);
        return range.length();
    }

    /**
     * That a block is one of those before another: whoever believes the later one believes the earlier.
     *
     * @param later number of a block after it; its header's range is what the proof is checked against.
     * @throws IOException where the index does not reach from the first block to the later one.
     */
    public RangeProof prove(long number, long later) throws IOException {
        if (number < 0 || number >= later || later > length()) {
            throw new IOException("The index has blocks 0 to " + (range.length() - 1)
                    + " without a gap; it cannot prove " + number + " by " + later + ".");
        }
        return range.prove(number, later);
    }

    /**
     * Writes a copy as it is now, while this goes on.
     *
     * @param to must not exist.
     */
    public void copyTo(Path to) throws IOException {
        if (Files.exists(to)) {
            throw new IOException(to + " exists. Name another folder.");
        }
        // After what was certified before.
        get(LENGTH);
        try (Checkpoint checkpoint = Checkpoint.create(db)) {
            checkpoint.createCheckpoint(to.toString());
        } catch (RocksDBException e) {
            throw new IOException("The index cannot be copied to " + to + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        writer.shutdown();
        try {
            if (writer.awaitTermination(CLOSE_S, TimeUnit.SECONDS)) {
                db.close();
                options.close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
