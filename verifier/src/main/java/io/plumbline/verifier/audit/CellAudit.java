package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.freivalds.MatrixKey;
import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The check of one cell: every matrix row and every attention head of a layer over a block of tokens, without the weights. Steps and
 * their order are those of docs/audit-protocol.md.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class CellAudit {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    /** Tokens that go through a step together. */
    private static final int TOGETHER = 4;

    private static final int MAX_12 = 2047;

    private final VerifierKey key;
    private final ModelConfig config;
    private final LayerSteps steps;
    private final RingMath ring = RingMath.best();
    private final SecretInts secrets = new SecretInts();
    private final Buffers buffers = new Buffers();
    private final byte[] x;
    private final int[] y;
    private final float[] scale = new float[TOGETHER];
    private final short[] q;
    private final float[] sq;
    private final short[] k;
    private final float[] sk;
    private final byte[] v;
    private final float[] sv;
    private final float[] joined;
    private final float[] next;

    CellAudit(VerifierKey key) {
        this.key = key;
        this.config = key.config();
        this.steps = new LayerSteps(config, key.rope(), ExactMath.best());
        this.x = new byte[TOGETHER * Math.max(config.hidden(), Math.max(config.queryDim(), config.mlp()))];
        this.y = new int[TOGETHER * Math.max(config.qkvDim(), Math.max(config.hidden(), 2 * config.mlp()))];
        this.q = new short[config.queryDim()];
        this.sq = new float[config.heads()];
        this.k = new short[config.kvDim()];
        this.sk = new float[config.kvHeads()];
        this.v = new byte[config.kvDim()];
        this.sv = new float[config.kvHeads()];
        this.joined = new float[config.queryDim()];
        this.next = new float[config.hidden()];
    }

    /** What cells are opened into, used again: fresh megabytes for each would cost more than hashing them. */
    static final class Buffers {
        private float[] h = new float[0];
        private short[] k = new short[0];
        private byte[] v = new byte[0];
        private float[] sk = new float[0];
        private float[] sv = new float[0];

        private void reserve(ModelConfig config, int tokens, int keys) {
            if (h.length < tokens * config.hidden()) {
                h = new float[tokens * config.hidden()];
            }
            if (k.length < keys * config.kvDim()) {
                k = new short[keys * config.kvDim()];
                v = new byte[keys * config.kvDim()];
                sk = new float[keys * config.kvHeads()];
                sv = new float[keys * config.kvHeads()];
            }
        }
    }

    /** One cell under check: what was opened, in buffers. */
    static final class Opened {
        final Cell cell;
        final VerifierKey.Layer layer;
        final MemorySegment opening;
        final CellParts parts;
        final float[] h;
        final short[] k;
        final byte[] v;
        /** Keys that a head has room for, see {@link AttentionCheck#capacity}. */
        final int capacity;

        /** Scales [kvHead][capacity]. */
        final float[] sk;

        final float[] sv;

        Opened(
                ModelConfig config,
                VerifierKey.Layer layer,
                Cell cell,
                MemorySegment opening,
                CellParts parts,
                Buffers buffers) {
            this.cell = cell;
            this.layer = layer;
            this.opening = opening;
            this.parts = parts;
            this.capacity = AttentionCheck.capacity(cell.to());
            buffers.reserve(config, cell.tokens(), capacity);
            this.h = buffers.h;
            this.k = buffers.k;
            this.v = buffers.v;
            this.sk = buffers.sk;
            this.sv = buffers.sv;
        }

        /** Copies {@code n} int32 from a byte offset of the opening. */
        int[] ints(long offset, int n, int[] target) {
            MemorySegment.copy(opening, INT, offset, target, 0, n);
            return target;
        }

        FailedException fail(Step step, int token, String detail) {
            return new FailedException(step, cell.layer(), token, detail);
        }
    }

    Counts check(AnswerView view, byte[] traceRoot, byte[] header, Cell cell, MemorySegment opening)
            throws FailedException {
        CellParts parts = CellParts.of(view, config, cell);
        if (opening.byteSize() != parts.bytes()) {
            throw new FailedException(
                    Step.OPENING,
                    cell.layer(),
                    cell.from(),
                    opening.byteSize() + " bytes where the cell has " + parts.bytes());
        }
        Slice.Proven proven = view.traceSlice(cell).verify(opening.asSlice(0, parts.embedding()), traceRoot);
        if (proven == null) {
            throw new FailedException(
                    Step.SLICE, cell.layer(), cell.from(), "the opened chunks do not hash to the receipt's trace root");
        }
        checkHeader(proven, header, cell);
        Opened opened = new Opened(config, key.layers().get(cell.layer()), cell, opening, parts, buffers);
        TraceLayout layout = view.layout();
        for (int t = cell.from(); t < cell.to(); t++) {
            MemorySegment row = proven.bytes(layout.offset(t, cell.layer()), 4L * config.hidden());
            MemorySegment.copy(row, FLOAT, 0, opened.h, (t - cell.from()) * config.hidden(), config.hidden());
        }
        readKeysAndValues(opened, layout, proven);
        try {
            if (cell.layer() == 0) {
                checkEmbedding(opened, view);
            }
            checkLayer(opened, layout, proven);
        } catch (ArithmeticException e) {
            throw opened.fail(Step.NUMBERS, cell.from(), e.getMessage());
        }
        long n = cell.tokens();
        return new Counts(1, 4 * n, n * config.heads(), 0, opening.byteSize());
    }

    static void checkHeader(Slice.Proven proven, byte[] header, Cell cell) throws FailedException {
        MemorySegment found = proven.bytes(0, TraceLayout.HEADER_BYTES);
        long mismatch = found.mismatch(MemorySegment.ofArray(header));
        if (mismatch >= 0) {
            throw new FailedException(
                    Step.HEADER, cell.layer(), cell.from(), "the trace header differs at byte " + mismatch);
        }
    }

    private void readKeysAndValues(Opened o, TraceLayout layout, Slice.Proven proven) throws FailedException {
        int kvDim = config.kvDim();
        for (int t = 0; t < o.cell.to(); t++) {
            long at = layout.offset(t, o.cell.layer());
            MemorySegment row = proven.bytes(at + layout.kOffset(), layout.kvBytes());
            MemorySegment.copy(row, SHORT, 0, o.k, t * kvDim, kvDim);
            MemorySegment.copy(row, ValueLayout.JAVA_BYTE, layout.vOffset() - layout.kOffset(), o.v, t * kvDim, kvDim);
            for (int g = 0; g < config.kvHeads(); g++) {
                float key = row.get(FLOAT, layout.skOffset() - layout.kOffset() + 4L * g);
                float value = row.get(FLOAT, layout.svOffset() - layout.kOffset() + 4L * g);
                if (!(key >= 0 && key <= Float.MAX_VALUE && value >= 0 && value <= Float.MAX_VALUE)) {
                    throw o.fail(Step.KV_ROWS, t, "a scale is " + key + " or " + value + ", which no row has");
                }
                o.sk[g * o.capacity + t] = key;
                o.sv[g * o.capacity + t] = value;
            }
        }
        for (int i = 0; i < o.cell.to() * kvDim; i++) {
            if (o.v[i] == Byte.MIN_VALUE) {
                throw o.fail(Step.KV_ROWS, i / kvDim, "a value element is -128, which no row has");
            }
        }
        // Beyond 12 bits a score need not fit int32, and the bound behind Freivalds' check would not hold.
        for (int i = 0; i < o.cell.to() * kvDim; i++) {
            if (o.k[i] > MAX_12 || o.k[i] < -MAX_12) {
                throw o.fail(Step.KV_ROWS, i / kvDim, "a key element is " + o.k[i] + ", beyond 12 bits");
            }
        }
    }

    private void checkEmbedding(Opened o, AnswerView view) throws FailedException {
        Manifest.Tensor tensor = key.manifest().tensor(VerifierKey.EMBEDDING);
        MemorySegment bytes = o.opening.asSlice(o.parts.embedding(), o.parts.qkv() - o.parts.embedding());
        Slice.Proven rows = view.embeddingSlice(o.cell).verify(bytes, tensor.hash());
        if (rows == null) {
            throw o.fail(Step.SLICE, o.cell.from(), "the embedding rows do not hash to the model's tensor");
        }
        float[] expected = new float[config.hidden()];
        for (int t = o.cell.from(); t < o.cell.to(); t++) {
            MemorySegment row = rows.bytes((long) view.token(t) * tensor.rowBytes(), tensor.rowBytes());
            Embedding.widen(row, 0, tensor.dtype(), config.hidden(), expected, 0);
            int at = (t - o.cell.from()) * config.hidden();
            int bad = bitMismatch(o.h, at, expected, 0, config.hidden());
            if (bad >= 0) {
                throw o.fail(Step.EMBEDDING, t, "element " + bad + " is not that of token id " + view.token(t));
            }
        }
    }

    /** First element whose bits differ, or -1. */
    private static int bitMismatch(float[] a, int aOffset, float[] b, int bOffset, int n) {
        for (int i = 0; i < n; i++) {
            if (Float.floatToRawIntBits(a[aOffset + i]) != Float.floatToRawIntBits(b[bOffset + i])) {
                return i;
            }
        }
        return -1;
    }

    /** A few tokens at a time go through each step together, so that a matrix's key is read once for them. */
    private void checkLayer(Opened o, TraceLayout layout, Slice.Proven proven) throws FailedException {
        try (AttentionCheck attention = AttentionCheck.of(config, steps, ring, secrets, o.cell.to())) {
            for (int from = o.cell.from(); from < o.cell.to(); from += TOGETHER) {
                checkTokens(o, layout, proven, attention, from, Math.min(TOGETHER, o.cell.to() - from));
            }
        }
    }

    private void checkTokens(
            Opened o, TraceLayout layout, Slice.Proven proven, AttentionCheck attention, int from, int count)
            throws FailedException {
        int hidden = config.hidden();
        int queryDim = config.queryDim();
        int mlp = config.mlp();
        int first = from - o.cell.from();
        VerifierKey.Layer layer = o.layer;
        for (int i = 0; i < count; i++) {
            scale[i] = steps.normAndQuantize(
                    o.h, (first + i) * hidden, layer.parameters().attentionGain(), x, i * hidden);
        }
        require(o, layer.qkv(), o.parts.qkv(), config.qkvDim(), from, count, Step.QKV);
        for (int i = 0; i < count; i++) {
            int t = from + i;
            steps.heads(layer.parameters(), t, y, i * config.qkvDim(), scale[i], q, 0, sq, 0, k, 0, sk, 0, v, 0, sv, 0);
            checkRows(o, t);
            attention.check(o, t, q, sq, joined);
            scale[i] = steps.quantizeHeads(joined, 0, x, i * queryDim);
        }
        require(o, layer.out(), o.parts.out(), hidden, from, count, Step.OUT_PROJECTION);
        for (int i = 0; i < count; i++) {
            int at = (first + i) * hidden;
            steps.addResidual(
                    o.h, at, y, i * hidden, scale[i], layer.parameters().outScale());
            scale[i] = steps.normAndQuantize(o.h, at, layer.parameters().mlpGain(), x, i * hidden);
        }
        require(o, layer.gateUp(), o.parts.gateUp(), 2 * mlp, from, count, Step.GATE_UP);
        for (int i = 0; i < count; i++) {
            scale[i] = steps.gate(layer.parameters(), y, i * 2 * mlp, scale[i], x, i * mlp);
        }
        require(o, layer.down(), o.parts.down(), hidden, from, count, Step.DOWN);
        for (int i = 0; i < count; i++) {
            int at = (first + i) * hidden;
            steps.addResidual(
                    o.h, at, y, i * hidden, scale[i], layer.parameters().downScale());
            MemorySegment row = proven.bytes(layout.offset(from + i, o.cell.layer() + 1), 4L * hidden);
            MemorySegment.copy(row, FLOAT, 0, next, 0, hidden);
            int bad = bitMismatch(o.h, at, next, 0, hidden);
            if (bad >= 0) {
                throw o.fail(
                        Step.RESIDUAL,
                        from + i,
                        "element " + bad + " is " + next[bad] + " where the layer gives " + o.h[at + bad]);
            }
        }
    }

    /** Takes the claimed products of {@code count} tokens into y, if they are those of x. */
    private void require(Opened o, MatrixKey matrix, long part, int width, int from, int count, Step step)
            throws FailedException {
        o.ints(part + 4L * (from - o.cell.from()) * width, count * width, y);
        int bad = matrix.firstFalse(x, y, count);
        if (bad >= 0) {
            throw o.fail(step, from + bad, "the claimed products are not those of the model's matrix");
        }
    }

    private void checkRows(Opened o, int t) throws FailedException {
        int kvDim = config.kvDim();
        boolean same = Arrays.equals(k, 0, kvDim, o.k, t * kvDim, (t + 1) * kvDim)
                && Arrays.equals(v, 0, kvDim, o.v, t * kvDim, (t + 1) * kvDim);
        for (int g = 0; g < config.kvHeads(); g++) {
            int at = g * o.capacity + t;
            same &= Float.floatToRawIntBits(sk[g]) == Float.floatToRawIntBits(o.sk[at]);
            same &= Float.floatToRawIntBits(sv[g]) == Float.floatToRawIntBits(o.sv[at]);
        }
        if (!same) {
            throw o.fail(Step.KV_ROWS, t, "the committed row is not the one its products give");
        }
    }
}
