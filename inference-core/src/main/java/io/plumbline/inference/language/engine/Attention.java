package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import java.util.Arrays;

/**
 * Causal attention of the query heads that share a key and value head (grouped-query attention), over paged keys and
 * values: integer scores, integer weights from them, and integer sums of values, as the numeric contract has them.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
final class Attention {
    /** Scores that are held at once: they stay in the second cache. */
    private static final int MOST_SCORES = 1 << 16;

    private final ModelConfig config;
    private final KvPageLayout layout;
    private final IntKernels kernels;
    private final LayerSteps steps;
    /** The layer, the key and value head, and the keys that rows under way attend to, by whole pages. */
    private int layer;

    private LayerParameters parameters;
    private int g;

    /** Query heads that share it. */
    private int shared;

    private int firstPage;
    private int context;

    /** Keys of those pages. */
    private int stride;

    private short[] queries = new short[0];
    private int[] scores = new int[0];
    private short[] weights = new short[0];
    private float[] keyScales = new float[0];
    private float[] valueScales = new float[0];
    private float[] factors = new float[0];
    private int[] high = new int[0];
    private int[] low = new int[0];

    Attention(ModelConfig config, KvPageLayout layout, IntKernels kernels, LayerSteps steps) {
        this.config = config;
        this.layout = layout;
        this.kernels = kernels;
        this.steps = steps;
    }

    /**
     * Consecutive rows of one sequence; their keys and values are in its cache already.
     *
     * @param parameters of the layer.
     * @param g the key and value head.
     * @param observer sees scores and sums.
     */
    void attend(
            BatchRows batch,
            int layer,
            LayerParameters parameters,
            int first,
            int rows,
            int g,
            LayerObserver observer) {
        this.layer = layer;
        this.parameters = parameters;
        this.g = g;
        this.shared = config.heads() / config.kvHeads(layer);
        int most = pages(batch, first, rows) * KvCache.TOKENS;
        int atOnce = Math.max(1, MOST_SCORES / (most * shared));
        for (int i = 0; i < rows; i += atOnce) {
            attendAtOnce(batch, first + i, Math.min(atOnce, rows - i), observer);
        }
    }

    /** Sets the range of pages that hold all keys that the rows attend to; returns how many they are. */
    private int pages(BatchRows batch, int first, int rows) {
        firstPage = config.firstKey(layer, batch.position(first)) / KvCache.TOKENS;
        context = batch.position(first + rows - 1) + 1;
        return KvCache.pagesFor(context) - firstPage;
    }

    private void attendAtOnce(BatchRows batch, int first, int rows, LayerObserver observer) {
        KvCache.PageTable cache = batch.cache(first);
        int count = rows * shared;
        stride = pages(batch, first, rows) * KvCache.TOKENS;
        reserve(count);
        gatherQueries(batch, first, rows);
        layout.scales(cache, layer, g, firstPage, context, keyScales, valueScales);
        score(cache, count);
        weigh(batch, first, count, observer);
        sum(cache, count);
        output(batch, first, count, observer);
    }

    private void reserve(int count) {
        int size = config.headDim(layer);
        if (scores.length < count * stride) {
            scores = new int[count * stride];
            weights = new short[count * stride];
        }
        if (keyScales.length < stride) {
            keyScales = new float[stride];
            valueScales = new float[stride];
        }
        if (factors.length < count) {
            factors = new float[count];
        }
        if (high.length < count * size) {
            queries = new short[count * size];
            high = new int[count * size];
            low = new int[count * size];
        }
    }

    /** The query heads of each row that share the key head, one below the other. */
    private void gatherQueries(BatchRows batch, int first, int rows) {
        int width = shared * config.headDim(layer);
        for (int r = 0; r < rows; r++) {
            int at = (first + r) * config.queryDim(layer) + g * width;
            System.arraycopy(batch.heads.q(), at, queries, r * width, width);
        }
    }

    /** {@code QK^T}. */
    private void score(KvCache.PageTable cache, int count) {
        int size = config.headDim(layer);
        long keysAt = layout.keysAt(layer, g);
        for (int at = 0; at < stride; at += KvCache.TOKENS) {
            int page = firstPage + at / KvCache.TOKENS;
            int tokens = Math.min(KvCache.TOKENS, context - page * KvCache.TOKENS);
            int blocks = (tokens + IntKernels.KEY_BLOCK - 1) / IntKernels.KEY_BLOCK;
            kernels.scores(queries, 0, size, count, cache.page(page), keysAt, size, blocks, scores, at, stride);
        }
    }

    /** Softmax, as integer weights and a factor for each query; no weight for keys that it does not attend to. */
    private void weigh(BatchRows batch, int first, int count, LayerObserver observer) {
        for (int i = 0; i < count; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            int position = batch.position(row);
            int from = config.firstKey(layer, position) - firstPage * KvCache.TOKENS;
            int n = config.keys(layer, position);
            int at = i * stride;
            float sq = batch.heads.sq()[row * config.heads() + head];
            observer.scores(layer, position, head, scores, at + from, n);
            float sink = parameters.sink(head);
            factors[i] = steps.attentionWeights(
                    layer, scores, at + from, n, sq, sink, keyScales, from, valueScales, from, weights, at + from);
            Arrays.fill(weights, at, at + from, (short) 0);
            Arrays.fill(weights, at + from + n, at + stride, (short) 0);
        }
    }

    /** Values summed by their weights, which are taken in two halves. */
    private void sum(KvCache.PageTable cache, int count) {
        int size = config.headDim(layer);
        long valuesAt = layout.valuesAt(layer, g);
        Arrays.fill(high, 0, count * size, 0);
        Arrays.fill(low, 0, count * size, 0);
        for (int at = 0; at < stride; at += KvCache.TOKENS) {
            int page = firstPage + at / KvCache.TOKENS;
            int tokens = Math.min(KvCache.TOKENS, context - page * KvCache.TOKENS);
            int quads = (tokens + IntKernels.VALUE_QUAD - 1) / IntKernels.VALUE_QUAD;
            kernels.values(weights, at, stride, count, cache.page(page), valuesAt, size, quads, high, low, 0, size);
        }
    }

    private void output(BatchRows batch, int first, int count, LayerObserver observer) {
        int size = config.headDim(layer);
        for (int i = 0; i < count; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            int at = row * config.queryDim(layer) + head * size;
            observer.sums(layer, batch.position(row), head, high, low, i * size);
            steps.attentionOutput(layer, high, low, i * size, factors[i], batch.joined, at);
        }
    }
}
