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
    private final MemorySegment copy;
    private final MemorySegment record;
    private final MemorySegment last;

    /** @param copy receives the whole trace, or null to keep nothing. */
    TraceWriter(ModelConfig config, byte[] key, MemorySegment copy) {
        this.config = config;
        this.layout = new TraceLayout(config);
        this.hasher = new TraceHasher(layout, key);
        this.copy = copy;
        this.record = MemorySegment.ofArray(new byte[layout.recordBytes()]);
        this.last = MemorySegment.ofArray(new byte[layout.finalBytes()]);
    }

    void begin(int first, int rows) {
        hasher.begin(first, rows);
    }

    @Override
    public void rows(int layer, int first, int rows, float[] h, KeyValueCache.Layer cache) {
        int kvDim = config.kvDim();
        for (int i = 0; i < rows; i++) {
            int t = first + i;
            MemorySegment.copy(h, i * config.hidden(), record, FLOAT, 0, config.hidden());
            MemorySegment.copy(cache.k(), t * kvDim, record, SHORT, layout.kOffset(), kvDim);
            MemorySegment.copy(cache.v(), t * kvDim, record, ValueLayout.JAVA_BYTE, layout.vOffset(), kvDim);
            for (int g = 0; g < config.kvHeads(); g++) {
                record.set(FLOAT, layout.skOffset() + 4L * g, cache.sk()[g][t]);
                record.set(FLOAT, layout.svOffset() + 4L * g, cache.sv()[g][t]);
            }
            put(t, layer, record);
        }
    }

    /** The final record of one token. {@code chosen} is -1 where nothing was chosen. */
    void finish(int token, float[] h, int offset, int id, int chosen, float logit) {
        MemorySegment.copy(h, offset, last, FLOAT, 0, config.hidden());
        last.set(INT, 4L * config.hidden(), id);
        last.set(INT, 4L * config.hidden() + 4, chosen);
        last.set(FLOAT, 4L * config.hidden() + 8, logit);
        put(token, config.layers(), last);
    }

    private void put(int token, int layer, MemorySegment bytes) {
        hasher.record(token, layer, bytes);
        if (copy != null) {
            MemorySegment.copy(bytes, 0, copy, layout.offset(token, layer), bytes.byteSize());
        }
    }

    void end() {
        hasher.end();
    }

    byte[] root(byte[] header) {
        if (copy != null) {
            MemorySegment.copy(MemorySegment.ofArray(header), 0, copy, 0, header.length);
        }
        return hasher.root(header);
    }
}
