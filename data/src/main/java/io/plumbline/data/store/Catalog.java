package io.plumbline.data.store;

import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.ExtractedLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Status;
import org.rocksdb.WriteOptions;
import org.rocksdb.util.Environment;

/** Which blobs a store has, in RocksDB. Each change is on disk when its call returns. */
final class Catalog implements AutoCloseable {
    static {
        loadLibrary();
    }

    private final Path folder;
    /** Entries are some 100 bytes: the library's own 64 MiB would be taken from the disk for nothing. */
    private static final long WRITE_BUFFER_BYTES = 4L << 20;

    private final Options options =
            new Options().setCreateIfMissing(true).setKeepLogFileNum(2).setWriteBufferSize(WRITE_BUFFER_BYTES);
    private final WriteOptions synced = new WriteOptions().setSync(true);
    private final RocksDB db;

    /**
     * @param folder made where it is absent.
     * @throws IOException where another process has it open, or it cannot be read.
     */
    Catalog(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        try {
            db = RocksDB.open(options, folder.toString());
        } catch (RocksDBException e) {
            options.close();
            synced.close();
            if (isLocked(e)) {
                throw new IOException(
                        "The blob store in " + folder.getParent()
                                + " is in use by another process, a data node perhaps: ask that one"
                                + " (--data-node URL), or stop it.",
                        e);
            }
            throw new IOException(
                    "The catalog in " + folder + " cannot be opened: " + e.getMessage()
                            + ". Remove that folder to have it made again from the blobs; pins are lost by that.",
                    e);
        }
    }

    private static boolean isLocked(RocksDBException e) {
        return e.getStatus() != null
                && e.getStatus().getCode() == Status.Code.IOError
                && String.valueOf(e.getMessage()).contains("lock");
    }

    private static void loadLibrary() {
        try {
            String name = Environment.getJniLibraryFileName("rocksdb");
            boolean isLoaded = ExtractedLibraries.load(RocksDB.class, List.of("/" + name), copies -> {
                // What it looks for in a folder is called otherwise than what it looks for in its jar.
                Files.move(copies.resolve(name), copies.resolve(Environment.getJniLibraryFileName("rocksdbjni")));
                RocksDB.loadLibrary(List.of(copies.toString()));
            });
            if (!isLoaded) {
                RocksDB.loadLibrary();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("RocksDB's library cannot be copied from its jar: " + e.getMessage(), e);
        }
    }

    /** The entry of a blob, or null. */
    BlobStat find(Bytes32 id) throws IOException {
        try {
            byte[] found = db.get(id.bytes());
            return found == null ? null : BlobStat.decode(id, found);
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
    }

    void put(BlobStat stat) throws IOException {
        try {
            db.put(synced, stat.id().bytes(), stat.encode());
        } catch (RocksDBException e) {
            throw failed("written", e);
        }
    }

    void remove(Bytes32 id) throws IOException {
        try {
            db.delete(synced, id.bytes());
        } catch (RocksDBException e) {
            throw failed("written", e);
        }
    }

    /**
     * Entries in order of their ids.
     *
     * @param after entries come after it; null for the first.
     */
    List<BlobStat> list(Bytes32 after, int most) throws IOException {
        List<BlobStat> found = new ArrayList<>();
        try (RocksIterator at = db.newIterator()) {
            if (after == null) {
                at.seekToFirst();
            } else {
                at.seek(after.bytes());
                if (at.isValid() && Bytes32.of(at.key()).equals(after)) {
                    at.next();
                }
            }
            for (; at.isValid() && found.size() < most; at.next()) {
                found.add(BlobStat.decode(Bytes32.of(at.key()), at.value()));
            }
            at.status();
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
        return found;
    }

    private IOException failed(String done, RocksDBException e) {
        return new IOException("The catalog in " + folder + " cannot be " + done + ": " + e.getMessage(), e);
    }

    @Override
    public void close() {
        db.close();
        synced.close();
        options.close();
    }
}
