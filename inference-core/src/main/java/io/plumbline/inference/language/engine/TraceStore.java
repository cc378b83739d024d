package io.plumbline.inference.language.engine;

import io.plumbline.verifier.trace.TraceLayout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A whole trace, while openings are cut from it: a short one in memory, a longer one in a file, so that an answer may
 * be as long as a disk has room for. Written by any threads, each byte once; read when all is written.
 */
public final class TraceStore implements AutoCloseable {
    /** Up to so many bytes it is in memory. */
    private static final long MOST_IN_MEMORY = 16L << 20;

    private final FileChannel file;
    private final Arena arena;
    private final MemorySegment bytes;

    /** Bytes of the trace; the states that it has the hashes of stand behind it. */
    private final long traceBytes;

    private TraceStore(FileChannel file, Arena arena, MemorySegment bytes, long traceBytes) {
        this.file = file;
        this.arena = arena;
        this.bytes = bytes;
        this.traceBytes = traceBytes;
    }

    /** In memory whatever its size, less than 2^31 bytes; all zero. */
    public static TraceStore inMemory(long bytes) {
        return inMemory(bytes, 0);
    }

    /** The same with room for so many bytes of states. */
    static TraceStore inMemory(long bytes, long states) {
        byte[] all = new byte[Math.toIntExact(bytes + states)];
        return new TraceStore(null, null, MemorySegment.ofArray(all), bytes);
    }

    /** With room for the trace of so many tokens, and for its states, in memory. */
    static TraceStore inMemory(TraceLayout layout, int tokens) {
        return inMemory(layout.traceBytes(tokens), layout.stateBytes(tokens));
    }

    /**
     * Room for a trace, all zero.
     *
     * @param folder made where it is not there; a file in it goes when this is closed, or its process ends.
     * @throws IOException where the disk has no room for it.
     */
    public static TraceStore of(Path folder, long bytes) throws IOException {
        return of(folder, bytes, 0);
    }

    /**
     * The same with room for so many bytes of states.
     *
     * @throws IOException where the disk has no room for it.
     */
    static TraceStore of(Path folder, long bytes, long states) throws IOException {
        return bytes + states <= MOST_IN_MEMORY ? inMemory(bytes, states) : inFile(folder, bytes + states, bytes);
    }

    private static TraceStore inFile(Path folder, long bytes, long traceBytes) throws IOException {
        Files.createDirectories(folder);
        long room = Files.getFileStore(folder).getUsableSpace();
        if (room < bytes) {
            throw new IOException("A trace of " + bytes + " bytes does not fit the disk of " + folder + ", which has "
                    + room + " left. Make room, or answer shorter.");
        }
        Path path = Files.createTempFile(folder, "trace-", "");
        FileChannel file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        Arena arena = Arena.ofShared();
        try {
            // It is there as long as it is open: a process that is killed leaves nothing.
            Files.delete(path);
            file.write(ByteBuffer.allocate(1), bytes - 1);
            return new TraceStore(file, arena, file.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena), traceBytes);
        } catch (IOException | RuntimeException | Error e) {
            file.close();
            arena.close();
            throw e;
        }
    }

    /** Bytes of it that are in memory. */
    long memoryBytes() {
        return file == null ? bytes.byteSize() : 0;
    }

    /**
     * Writes at {@code at} the {@code count} bytes of {@code from} from {@code offset}.
     *
     * @throws UncheckedIOException where the disk cannot take them.
     */
    void put(long at, MemorySegment from, long offset, long count) {
        if (file == null) {
            MemorySegment.copy(from, offset, bytes, at, count);
            return;
        }
        ByteBuffer left = from.asSlice(offset, count).asByteBuffer();
        try {
            for (long to = at; left.hasRemaining(); ) {
                to += file.write(left, to);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("A trace cannot be kept: " + e.getMessage() + ".", e);
        }
    }

    /** Writes a state that the trace has the hash of, {@code at} among all states. */
    void putState(long at, MemorySegment state) {
        put(traceBytes + at, state, 0, state.byteSize());
    }

    /** The trace as it was written; may be written to where it is in memory. */
    MemorySegment bytes() {
        return bytes.asSlice(0, traceBytes);
    }

    /** The states that it has the hashes of, as they were written. */
    MemorySegment states() {
        return bytes.asSlice(traceBytes);
    }

    @Override
    public void close() {
        if (file == null) {
            return;
        }
        arena.close();
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
