package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.engine.LayerObserver.Product;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;

/**
 * Each layer's own embedding of each token, over a batch: joined with a projection of the token's first residual, gated
 * by the residual, projected back and added to it.
 *
 * <p>Holds scratch memory: one caller at a time.
 */
final class PerLayerEmbeddings {
    private final LoadedModel model;
    private final int hidden;
    private final int elements;
    private final Workers workers;
    private final LayerSteps[] steps;
    private final MatrixProducts products;
    private final Mixture.Observing observing;

    /** First residuals of the rows, quantized, {@code [rows][hidden]}, and their scales. */
    private byte[] firsts = new byte[0];

    private float[] firstScales = new float[0];

    /** {@code [rows][elements]}. */
    private float[] inputs = new float[0];

    private float[] first = new float[0];

    // A step's tasks read these: a task object for each step would be garbage.
    private int index;
    private LoadedModel.Layer layer;
    private BatchRows batch;
    private int[] tokens;

    private final Workers.Task join = this::join;
    private final Workers.Task gate = this::gate;
    private final Workers.Task add = this::add;

    PerLayerEmbeddings(
            LoadedModel model,
            Workers workers,
            LayerSteps[] steps,
            MatrixProducts products,
            Mixture.Observing observing) {
        ModelConfig config = model.config();
        this.model = model;
        this.hidden = config.hidden();
        this.elements = config.architecture().perLayer();
        this.workers = workers;
        this.steps = steps;
        this.products = products;
        this.observing = observing;
    }

    /**
     * Takes the first residuals of a batch, of whichever layers it will go through.
     *
     * @param ids tokens of its rows.
     */
    void begin(BatchRows of, int[] ids) {
        batch = of;
        tokens = ids;
        int rows = batch.count();
        if (firstScales.length < rows) {
            firsts = new byte[rows * hidden];
            firstScales = new float[rows];
            inputs = new float[rows * elements];
            first = new float[hidden];
        }
        for (int row = 0; row < rows; row++) {
            model.embed(tokens[row], first, 0);
            steps[0].scaleEmbedding(first, 0);
            firstScales[row] = steps[0].normAndQuantize(first, 0, null, firsts, row * hidden);
        }
    }

    /** Adds to the batch's residuals what a layer gives of its embeddings. */
    void run(int l, LoadedModel.Layer of) {
        index = l;
        layer = of;
        int rows = batch.count();
        multiply(Product.PER_LAYER_INPUT, firsts, elements, layer.perLayer().input());
        workers.run(rows, join);
        multiply(Product.PER_LAYER_GATE, batch.x, elements, layer.perLayer().gate());
        workers.run(rows, gate);
        multiply(Product.PER_LAYER_OUT, batch.x, hidden, layer.perLayer().out());
        workers.run(rows, add);
    }

    private void multiply(Product product, byte[] x, int outputs, LoadedModel.Matrix matrix) {
        products.multiply(x, batch.count(), batch.y, outputs, matrix);
        observing.products(index, product, 1, outputs, batch.y);
    }

    /** A row's embedding and the projection of its first residual; and the residual quantized for the gate. */
    private void join(int worker, int row) {
        int at = row * elements;
        model.embed(tokens[row], index, inputs, at);
        steps[worker].perLayerInput(layer.parameters(), batch.y, at, firstScales[row], inputs, at);
        int h = row * hidden;
        batch.scales[row] = steps[worker].normAndQuantize(batch.h, h, null, batch.x, h);
    }

    private void gate(int worker, int row) {
        int at = row * elements;
        batch.scales[row] =
                steps[worker].perLayerGate(layer.parameters(), batch.y, at, batch.scales[row], inputs, at, batch.x, at);
    }

    private void add(int worker, int row) {
        int at = row * hidden;
        steps[worker].addPerLayer(layer.parameters(), batch.h, at, batch.y, at, batch.scales[row]);
    }
}
