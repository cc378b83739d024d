package io.plumbline.data.store;

import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.ExtractedLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;
import org.rocksdb.util.Environment;

/** Which blobs a store has, in RocksDB. Each change is on disk when its call returns. */
final class Catalog implements AutoCloseable {
    static {
        loadLibrary();
    }

    /** First byte of the keys of entries, and of those by which a pin's blobs are found. */
    private static final byte BLOB = 'b';

    private static final byte PIN = 'p';

    private final Path folder;
    /** Entries are some 100 bytes: the library's own 64 MiB would be taken from the disk for nothing. */
    private static final long WRITE_BUFFER_BYTES = 4L << 20;

    private final Options options =
            new Options().setCreateIfMissing(true).setKeepLogFileNum(2).setWriteBufferSize(WRITE_BUFFER_BYTES);
    private final WriteOptions synced = new WriteOptions().setSync(true);
    private final WriteOptions unsynced = new WriteOptions();
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
            unsynced.close();
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
                // In a folder it looks for another name than in its jar.
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
            byte[] found = db.get(key(id));
            return found == null ? null : BlobStat.decode(id, found);
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
    }

    private static byte[] key(Bytes32 id) {
        return ByteBuffer.allocate(1 + Blake3.HASH_BYTES)
                .put(BLOB)
                .put(id.bytes())
                .array();
    }

    private static Bytes32 id(byte[] key) {
        return Bytes32.of(Arrays.copyOfRange(key, key.length - Blake3.HASH_BYTES, key.length));
    }

    /** Begins the keys of all blobs with a pin; a zero byte ends the name, which has none. */
    private static byte[] pinPrefix(String pin) {
        byte[] name = pin.getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(2 + name.length)
                .put(PIN)
                .put(name)
                .put((byte) 0)
                .array();
    }

    private static byte[] pinKey(String pin, Bytes32 id) {
        byte[] prefix = pinPrefix(pin);
        return ByteBuffer.allocate(prefix.length + Blake3.HASH_BYTES)
                .put(prefix)
                .put(id.bytes())
                .array();
    }

    /** @param before null where there was none. */
    void put(BlobStat stat, BlobStat before) throws IOException {
        put(stat, before, synced);
    }

    /** Where it may be lost when the host ends, and not the process. */
    void putUnsynced(BlobStat stat, BlobStat before) throws IOException {
        put(stat, before, unsynced);
    }

    private void put(BlobStat stat, BlobStat before, WriteOptions how) throws IOException {
        try (WriteBatch batch = new WriteBatch()) {
            batch.put(key(stat.id()), stat.encode());
            if (before != null) {
                for (String pin : before.pins()) {
                    batch.delete(pinKey(pin, stat.id()));
                }
            }
            for (String pin : stat.pins()) {
                batch.put(pinKey(pin, stat.id()), new byte[0]);
            }
            db.write(how, batch);
        } catch (RocksDBException e) {
            throw failed("written", e);
        }
    }

    void remove(BlobStat stat) throws IOException {
        try (WriteBatch batch = new WriteBatch()) {
            batch.delete(key(stat.id()));
            for (String pin : stat.pins()) {
                batch.delete(pinKey(pin, stat.id()));
            }
            db.write(synced, batch);
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
            at.seek(after == null ? new byte[] {BLOB} : key(after));
            if (after != null && at.isValid() && Arrays.equals(at.key(), key(after))) {
                at.next();
            }
            for (; at.isValid() && at.key()[0] == BLOB && found.size() < most; at.next()) {
                found.add(BlobStat.decode(id(at.key()), at.value()));
            }
            at.status();
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
        return found;
    }

    /** Blobs with a pin, in order of their ids, the first {@code most}. */
    List<BlobStat> pinned(String pin, int most) throws IOException {
        byte[] prefix = pinPrefix(pin);
        List<BlobStat> found = new ArrayList<>();
        try (RocksIterator at = db.newIterator()) {
            at.seek(prefix);
            for (; at.isValid() && startsWith(at.key(), prefix) && found.size() < most; at.next()) {
                BlobStat stat = find(id(at.key()));
                if (stat != null) {
                    found.add(stat);
                }
            }
            at.status();
        } catch (RocksDBException e) {
            throw failed("read", e);
        }
        return found;
    }

    private static boolean startsWith(byte[] key, byte[] prefix) {
        return key.length == prefix.length + Blake3.HASH_BYTES
                && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
    }

    private IOException failed(String done, RocksDBException e) {
        return new IOException("The catalog in " + folder + " cannot be " + done + ": " + e.getMessage(), e);
    }

    @Override
    public void close() {
        db.close();
        synced.close();
        unsynced.close();
        options.close();
    }
}
