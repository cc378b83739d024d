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
    private static final int ROUNDS = MatrixKey.ROUNDS;
    private static final int MAX_12 = 2047;

    private final VerifierKey key;
    private final ModelConfig config;
    private final LayerSteps steps;
    private final RingMath ring = RingMath.best();
    private final SecretInts secrets = new SecretInts();

    CellAudit(VerifierKey key) {
        this.key = key;
        this.config = key.config();
        this.steps = new LayerSteps(config, key.rope(), ExactMath.best());
    }

    /** One cell under check: what was opened, in arrays. */
    private final class Opened {
        final Cell cell;
        final VerifierKey.Layer layer;
        final MemorySegment opening;
        final CellParts parts;
        final float[] h;
        final short[] k;
        final byte[] v;
        final float[][] sk;
        final float[][] sv;

        Opened(Cell cell, MemorySegment opening, CellParts parts) {
            this.cell = cell;
            this.layer = key.layers().get(cell.layer());
            this.opening = opening;
            this.parts = parts;
            this.h = new float[cell.tokens() * config.hidden()];
            this.k = new short[cell.to() * config.kvDim()];
            this.v = new byte[cell.to() * config.kvDim()];
            this.sk = new float[config.kvHeads()][cell.to()];
            this.sv = new float[config.kvHeads()][cell.to()];
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
        Opened opened = new Opened(cell, opening, parts);
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
                o.sk[g][t] = row.get(FLOAT, layout.skOffset() - layout.kOffset() + 4L * g);
                o.sv[g][t] = row.get(FLOAT, layout.svOffset() - layout.kOffset() + 4L * g);
            }
        }
        // Beyond 12 bits a score need not fit int32, and the bound behind Freivalds' check would not hold.
        for (int i = 0; i < o.k.length; i++) {
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

    private void checkLayer(Opened o, TraceLayout layout, Slice.Proven proven) throws FailedException {
        int hidden = config.hidden();
        int queryDim = config.queryDim();
        int kvDim = config.kvDim();
        int heads = config.heads();
        byte[] x = new byte[Math.max(hidden, Math.max(queryDim, config.mlp()))];
        int[] y = new int[Math.max(config.qkvDim(), 2 * config.mlp())];
        short[] q = new short[queryDim];
        float[] sq = new float[heads];
        short[] k = new short[kvDim];
        float[] sk = new float[config.kvHeads()];
        byte[] v = new byte[kvDim];
        float[] sv = new float[config.kvHeads()];
        float[] joined = new float[queryDim];
        float[] next = new float[hidden];
        AttentionCheck attention = new AttentionCheck(o);
        for (int t = o.cell.from(); t < o.cell.to(); t++) {
            int i = t - o.cell.from();
            int at = i * hidden;
            float s = steps.normAndQuantize(o.h, at, o.layer.parameters().attentionGain(), x, 0);
            require(
                    o,
                    o.layer.qkv(),
                    x,
                    o.ints(o.parts.qkv() + 4L * i * config.qkvDim(), config.qkvDim(), y),
                    Step.QKV,
                    t);
            steps.heads(o.layer.parameters(), t, y, 0, s, q, 0, sq, 0, k, 0, sk, 0, v, 0, sv, 0);
            checkRows(o, t, k, sk, v, sv);
            attention.check(t, q, sq, joined);
            s = steps.quantizeHeads(joined, 0, x, 0);
            require(o, o.layer.out(), x, o.ints(o.parts.out() + 4L * i * hidden, hidden, y), Step.OUT_PROJECTION, t);
            steps.addResidual(o.h, at, y, 0, s, o.layer.parameters().outScale());
            s = steps.normAndQuantize(o.h, at, o.layer.parameters().mlpGain(), x, 0);
            int mlp2 = 2 * config.mlp();
            require(o, o.layer.gateUp(), x, o.ints(o.parts.gateUp() + 4L * i * mlp2, mlp2, y), Step.GATE_UP, t);
            s = steps.gate(o.layer.parameters(), y, 0, s, x, 0);
            require(o, o.layer.down(), x, o.ints(o.parts.down() + 4L * i * hidden, hidden, y), Step.DOWN, t);
            steps.addResidual(o.h, at, y, 0, s, o.layer.parameters().downScale());
            MemorySegment row = proven.bytes(layout.offset(t, o.cell.layer() + 1), 4L * hidden);
            MemorySegment.copy(row, FLOAT, 0, next, 0, hidden);
            int bad = bitMismatch(o.h, at, next, 0, hidden);
            if (bad >= 0) {
                throw o.fail(
                        Step.RESIDUAL,
                        t,
                        "element " + bad + " is " + next[bad] + " where the layer gives " + o.h[at + bad]);
            }
        }
    }

    private static void require(Opened o, MatrixKey matrix, byte[] x, int[] y, Step step, int token)
            throws FailedException {
        if (!matrix.holds(x, 0, y, 0)) {
            throw o.fail(step, token, "the claimed products are not those of the model's matrix");
        }
    }

    private void checkRows(Opened o, int t, short[] k, float[] sk, byte[] v, float[] sv) throws FailedException {
        int kvDim = config.kvDim();
        boolean same = Arrays.equals(k, 0, kvDim, o.k, t * kvDim, (t + 1) * kvDim)
                && Arrays.equals(v, 0, kvDim, o.v, t * kvDim, (t + 1) * kvDim);
        for (int g = 0; g < config.kvHeads(); g++) {
            same &= Float.floatToRawIntBits(sk[g]) == Float.floatToRawIntBits(o.sk[g][t]);
            same &= Float.floatToRawIntBits(sv[g]) == Float.floatToRawIntBits(o.sv[g][t]);
        }
        if (!same) {
            throw o.fail(Step.KV_ROWS, t, "the committed row is not the one its products give");
        }
    }

    /**
     * Attention of the cell's tokens in order. With r drawn after the opening arrived, {@code sum_j r_j K_j} grows by one row a token
     * and {@code V_j . r'} is computed once per j, so a head costs t multiply-adds where recomputing costs t * D.
     */
    private final class AttentionCheck {
        private final Opened o;
        private final int size = config.headDim();
        private final int[][] r = new int[ROUNDS][];
        private final int[][] rValue = new int[ROUNDS][];
        private final long[][][] keySum = new long[ROUNDS][config.kvHeads()][size];
        private final long[][][] valueDot;
        private final int[] scores;
        private final int[] high = new int[config.queryDim()];
        private final int[] low = new int[config.queryDim()];
        private final short[] u;
        private int summed;

        AttentionCheck(Opened o) {
            this.o = o;
            int tokens = o.cell.to();
            valueDot = new long[ROUNDS][config.kvHeads()][tokens];
            scores = new int[tokens];
            u = new short[tokens];
            for (int round = 0; round < ROUNDS; round++) {
                r[round] = secrets.next(tokens);
                rValue[round] = secrets.next(size);
            }
        }

        private void extendTo(int t) {
            for (; summed <= t; summed++) {
                for (int round = 0; round < ROUNDS; round++) {
                    for (int g = 0; g < config.kvHeads(); g++) {
                        int at = summed * config.kvDim() + g * size;
                        ring.accumulate(o.k, at, size, r[round][summed], keySum[round][g], 0);
                        valueDot[round][g][summed] = ring.dot(o.v, at, rValue[round], 0, size);
                    }
                }
            }
        }

        void check(int t, short[] q, float[] sq, float[] joined) throws FailedException {
            extendTo(t);
            int n = t + 1;
            int i = t - o.cell.from();
            o.ints(o.parts.high() + 4L * i * config.queryDim(), config.queryDim(), high);
            o.ints(o.parts.low() + 4L * i * config.queryDim(), config.queryDim(), low);
            long scoresAt = o.parts.scores() + CellParts.scoreOffset(config, o.cell, t);
            int shared = config.heads() / config.kvHeads();
            for (int h = 0; h < config.heads(); h++) {
                int g = h / shared;
                o.ints(scoresAt + 4L * h * n, n, scores);
                for (int round = 0; round < ROUNDS; round++) {
                    if (ring.dot(q, h * size, keySum[round][g], 0, size) != ring.dot(scores, 0, r[round], 0, n)) {
                        throw o.fail(Step.SCORES, t, "the scores of head " + h + " are not query times keys");
                    }
                }
                float factor = steps.attentionWeights(scores, 0, n, sq[h], o.sk[g], 0, o.sv[g], 0, u, 0);
                for (int round = 0; round < ROUNDS; round++) {
                    long[] dots = valueDot[round][g];
                    if (ring.dotHigh(u, 0, dots, 0, n) != ring.dot(high, h * size, rValue[round], 0, size)
                            || ring.dotLow(u, 0, dots, 0, n) != ring.dot(low, h * size, rValue[round], 0, size)) {
                        throw o.fail(Step.VALUES, t, "the sums of head " + h + " are not weights times values");
                    }
                }
                steps.attentionOutput(high, low, h * size, factor, joined, h * size);
            }
        }
    }
}
