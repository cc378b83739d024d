package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.RangeDecoder;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;

/**
 * A blob of a known id that arrives in ranges, in any order and from several sources at once. Only what is proven by
 * the id is written, and what was on disk at the last {@link #save} is not asked for again after the process has ended,
 * however it ended. For several threads at once.
 */
public final class PartialBlob implements AutoCloseable {
    private final Bytes32 id;
    private final long bytes;
    private final Path data;

    /** Where it begins in {@link #data}. */
    private final long dataOffset;

    private final Path outboard;
    private final Path present;
    private final FileChannel dataFile;
    private final FileChannel outboardFile;
    private final GroupSet groups;
    private final Flusher flusher;
    private final Room room;
    private final Completion completion;

    /** Sees that the disk has room for what comes. */
    @FunctionalInterface
    interface Room {
        void require(long bytes) throws IOException;

        /** More bytes of it are on the disk than were before. */
        default void taken(long bytes) throws IOException {}
    }

    /** Makes a blob of what is whole. */
    interface Completion {
        void complete(PartialBlob blob) throws IOException;
    }

    /**
     * Begins to receive a blob, or goes on with what an earlier process left.
     *
     * @param base path of its three files but for their endings.
     */
    PartialBlob(Bytes32 id, long bytes, Path base, Room room, Completion completion) throws IOException {
        this(id, bytes, sibling(base, ".data"), 0, base, room, completion);
    }

    private PartialBlob(Bytes32 id, long bytes, Path data, long dataOffset, Path base, Room room, Completion completion)
            throws IOException {
        this.room = room;
        this.id = id;
        this.bytes = bytes;
        this.completion = completion;
        this.data = data;
        this.dataOffset = dataOffset;
        this.outboard = sibling(base, ".outboard");
        this.present = sibling(base, ".present");
        GroupSet known = Files.exists(data) && Files.exists(outboard) && Files.exists(present)
                ? decode(Files.readAllBytes(present))
                : null;
        this.groups = known == null ? new GroupSet(bytes) : known;
        this.dataFile = open(data);
        this.outboardFile = open(outboard);
        this.flusher = new Flusher(dataFile);
    }

    /**
     * For a file that is no store's: beside it, under its name with {@code .partial} and more, until it is whole; then
     * it has that name.
     *
     * @param file replaced where it exists, once the blob is whole.
     */
    public static PartialBlob besideFile(Bytes32 id, long bytes, Path file) throws IOException {
        return new PartialBlob(id, bytes, sibling(file, ".partial"), some -> {}, blob -> {
            blob.force();
            Files.move(blob.data, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            blob.discard();
            Directories.forceNames(file.toAbsolutePath().getParent());
        });
    }

    /**
     * For a part of a larger file, which is written where it belongs.
     *
     * @param file made where it is absent.
     * @param offset of the part's first byte.
     * @param base path, but for its endings, of the two files that say what is there; they stay when it is whole, so
     *     that it is not asked for again before the whole file is.
     */
    public static PartialBlob inFile(Bytes32 id, long bytes, Path file, long offset, Path base) throws IOException {
        return new PartialBlob(id, bytes, file, offset, base, some -> {}, PartialBlob::save);
    }

    /** Null where the groups are of another blob: the same file may have been asked for as one before. */
    private GroupSet decode(byte[] saved) {
        byte[] own = id.bytes();
        return saved.length > own.length && Arrays.equals(Arrays.copyOf(saved, own.length), own)
                ? GroupSet.decode(bytes, Arrays.copyOfRange(saved, own.length, saved.length))
                : null;
    }

    private byte[] encode() {
        byte[] encoded = groups.encode();
        return ByteBuffer.allocate(id.bytes().length + encoded.length)
                .put(id.bytes())
                .put(encoded)
                .array();
    }

    /** Has all of it on disk, and nothing behind it: a longer one may have been received here before. */
    void force() throws IOException {
        dataFile.truncate(bytes);
        outboardFile.truncate(ChunkGroups.outboardBytes(bytes));
        dataFile.force(true);
        outboardFile.force(true);
    }

    private static Path sibling(Path base, String ending) {
        return base.resolveSibling(base.getFileName() + ending);
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    public Bytes32 id() {
        return id;
    }

    /** Bytes that the whole has. */
    public long bytes() {
        return bytes;
    }

    /** Bytes of it that are there. */
    public long presentBytes() {
        return groups.bytes();
    }

    public boolean isWhole() {
        return groups.isWhole();
    }

    /**
     * Ranges that are not there yet.
     *
     * @param longest bytes of one range.
     * @param most ranges.
     */
    public List<ByteRange> missing(long longest, int most) {
        return groups.missing(longest, most);
    }

    /**
     * The part of a range that is not there yet.
     *
     * @param range of whole groups, but for the blob's end.
     * @return from the first group that is missing to the last; null where all of it is there.
     */
    public ByteRange missing(ByteRange range) {
        return groups.missing(range);
    }

    /** Takes what was scrubbed and found good. */
    void haveAllBut(List<ByteRange> damaged) {
        groups.addAll();
        damaged.forEach(groups::remove);
    }

    /**
     * Receives a range, encoded as {@link io.plumbline.verifier.blake3.Outboard#encode} does it.
     *
     * @param progress told the bytes of groups that are written and were not there before; 0 where all were.
     * @throws RangeDecoder.WrongBytesException where it is not this blob's; what came before the wrong byte is kept.
     * @throws NoRoomException where it would take what the store leaves free.
     * @throws DiskFailedException where the disk does not take it.
     * @throws IOException where it ends too early, or {@code in} fails.
     */
    public void receive(ByteRange range, InputStream in, Progress progress) throws IOException {
        room.require(range.length());
        GroupBatch batch = new GroupBatch(new GroupBatch.Target() {
            @Override
            public void data(long position, ByteBuffer some) throws IOException {
                write(dataFile, dataOffset + position, some);
            }

            @Override
            public void outboard(long position, ByteBuffer some) throws IOException {
                write(outboardFile, position, some);
            }

            @Override
            public void written(long position, int length) throws IOException {
                long more = groups.add(position, length);
                flusher.more(length);
                try {
                    room.taken(more);
                } catch (IOException e) {
                    groups.remove(new ByteRange(position, position + length));
                    throw e;
                }
                progress.more(more);
            }
        });
        RangeDecoder decoder = new RangeDecoder(id.bytes(), bytes, range.from(), range.to());
        try {
            decoder.decode(in, batch);
        } catch (DiskFailedException | NoRoomException e) {
            throw e;
        } catch (IOException e) {
            // The groups before it are proven.
            batch.flush();
            throw e;
        }
        batch.flush();
    }

    private void write(FileChannel file, long position, ByteBuffer from) throws DiskFailedException {
        try {
            BlobFiles.write(file, position, from);
        } catch (IOException e) {
            throw new DiskFailedException(
                    "Blob " + id + " cannot be written to " + data.getParent() + ": " + e.getMessage(), e);
        }
    }

    /** Has what is there outlast the process and the host. */
    public synchronized void save() throws IOException {
        byte[] encoded = encode();
        dataFile.force(false);
        outboardFile.force(false);
        Path next = sibling(present, ".next");
        try (FileChannel channel = FileChannel.open(
                next, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            BlobFiles.write(channel, 0, ByteBuffer.wrap(encoded));
            channel.force(true);
        }
        Files.move(next, present, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /**
     * Makes it a blob once it is whole, on disk when this returns.
     *
     * @throws IllegalStateException where it is not whole.
     */
    public synchronized void commit() throws IOException {
        if (!isWhole()) {
            throw new IllegalStateException("Blob " + id + " has " + presentBytes() + " of " + bytes + " bytes.");
        }
        completion.complete(this);
    }

    Path data() {
        return data;
    }

    /** False once a thread that used it was interrupted, which closes its files: it is to be opened again. */
    boolean isOpen() {
        return dataFile.isOpen() && outboardFile.isOpen();
    }

    Path outboard() {
        return outboard;
    }

    /** Removes its files. */
    void discard() throws IOException {
        for (Path file : List.of(data, outboard, present)) {
            Files.deleteIfExists(file);
        }
    }

    /** Leaves what is there for the next time. */
    @Override
    public void close() throws IOException {
        try (dataFile;
                outboardFile) {
            flusher.close();
        }
    }
}
