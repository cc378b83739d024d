package io.plumbline.verifier.model;

import java.util.ArrayList;
import java.util.List;

/** The kinds of matrices in a layer. Those that share their input are one, stacked. */
public enum MatrixStack {
    /** Queries, keys and values, and what a gate of their output is made of. */
    QKV,
    OUT,
    GATE_UP,
    DOWN,
    ROUTER,
    EXPERT_GATE_UP,
    EXPERT_DOWN,
    /** Update rates and decays of the gated delta rule. */
    DELTA_GATES,
    /** From a token's first residual to what a layer's embedding of it is joined with. */
    PER_LAYER_INPUT,
    /** From the residual to the gate of that. */
    PER_LAYER_GATE,
    /** From what went through the gate to what the residual gains. */
    PER_LAYER_OUT;

    /** Whether its weights and inputs are integers of 16 bits, in two int8 digits each. */
    public boolean hasDigits() {
        return this == ROUTER || this == DELTA_GATES;
    }

    /**
     * From the first rows to the last, in a layer; empty for those of a mixture of experts, for those of two digits,
     * and for those of layers' embeddings where there are none.
     */
    public List<TensorNames> parts(ModelConfig config, int layer) {
        boolean isLinear = config.isLinear(layer);
        return switch (this) {
            case QKV -> {
                if (isLinear) {
                    yield List.of(TensorNames.LINEAR_QKV, TensorNames.LINEAR_GATE);
                }
                List<TensorNames> parts = new ArrayList<>(List.of(TensorNames.Q));
                if (config.hasOwnKeys(layer)) {
                    parts.add(TensorNames.K);
                }
                if (config.hasValues(layer)) {
                    parts.add(TensorNames.V);
                }
                if (config.architecture().hasAttentionGate()) {
                    parts.add(TensorNames.ATTENTION_GATE);
                }
                yield List.copyOf(parts);
            }
            case OUT -> List.of(isLinear ? TensorNames.LINEAR_OUT : TensorNames.O);
            case GATE_UP -> List.of(TensorNames.GATE, TensorNames.UP);
            case DOWN -> List.of(TensorNames.DOWN);
            case PER_LAYER_INPUT -> perLayer(config, TensorNames.PER_LAYER_INPUT);
            case PER_LAYER_GATE -> perLayer(config, TensorNames.PER_LAYER_GATE);
            case PER_LAYER_OUT -> perLayer(config, TensorNames.PER_LAYER_OUT);
            case ROUTER, EXPERT_GATE_UP, EXPERT_DOWN, DELTA_GATES -> List.of();
        };
    }

    private static List<TensorNames> perLayer(ModelConfig config, TensorNames name) {
        return config.architecture().perLayer() > 0 ? List.of(name) : List.of();
    }
}
