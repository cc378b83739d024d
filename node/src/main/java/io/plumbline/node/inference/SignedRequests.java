package io.plumbline.node.inference;

import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Collection;

/**
 * Requests that a node has signed a receipt for and whose answers it does not keep any more, for good: a second receipt
 * for one of them would cost its stake. One file, a hash table with linear probing that is half full at most: 16 bytes
 * of each request's hash, so 32 to 64 bytes of disk a request. May be used by many threads.
 */
final class SignedRequests implements AutoCloseable {
    private static final long MAGIC = 0x31444e4753424c50L; // "PLBSGND1"
    private static final int RECORD_BYTES = 16;
    private static final long FIRST_SLOTS = 1 << 12;

    /** Of a file that is read or written as a whole. */
    private static final int BLOCK_BYTES = 1 << 20;

    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** In place of {@link #sinceSeconds}: {@link #begin} has not said it yet. */
    private static final long UNKNOWN = Long.MIN_VALUE;

    private final Path file;
    private FileChannel table;
    private long slots;
    private long used;
    private long sinceSeconds;

    /**
     * Opens the file, or makes it.
     *
     * @throws IOException where it cannot be read, or is none.
     */
    SignedRequests(Path file) throws IOException {
        this.file = file;
        if (!Files.exists(file)) {
            Files.createDirectories(file.toAbsolutePath().getParent());
            this.sinceSeconds = UNKNOWN;
            this.slots = FIRST_SLOTS;
            rewritten(slots, null);
            return;
        }
        this.table = open(file);
        ByteBuffer header = record(-1);
        this.slots = table.size() / RECORD_BYTES - 1;
        if (header.getLong() != MAGIC || Long.bitCount(slots) != 1 || table.size() % RECORD_BYTES != 0) {
            table.close();
            throw new IOException(file + " is not the list of what this node has signed for, or is damaged. A node that"
                    + " has lost it may sign twice for one request, which costs its stake: begin with another key.");
        }
        this.sinceSeconds = header.getLong();
        forEach(table, slots, (a, b) -> used++);
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /**
     * Says since when the records are whole, where the file is new.
     *
     * @param isNewKey whether the node's key has signed nothing before.
     * @param laterSeconds since 1970: nothing that it may have signed for was asked then or later.
     */
    synchronized void begin(boolean isNewKey, long laterSeconds) throws IOException {
        if (sinceSeconds == UNKNOWN) {
            sinceSeconds = isNewKey ? Long.MIN_VALUE + 1 : laterSeconds;
            writeHeader(table, sinceSeconds);
            table.force(false);
        }
    }

    /** Whether {@link #begin} has said since when the records are whole. */
    synchronized boolean hasBegun() {
        return sinceSeconds != UNKNOWN;
    }

    /** Seconds since 1970: what was asked before may have been signed for without a record here. */
    synchronized long sinceSeconds() {
        return sinceSeconds;
    }

    synchronized boolean contains(Bytes32 request) throws IOException {
        return !isEmpty(record(slotOf(table, slots, request.a(), second(request))));
    }

    /** Adds requests; on disk when this returns. */
    synchronized void addAll(Collection<Bytes32> requests) throws IOException {
        for (Bytes32 request : requests) {
            if (2 * (used + 1) > slots) {
                grow();
            }
            long slot = slotOf(table, slots, request.a(), second(request));
            if (isEmpty(record(slot))) {
                write(table, slot, request.a(), second(request));
                used++;
            }
        }
        table.force(false);
    }

    /** No record is all zeros, which an empty slot is. */
    private static long second(Bytes32 request) {
        return request.b() | 1;
    }

    /** Where the disk has no room it is tried again with the next request, and what is recorded stays known. */
    private void grow() throws IOException {
        FileChannel before = table;
        try {
            rewritten(2 * slots, before);
        } finally {
            if (table != before) {
                before.close();
            }
        }
    }

    /** Puts a table of so many slots in the file's place, with the records of {@code before}, null for none. */
    private void rewritten(long next, FileChannel before) throws IOException {
        Path partial = file.resolveSibling(file.getFileName() + ".partial");
        Files.deleteIfExists(partial);
        FileChannel larger = FileChannel.open(
                partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            fill(larger, next);
            writeHeader(larger, sinceSeconds);
            if (before != null) {
                copy(before, slots, larger, next);
            }
            larger.force(true);
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            larger.close();
            throw e;
        }
        table = larger;
        slots = next;
        AnswerStore.forceNames(file.toAbsolutePath().getParent());
    }

    /** Zeros where all of it will be: a disk without room says so here, and not to whoever has it mapped. */
    private static void fill(FileChannel table, long slots) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocate(BLOCK_BYTES);
        for (long left = (slots + 1) * RECORD_BYTES; left > 0; ) {
            zeros.clear().limit((int) Math.min(BLOCK_BYTES, left));
            left -= table.write(zeros);
        }
    }

    /** Mapped, since each record has a place of its own: a call for each of millions would hold a node up. */
    private static void copy(FileChannel from, long slots, FileChannel to, long next) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mapped = to.map(FileChannel.MapMode.READ_WRITE, RECORD_BYTES, next * RECORD_BYTES, arena);
            forEach(from, slots, (a, b) -> {
                long slot = a & (next - 1);
                while (mapped.get(WORD, slot * RECORD_BYTES) != 0 || mapped.get(WORD, slot * RECORD_BYTES + 8) != 0) {
                    slot = (slot + 1) & (next - 1);
                }
                mapped.set(WORD, slot * RECORD_BYTES, a);
                mapped.set(WORD, slot * RECORD_BYTES + 8, b);
            });
            mapped.force();
        }
    }

    private interface Taker {
        void take(long a, long b);
    }

    /** Hands over all records, in the order of their slots. */
    private static void forEach(FileChannel table, long slots, Taker taker) throws IOException {
        ByteBuffer block = ByteBuffer.allocateDirect(BLOCK_BYTES);
        for (long at = RECORD_BYTES; at < (slots + 1) * RECORD_BYTES; at += block.limit()) {
            block.clear().limit((int) Math.min(BLOCK_BYTES, (slots + 1) * RECORD_BYTES - at));
            while (block.hasRemaining()) {
                if (table.read(block, at + block.position()) < 0) {
                    throw new IOException("The list of what this node has signed for ends early.");
                }
            }
            for (block.flip(); block.hasRemaining(); ) {
                long a = block.getLong();
                long b = block.getLong();
                if (a != 0 || b != 0) {
                    taker.take(a, b);
                }
            }
        }
    }

    /** The slot that has this record, or the empty one that it belongs into. */
    private static long slotOf(FileChannel table, long slots, long a, long b) throws IOException {
        for (long slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
            ByteBuffer record = record(table, slot);
            if (isEmpty(record) || record.getLong(0) == a && record.getLong(Long.BYTES) == b) {
                return slot;
            }
        }
    }

    private static boolean isEmpty(ByteBuffer record) {
        return record.getLong(0) == 0 && record.getLong(Long.BYTES) == 0;
    }

    private ByteBuffer record(long slot) throws IOException {
        return record(table, slot);
    }

    /** @param slot from 0; -1 is the header. */
    private static ByteBuffer record(FileChannel table, long slot) throws IOException {
        ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
        long at = (slot + 1) * RECORD_BYTES;
        while (record.hasRemaining()) {
            if (table.read(record, at + record.position()) < 0) {
                throw new IOException("The list of what this node has signed for ends early.");
            }
        }
        return record.flip();
    }

    private static void writeHeader(FileChannel table, long since) throws IOException {
        write(table, -1, MAGIC, since);
    }

    private static void write(FileChannel table, long slot, long first, long second) throws IOException {
        ByteBuffer record =
                ByteBuffer.allocate(RECORD_BYTES).putLong(first).putLong(second).flip();
        long at = (slot + 1) * RECORD_BYTES;
        while (record.hasRemaining()) {
            table.write(record, at + record.position());
        }
    }

    @Override
    public synchronized void close() throws IOException {
        table.close();
    }
}
