package io.plumbline.data.store;

import io.plumbline.verifier.blake3.ChunkGroups;
import io.plumbline.verifier.blake3.Outboard;
import io.plumbline.verifier.blake3.OutboardWriter;
import io.plumbline.verifier.encoding.Bytes32;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Bytes in memory or mapped as a blob; its outboard, a 256th of them, is on the heap. */
public final class MemoryBlob implements ReadableBlob {
    private final MemorySegment message;
    private final byte[] outboard;
    private final Bytes32 id;
    private int outboardBytes;

    /**
     * Reads all of it once.
     *
     * @param message must stay as it is, and mapped, until this is closed.
     */
    public MemoryBlob(MemorySegment message) throws IOException {
        this.message = message;
        this.outboard = new byte[Math.toIntExact(ChunkGroups.outboardBytes(message.byteSize()))];
        OutboardWriter writer = new OutboardWriter((parents, length) -> {
            System.arraycopy(parents, 0, outboard, outboardBytes, length);
            outboardBytes += length;
        });
        writer.update(message);
        this.id = Bytes32.of(writer.finish());
    }

    @Override
    public Bytes32 id() {
        return id;
    }

    @Override
    public long bytes() {
        return message.byteSize();
    }

    @Override
    public void encode(ByteRange range, Outboard.Output output) throws IOException {
        Outboard.Source bytes = (position, target, offset, length) ->
                MemorySegment.copy(message, ValueLayout.JAVA_BYTE, position, target, offset, length);
        Outboard.Source parents = (position, target, offset, length) ->
                System.arraycopy(outboard, (int) position, target, offset, length);
        new Outboard(bytes(), bytes, parents).encode(range.from(), range.to(), output);
    }

    @Override
    public void close() {
        // The caller's memory.
    }
}
