package io.plumbline.verifier.model;

import java.util.ArrayList;
import java.util.List;

/**
 * A matrix of a layer, as products are made with it: rows of one or more tensors, one on the other.
 *
 * @param expert that it belongs to; {@link #NO_EXPERT} where to none.
 */
public record LayerMatrix(MatrixStack stack, int expert, List<TensorRows> parts) {
    /** In place of an expert's number. */
    public static final int NO_EXPERT = -1;

    /** All of a layer's, in the order in which keys keep them. */
    public static List<LayerMatrix> of(ModelConfig config, int layer) {
        List<LayerMatrix> all = new ArrayList<>();
        all.add(of(config, layer, MatrixStack.QKV, NO_EXPERT));
        all.add(of(config, layer, MatrixStack.OUT, NO_EXPERT));
        if (config.isLinear(layer)) {
            all.add(of(config, layer, MatrixStack.DELTA_GATES, NO_EXPERT));
        }
        if (config.mlp(layer) > 0) {
            all.add(of(config, layer, MatrixStack.GATE_UP, NO_EXPERT));
            all.add(of(config, layer, MatrixStack.DOWN, NO_EXPERT));
        }
        if (config.hasExperts(layer)) {
            all.add(of(config, layer, MatrixStack.ROUTER, NO_EXPERT));
            for (int e = 0; e < config.architecture().experts().count(); e++) {
                all.add(of(config, layer, MatrixStack.EXPERT_GATE_UP, e));
                all.add(of(config, layer, MatrixStack.EXPERT_DOWN, e));
            }
        }
        if (config.architecture().perLayer() > 0) {
            all.add(of(config, layer, MatrixStack.PER_LAYER_INPUT, NO_EXPERT));
            all.add(of(config, layer, MatrixStack.PER_LAYER_GATE, NO_EXPERT));
            all.add(of(config, layer, MatrixStack.PER_LAYER_OUT, NO_EXPERT));
        }
        return all;
    }

    /** One of a layer's. */
    public static LayerMatrix of(ModelConfig config, int layer, MatrixStack stack, int expert) {
        Experts experts = config.architecture().experts();
        int hidden = config.hidden();
        List<TensorRows> parts = new ArrayList<>();
        switch (stack) {
            case ROUTER -> {
                // Both digits of its 16-bit weights.
                int rows = 2 * config.routes();
                parts.add(new TensorRows(TensorNames.router(layer), rows, 0, rows, hidden));
            }
            case DELTA_GATES -> {
                // Both digits of a rate and a decay for each value head.
                int rows = 4 * config.architecture().delta().valueHeads();
                parts.add(new TensorRows(TensorNames.deltaGates(layer), rows, 0, rows, hidden));
            }
            case EXPERT_GATE_UP -> {
                int rows = 2 * experts.mlp();
                String stem = TensorNames.expertGateUp(layer);
                parts.add(new TensorRows(stem, experts.count() * rows, expert * rows, rows, hidden));
            }
            case EXPERT_DOWN -> {
                String stem = TensorNames.expertDown(layer);
                parts.add(new TensorRows(stem, experts.count() * hidden, expert * hidden, hidden, experts.mlp()));
            }
            default -> {
                for (TensorNames name : stack.parts(config, layer)) {
                    int rows = name.rows(config, layer);
                    parts.add(new TensorRows(name.in(layer), rows, 0, rows, name.columns(config, layer)));
                }
            }
        }
        return new LayerMatrix(stack, expert, List.copyOf(parts));
    }

    /** The place of one of a layer's in {@link #of(ModelConfig, int)}. */
    static int index(ModelConfig config, int layer, MatrixStack stack, int expert) {
        int attention = config.isLinear(layer) ? 3 : 2;
        int router = attention + (config.mlp(layer) > 0 ? 2 : 0);
        int last = router
                + (config.hasExperts(layer)
                        ? 1 + 2 * config.architecture().experts().count()
                        : 0);
        return switch (stack) {
            case QKV -> 0;
            case OUT -> 1;
            case DELTA_GATES -> 2;
            case GATE_UP -> attention;
            case DOWN -> attention + 1;
            case ROUTER -> router;
            case EXPERT_GATE_UP -> router + 1 + 2 * expert;
            case EXPERT_DOWN -> router + 2 + 2 * expert;
            case PER_LAYER_INPUT -> last;
            case PER_LAYER_GATE -> last + 1;
            case PER_LAYER_OUT -> last + 2;
        };
    }

    /** Outputs. */
    public int rows() {
        return parts.stream().mapToInt(TensorRows::rows).sum();
    }

    /** Inputs. */
    public int columns() {
        return parts.getFirst().columns();
    }
}
