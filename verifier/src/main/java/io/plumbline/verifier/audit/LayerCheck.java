package io.plumbline.verifier.audit;

import io.plumbline.verifier.blake3.Slice;
import io.plumbline.verifier.freivalds.RingMath;
import io.plumbline.verifier.freivalds.SecretInts;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.HeadRows;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.receipt.Receipt;
import io.plumbline.verifier.trace.TraceLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The check of one cell: every matrix row and every attention head of a layer over a block of tokens, without the
 * weights. Steps and their order are those of docs/audit-protocol.md.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class LayerCheck implements OpeningCheck.Tokens, AutoCloseable {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int TOGETHER = OpeningCheck.TOGETHER;

    private static final MemorySegment ZEROS = MemorySegment.ofArray(new byte[TraceLayout.HEADER_BYTES]);

    private final KnownModel model;
    private final WorkDigest work;
    private final ModelConfig config;
    private final LayerSteps steps;
    private final RingMath ring = RingMath.best();
    private final SecretInts secrets = new SecretInts();
    private Buffers buffers = new Buffers();
    private final byte[] x;
    private final int[] y;
    private final float[] scale = new float[TOGETHER];
    private final HeadRows heads;
    private final float[] joined;
    private final float[] next;

    /** Null where the model has no experts. */
    private final MixtureCheck mixture;

    /** Null where layers have no embeddings of their own. */
    private final PerLayerCheck perLayer;

    /** Null where no cell with linear attention has come yet. */
    private DeltaCheck delta;

    private Opened opened;
    private TraceLayout layout;
    private Slice.Proven proven;
    private AttentionCheck attention;

    LayerCheck(KnownModel model, WorkDigest work) {
        this.model = model;
        this.work = work;
        this.config = model.manifest().config();
        this.steps = new LayerSteps(config, model.rotary(), ExactMath.best());
        int mlp = config.widestMlp();
        this.x = new byte[TOGETHER * Math.max(config.hidden(), Math.max(config.widestHeads(), mlp))];
        this.y = new int[TOGETHER * Math.max(config.widestQkv(), Math.max(config.hidden(), 2 * mlp))];
        boolean hasExperts = config.architecture().experts() != null;
        this.mixture = hasExperts ? new MixtureCheck(model, work, steps) : null;
        this.perLayer = config.architecture().perLayer() > 0 ? new PerLayerCheck(model, steps) : null;
        this.heads = HeadRows.of(config, 1);
        this.joined = new float[config.widestQueries()];
        this.next = new float[config.hidden()];
    }

    /** Bytes of keys, values, their scales and what attention keeps for each of them. */
    static long memoryBytes(ModelConfig config, int keys) {
        long aKey = 3L * config.widestKeys() + 8L * config.mostKvHeads();
        long linear = config.linearLayers() > 0 ? DeltaCheck.memoryBytes(config) : 0;
        return AttentionCheck.capacity(keys) * aKey + AttentionCheck.memoryBytes(config, keys) + linear;
    }

    /** What cells are opened into, used again: fresh megabytes for each would cost more than hashing them. */
    static final class Buffers {
        private float[] h = new float[0];
        private short[] k = new short[0];
        private byte[] v = new byte[0];
        private float[] sk = new float[0];
        private float[] sv = new float[0];

        /**
         * For a cell of a layer alone: others' keys may be ten thousand times as wide, in evidence by a stranger's
         * word, and are not opened here.
         */
        private void reserve(ModelConfig config, int layer, int tokens, int keys) {
            if (h.length < tokens * config.hidden()) {
                h = new float[tokens * config.hidden()];
            }
            int elements = keys * config.kvDim(layer);
            if (k.length < elements) {
                k = new short[elements];
                v = new byte[elements];
            }
            int scales = keys * config.kvHeads(layer);
            if (sk.length < scales) {
                sk = new float[scales];
                sv = new float[scales];
            }
        }
    }

    /** One cell under check: what was opened, in buffers. */
    static final class Opened {
        final OpeningLayout layout;
        final Cell cell;
        final LayerParameters parameters;
        final float[] h;
        final short[] k;
        final byte[] v;

        /** The first token whose residual was opened. */
        final int first;

        /** Behind the last of them. */
        final int end;

        /** Position of the first key: what stands in the buffers begins with it. */
        final int firstKey;

        /** Keys that a head has room for, see {@link AttentionCheck#capacity}. */
        final int capacity;

        /** Scales [kvHead][capacity]. */
        final float[] sk;

        final float[] sv;

        /** The pieces under check, and where in them that of the token under check begins. */
        MemorySegment pieces = MemorySegment.NULL;

        long at;

        /** The token whose numbers are being worked on. */
        int current;

        Opened(OpeningLayout layout, ModelConfig config, LayerParameters parameters, Buffers buffers) {
            this.layout = layout;
            this.cell = layout.cell();
            this.parameters = parameters;
            this.first = AnswerView.first(config, cell);
            this.end = config.isLinear(cell.layer()) ? layout.view().end(cell) : cell.to();
            this.firstKey = config.firstKey(cell.layer(), cell.from());
            this.capacity = config.isLinear(cell.layer()) ? 0 : AttentionCheck.capacity(cell.to() - firstKey);
            buffers.reserve(config, cell.layer(), end - first, capacity);
            this.h = buffers.h;
            this.k = buffers.k;
            this.v = buffers.v;
            this.sk = buffers.sk;
            this.sv = buffers.sv;
        }

        /** Copies {@code n} int32 from a byte offset of the pieces. */
        void ints(long offset, int n, int[] target, int index) {
            MemorySegment.copy(pieces, INT, offset, target, index, n);
        }

        FailedException fail(Step step, int token, String detail) {
            return new FailedException(step, cell.layer(), token, detail);
        }
    }

    @Override
    public void begin(OpeningLayout opening, Receipt receipt, MemorySegment proof, Slice.Proven rows)
            throws FailedException {
        endCell();
        Cell cell = opening.cell();
        layout = opening.view().layout();
        proven = rows;
        opened = new Opened(opening, config, model.parameters(cell.layer()), buffers);
        for (int t = opened.first; t < opened.end; t++) {
            MemorySegment row = proven.bytes(layout.offset(t, cell.layer()), 4L * config.hidden());
            MemorySegment.copy(row, FLOAT, 0, opened.h, (t - opened.first) * config.hidden(), config.hidden());
        }
        if (opening.view().hasEmbedding(cell)) {
            try {
                readEmbeddings(opened, proof);
            } catch (ArithmeticException e) {
                throw opened.fail(Step.NUMBERS, opened.current, e.getMessage());
            }
        }
        if (config.isLinear(cell.layer())) {
            if (delta == null) {
                delta = new DeltaCheck(model, work, steps);
            }
            try {
                delta.begin(opened, proof, proven);
            } catch (ArithmeticException e) {
                throw opened.fail(Step.NUMBERS, opened.current, e.getMessage());
            }
            return;
        }
        readKeysAndValues(opened);
        int keys = cell.to() - opened.firstKey;
        attention = AttentionCheck.of(config, cell.layer(), steps, ring, secrets, keys);
    }

    @Override
    public Counts counts() {
        long n = opened.cell.tokens();
        int layer = opened.cell.layer();
        long matrices = 2 + (config.mlp(layer) > 0 ? 2 : 0);
        if (config.hasExperts(layer)) {
            matrices += 1 + 2L * config.architecture().experts().chosen();
        }
        matrices += perLayer == null ? 0 : 3;
        if (config.isLinear(layer)) {
            long beside = opened.end - opened.first - n;
            DeltaRule rule = config.architecture().delta();
            return new Counts(1, (matrices + 1) * n + 2 * beside, n * rule.valueHeads(), 0, 0);
        }
        return new Counts(1, matrices * n, n * config.heads(), 0, 0);
    }

    /** Frees what cells have taken; another may follow. */
    @Override
    public void close() {
        endCell();
        buffers = new Buffers();
        opened = null;
        proven = null;
        if (delta != null) {
            delta.close();
            delta = null;
        }
    }

    private void endCell() {
        if (attention != null) {
            attention.close();
            attention = null;
        }
    }

    private void readKeysAndValues(Opened o) throws FailedException {
        int from = config.kvLayer(o.cell.layer());
        int kvDim = config.kvDim(from);
        int kvHeads = config.kvHeads(from);
        int keys = o.cell.to() - o.firstKey;
        int values = layout.vOffset(from) - layout.kOffset();
        for (int i = 0; i < keys; i++) {
            int t = o.firstKey + i;
            long at = layout.offset(t, from);
            MemorySegment row = proven.bytes(at + layout.kOffset(), layout.kvBytes(from));
            MemorySegment.copy(row, SHORT, 0, o.k, i * kvDim, kvDim);
            MemorySegment.copy(row, ValueLayout.JAVA_BYTE, values, o.v, i * kvDim, kvDim);
            for (int g = 0; g < kvHeads; g++) {
                float key = row.get(FLOAT, layout.skOffset(from) - layout.kOffset() + 4L * g);
                float value = row.get(FLOAT, layout.svOffset(from) - layout.kOffset() + 4L * g);
                if (!(key >= 0 && key <= Float.MAX_VALUE && value >= 0 && value <= Float.MAX_VALUE)) {
                    throw o.fail(Step.KV_ROWS, t, "a scale is " + key + " or " + value + ", which no row has");
                }
                o.sk[g * o.capacity + i] = key;
                o.sv[g * o.capacity + i] = value;
            }
        }
        for (int t = o.firstKey; t < o.cell.to(); t++) {
            requirePadding(o, t, from);
            if (from != o.cell.layer() && t >= o.cell.from()) {
                requirePadding(o, t, o.cell.layer());
            }
        }
        int bad = AttentionCheck.firstBadRow(o, kvDim, 0, keys);
        if (bad >= 0) {
            throw o.fail(
                    Step.KV_ROWS,
                    o.firstKey + bad,
                    "a key element is beyond 12 bits, or a value element -128, which no row has");
        }
    }

    private void requirePadding(Opened o, int t, int layer) throws FailedException {
        long at = layout.offset(t, layer);
        int end = layout.recordEnd(layer);
        if (!isZero(proven.bytes(at + end, layout.recordBytes(layer) - end))) {
            throw o.fail(Step.PADDING, t, "something stands behind the last number of layer " + layer + "'s record");
        }
    }

    static boolean isZero(MemorySegment bytes) {
        return bytes.byteSize() == 0 || bytes.mismatch(ZEROS.asSlice(0, bytes.byteSize())) < 0;
    }

    /** Checks the first residuals, in the first layer, and takes what a layer's own embeddings come of. */
    private void readEmbeddings(Opened o, MemorySegment proof) throws FailedException {
        AnswerView view = o.layout.view();
        Manifest.Tensor tensor = model.manifest().tensor(TensorNames.EMBEDDING);
        MemorySegment bytes = proof.asSlice(o.layout.embedding(), o.layout.perLayer() - o.layout.embedding());
        Slice.Proven rows = view.embeddingSlice(o.cell).verify(bytes, tensor.hash());
        if (rows == null) {
            throw o.fail(Step.SLICE, o.cell.from(), "the embedding rows do not hash to the model's tensor");
        }
        if (perLayer != null) {
            perLayer.begin(o, proof);
        }
        float[] expected = new float[config.hidden()];
        for (int t = o.cell.from(); t < o.cell.to(); t++) {
            MemorySegment row = rows.bytes((long) view.token(t) * tensor.rowBytes(), tensor.rowBytes());
            o.current = t;
            Embedding.widen(row, 0, tensor.dtype(), config.hidden(), expected, 0);
            steps.scaleEmbedding(expected, 0);
            if (perLayer != null) {
                perLayer.first(o, t, expected);
            }
            if (o.cell.layer() > 0) {
                continue;
            }
            int at = (t - o.first) * config.hidden();
            int bad = bitMismatch(o.h, at, expected, 0, config.hidden());
            if (bad >= 0) {
                throw o.fail(Step.EMBEDDING, t, "element " + bad + " is not that of token id " + view.token(t));
            }
        }
    }

    /**
     * First element whose bits differ, or -1. All NaNs are one: which of them an operation gives is not the same on
     * every processor, and the model's arithmetic ends at any of them.
     */
    static int bitMismatch(float[] a, int aOffset, float[] b, int bOffset, int n) {
        for (int i = 0; i < n; i++) {
            if (Float.floatToIntBits(a[aOffset + i]) != Float.floatToIntBits(b[bOffset + i])) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public void check(MemorySegment pieces, int from, int count) throws FailedException {
        opened.pieces = pieces;
        try {
            checkTokens(opened, from, count);
        } catch (ArithmeticException e) {
            throw opened.fail(Step.NUMBERS, opened.current, e.getMessage());
        }
    }

    private void checkTokens(Opened o, int from, int count) throws FailedException {
        int hidden = config.hidden();
        int layer = o.cell.layer();
        int first = from - o.first;
        OpeningLayout.Token[] parts = new OpeningLayout.Token[count];
        long[] starts = new long[count];
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            parts[i] = o.layout.token(from + i);
            starts[i] = i == 0 ? 0 : starts[i - 1] + parts[i - 1].bytes();
        }
        if (config.isLinear(layer)) {
            delta.check(o, from, count, starts, x, scale, proven);
        } else {
            attend(o, from, count, starts, parts);
        }
        for (int i = 0; i < count; i++) {
            o.ints(starts[i] + parts[i].out(), hidden, y, i * hidden);
        }
        require(o, Step.OUT_PROJECTION, MatrixStack.OUT, from, count, config.headsDim(layer));
        for (int i = 0; i < count; i++) {
            int at = (first + i) * hidden;
            o.current = from + i;
            steps.addAttention(o.parameters, o.h, at, y, i * hidden, scale[i]);
            scale[i] = steps.normAndQuantize(o.h, at, o.parameters.mlpGain(), x, i * hidden);
        }
        if (config.hasExperts(o.cell.layer())) {
            mixture.check(o, from, count, starts, parts, x, scale);
        }
        if (config.mlp(o.cell.layer()) > 0) {
            feedForward(o, from, count, starts, parts);
        }
        for (int i = 0; i < count; i++) {
            int at = (first + i) * hidden;
            o.current = from + i;
            if (config.hasExperts(o.cell.layer())) {
                mixture.addTo(o, i, at, config.mlp(o.cell.layer()) > 0 ? y : null, scale[i]);
            } else {
                steps.addMlp(o.parameters, o.h, at, y, i * hidden, scale[i]);
            }
        }
        if (perLayer != null) {
            addPerLayer(o, from, count, starts, parts);
        }
        for (int i = 0; i < count; i++) {
            int at = (first + i) * hidden;
            o.current = from + i;
            steps.scaleLayer(o.parameters, o.h, at);
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

    /** From the residuals to the quantized heads' outputs in x, where the layer has attention. */
    private void attend(Opened o, int from, int count, long[] starts, OpeningLayout.Token[] parts)
            throws FailedException {
        int hidden = config.hidden();
        int layer = o.cell.layer();
        int queryDim = config.queryDim(layer);
        int qkvDim = config.qkvDim(layer);
        int first = from - o.first;
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            scale[i] = steps.normAndQuantize(o.h, (first + i) * hidden, o.parameters.attentionGain(), x, i * hidden);
            o.ints(starts[i], qkvDim, y, i * qkvDim);
        }
        require(o, Step.QKV, MatrixStack.QKV, from, count, hidden);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            int t = o.current;
            steps.heads(layer, o.parameters, t, y, i * qkvDim, scale[i], heads, 0);
            if (config.hasOwnKeys(layer)) {
                checkRows(o, t);
            }
            o.at = starts[i];
            attention.check(o, t, parts[i], heads.q(), heads.sq(), joined);
            scale[i] = steps.quantizeHeads(layer, joined, 0, heads, 0, x, i * queryDim);
        }
    }

    /** From the normed inputs in x to the products of down in y, of the part that all tokens go through. */
    private void feedForward(Opened o, int from, int count, long[] starts, OpeningLayout.Token[] parts)
            throws FailedException {
        int hidden = config.hidden();
        int mlp = config.mlp(o.cell.layer());
        for (int i = 0; i < count; i++) {
            o.ints(starts[i] + parts[i].gateUp(), 2 * mlp, y, i * 2 * mlp);
        }
        require(o, Step.GATE_UP, MatrixStack.GATE_UP, from, count, hidden);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            scale[i] = steps.gate(o.parameters, y, i * 2 * mlp, scale[i], x, i * mlp);
        }
        for (int i = 0; i < count; i++) {
            o.ints(starts[i] + parts[i].down(), hidden, y, i * hidden);
        }
        require(o, Step.DOWN, MatrixStack.DOWN, from, count, mlp);
    }

    /** Adds what a layer's own embeddings give to the residuals. */
    private void addPerLayer(Opened o, int from, int count, long[] starts, OpeningLayout.Token[] parts)
            throws FailedException {
        int hidden = config.hidden();
        int elements = config.architecture().perLayer();
        int first = from - o.first;
        for (int i = 0; i < count; i++) {
            scale[i] = perLayer.takeFirst(from + i - o.cell.from(), x, i * hidden);
            o.ints(starts[i] + parts[i].perLayerInput(), elements, y, i * elements);
        }
        require(o, Step.PER_LAYER_INPUT, MatrixStack.PER_LAYER_INPUT, from, count, hidden);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            perLayer.join(o, y, i * elements, scale[i]);
            scale[i] = steps.normAndQuantize(o.h, (first + i) * hidden, null, x, i * hidden);
        }
        for (int i = 0; i < count; i++) {
            o.ints(starts[i] + parts[i].perLayerGate(), elements, y, i * elements);
        }
        require(o, Step.PER_LAYER_GATE, MatrixStack.PER_LAYER_GATE, from, count, hidden);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            scale[i] = perLayer.gate(o, y, i * elements, scale[i], x, i * elements);
        }
        for (int i = 0; i < count; i++) {
            o.ints(starts[i] + parts[i].perLayerOut(), hidden, y, i * hidden);
        }
        require(o, Step.PER_LAYER_OUT, MatrixStack.PER_LAYER_OUT, from, count, elements);
        for (int i = 0; i < count; i++) {
            o.current = from + i;
            steps.addPerLayer(o.parameters, o.h, (first + i) * hidden, y, i * hidden, scale[i]);
        }
    }

    /** The claimed products in y, of {@code count} tokens, are those of x. */
    private void require(Opened o, Step step, MatrixStack stack, int from, int count, int width)
            throws FailedException {
        work.take(x, count * width);
        int bad = model.firstFalse(o.cell.layer(), stack, LayerMatrix.NO_EXPERT, x, y, count);
        if (bad >= 0) {
            throw o.fail(step, from + bad, "the claimed products are not those of the model's matrix");
        }
    }

    private void checkRows(Opened o, int t) throws FailedException {
        int layer = o.cell.layer();
        int kvDim = config.kvDim(layer);
        int key = t - o.firstKey;
        boolean same = Arrays.equals(heads.k(), 0, kvDim, o.k, key * kvDim, (key + 1) * kvDim)
                && Arrays.equals(heads.v(), 0, kvDim, o.v, key * kvDim, (key + 1) * kvDim);
        for (int g = 0; g < config.kvHeads(layer); g++) {
            int at = g * o.capacity + key;
            same &= Float.floatToRawIntBits(heads.sk()[g]) == Float.floatToRawIntBits(o.sk[at]);
            same &= Float.floatToRawIntBits(heads.sv()[g]) == Float.floatToRawIntBits(o.sv[at]);
        }
        if (!same) {
            throw o.fail(Step.KV_ROWS, t, "the committed row is not the one its products give");
        }
    }
}
