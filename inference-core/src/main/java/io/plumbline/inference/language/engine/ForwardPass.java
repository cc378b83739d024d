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
    /** Rows whose logits are computed together. */
    private static final int LOGITS_AT_ONCE = 16;

    private final LoadedModel model;
    private final List<LoadedModel.Layer> layers;
    private final ModelConfig config;
    private final Backend backend;
    private final Workers workers;
    private final LayerSteps[] steps;
    private final Attention[] attention;
    private final MatrixProducts products;

    /** Null where the model has no experts. */
    private final Mixture mixture;

    /** Null where no layer has linear attention. */
    private final LinearAttention linear;

    /** Null where layers have no embeddings of their own. */
    private final PerLayerEmbeddings perLayer;

    private final Told observing = new Told();
    private final KvPageLayout layout;
    private final float[] outputScale;
    private final BatchRows batch;
    private final List<LayerObserver> observers = new ArrayList<>();

    // A step's tasks read these: a task object for each step would be garbage.
    private int index;
    private LoadedModel.Layer layer;
    private int[] ids;

    private float[] residuals = new float[0];
    private final int[] choosing = new int[LOGITS_AT_ONCE];
    private int[] outputProducts = new int[0];
    private float[] logits = new float[0];

    private final Workers.Task attentionNorm = this::attentionNorm;
    private final Workers.Task rotaryEmbedding = this::rotaryEmbedding;
    private final Workers.Task attend = this::attend;
    private final Workers.Task concatenateHeads = this::concatenateHeads;
    private final Workers.Task attentionResidual = this::attentionResidual;
    private final Workers.Task gate = this::gate;
    private final Workers.Task mlpResidual = this::mlpResidual;
    private final Workers.Task scaleLayer = this::scaleLayer;
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
        this.batch = new BatchRows(config);
        this.steps = new LayerSteps[workers.count()];
        this.attention = new Attention[workers.count()];
        IntKernels[] kernels = new IntKernels[workers.count()];
        for (int i = 0; i < kernels.length; i++) {
            kernels[i] = backend.kernels().get();
            steps[i] = new LayerSteps(config, model.rotary(), backend.math().get());
            attention[i] = new Attention(config, layout, kernels[i], steps[i]);
        }
        this.products = new MatrixProducts(workers, kernels);
        boolean hasExperts = config.architecture().experts() != null;
        this.mixture = hasExperts ? new Mixture(config, workers, kernels, steps, products) : null;
        this.linear = config.linearLayers() > 0
                ? new LinearAttention(config, workers, backend.math(), steps, products)
                : null;
        this.perLayer = config.architecture().perLayer() > 0
                ? new PerLayerEmbeddings(model, workers, steps, products, observing)
                : null;
        try {
            this.outputScale = model.outputScale();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void run(List<Segment> segments, int[] tokens, LogitsRequests choices) {
        int rows = 0;
        observers.clear();
        for (int s = 0; s < segments.size(); s++) {
            TraceWriter trace = segments.get(s).trace();
            rows += segments.get(s).count();
            observers.add(trace == null ? LayerObserver.NONE : trace);
            if (trace != null) {
                trace.gathering(workers.count());
            }
        }
        if (residuals.length < rows * config.hidden()) {
            residuals = new float[rows * config.hidden()];
        }
        batch.begin(segments, residuals);
        beginStates(segments);
        ids = tokens;
        for (int i = 0; i < rows; i++) {
            model.embed(tokens[i], residuals, i * config.hidden());
            steps[0].scaleEmbedding(residuals, i * config.hidden());
        }
        if (perLayer != null) {
            perLayer.begin(batch, tokens);
        }
        for (int l = 0; l < config.layers(); l++) {
            runLayer(l);
        }
        endStates(segments);
        workers.run(batch.tiles(), finalRecords);
        for (int s = 0; s < segments.size(); s++) {
            if (segments.get(s).trace() != null) {
                segments.get(s).trace().gathered();
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
            outputProducts = new int[n * vocab];
            logits = new float[n * vocab];
        }
        for (int i = 0; i < n; i++) {
            choosing[i] = choices.row(from + i);
        }
        logits(residuals, choosing, n, outputProducts, logits);
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
            System.arraycopy(residuals, end - tail, choices.tails(), choices.tailAt(i), tail);
        }
    }

    /**
     * One layer over {@code residuals}, in place.
     *
     * @param tokens of the rows.
     */
    void layer(int l, Segment segment, LayerObserver observer, float[] residuals, int[] tokens) {
        observers.clear();
        observers.add(observer);
        batch.begin(List.of(segment), residuals);
        if (config.isLinear(l)) {
            beginStates(batch.segments());
        }
        if (perLayer != null) {
            perLayer.begin(batch, tokens);
        }
        runLayer(l);
    }

    private void beginStates(List<Segment> segments) {
        for (int s = 0; linear != null && s < segments.size(); s++) {
            Segment segment = segments.get(s);
            if (Segment.most(config, segment.first(), segment.count()) < segment.count()) {
                throw new IllegalArgumentException("A segment goes beyond the end of a block of states.");
            }
            segment.cache().beginStates(segment.first());
        }
    }

    private void endStates(List<Segment> segments) {
        for (int s = 0; linear != null && s < segments.size(); s++) {
            Segment segment = segments.get(s);
            segment.cache().endStates(segment.first() + segment.count());
        }
    }

    /** The steps of a layer: attention, then the gated feed-forward network, each added to the residuals. */
    private void runLayer(int l) {
        index = l;
        layer = layers.get(l);
        each(attentionNorm);
        if (layer.linear() != null) {
            project(
                    Product.QKV,
                    config.qkvDim(l),
                    layer.linear().qkv(),
                    layer.linear().gate());
            linear.run(l, layer, batch, observing, observers);
        } else {
            project(Product.QKV, config.qkvDim(l), layer.q(), layer.k(), layer.v(), layer.attentionGate());
            each(rotaryEmbedding);
            workers.run(batch.tiles() * (config.kvHeads(l) + 1), attend);
            each(concatenateHeads);
        }
        project(Product.OUT, config.hidden(), layer.out(), null);
        each(attentionResidual);
        if (layer.mixture() != null) {
            mixture.run(l, layer, batch, observing);
        }
        if (layer.gate() != null) {
            project(Product.GATE_UP, 2 * layer.gate().rows(), layer.gate(), layer.up());
            each(gate);
            project(Product.DOWN, config.hidden(), layer.down(), null);
        }
        each(mlpResidual);
        if (perLayer != null) {
            perLayer.run(l, layer);
        }
        if (config.architecture().layerScale()) {
            each(scaleLayer);
        }
    }

    /** A step's task for every row. */
    private void each(Workers.Task step) {
        workers.run(batch.count(), step);
    }

    private void project(Product product, int outputs, LoadedModel.Matrix a, LoadedModel.Matrix b) {
        project(product, outputs, a, b, null, null);
    }

    private void project(
            Product product,
            int outputs,
            LoadedModel.Matrix a,
            LoadedModel.Matrix b,
            LoadedModel.Matrix c,
            LoadedModel.Matrix d) {
        products.multiply(batch.x, batch.count(), batch.y, outputs, a, b, c, d);
        observing.products(index, product, 1, outputs, batch.y);
    }

    /** Tells the observers of the batch's segments what was computed for their rows. */
    private final class Told implements Mixture.Observing {
        @Override
        public void products(int layer, Product product, int each, int width, int[] y) {
            int row = 0;
            List<Segment> segments = batch.segments();
            for (int s = 0; s < segments.size(); s++) {
                int rows = each * segments.get(s).count();
                observers.get(s).products(layer, product, rows, width, y, row * width);
                row += rows;
            }
        }

        @Override
        public void expert(int layer, int row, int slot, boolean isDown, int[] y, int offset) {
            observers.get(batch.segment(row)).expert(layer, batch.position(row), slot, isDown, y, offset);
        }
    }

    /** RMSNorm before attention. */
    private void attentionNorm(int worker, int row) {
        int at = row * config.hidden();
        batch.scales[row] =
                steps[worker].normAndQuantize(batch.h, at, layer.parameters().attentionGain(), batch.x, at);
    }

    /** RoPE of a row's queries and keys, and its keys and values into the cache. */
    private void rotaryEmbedding(int worker, int row) {
        int position = batch.position(row);
        int at = row * config.qkvDim(index);
        steps[worker].heads(index, layer.parameters(), position, batch.y, at, batch.scales[row], batch.heads, row);
        if (config.hasOwnKeys(index)) {
            layout.put(batch.cache(row), index, position, batch.heads, row);
        }
    }

    /** A tile's attention, a key and value head a task; and, as one more task, its part of the trace. */
    private void attend(int worker, int task) {
        int kvHeads = config.kvHeads(index);
        int tile = task / (kvHeads + 1);
        int g = task % (kvHeads + 1);
        LayerObserver observer = observers.get(batch.tileSegment(tile));
        int first = batch.tileRow(tile);
        int rows = batch.tileCount(tile);
        if (g < kvHeads) {
            attention[worker].attend(batch, index, layer.parameters(), first, rows, g, observer);
        } else if (observer.wantsRows()) {
            observer.rows(worker, index, batch.position(first), rows, batch.h, batch.heads, first);
        }
    }

    private void concatenateHeads(int worker, int row) {
        int at = row * config.queryDim(index);
        batch.scales[row] = steps[worker].quantizeHeads(index, batch.joined, at, batch.heads, row, batch.x, at);
    }

    /** The residual connection around attention, and RMSNorm before the feed-forward network. */
    private void attentionResidual(int worker, int row) {
        int at = row * config.hidden();
        steps[worker].addAttention(layer.parameters(), batch.h, at, batch.y, at, batch.scales[row]);
        batch.scales[row] =
                steps[worker].normAndQuantize(batch.h, at, layer.parameters().mlpGain(), batch.x, at);
    }

    /** The gate's activation times up. */
    private void gate(int worker, int row) {
        int mlp = layer.gate().rows();
        batch.scales[row] =
                steps[worker].gate(layer.parameters(), batch.y, row * 2 * mlp, batch.scales[row], batch.x, row * mlp);
    }

    /** The residual connection around the feed-forward network. */
    private void mlpResidual(int worker, int row) {
        if (layer.mixture() != null) {
            mixture.addTo(worker, row, layer.gate() != null);
            return;
        }
        int at = row * config.hidden();
        steps[worker].addMlp(layer.parameters(), batch.h, at, batch.y, at, batch.scales[row]);
    }

    /** The layer's number times the residuals that leave it. */
    private void scaleLayer(int worker, int row) {
        steps[worker].scaleLayer(layer.parameters(), batch.h, row * config.hidden());
    }

    /** A tile's final records. */
    private void finalRecords(int worker, int tile) {
        TraceWriter trace = batch.segments().get(batch.tileSegment(tile)).trace();
        if (trace != null) {
            int first = batch.tileRow(tile);
            for (int row = first; row < first + batch.tileCount(tile); row++) {
                trace.last(worker, batch.position(row), batch.h, row * config.hidden(), ids[row]);
            }
        }
    }

    /**
     * Logits of some rows.
     *
     * @param rows which rows of {@code residuals}, {@code n} of them.
     * @param y receives {@code n * vocab} int32 products.
     * @param logits receives {@code n * vocab} floats.
     */
    void logits(float[] residuals, int[] rows, int n, int[] y, float[] logits) {
        batch.reserve(n);
        int hidden = config.hidden();
        for (int i = 0; i < n; i++) {
            batch.scales[i] =
                    steps[0].normAndQuantize(residuals, rows[i] * hidden, model.finalGain(), batch.x, i * hidden);
        }
        products.multiply(batch.x, n, y, config.vocab(), model.output());
        for (int i = 0; i < n; i++) {
            int at = i * config.vocab();
            steps[0].logits(y, at, batch.scales[i], outputScale, logits, at);
        }
    }

    /**
     * Logits after every one of {@code tokens}, a row of vocab floats each: for measuring a model, not for answering.
     */
    public float[][] logits(int[] tokens) {
        float[][] all = new float[tokens.length][];
        LogitsRequests choices = new LogitsRequests(config.vocab(), 0);
        // Sixteen at once end where blocks of states do.
        try (KvCache.PageTable cache =
                pages(KvCache.pagesFor(config, tokens.length)).sequence()) {
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
