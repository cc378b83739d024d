package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.FileStore;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * Blobs by their hash in one folder: {@code blobs} and {@code outboards} hold plain files by id, {@code partial} what
 * is on its way, {@code catalog} the index. One process has it open at a time; for several threads at once.
 *
 * <p>A blob is there whole or not at all, whenever the process or the host ends: its files are on disk before they get
 * their names, and the catalog names it last. A file that has its name but is not in the catalog was whole, so the next
 * start takes it in.
 *
 * <p>Each of these steps waits for the disk. So blobs are locked one by one, by the id, and the store's own lock,
 * within that of a blob and never around it, is for sums and for what is being received: the disk writes what several
 * threads wait for together.
 */
public final class BlobStore implements AutoCloseable {
    /** Bytes of the disk that blobs leave free, so that catalog, logs and the host go on. */
    static final long LEFT_FREE_BYTES = 256L << 20;

    /** Blobs received at once: each has two files open. */
    private static final int MOST_RECEIVING = 256;

    private static final int PIECE_BYTES = 1 << 20;
    private static final int LISTED_AT_ONCE = 1000;

    /** Blobs whose ids begin alike share a lock. */
    private static final int LOCKS = 64;

    private final Path folder;
    private final long quotaBytes;
    private final Catalog catalog;
    private final List<Lock> locks =
            Stream.<Lock>generate(ReentrantLock::new).limit(LOCKS).toList();
    private final Map<Bytes32, Receiving> receiving = new HashMap<>();
    private long usedBytes;
    private long count;

    /**
     * A blob on its way.
     *
     * @param reserved bytes that are counted by it: all, or those that have come; of a damaged blob none, whose entry
     *     has them.
     */
    private record Receiving(PartialBlob blob, AtomicLong reserved) {}

    /** Looks at the disk, and takes room for what comes where none was taken before. */
    private final class ComingRoom implements PartialBlob.Room {
        private final AtomicLong reserved;

        ComingRoom(AtomicLong reserved) {
            this.reserved = reserved;
        }

        @Override
        public void require(long bytes) throws IOException {
            requireDisk(bytes);
        }

        @Override
        public void taken(long bytes) throws IOException {
            synchronized (BlobStore.this) {
                reserve(bytes);
                reserved.addAndGet(bytes);
            }
        }
    }

    private BlobStore(Path folder, long quotaBytes) throws IOException {
        this.folder = folder.toAbsolutePath();
        this.quotaBytes = quotaBytes;
        for (String part : List.of("blobs", "outboards", "partial")) {
            Files.createDirectories(this.folder.resolve(part));
        }
        this.catalog = new Catalog(this.folder.resolve("catalog"));
        try {
            recover();
        } catch (IOException | RuntimeException e) {
            catalog.close();
            throw e;
        }
    }

    /**
     * Opens a store.
     *
     * @param folder made where it is absent.
     * @param quotaBytes that its blobs may have together, partial ones by what they will have; {@link Long#MAX_VALUE}
     *     for what the disk has.
     * @throws IOException where another process has it open, or its files cannot be read.
     */
    public static BlobStore open(Path folder, long quotaBytes) throws IOException {
        return new BlobStore(folder, quotaBytes);
    }

    /** Takes in what an ended process had renamed, drops what it had begun, and counts. */
    private void recover() throws IOException {
        try (Stream<Path> begun = Files.list(partialFolder())) {
            for (Path file : begun.filter(path -> path.getFileName().toString().startsWith("new-"))
                    .toList()) {
                Files.delete(file);
            }
        }
        Files.walkFileTree(folder.resolve("blobs"), new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Bytes32 id = BlobIds.parse(file.getFileName().toString());
                if (catalog.find(id) == null) {
                    catalog.put(new BlobStat(id, attributes.size(), now(), now(), false, new TreeSet<>()), null);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        forEach(stat -> {
            usedBytes += stat.bytes();
            count++;
        });
    }

    private static long now() {
        return System.currentTimeMillis();
    }

    private Path partialFolder() {
        return folder.resolve("partial");
    }

    private Path place(String part, Bytes32 id) {
        String hex = id.toString();
        return folder.resolve(part).resolve(hex.substring(0, 2)).resolve(hex);
    }

    /** Contents of a store. */
    public record Usage(long blobs, long bytes, long quotaBytes) {}

    public synchronized Usage usage() {
        return new Usage(count, usedBytes, quotaBytes);
    }

    /** The lock of a blob, until it is closed. */
    @FunctionalInterface
    private interface Held extends AutoCloseable {
        @Override
        void close();
    }

    private Held lock(Bytes32 id) {
        Lock lock = locks.get((int) Long.remainderUnsigned(id.a(), LOCKS));
        lock.lock();
        return lock::unlock;
    }

    private synchronized void counted(long blobs, long bytes) {
        count += blobs;
        usedBytes += bytes;
    }

    /** Takes room for bytes that come. */
    synchronized void reserve(long bytes) throws IOException {
        if (bytes > quotaBytes - usedBytes) {
            throw new NoRoomException("The blob store in " + folder + " has " + usedBytes + " of " + quotaBytes
                    + " bytes that it may have; " + bytes + " more do not fit. Collect what is not pinned (`plumbline"
                    + " blob gc`), or raise --quota.");
        }
        requireDisk(bytes);
        usedBytes += bytes;
    }

    /** Blobs that were begun may be more together than the disk has, so bytes are looked at as they come. */
    private void requireDisk(long bytes) throws IOException {
        FileStore disk = Files.getFileStore(folder);
        if (disk.getUsableSpace() < bytes + LEFT_FREE_BYTES) {
            throw new NoRoomException("The disk of " + folder + " has " + disk.getUsableSpace()
                    + " bytes left, of which " + LEFT_FREE_BYTES + " stay free; " + bytes + " more do not fit.");
        }
    }

    void release(long bytes) {
        counted(0, -bytes);
    }

    /** Begins to write a blob whose id is not known yet. */
    public BlobWriter write() throws IOException {
        return new BlobWriter(this, partialFolder());
    }

    /**
     * Keeps all that a stream gives.
     *
     * @param progress hears of bytes that were written.
     * @return the blob's id.
     */
    public Bytes32 put(InputStream in, Progress progress) throws IOException {
        return put(in, progress, null);
    }

    /**
     * Keeps all that a stream gives, for something.
     *
     * @param pin of what it is kept for, as in {@link #pin}; null for nothing yet.
     */
    public Bytes32 put(InputStream in, Progress progress, String pin) throws IOException {
        if (pin != null) {
            requirePin(pin);
        }
        try (BlobWriter writer = write()) {
            byte[] piece = new byte[PIECE_BYTES];
            for (int read = in.readNBytes(piece, 0, piece.length); read > 0; ) {
                writer.write(ByteBuffer.wrap(piece, 0, read));
                progress.more(read);
                read = in.readNBytes(piece, 0, piece.length);
            }
            return writer.commit(null, pin);
        }
    }

    /** Makes a blob of whole files that are on disk, whose bytes are reserved. */
    void adopt(Bytes32 id, long bytes, Path data, Path outboard, String pin) throws IOException {
        try (Held _ = lock(id)) {
            BlobStat known = catalog.find(id);
            if (known != null) {
                release(bytes);
            }
            if (known != null && known.isDamaged()) {
                drop(takeReceiving(id));
            }
            enter(id, bytes, data, outboard, known, pin);
        }
    }

    private synchronized Receiving takeReceiving(Bytes32 id) {
        return receiving.remove(id);
    }

    /** Gives files their names and enters them in the catalog; where they are there, the pin alone. */
    private void enter(Bytes32 id, long bytes, Path data, Path outboard, BlobStat known, String pin)
            throws IOException {
        if (known != null && !known.isDamaged()) {
            if (pin != null) {
                pin(id, pin);
            }
            return;
        }
        // The outboard first: what has its name among the blobs is whole.
        if (ChunkGroups.count(bytes) > 1) {
            move(outboard, place("outboards", id));
        }
        move(data, place("blobs", id));
        if (known == null) {
            TreeSet<String> pins = new TreeSet<>(pin == null ? List.of() : List.of(pin));
            catalog.put(new BlobStat(id, bytes, now(), now(), false, pins), null);
            counted(1, 0);
        } else {
            catalog.put(known.damaged(false, now()), known);
            if (pin != null) {
                pin(id, pin);
            }
        }
    }

    private static void drop(Receiving open) throws IOException {
        if (open != null) {
            open.blob().close();
            open.blob().discard();
        }
    }

    private static void move(Path from, Path to) throws IOException {
        boolean isNew = Files.notExists(to.getParent());
        Files.createDirectories(to.getParent());
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Directories.forceNames(to.getParent());
        if (isNew) {
            Directories.forceNames(to.getParent().getParent());
        }
    }

    /**
     * Begins or goes on to receive a blob of a known id. Callers that ask for the same get the same, which stays open
     * until it is whole or the store is closed.
     *
     * @param bytes that it has, as somebody says; kept room for.
     * @throws NoRoomException where there is no room for it.
     * @throws IllegalArgumentException where it is here already, or being received with another length.
     */
    public PartialBlob receive(Bytes32 id, long bytes) throws IOException {
        try (Held _ = lock(id)) {
            return beginToReceive(id, bytes, true);
        }
    }

    /**
     * As {@link #receive}, of what a stranger wants kept: room is taken for bytes as they come, so that who announces
     * many and sends few keeps it from nobody.
     */
    public PartialBlob receiveAsItComes(Bytes32 id, long bytes) throws IOException {
        try (Held _ = lock(id)) {
            return beginToReceive(id, bytes, false);
        }
    }

    /** @param isWhole whether room is taken for all of it at once. */
    private synchronized PartialBlob beginToReceive(Bytes32 id, long bytes, boolean isWhole) throws IOException {
        BlobStat known = catalog.find(id);
        if (known != null && !known.isDamaged()) {
            throw new IllegalArgumentException("Blob " + id + " is here already.");
        }
        Receiving open = receiving.get(id);
        long expected =
                known != null ? known.bytes() : open != null ? open.blob().bytes() : bytes;
        if (bytes != expected) {
            throw new IllegalArgumentException("Blob " + id + " is " + (known != null ? "" : "being received as ")
                    + "one of " + expected + " bytes, not " + bytes + "."
                    + (known != null ? "" : " Where the first was wrong, delete it, and send it again."));
        }
        if (open != null && open.blob().isOpen()) {
            return open.blob();
        }
        if (open != null) {
            receiving.remove(id);
            usedBytes -= open.reserved().get();
        }
        if (receiving.size() >= MOST_RECEIVING) {
            throw new NoRoomException("The blob store in " + folder + " is receiving " + MOST_RECEIVING
                    + " blobs, the most at once. Finish those, or delete them, and try again.");
        }
        ChunkGroups.count(bytes);
        AtomicLong reserved = new AtomicLong();
        if (known == null && isWhole) {
            reserve(bytes);
            reserved.set(bytes);
        }
        PartialBlob blob = null;
        try {
            boolean isComing = known == null && !isWhole;
            PartialBlob.Room room = isComing ? new ComingRoom(reserved) : this::requireDisk;
            blob = new PartialBlob(id, bytes, partialFolder().resolve(id.toString()), room, this::complete);
            if (isComing) {
                // The part that an earlier process has left of it.
                reserve(blob.presentBytes());
                reserved.set(blob.presentBytes());
            }
            receiving.put(id, new Receiving(blob, reserved));
            return blob;
        } catch (IOException | RuntimeException e) {
            usedBytes -= reserved.get();
            if (blob != null) {
                blob.close();
            }
            throw e;
        }
    }

    /**
     * As {@link #receive}, of a length that is proven: what was begun of the blob with another length, by whom it may,
     * can never be whole and is given up.
     */
    public PartialBlob receiveProven(Bytes32 id, long bytes) throws IOException {
        try (Held _ = lock(id)) {
            PartialBlob begun = receiving(id);
            if (begun != null && begun.bytes() != bytes && catalog.find(id) == null) {
                forget(id);
            }
            return receive(id, bytes);
        }
    }

    private void complete(PartialBlob blob) throws IOException {
        // Others need not wait for the disk.
        blob.force();
        completeForced(blob);
    }

    private void completeForced(PartialBlob blob) throws IOException {
        try (Held _ = lock(blob.id())) {
            if (receiving(blob.id()) != blob) {
                // Given up, or here by another way.
                return;
            }
            BlobStat known = catalog.find(blob.id());
            enter(blob.id(), blob.bytes(), blob.data(), blob.outboard(), known, null);
            Receiving open = takeReceiving(blob.id());
            release(open.reserved().get() - (known == null ? blob.bytes() : 0));
            drop(open);
        }
    }

    /** Gives up what was received of a blob. */
    public void forget(Bytes32 id) throws IOException {
        try (Held _ = lock(id)) {
            Receiving open = takeReceiving(id);
            if (open != null) {
                release(open.reserved().get());
                drop(open);
            }
        }
    }

    /** A blob on its way; null where nothing of it is. */
    public synchronized PartialBlob receiving(Bytes32 id) {
        Receiving open = receiving.get(id);
        return open == null ? null : open.blob();
    }

    /** A blob's entry in the catalog; null where it is not here. */
    public BlobStat stat(Bytes32 id) throws IOException {
        return catalog.find(id);
    }

    /**
     * Opens a blob to read it.
     *
     * @throws NoSuchBlobException where it is not here, or damaged.
     */
    public StoredBlob open(Bytes32 id) throws IOException {
        BlobStat stat = catalog.find(id);
        if (stat == null || stat.isDamaged()) {
            throw new NoSuchBlobException(id, folder + (stat == null ? "" : " whole: it is damaged"));
        }
        return new StoredBlob(id, stat.bytes(), place("blobs", id), place("outboards", id));
    }

    /**
     * Blobs in order of their ids.
     *
     * @param after null for the first.
     */
    public List<BlobStat> list(Bytes32 after, int most) throws IOException {
        return catalog.list(after, most);
    }

    /** Takes blobs one by one. */
    @FunctionalInterface
    public interface Visitor {
        void visit(BlobStat stat) throws IOException;
    }

    /** All blobs in order of their ids, some at a time: those that come or go meanwhile are visited or not. */
    public void forEach(Visitor visitor) throws IOException {
        Bytes32 after = null;
        for (List<BlobStat> some = list(null, LISTED_AT_ONCE); !some.isEmpty(); some = list(after, LISTED_AT_ONCE)) {
            for (BlobStat stat : some) {
                visitor.visit(stat);
            }
            after = some.getLast().id();
        }
    }

    /** Blobs with a pin, in order of their ids, the first {@code most}. */
    public List<BlobStat> pinned(String pin, int most) throws IOException {
        return catalog.pinned(requirePin(pin), most);
    }

    private static String requirePin(String name) {
        if (name.isEmpty()
                || name.length() > BlobStat.MOST_PIN_CHARACTERS
                || name.chars().anyMatch(c -> c < ' ' || c > '~')) {
            throw new IllegalArgumentException("A pin has 1 to " + BlobStat.MOST_PIN_CHARACTERS
                    + " printable ASCII characters, not \"" + name + "\".");
        }
        return name;
    }

    /**
     * Keeps a blob for something, until {@link #unpin}.
     *
     * @param name of what it is kept for: 1 to {@link BlobStat#MOST_PIN_CHARACTERS} printable characters.
     * @throws TooManyPinsException where the blob has as many as it may have.
     * @throws IllegalArgumentException where the name is none.
     */
    public void pin(Bytes32 id, String name) throws IOException {
        requirePin(name);
        try (Held _ = lock(id)) {
            BlobStat stat = require(id);
            SortedSet<String> pins = new TreeSet<>(stat.pins());
            pins.add(name);
            if (pins.size() > BlobStat.MOST_PINS) {
                throw new TooManyPinsException(id);
            }
            catalog.put(stat.pinned(pins), stat);
        }
    }

    /** Keeps a blob no longer for something; nothing where it was not. */
    public void unpin(Bytes32 id, String name) throws IOException {
        try (Held _ = lock(id)) {
            BlobStat stat = require(id);
            SortedSet<String> pins = new TreeSet<>(stat.pins());
            if (pins.remove(name)) {
                // A pin that is there again after the host's end keeps a little too much.
                catalog.putUnsynced(stat.pinned(pins), stat);
            }
        }
    }

    private BlobStat require(Bytes32 id) throws IOException {
        BlobStat stat = catalog.find(id);
        if (stat == null) {
            throw new NoSuchBlobException(id, folder.toString());
        }
        return stat;
    }

    /**
     * Removes a blob, unless it has a pin of certain ones.
     *
     * @param pinPrefix how these begin.
     * @return whether it is gone; where it has such a pin it stays.
     */
    public boolean deleteUnlessPinned(Bytes32 id, String pinPrefix) throws IOException {
        try (Held _ = lock(id)) {
            if (require(id).pins().stream().anyMatch(pin -> pin.startsWith(pinPrefix))) {
                return false;
            }
            delete(id);
            return true;
        }
    }

    /** Removes a blob, whatever pins it has. */
    public void delete(Bytes32 id) throws IOException {
        try (Held _ = lock(id)) {
            BlobStat stat = require(id);
            forget(id);
            // The files first: a catalog's entry without them would promise what is not there, a file without an entry
            // is taken in again.
            Files.deleteIfExists(place("blobs", id));
            Files.deleteIfExists(place("outboards", id));
            catalog.remove(stat);
            counted(-1, -stat.bytes());
        }
    }

    /** Blobs that were collected. */
    public record Collected(long blobs, long bytes) {}

    /**
     * Removes blobs without a pin, and what an earlier process received of blobs that never became whole.
     *
     * @param storedBeforeMs in milliseconds of UTC: what became whole, or was received, later stays, so that there is
     *     time to pin it and to go on.
     */
    public Collected collect(long storedBeforeMs) throws IOException {
        collectPartial(storedBeforeMs);
        List<BlobStat> collected = new ArrayList<>();
        forEach(seen -> {
            try (Held _ = lock(seen.id())) {
                // Pinned meanwhile, perhaps.
                BlobStat stat = catalog.find(seen.id());
                if (stat != null && stat.pins().isEmpty() && stat.storedMs() < storedBeforeMs) {
                    delete(stat.id());
                    collected.add(stat);
                }
            }
        });
        return new Collected(
                collected.size(), collected.stream().mapToLong(BlobStat::bytes).sum());
    }

    private void collectPartial(long beforeMs) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(partialFolder())) {
            files = all.toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            if (name.startsWith("new-")) {
                continue;
            }
            Bytes32 id = BlobIds.parse(name.substring(0, name.indexOf('.')));
            try (Held _ = lock(id)) {
                boolean isOld =
                        Files.exists(file) && Files.getLastModifiedTime(file).toMillis() < beforeMs;
                if (isOld && receiving(id) == null && catalog.find(id) == null) {
                    Files.delete(file);
                }
            }
        }
    }

    /**
     * Compares all of a blob with its id. Where some of it is other bytes, or gone, the blob is not served any more and
     * what is good of it stays as a partial blob, to be received again but for that.
     *
     * @param progress hears of bytes that were read.
     * @return ranges that are damaged; none where all is well.
     * @throws NoSuchBlobException where it is not in the catalog.
     */
    public List<ByteRange> scrub(Bytes32 id, Progress progress) throws IOException {
        BlobStat stat = require(id);
        if (stat.isDamaged()) {
            return receive(id, stat.bytes()).missing(Long.MAX_VALUE, Integer.MAX_VALUE);
        }
        List<ByteRange> damaged = Scrub.damaged(stat, place("blobs", id), place("outboards", id), progress);
        try (Held _ = lock(id)) {
            // Pinned or deleted meanwhile, perhaps.
            BlobStat now = require(id);
            catalog.put(now.damaged(!damaged.isEmpty(), now()), now);
            if (!damaged.isEmpty()) {
                keepGoodPart(stat, damaged);
            }
        }
        return damaged;
    }

    private void keepGoodPart(BlobStat stat, List<ByteRange> damaged) throws IOException {
        Path base = partialFolder().resolve(stat.id().toString());
        Path data = place("blobs", stat.id());
        if (Files.exists(data)) {
            Files.move(data, base.resolveSibling(base.getFileName() + ".data"), StandardCopyOption.ATOMIC_MOVE);
        }
        Path outboard = place("outboards", stat.id());
        if (Files.exists(outboard)) {
            Files.move(outboard, base.resolveSibling(base.getFileName() + ".outboard"), StandardCopyOption.ATOMIC_MOVE);
        }
        PartialBlob part = receive(stat.id(), stat.bytes());
        part.haveAllBut(damaged);
        part.save();
    }

    /** Where the store is. */
    public Path folder() {
        return folder;
    }

    /** Leaves partial blobs for the next time. Waits for what is under way, for it needs the catalog. */
    @Override
    public void close() throws IOException {
        List<Receiving> left;
        locks.forEach(Lock::lock);
        try {
            left = takeAllReceiving();
            catalog.close();
        } finally {
            locks.forEach(Lock::unlock);
        }
        // With no lock held: what is being committed has its own, and waits for that of its id.
        List<IOException> failures = new ArrayList<>();
        for (Receiving open : left) {
            try (PartialBlob blob = open.blob()) {
                if (blob.isOpen()) {
                    blob.save();
                }
            } catch (IOException e) {
                failures.add(e);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
    }

    private synchronized List<Receiving> takeAllReceiving() {
        List<Receiving> all = List.copyOf(receiving.values());
        receiving.clear();
        return all;
    }
}
