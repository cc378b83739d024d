package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.ChunkSet;
import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A whole blob, open for reading. It may be deleted meanwhile: what is open can be read to its end. */
public final class StoredBlob implements ReadableBlob {
    private final Bytes32 id;
    private final long bytes;
    private final Path data;
    private final FileChannel dataFile;
    private final FileChannel outboardFile;
    private final Path outboard;

    StoredBlob(Bytes32 id, long bytes, Path data, Path outboard) throws IOException {
        this.id = id;
        this.bytes = bytes;
        this.data = data;
        this.outboard = outboard;
        this.dataFile = FileChannel.open(data, StandardOpenOption.READ);
        this.outboardFile = Files.exists(outboard) ? FileChannel.open(outboard, StandardOpenOption.READ) : null;
    }

    @Override
    public Bytes32 id() {
        return id;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    /** Reads bytes as they are on disk, unproven. */
    public void read(long position, byte[] target, int offset, int length) throws IOException {
        BlobFiles.source(dataFile, data).read(position, target, offset, length);
    }

    @Override
    public void encode(ByteRange range, Outboard.Output output) throws IOException {
        tree().encode(range.from(), range.to(), output);
    }

    /**
     * One chunk with what proves it by the id alone: a kilobyte and 32 bytes a level, 1.8 kB of a blob of 8 GiB. To be
     * checked by {@link Slice#verify}.
     *
     * @param chunk of 1,024 bytes, from 0.
     */
    public byte[] slice(int chunk) throws IOException {
        return cut(new Slice(null, bytes, chunkSet(bytes, chunk)));
    }

    /**
     * A slice of this blob as it is on disk, unproven.
     *
     * @throws IOException where it cannot be read.
     */
    public byte[] cut(Slice slice) throws IOException {
        try {
            return slice.cut(tree(), (position, target, offset, length) -> {
                try {
                    read(position, target, offset, length);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** The chunk as a set, which an empty blob has too. */
    static ChunkSet chunkSet(long bytes, int chunk) {
        long from = (long) chunk * 1024;
        return new ChunkSet().addBytes(from, Math.max(from + 1, Math.min(bytes, from + 1024)));
    }

    Outboard tree() {
        return new Outboard(
                bytes,
                BlobFiles.source(dataFile, data),
                outboardFile == null
                        ? (position, target, offset, length) -> {
                            throw new IOException(outboard + " is missing. Run `plumbline blob verify`.");
                        }
                        : BlobFiles.source(outboardFile, outboard));
    }

    /** Whether it has an outboard that it needs. */
    boolean hasOutboard() {
        return outboardFile != null || ChunkGroups.count(bytes) == 1;
    }

    @Override
    public void close() throws IOException {
        dataFile.close();
        if (outboardFile != null) {
            outboardFile.close();
        }
    }
}
