package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.engine.LayerObserver.Product;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.receipt.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The model on this host's processors: layers over a batch of rows, which are consecutive tokens of one or more
 * sequences, and logits. Rows are independent and sums are integers, so neither how a sequence is cut into segments
 * nor what else is in a batch changes a bit.
 *
 * <p>Holds scratch memory: one caller at a time.
 */
public final class ForwardPass implements Executor {
    /** Rows that one task of attention or of the trace takes. */
    private static final int ROW_TILE = 16;

    /** Scores that one task of attention holds: it stays in the second cache. */
    private static final int MOST_SCORES = 1 << 16;

    /** A product of fewer int8 multiplications is not worth sharing. */
    private static final long LEAST_SHARED = 1 << 19;

    /** Rows whose logits are computed together. */
    private static final int LOGITS_AT_ONCE = 16;

    private final LoadedModel model;
    private final List<LoadedModel.Layer> layers;
    private final ModelConfig config;
    private final Backend backend;
    private final Workers workers;
    private final Worker[] scratch;
    private final KvPageLayout layout;
    private final float[] outputScale;

    /** What one thread needs for itself. */
    private final class Worker {
        private final IntKernels kernels = backend.kernels().get();
        private final LayerSteps steps =
                new LayerSteps(config, model.rope(), backend.math().get());
        private int[] scores = new int[0];
        private short[] weights = new short[0];
        private float[] keyScales = new float[0];
        private float[] valueScales = new float[0];
        private short[] queries = new short[0];
        private int[] high = new int[0];
        private int[] low = new int[0];
    }

    // The batch, row by row.
    private int capacity;
    private int count;
    private float[] h;
    private float[] residuals = new float[0];
    private int[] ids;
    private byte[] x = new byte[0];
    private float[] scales = new float[0];
    private int[] y = new int[0];
    private short[] q = new short[0];
    private float[] sq = new float[0];
    private short[] k = new short[0];
    private byte[] v = new byte[0];
    private float[] sk = new float[0];
    private float[] sv = new float[0];
    private float[] joined = new float[0];
    private int[] positions = new int[0];
    private Segment[] owners = new Segment[0];
    private int[] tileSegment = new int[0];
    private int[] tileRow = new int[0];
    private int[] tileCount = new int[0];
    private int tiles;
    private List<Segment> segments;
    private final List<LayerObserver> observers = new ArrayList<>();
    private LayerObserver.Rows rows;
    private int l;
    private LoadedModel.Layer layer;

    // A product in progress.
    private LoadedModel.Matrix[] matrices = new LoadedModel.Matrix[3];
    private int matrixCount;
    private int matrixRows;
    private int slice;
    private int[] out;
    private int width;
    private final int[] choosing = new int[LOGITS_AT_ONCE];
    private int[] products = new int[0];
    private float[] logits = new float[0];

    private final Workers.Task multiplySlice = this::multiplySlice;
    private final Workers.Task attentionNorm = this::attentionNorm;
    private final Workers.Task splitHeads = this::splitHeads;
    private final Workers.Task attend = this::attend;
    private final Workers.Task quantizeHeads = this::quantizeHeads;
    private final Workers.Task residualAndMlpNorm = this::residualAndMlpNorm;
    private final Workers.Task gate = this::gate;
    private final Workers.Task mlpResidual = this::mlpResidual;
    private final Workers.Task finalRecords = this::finalRecords;

    /** With the fastest arithmetic here, on all processors. */
    public ForwardPass(LoadedModel model) {
        this(model, model.layers(), Backend.best(), Workers.ofHost());
    }

    /**
     * With given layers, arithmetic and threads: for tests that compare backends and for the node that cheats.
     *
     * @param workers closed with this.
     */
    public ForwardPass(LoadedModel model, List<LoadedModel.Layer> layers, Backend backend, Workers workers) {
        this.model = model;
        this.layers = layers;
        this.config = model.config();
        this.backend = backend;
        this.workers = workers;
        this.layout = new KvPageLayout(config);
        this.scratch = new Worker[workers.count()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Worker();
        }
        try {
            this.outputScale = model.outputScale();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void reserve(int rows) {
        if (capacity < rows) {
            capacity = rows;
            int widest = Math.max(config.hidden(), Math.max(config.queryDim(), config.mlp()));
            x = new byte[rows * widest];
            y = new int[rows * Math.max(config.qkvDim(), Math.max(2 * config.mlp(), config.hidden()))];
            q = new short[rows * config.queryDim()];
            sq = new float[rows * config.heads()];
            k = new short[rows * config.kvDim()];
            v = new byte[rows * config.kvDim()];
            sk = new float[rows * config.kvHeads()];
            sv = new float[rows * config.kvHeads()];
            joined = new float[rows * config.queryDim()];
            scales = new float[rows];
            positions = new int[rows];
            owners = new Segment[rows];
            tileSegment = new int[rows];
            tileRow = new int[rows];
            tileCount = new int[rows];
        }
    }

    @Override
    public void run(List<Segment> batch, int[] tokens, LogitsRequests choices) {
        int rows = 0;
        observers.clear();
        for (int s = 0; s < batch.size(); s++) {
            Segment segment = batch.get(s);
            rows += segment.count();
            observers.add(segment.trace() == null ? LayerObserver.NONE : segment.trace());
            if (segment.trace() != null) {
                segment.trace().gathering(workers.count());
            }
        }
        if (residuals.length < rows * config.hidden()) {
            residuals = new float[rows * config.hidden()];
        }
        begin(batch, residuals);
        ids = tokens;
        for (int i = 0; i < count; i++) {
            model.embed(tokens[i], h, i * config.hidden());
        }
        for (int index = 0; index < config.layers(); index++) {
            runLayer(index);
        }
        workers.run(tiles, finalRecords);
        for (int s = 0; s < batch.size(); s++) {
            if (batch.get(s).trace() != null) {
                batch.get(s).trace().gathered();
            }
        }
        for (int i = 0; i < choices.count(); i += LOGITS_AT_ONCE) {
            answer(choices, i, Math.min(LOGITS_AT_ONCE, choices.count() - i));
        }
    }

    private void answer(LogitsRequests choices, int from, int n) {
        int vocab = config.vocab();
        int hidden = config.hidden();
        if (logits.length < n * vocab) {
            products = new int[n * vocab];
            logits = new float[n * vocab];
        }
        for (int i = 0; i < n; i++) {
            choosing[i] = choices.row(from + i);
        }
        logits(h, choosing, n, products, logits);
        int tail = choices.tailFloats();
        for (int i = from; i < from + n; i++) {
            int at = (i - from) * vocab;
            int asked = choices.asked(i);
            if (asked == LogitsRequests.ALL) {
                System.arraycopy(logits, at, choices.logits(), choices.logitsAt(i), vocab);
            } else {
                int id = asked == LogitsRequests.BEST ? Sampling.GREEDY.choose(logits, at, vocab, 0) : asked;
                choices.answer(i, id, logits[at + id]);
            }
            int end = (choices.row(i) + 1) * hidden;
            System.arraycopy(h, end - tail, choices.tails(), choices.tailAt(i), tail);
        }
    }

    /** One layer over {@code residuals}, in place. */
    void layer(int index, Segment segment, LayerObserver observer, float[] residuals) {
        observers.clear();
        observers.add(observer);
        begin(List.of(segment), residuals);
        runLayer(index);
    }

    private void begin(List<Segment> batch, float[] residuals) {
        segments = batch;
        h = residuals;
        count = 0;
        for (int s = 0; s < batch.size(); s++) {
            count += batch.get(s).count();
        }
        reserve(count);
        rows = new LayerObserver.Rows(h, k, v, sk, sv);
        int row = 0;
        tiles = 0;
        for (int s = 0; s < batch.size(); s++) {
            Segment segment = batch.get(s);
            for (int i = 0; i < segment.count(); i += ROW_TILE) {
                tileSegment[tiles] = s;
                tileRow[tiles] = row + i;
                tileCount[tiles++] = Math.min(ROW_TILE, segment.count() - i);
            }
            for (int i = 0; i < segment.count(); i++) {
                positions[row] = segment.first() + i;
                owners[row++] = segment;
            }
        }
    }

    private void each(Workers.Task task) {
        workers.run(count, task);
    }

    private void runLayer(int index) {
        l = index;
        layer = layers.get(index);
        each(attentionNorm);
        multiply(Product.QKV, config.qkvDim(), layer.q(), layer.k(), layer.v());
        each(splitHeads);
        workers.run(tiles * (config.kvHeads() + 1), attend);
        each(quantizeHeads);
        multiply(Product.OUT, config.hidden(), layer.out(), null, null);
        each(residualAndMlpNorm);
        multiply(Product.GATE_UP, 2 * config.mlp(), layer.gate(), layer.up(), null);
        each(gate);
        multiply(Product.DOWN, config.hidden(), layer.down(), null, null);
        each(mlpResidual);
    }

    private void multiply(
            Product product, int outputs, LoadedModel.Matrix a, LoadedModel.Matrix b, LoadedModel.Matrix c) {
        multiply(count, y, outputs, a, b, c);
        int row = 0;
        for (int s = 0; s < segments.size(); s++) {
            Segment segment = segments.get(s);
            observers.get(s).products(l, product, segment.count(), outputs, y, row * outputs);
            row += segment.count();
        }
    }

    /**
     * Products of {@code rows} rows of x with up to three stacked matrices, shared among the workers by weight rows.
     */
    private void multiply(
            int rows, int[] target, int outputs, LoadedModel.Matrix a, LoadedModel.Matrix b, LoadedModel.Matrix c) {
        matrices[0] = a;
        matrices[1] = b;
        matrices[2] = c;
        matrixCount = c != null ? 3 : b != null ? 2 : 1;
        matrixRows = rows;
        out = target;
        width = outputs;
        boolean small = (long) rows * outputs * a.columns() < LEAST_SHARED;
        int parts = small ? 1 : 2 * workers.count();
        // Whole panels of 32 weight rows.
        slice = (outputs / parts + 31) / 32 * 32;
        workers.run((outputs + slice - 1) / slice, multiplySlice);
    }

    private void multiplySlice(int worker, int index) {
        int from = index * slice;
        int to = Math.min(width, from + slice);
        int start = 0;
        for (int i = 0; i < matrixCount; i++) {
            LoadedModel.Matrix matrix = matrices[i];
            int begin = Math.max(from, start) - start;
            int end = Math.min(to, start + matrix.rows()) - start;
            if (begin < end) {
                scratch[worker].kernels.multiply(
                        x, matrixRows, matrix.columns(), matrix.weights(), begin, end, out, start, width);
            }
            start += matrix.rows();
        }
    }

    private void attentionNorm(int worker, int row) {
        int at = row * config.hidden();
        scales[row] =
                scratch[worker].steps.normAndQuantize(h, at, layer.parameters().attentionGain(), x, at);
    }

    private void splitHeads(int worker, int row) {
        int kvDim = config.kvDim();
        scratch[worker].steps.heads(
                layer.parameters(),
                positions[row],
                y,
                row * config.qkvDim(),
                scales[row],
                q,
                row * config.queryDim(),
                sq,
                row * config.heads(),
                k,
                row * kvDim,
                sk,
                row * config.kvHeads(),
                v,
                row * kvDim,
                sv,
                row * config.kvHeads());
        layout.put(owners[row].cache(), l, positions[row], k, v, row * kvDim, sk, sv, row * config.kvHeads());
    }

    /** A tile's attention, a kv head a task; and, as one more task, its part of the trace. */
    private void attend(int worker, int index) {
        int tile = index / (config.kvHeads() + 1);
        int g = index % (config.kvHeads() + 1);
        Segment segment = segments.get(tileSegment[tile]);
        LayerObserver observer = observers.get(tileSegment[tile]);
        int first = tileRow[tile];
        if (g == config.kvHeads()) {
            if (observer.wantsRows()) {
                observer.rows(worker, l, positions[first], tileCount[tile], rows, first);
            }
            return;
        }
        int shared = config.heads() / config.kvHeads();
        int context = positions[first + tileCount[tile] - 1] + 1;
        int padded = KvCache.pagesFor(context) * KvCache.TOKENS;
        int atOnce = Math.max(1, MOST_SCORES / (padded * shared));
        for (int i = 0; i < tileCount[tile]; i += atOnce) {
            attend(scratch[worker], segment.cache(), observer, first + i, Math.min(atOnce, tileCount[tile] - i), g);
        }
    }

    /** Kv head {@code g} for {@code rows} rows from {@code first}: every query head that shares it. */
    private void attend(Worker w, KvCache.PageTable cache, LayerObserver observer, int first, int rows, int g) {
        int size = config.headDim();
        int shared = config.heads() / config.kvHeads();
        int queries = rows * shared;
        int context = positions[first + rows - 1] + 1;
        int pages = KvCache.pagesFor(context);
        int stride = pages * KvCache.TOKENS;
        if (w.scores.length < queries * stride) {
            w.scores = new int[queries * stride];
            w.weights = new short[queries * stride];
        }
        if (w.keyScales.length < stride) {
            w.keyScales = new float[stride];
            w.valueScales = new float[stride];
        }
        if (w.high.length < queries * size) {
            w.queries = new short[queries * size];
            w.high = new int[queries * size];
            w.low = new int[queries * size];
        }
        for (int r = 0; r < rows; r++) {
            int at = (first + r) * config.queryDim() + g * shared * size;
            System.arraycopy(q, at, w.queries, r * shared * size, shared * size);
        }
        layout.scales(cache, l, g, context, w.keyScales, w.valueScales);
        for (int p = 0; p < pages; p++) {
            int tokens = Math.min(KvCache.TOKENS, context - p * KvCache.TOKENS);
            int blocks = (tokens + IntKernels.KEY_BLOCK - 1) / IntKernels.KEY_BLOCK;
            w.kernels.scores(
                    w.queries,
                    0,
                    size,
                    queries,
                    cache.page(p),
                    layout.keysAt(l, g),
                    size,
                    blocks,
                    w.scores,
                    p * KvCache.TOKENS,
                    stride);
        }
        for (int i = 0; i < queries; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            int n = positions[row] + 1;
            observer.scores(l, positions[row], head, w.scores, i * stride, n);
            float factor = w.steps.attentionWeights(
                    w.scores,
                    i * stride,
                    n,
                    sq[row * config.heads() + head],
                    w.keyScales,
                    0,
                    w.valueScales,
                    0,
                    w.weights,
                    i * stride);
            Arrays.fill(w.weights, i * stride + n, (i + 1) * stride, (short) 0);
            // The query's scale is spent: its place holds the factor of the output.
            sq[row * config.heads() + head] = factor;
        }
        Arrays.fill(w.high, 0, queries * size, 0);
        Arrays.fill(w.low, 0, queries * size, 0);
        for (int p = 0; p < pages; p++) {
            int tokens = Math.min(KvCache.TOKENS, context - p * KvCache.TOKENS);
            int quads = (tokens + IntKernels.VALUE_QUAD - 1) / IntKernels.VALUE_QUAD;
            w.kernels.values(
                    w.weights,
                    p * KvCache.TOKENS,
                    stride,
                    queries,
                    cache.page(p),
                    layout.valuesAt(l, g),
                    size,
                    quads,
                    w.high,
                    w.low,
                    0,
                    size);
        }
        for (int i = 0; i < queries; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            observer.sums(l, positions[row], head, w.high, w.low, i * size);
            w.steps.attentionOutput(
                    w.high,
                    w.low,
                    i * size,
                    sq[row * config.heads() + head],
                    joined,
                    row * config.queryDim() + head * size);
        }
    }

    private void quantizeHeads(int worker, int row) {
        int at = row * config.queryDim();
        scales[row] = scratch[worker].steps.quantizeHeads(joined, at, x, at);
    }

    private void residualAndMlpNorm(int worker, int row) {
        int at = row * config.hidden();
        LayerSteps steps = scratch[worker].steps;
        steps.addResidual(h, at, y, at, scales[row], layer.parameters().outScale());
        scales[row] = steps.normAndQuantize(h, at, layer.parameters().mlpGain(), x, at);
    }

    private void gate(int worker, int row) {
        int mlp = config.mlp();
        scales[row] = scratch[worker].steps.gate(layer.parameters(), y, row * 2 * mlp, scales[row], x, row * mlp);
    }

    private void mlpResidual(int worker, int row) {
        int at = row * config.hidden();
        scratch[worker].steps.addResidual(
                h, at, y, at, scales[row], layer.parameters().downScale());
    }

    /** A tile's final records. */
    private void finalRecords(int worker, int tile) {
        TraceWriter trace = segments.get(tileSegment[tile]).trace();
        if (trace != null) {
            for (int row = tileRow[tile]; row < tileRow[tile] + tileCount[tile]; row++) {
                trace.last(worker, positions[row], h, row * config.hidden(), ids[row]);
            }
        }
    }

    /**
     * Logits of some rows.
     *
     * @param rows which rows of {@code residuals}, {@code n} of them.
     * @param products receives {@code n * vocab} int32 products.
     * @param logits receives {@code n * vocab} floats.
     */
    void logits(float[] residuals, int[] rows, int n, int[] products, float[] logits) {
        reserve(n);
        int hidden = config.hidden();
        for (int i = 0; i < n; i++) {
            scales[i] = scratch[0].steps.normAndQuantize(residuals, rows[i] * hidden, model.finalGain(), x, i * hidden);
        }
        multiply(n, products, config.vocab(), model.output(), null, null);
        for (int i = 0; i < n; i++) {
            int at = i * config.vocab();
            scratch[0].steps.logits(products, at, scales[i], outputScale, logits, at);
        }
    }

    /**
     * Logits after every one of {@code tokens}, a row of vocab floats each: for measuring a model, not for answering.
     */
    public float[][] logits(int[] tokens) {
        float[][] all = new float[tokens.length][];
        LogitsRequests choices = new LogitsRequests(config.vocab(), 0);
        try (KvCache.PageTable cache = pages(KvCache.pagesFor(tokens.length)).sequence()) {
            cache.reserve(tokens.length);
            for (int t = 0; t < tokens.length; t += LOGITS_AT_ONCE) {
                int n = Math.min(LOGITS_AT_ONCE, tokens.length - t);
                choices.clear();
                for (int i = 0; i < n; i++) {
                    choices.add(i, LogitsRequests.ALL);
                }
                run(List.of(new Segment(cache, t, n, null)), Arrays.copyOfRange(tokens, t, t + n), choices);
                for (int i = 0; i < n; i++) {
                    int at = choices.logitsAt(i);
                    all[t + i] = Arrays.copyOfRange(choices.logits(), at, at + config.vocab());
                }
            }
        }
        return all;
    }

    @Override
    public KvCache pages(int most) {
        return KvCache.ofHost(config, most);
    }

    @Override
    public long cpuNanos() {
        return workers.cpuNanos();
    }

    @Override
    public String name() {
        return backend.name() + ", " + workers.count() + (workers.count() == 1 ? " thread" : " threads");
    }

    @Override
    public LoadedModel model() {
        return model;
    }

    @Override
    public void close() {
        workers.close();
    }
}
