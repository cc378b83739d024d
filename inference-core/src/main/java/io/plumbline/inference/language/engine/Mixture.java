package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.kernels.IntKernels;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.model.LoadedModel.Matrix;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.LayerSteps;
import io.plumbline.verifier.model.ModelConfig;

/**
 * A layer's mixture of experts over a batch: a router chooses some experts a row, and their outputs are added
 * by weight in ascending order. Only the weights of chosen experts are read.
 *
 * <p>Holds scratch memory: one caller at a time.
 */
final class Mixture {
    /** Weight rows of an expert that one task takes. */
    private static final int SLICE_ROWS = 256;

    private final Experts experts;
    private final int hidden;

    /** Rows of the router, of one digit. */
    private final int routes;

    private final Workers workers;
    private final IntKernels[] kernels;
    private final LayerSteps[] steps;
    private final MatrixProducts products;
    private final ExpertRows rows;

    // A step's tasks read these: a task object for each step would be garbage.
    private LoadedModel.Layer layer;
    private BatchRows batch;
    private boolean isDown;
    private int slices;

    private final Workers.Task digits = this::digits;
    private final Workers.Task inputs = this::inputs;
    private final Workers.Task route = this::route;
    private final Workers.Task multiply = this::multiply;
    private final Workers.Task gate = this::gate;
    private final Workers.Task sum = this::sum;

    Mixture(ModelConfig config, Workers workers, IntKernels[] kernels, LayerSteps[] steps, MatrixProducts products) {
        this.experts = config.architecture().experts();
        this.hidden = config.hidden();
        this.routes = config.routes();
        this.workers = workers;
        this.kernels = kernels;
        this.steps = steps;
        this.products = products;
        this.rows = new ExpertRows(config);
    }

    /**
     * Runs all rows' experts: on the normed and quantized inputs in {@code batch.x}, which stays as it is, or on inputs
     * of their own where they stand apart.
     */
    void run(int index, LoadedModel.Layer of, BatchRows in, Observing observing) {
        layer = of;
        batch = in;
        int count = batch.count();
        rows.reserve(count);
        workers.run(count, digits);
        int outputs = 2 * routes;
        products.multiply(
                rows.digits, 2 * count, rows.routed, outputs, layer.mixture().router());
        observing.products(index, LayerObserver.Product.ROUTER, 2, outputs, rows.routed);
        workers.run(count, route);
        if (experts.isApart()) {
            workers.run(count, inputs);
            rows.gather(count, rows.own, rows.ownScales);
        } else {
            rows.gather(count, batch.x, batch.scales);
        }
        product(false, 2 * experts.mlp());
        workers.run(count * experts.chosen(), gate);
        product(true, hidden);
        for (int row = 0; row < count; row++) {
            for (int slot = 0; slot < experts.chosen(); slot++) {
                int place = rows.places[row * experts.chosen() + slot];
                observing.expert(index, row, slot, false, rows.gateUp, place * 2 * experts.mlp());
                observing.expert(index, row, slot, true, rows.down, place * hidden);
            }
        }
        workers.run(count, sum);
    }

    /** Tells what was computed to the observers of the rows' segments. */
    interface Observing {
        /** {@code each} rows of a product for each of the batch's. */
        void products(int layer, LayerObserver.Product product, int each, int width, int[] y);

        void expert(int layer, int row, int slot, boolean isDown, int[] y, int offset);
    }

    private void digits(int worker, int row) {
        rows.digitScales[row] =
                steps[worker].normForRouter(layer.parameters(), batch.h, row * hidden, rows.digits, row * 2 * hidden);
    }

    private void inputs(int worker, int row) {
        int at = row * hidden;
        rows.ownScales[row] = steps[worker].normForExperts(layer.parameters(), batch.h, at, rows.own, at);
    }

    private void route(int worker, int row) {
        rows.shared[row] = steps[worker].route(
                layer.parameters(),
                rows.routed,
                row * 4 * routes,
                rows.digitScales[row],
                rows.ids,
                rows.weights,
                row * experts.chosen());
    }

    /** The products of all used experts' gate and up, or down, a slice of an expert's weight rows a task. */
    private void product(boolean down, int outputs) {
        isDown = down;
        slices = (outputs + SLICE_ROWS - 1) / SLICE_ROWS;
        workers.run(rows.usedCount() * slices, multiply);
    }

    private void multiply(int worker, int task) {
        int which = task / slices;
        int expert = rows.used[which];
        Matrix matrix = (isDown ? layer.mixture().down() : layer.mixture().gateUp()).get(expert);
        int first = rows.firsts[which];
        int count = rows.firsts[which + 1] - first;
        int from = task % slices * SLICE_ROWS;
        int to = Math.min(matrix.rows(), from + SLICE_ROWS);
        MatrixProducts.multiply(
                kernels[worker],
                matrix,
                isDown ? rows.inner : rows.inputs,
                first * matrix.columns(),
                count,
                from,
                to,
                isDown ? rows.down : rows.gateUp,
                first * matrix.rows(),
                matrix.rows());
    }

    private void gate(int worker, int place) {
        int mlp = experts.mlp();
        rows.innerScales[place] = steps[worker].expertGate(
                layer.parameters(),
                rows.ids[rows.origins[place]],
                rows.gateUp,
                place * 2 * mlp,
                rows.inputScales[place],
                rows.inner,
                place * mlp);
    }

    private void sum(int worker, int row) {
        for (int i = row * experts.chosen(); i < (row + 1) * experts.chosen(); i++) {
            int place = rows.places[i];
            steps[worker].addExpert(
                    layer.parameters(),
                    rows.ids[i],
                    rows.weights[i],
                    rows.down,
                    place * hidden,
                    rows.innerScales[place],
                    rows.sums,
                    row * hidden);
        }
    }

    /**
     * Adds a row's sum to its residual.
     *
     * @param hasShared whether {@code batch.y} holds the products of down of the part that all tokens go through.
     */
    void addTo(int worker, int row, boolean hasShared) {
        int at = row * hidden;
        if (hasShared) {
            steps[worker].addShared(
                    layer.parameters(), rows.shared[row], batch.y, at, batch.scales[row], rows.sums, at);
        }
        steps[worker].addMixture(layer.parameters(), batch.h, at, rows.sums, at);
    }
}
