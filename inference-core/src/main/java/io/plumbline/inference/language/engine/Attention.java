package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.IntKernels;
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
    private final int shared;
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
        this.shared = config.heads() / config.kvHeads();
    }

    /**
     * Consecutive rows of one sequence; their keys and values are in its cache already.
     *
     * @param g the key and value head.
     * @param observer sees scores and sums.
     */
    void attend(BatchRows batch, int layer, int first, int rows, int g, LayerObserver observer) {
        int context = batch.position(first + rows - 1) + 1;
        int padded = KvCache.pagesFor(context) * KvCache.TOKENS;
        int atOnce = Math.max(1, MOST_SCORES / (padded * shared));
        for (int i = 0; i < rows; i += atOnce) {
            attendAtOnce(batch, layer, first + i, Math.min(atOnce, rows - i), g, observer);
        }
    }

    private void attendAtOnce(BatchRows batch, int layer, int first, int rows, int g, LayerObserver observer) {
        KvCache.PageTable cache = batch.cache(first);
        int count = rows * shared;
        int context = batch.position(first + rows - 1) + 1;
        int pages = KvCache.pagesFor(context);
        reserve(count, pages * KvCache.TOKENS);
        gatherQueries(batch, first, rows, g);
        layout.scales(cache, layer, g, context, keyScales, valueScales);
        score(cache, layer, g, count, context);
        weigh(batch, layer, first, count, g, pages * KvCache.TOKENS, observer);
        sum(cache, layer, g, count, context);
        output(batch, layer, first, count, g, observer);
    }

    private void reserve(int count, int padded) {
        int size = config.headDim();
        if (scores.length < count * padded) {
            scores = new int[count * padded];
            weights = new short[count * padded];
        }
        if (keyScales.length < padded) {
            keyScales = new float[padded];
            valueScales = new float[padded];
        }
        if (high.length < count * size) {
            queries = new short[count * size];
            factors = new float[count];
            high = new int[count * size];
            low = new int[count * size];
        }
    }

    /** The query heads of each row that share the key head, one below the other. */
    private void gatherQueries(BatchRows batch, int first, int rows, int g) {
        int width = shared * config.headDim();
        for (int r = 0; r < rows; r++) {
            int at = (first + r) * config.queryDim() + g * width;
            System.arraycopy(batch.heads.q(), at, queries, r * width, width);
        }
    }

    /** {@code QK^T}. */
    private void score(KvCache.PageTable cache, int layer, int g, int count, int context) {
        int size = config.headDim();
        int pages = KvCache.pagesFor(context);
        int stride = pages * KvCache.TOKENS;
        long keysAt = layout.keysAt(layer, g);
        for (int p = 0; p < pages; p++) {
            int tokens = Math.min(KvCache.TOKENS, context - p * KvCache.TOKENS);
            int blocks = (tokens + IntKernels.KEY_BLOCK - 1) / IntKernels.KEY_BLOCK;
            int at = p * KvCache.TOKENS;
            kernels.scores(queries, 0, size, count, cache.page(p), keysAt, size, blocks, scores, at, stride);
        }
    }

    /** Softmax, as integer weights and a factor for each query; no weight for keys after it. */
    private void weigh(BatchRows batch, int layer, int first, int count, int g, int stride, LayerObserver observer) {
        for (int i = 0; i < count; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            int n = batch.position(row) + 1;
            int at = i * stride;
            float sq = batch.heads.sq()[row * config.heads() + head];
            observer.scores(layer, batch.position(row), head, scores, at, n);
            factors[i] = steps.attentionWeights(scores, at, n, sq, keyScales, 0, valueScales, 0, weights, at);
            Arrays.fill(weights, at + n, at + stride, (short) 0);
        }
    }

    /** Values summed by their weights, which are taken in two halves. */
    private void sum(KvCache.PageTable cache, int layer, int g, int count, int context) {
        int size = config.headDim();
        int pages = KvCache.pagesFor(context);
        int stride = pages * KvCache.TOKENS;
        long valuesAt = layout.valuesAt(layer, g);
        Arrays.fill(high, 0, count * size, 0);
        Arrays.fill(low, 0, count * size, 0);
        for (int p = 0; p < pages; p++) {
            int tokens = Math.min(KvCache.TOKENS, context - p * KvCache.TOKENS);
            int quads = (tokens + IntKernels.VALUE_QUAD - 1) / IntKernels.VALUE_QUAD;
            int at = p * KvCache.TOKENS;
            kernels.values(weights, at, stride, count, cache.page(p), valuesAt, size, quads, high, low, 0, size);
        }
    }

    private void output(BatchRows batch, int layer, int first, int count, int g, LayerObserver observer) {
        int size = config.headDim();
        for (int i = 0; i < count; i++) {
            int row = first + i / shared;
            int head = g * shared + i % shared;
            int at = row * config.queryDim() + head * size;
            observer.sums(layer, batch.position(row), head, high, low, i * size);
            steps.attentionOutput(high, low, i * size, factors[i], batch.joined, at);
        }
    }
}
