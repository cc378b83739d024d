package io.plumbline.inference.language.engine;

import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.trace.TraceHasher;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Lays records out as they are computed and commits to them. Where a copy is wanted (to answer a challenge) the
 * records are also kept; otherwise nothing is kept.
 */
public final class TraceWriter implements LayerObserver {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final ModelConfig config;
    private final byte[] key;
    private final TraceLayout layout;
    private final TraceHasher hasher;
    private TraceHasher.Gathered[] gathered = new TraceHasher.Gathered[0];
    private final TraceStore copy;
    private final MemorySegment choice = MemorySegment.ofArray(new byte[8]);

    /** @param copy receives the whole trace, or null to keep nothing. */
    TraceWriter(ModelConfig config, byte[] key, TraceStore copy) {
        this.config = config;
        this.key = key;
        this.layout = new TraceLayout(config);
        this.hasher = new TraceHasher(layout, key);
        this.copy = copy;
    }

    /** Begins the block of {@code rows} tokens from {@code first}; again, where it could not be ended. */
    void begin(int first, int rows) {
        hasher.begin(first, rows);
    }

    /** Rows of the block will be reported by up to {@code workers} threads, and {@link #gathered} called after them. */
    void gathering(int workers) {
        if (gathered.length < workers) {
            gathered = new TraceHasher.Gathered[workers];
        }
        for (TraceHasher.Gathered one : gathered) {
            if (one != null) {
                one.clear();
            }
        }
        hasher.gathering();
    }

    /** All rows of the block were reported. */
    void gathered() {
        for (TraceHasher.Gathered one : gathered) {
            if (one != null) {
                one.flush();
            }
        }
        hasher.reduce();
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
    public void rows(int worker, int layer, int token, int count, float[] h, HeadRows from, int row) {
        TraceHasher.Gathered to = of(worker);
        MemorySegment bytes = to.bytes();
        int hidden = config.hidden();
        boolean hasOwnKeys = config.hasOwnKeys(layer);
        int kvDim = config.kvDim(layer);
        int heads = config.kvHeads(layer);
        for (int i = row; i < row + count; i++) {
            int t = token + i - row;
            int at = to.add(t, layer);
            MemorySegment.copy(h, i * hidden, bytes, FLOAT, at, hidden);
            if (hasOwnKeys) {
                int values = at + layout.vOffset(layer);
                MemorySegment.copy(from.k(), i * kvDim, bytes, SHORT, at + layout.kOffset(), kvDim);
                MemorySegment.copy(from.v(), i * kvDim, bytes, ValueLayout.JAVA_BYTE, values, kvDim);
                MemorySegment.copy(from.sk(), i * heads, bytes, FLOAT, at + layout.skOffset(layer), heads);
                MemorySegment.copy(from.sv(), i * heads, bytes, FLOAT, at + layout.svOffset(layer), heads);
            }
            finish(bytes, at, layout.recordEnd(layer), layout.recordBytes(layer), t, layer);
        }
    }

    @Override
    public void linearRows(int worker, int layer, int token, int count, float[] h, int row, byte[] stateHash) {
        TraceHasher.Gathered to = of(worker);
        MemorySegment bytes = to.bytes();
        int hidden = config.hidden();
        for (int i = row; i < row + count; i++) {
            int t = token + i - row;
            int at = to.add(t, layer);
            int end = layout.stateHashOffset();
            MemorySegment.copy(h, i * hidden, bytes, FLOAT, at, hidden);
            if (i == row && stateHash != null) {
                MemorySegment.copy(stateHash, 0, bytes, ValueLayout.JAVA_BYTE, at + end, stateHash.length);
                end += stateHash.length;
            }
            finish(bytes, at, end, layout.recordBytes(layer), t, layer);
        }
    }

    @Override
    public void state(int layer, int token, MemorySegment state) {
        if (copy != null) {
            copy.putState(layout.stateAt(token, layer), state);
        }
    }

    /** The final record of one token, nothing chosen after it. */
    void last(int worker, int token, float[] h, int offset, int id) {
        TraceHasher.Gathered to = of(worker);
        MemorySegment bytes = to.bytes();
        int at = to.add(token, config.layers());
        int end = 4 * config.hidden();
        MemorySegment.copy(h, offset, bytes, FLOAT, at, config.hidden());
        bytes.set(INT, at + end, id);
        bytes.set(INT, at + end + 4, -1);
        bytes.set(FLOAT, at + end + 8, 0f);
        finish(bytes, at, end + 12, layout.finalBytes(), token, config.layers());
    }

    /**
     * What was chosen after a token.
     *
     * @param residuals the last {@link TraceLayout#tailFloats} of its residuals, from {@code offset}.
     */
    void choose(int token, float[] residuals, int offset, int id, int chosen, float logit) {
        hasher.choose(token, residuals, offset, id, chosen, logit);
        if (copy != null) {
            long at = layout.offset(token, config.layers()) + 4L * config.hidden();
            choice.set(INT, 0, chosen);
            choice.set(FLOAT, 4, logit);
            copy.put(at + 4, choice, 0, 8);
        }
    }

    /**
     * Takes the digest of a token of the block, see {@link TraceHasher}, in place of its rows: a device has hashed
     * them.
     */
    public void putDigest(int token, int[] words, int offset) {
        hasher.putDigest(token, words, offset);
    }

    /** Whether {@link #put} is wanted for every record that {@link #rows} and {@link #last} do not report. */
    public boolean wantsCopy() {
        return copy != null;
    }

    /** Copies a whole record that was laid out elsewhere. */
    public void put(int token, int layer, MemorySegment record, long offset) {
        long size = layer == config.layers() ? layout.finalBytes() : layout.recordBytes(layer);
        copy.put(layout.offset(token, layer), record, offset, size);
    }

    /** Key of the trace's hashes, 32 bytes. */
    public byte[] key() {
        return key;
    }

    private void finish(MemorySegment bytes, int at, int end, int size, int token, int layer) {
        bytes.asSlice(at + end, size - end).fill((byte) 0);
        if (copy != null) {
            copy.put(layout.offset(token, layer), bytes, at, size);
        }
    }

    /**
     * Shortens the block to its first {@code tokens} tokens, 1 or more, before it ends. Not where a copy is kept: it
     * has the others already.
     */
    void cut(int tokens) {
        hasher.cut(tokens);
    }

    /**
     * Ends the block: {@code by} joins it to the tree.
     *
     * @throws IllegalStateException when an earlier block could not be joined.
     */
    void end(java.util.concurrent.Executor by) {
        hasher.end(by);
    }

    /**
     * Returns when all blocks ended so far have joined the tree.
     *
     * @throws IllegalStateException when one could not be joined.
     */
    void await() {
        hasher.await();
    }

    TraceHasher hasher() {
        return hasher;
    }

    byte[] root(byte[] header) {
        if (copy != null) {
            copy.put(0, MemorySegment.ofArray(header), 0, header.length);
        }
        return hasher.root(header);
    }
}
