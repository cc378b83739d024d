package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.OutboardWriter;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A blob that is being written from its beginning to its end, its hash not known before. Nothing of it is a blob until
 * {@link #commit}; closing it before that leaves nothing. Not for several threads at once.
 */
public final class BlobWriter implements AutoCloseable {
    private final BlobStore store;
    private final Path data;
    private final Path outboard;
    private final FileChannel dataFile;
    private final FileChannel outboardFile;
    private final OutboardWriter hasher;
    private final Flusher flusher;
    private long bytes;
    private long reserved;
    private boolean isDone;

    BlobWriter(BlobStore store, Path folder) throws IOException {
        this.store = store;
        String name = "new-" + UUID.randomUUID();
        data = folder.resolve(name + ".data");
        outboard = folder.resolve(name + ".outboard");
        dataFile = FileChannel.open(data, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        outboardFile = FileChannel.open(outboard, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        hasher = new OutboardWriter(BlobFiles.appendTo(outboardFile));
        flusher = new Flusher(dataFile);
    }

    /**
     * Appends the rest of {@code piece}, best a mebibyte off the heap.
     *
     * @throws NoRoomException where the store has no room for it; the writer is then to be closed.
     */
    public void write(ByteBuffer piece) throws IOException {
        int length = piece.remaining();
        store.reserve(length);
        reserved += length;
        hasher.update(MemorySegment.ofBuffer(piece));
        BlobFiles.write(dataFile, bytes, piece);
        bytes += length;
        flusher.more(length);
    }

    /**
     * Makes it a blob, on disk when this returns. One that is there already is left as it is.
     *
     * @return its id.
     */
    public Bytes32 commit() throws IOException {
        return commit(null, null);
    }

    /**
     * Makes it a blob if it is the one that is expected.
     *
     * @param expected its id; null for any.
     * @param pin of what it is kept for, as in {@link BlobStore#pin}; null for nothing yet.
     * @throws IOException where it has another id: then it is no blob, and the writer is to be closed.
     */
    public Bytes32 commit(Bytes32 expected, String pin) throws IOException {
        Bytes32 id = Bytes32.of(hasher.finish());
        if (expected != null && !expected.equals(id)) {
            throw new IOException("What was to be blob " + expected + " is " + id + ". Nothing was kept of it.");
        }
        flusher.close();
        dataFile.force(true);
        if (ChunkGroups.count(bytes) > 1) {
            outboardFile.force(true);
        }
        store.adopt(id, bytes, data, outboard, pin);
        isDone = true;
        return id;
    }

    /** Bytes so far. */
    public long bytes() {
        return bytes;
    }

    @Override
    public void close() throws IOException {
        try (dataFile;
                outboardFile) {
            flusher.close();
        } finally {
            if (!isDone) {
                store.release(reserved);
            }
            Files.deleteIfExists(data);
            Files.deleteIfExists(outboard);
        }
    }
}
