package io.plumbline.verifier.model;

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
    DELTA_GATES;

    /** Whether its weights and inputs are integers of 16 bits, in two int8 digits each. */
    public boolean hasDigits() {
        return this == ROUTER || this == DELTA_GATES;
    }

    /**
     * From the first rows to the last, in a layer; empty for those of a mixture of experts, and for those of two
     * digits.
     */
    public List<TensorNames> parts(ModelConfig config, int layer) {
        boolean isLinear = config.isLinear(layer);
        return switch (this) {
            case QKV -> {
                if (isLinear) {
                    yield List.of(TensorNames.LINEAR_QKV, TensorNames.LINEAR_GATE);
                }
                yield config.architecture().hasAttentionGate()
                        ? List.of(TensorNames.Q, TensorNames.K, TensorNames.V, TensorNames.ATTENTION_GATE)
                        : List.of(TensorNames.Q, TensorNames.K, TensorNames.V);
            }
            case OUT -> List.of(isLinear ? TensorNames.LINEAR_OUT : TensorNames.O);
            case GATE_UP -> List.of(TensorNames.GATE, TensorNames.UP);
            case DOWN -> List.of(TensorNames.DOWN);
            case ROUTER, EXPERT_GATE_UP, EXPERT_DOWN, DELTA_GATES -> List.of();
        };
    }
}
