package io.plumbline.inference.engine;

import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceHasher;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Lays records out as they are computed and commits to them. Where a copy is wanted (to answer a challenge) the records are also
 * written to memory; otherwise nothing is kept.
 */
final class TraceWriter implements LayerObserver {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ModelConfig config;
    private final TraceLayout layout;
    private final TraceHasher hasher;
    private final TraceHasher.Gathered[] gathered;
    private final MemorySegment copy;

    /**
     * @param workers threads that will report rows.
     * @param copy receives the whole trace, or null to keep nothing.
     */
    TraceWriter(ModelConfig config, byte[] key, int workers, MemorySegment copy) {
        this.config = config;
        this.layout = new TraceLayout(config);
        this.hasher = new TraceHasher(layout, key);
        this.copy = copy;
        this.gathered = new TraceHasher.Gathered[workers];
    }

    /** Begins the block of {@code rows} tokens from {@code first}; again, where it could not be ended. */
    void begin(int first, int rows) {
        for (TraceHasher.Gathered one : gathered) {
            if (one != null) {
                one.clear();
            }
        }
        hasher.begin(first, rows);
    }

    private TraceHasher.Gathered of(int worker) {
        if (gathered[worker] == null) {
            gathered[worker] = hasher.gather();
        }
        return gathered[worker];
    }

    @Override
    public boolean wantsRows() {
        return true;
    }

    @Override
    public void rows(int worker, int layer, int token, int count, Rows source, int row) {
        TraceHasher.Gathered to = of(worker);
        MemorySegment bytes = to.bytes();
        int hidden = config.hidden();
        int kvDim = config.kvDim();
        int heads = config.kvHeads();
        int end = layout.svOffset() + 4 * heads;
        for (int i = row; i < row + count; i++) {
            int t = token + i - row;
            int at = to.add(t, layer);
            MemorySegment.copy(source.h(), i * hidden, bytes, FLOAT, at, hidden);
            MemorySegment.copy(source.k(), i * kvDim, bytes, SHORT, at + layout.kOffset(), kvDim);
            MemorySegment.copy(source.v(), i * kvDim, bytes, ValueLayout.JAVA_BYTE, at + layout.vOffset(), kvDim);
            MemorySegment.copy(source.sk(), i * heads, bytes, FLOAT, at + layout.skOffset(), heads);
            MemorySegment.copy(source.sv(), i * heads, bytes, FLOAT, at + layout.svOffset(), heads);
            finish(bytes, at, end, layout.recordBytes(), t, layer);
        }
    }

    /** The final record of one token. {@code chosen} is -1 where nothing was chosen. */
    void last(int token, float[] h, int offset, int id, int chosen, float logit) {
        TraceHasher.Gathered to = of(0);
        MemorySegment bytes = to.bytes();
        int at = to.add(token, config.layers());
        int end = 4 * config.hidden();
        MemorySegment.copy(h, offset, bytes, FLOAT, at, config.hidden());
        bytes.set(INT, at + end, id);
        bytes.set(INT, at + end + 4, chosen);
        bytes.set(FLOAT, at + end + 8, logit);
        finish(bytes, at, end + 12, layout.finalBytes(), token, config.layers());
    }

    private void finish(MemorySegment bytes, int at, int end, int size, int token, int layer) {
        bytes.asSlice(at + end, size - end).fill((byte) 0);
        if (copy != null) {
            MemorySegment.copy(bytes, at, copy, layout.offset(token, layer), size);
        }
    }

    /** Ends the block: all its records are hashed and join the tree. */
    void end() {
        flush();
        hasher.end();
    }

    /** Hashes what was gathered; the block can then be copied from. */
    void flush() {
        for (TraceHasher.Gathered one : gathered) {
            if (one != null) {
                one.flush();
            }
        }
    }

    TraceHasher hasher() {
        return hasher;
    }

    byte[] root(byte[] header) {
        if (copy != null) {
            MemorySegment.copy(MemorySegment.ofArray(header), 0, copy, 0, header.length);
        }
        return hasher.root(header);
    }
}
