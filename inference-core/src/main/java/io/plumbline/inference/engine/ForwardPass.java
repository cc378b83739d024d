package io.plumbline.inference.engine;

import io.plumbline.inference.engine.LayerObserver.Product;
import io.plumbline.inference.kernels.IntKernels;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.ExactMath;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * The model itself: layers over a block of tokens of one sequence, and logits. Rows are independent and sums are integers, so how a
 * sequence is cut into blocks changes no bit.
 *
 * <p>Holds scratch memory: one instance for each thread.
 */
public final class ForwardPass {
    private final LoadedModel model;
    private final List<LoadedModel.Layer> layers;
    private final ModelConfig config;
    private final IntKernels kernels;
    private final LayerSteps steps;
    private final float[] outputScale;
    private int rows;
    private byte[] x = new byte[0];
    private int[] y = new int[0];
    private short[] q = new short[0];
    private float[] sq = new float[0];
    private float[] joined = new float[0];
    private float[] scales = new float[0];
    private int[] scores = new int[0];
    private short[] u = new short[0];
    private final int[] high;
    private final int[] low;
    private final float[] keyScale;
    private final float[] valueScale;

    public ForwardPass(LoadedModel model) {
        this(model, model.layers(), IntKernels.best(), ExactMath.best());
    }

    /** With given layers and arithmetic, for tests that compare backends and for the node that cheats. */
    public ForwardPass(LoadedModel model, List<LoadedModel.Layer> layers, IntKernels kernels, ExactMath math) {
        this.model = model;
        this.layers = layers;
        this.config = model.config();
        this.kernels = kernels;
        this.steps = new LayerSteps(config, model.rope(), math);
        this.high = new int[config.queryDim()];
        this.low = new int[config.queryDim()];
        this.keyScale = new float[config.kvHeads()];
        this.valueScale = new float[config.kvHeads()];
        try {
            this.outputScale = model.outputScale();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void reserve(int count, int context) {
        if (rows < count) {
            rows = count;
            int widest = Math.max(config.hidden(), Math.max(config.queryDim(), config.mlp()));
            x = new byte[count * widest];
            y = new int[count * Math.max(config.qkvDim(), Math.max(2 * config.mlp(), config.hidden()))];
            q = new short[count * config.queryDim()];
            sq = new float[count * config.heads()];
            joined = new float[config.queryDim()];
            scales = new float[count];
        }
        if (scores.length < context) {
            scores = new int[Math.max(context, Math.min(2 * context, config.maxPositions()))];
            u = new short[scores.length];
        }
    }

    /**
     * Runs all layers over {@code count} tokens from position {@code first}.
     *
     * @param tokens ids by position.
     * @param h receives the residual after the last layer, {@code count * hidden} floats.
     * @param observer sees every layer.
     * @throws ArithmeticException when a number overflows: the model cannot be run exactly on this input.
     */
    public void run(int[] tokens, int first, int count, KeyValueCache cache, float[] h, LayerObserver observer) {
        for (int i = 0; i < count; i++) {
            model.embed(tokens[first + i], h, i * config.hidden());
        }
        for (int l = 0; l < config.layers(); l++) {
            layer(l, first, count, h, cache.layer(l), observer);
        }
    }

    /** One layer over {@code count} rows of {@code h}, in place; keys and values of earlier tokens are in {@code cache}. */
    public void layer(int l, int first, int count, float[] h, KeyValueCache.Layer cache, LayerObserver observer) {
        reserve(count, first + count);
        LoadedModel.Layer layer = layers.get(l);
        int hidden = config.hidden();
        for (int i = 0; i < count; i++) {
            scales[i] = steps.normAndQuantize(h, i * hidden, layer.parameters().attentionGain(), x, i * hidden);
        }
        int width = config.qkvDim();
        multiply(layer.q(), count, 0, width);
        multiply(layer.k(), count, config.queryDim(), width);
        multiply(layer.v(), count, config.queryDim() + config.kvDim(), width);
        observer.products(l, Product.QKV, count, width, y);
        for (int i = 0; i < count; i++) {
            splitHeads(layer, first + i, i, cache);
        }
        observer.rows(l, first, count, h, cache);
        for (int i = 0; i < count; i++) {
            attend(l, first + i, i, cache, observer);
            scales[i] = steps.quantizeHeads(joined, 0, x, i * config.queryDim());
        }
        project(l, layer.out(), Product.OUT, count, observer);
        for (int i = 0; i < count; i++) {
            steps.addResidual(
                    h, i * hidden, y, i * hidden, scales[i], layer.parameters().outScale());
            scales[i] = steps.normAndQuantize(h, i * hidden, layer.parameters().mlpGain(), x, i * hidden);
        }
        int mlp = config.mlp();
        multiply(layer.gate(), count, 0, 2 * mlp);
        multiply(layer.up(), count, mlp, 2 * mlp);
        observer.products(l, Product.GATE_UP, count, 2 * mlp, y);
        for (int i = 0; i < count; i++) {
            scales[i] = steps.gate(layer.parameters(), y, i * 2 * mlp, scales[i], x, i * mlp);
        }
        project(l, layer.down(), Product.DOWN, count, observer);
        for (int i = 0; i < count; i++) {
            steps.addResidual(
                    h, i * hidden, y, i * hidden, scales[i], layer.parameters().downScale());
        }
    }

    private void multiply(LoadedModel.Matrix matrix, int count, int offset, int stride) {
        kernels.multiply(x, count, matrix.columns(), matrix.weights(), matrix.rows(), y, offset, stride);
    }

    private void project(int l, LoadedModel.Matrix matrix, Product product, int count, LayerObserver observer) {
        multiply(matrix, count, 0, matrix.rows());
        observer.products(l, product, count, matrix.rows(), y);
    }

    private void splitHeads(LoadedModel.Layer layer, int position, int i, KeyValueCache.Layer cache) {
        int kvDim = config.kvDim();
        steps.heads(
                layer.parameters(),
                position,
                y,
                i * config.qkvDim(),
                scales[i],
                q,
                i * config.queryDim(),
                sq,
                i * config.heads(),
                cache.k(),
                position * kvDim,
                keyScale,
                0,
                cache.v(),
                position * kvDim,
                valueScale,
                0);
        for (int g = 0; g < config.kvHeads(); g++) {
            cache.sk()[g][position] = keyScale[g];
            cache.sv()[g][position] = valueScale[g];
        }
    }

    private void attend(int l, int position, int i, KeyValueCache.Layer cache, LayerObserver observer) {
        int size = config.headDim();
        int kvDim = config.kvDim();
        int shared = config.heads() / config.kvHeads();
        int n = position + 1;
        for (int head = 0; head < config.heads(); head++) {
            int g = head / shared;
            kernels.scores(q, i * config.queryDim() + head * size, cache.k(), g * size, kvDim, n, size, scores);
            observer.scores(l, position, head, scores, n);
            float factor = steps.attentionWeights(
                    scores, 0, n, sq[i * config.heads() + head], cache.sk()[g], 0, cache.sv()[g], 0, u);
            kernels.weightedValues(u, n, cache.v(), g * size, kvDim, size, high, low, head * size);
            steps.attentionOutput(high, low, head * size, factor, joined, head * size);
        }
        observer.sums(l, position, high, low);
    }

    /**
     * Logits of one row.
     *
     * @param products receives vocab int32 products.
     * @param logits receives vocab floats.
     */
    public void logits(float[] h, int offset, int[] products, float[] logits) {
        reserve(1, 1);
        float s = steps.normAndQuantize(h, offset, model.finalGain(), x, 0);
        kernels.multiply(x, 1, config.hidden(), model.output().weights(), config.vocab(), products, 0, config.vocab());
        steps.logits(products, 0, s, outputScale, logits);
    }

    /** Logits after every one of {@code tokens}, a row of vocab floats each: for measuring a model, not for answering. */
    public float[][] logits(int[] tokens) {
        float[] h = new float[tokens.length * config.hidden()];
        run(tokens, 0, tokens.length, new KeyValueCache(config, tokens.length), h, LayerObserver.NONE);
        float[][] all = new float[tokens.length][config.vocab()];
        int[] products = new int[config.vocab()];
        for (int t = 0; t < tokens.length; t++) {
            logits(h, t * config.hidden(), products, all[t]);
        }
        return all;
    }

    public LoadedModel model() {
        return model;
    }
}
