package io.plumbline.verifier.model;

import java.util.List;

/** The kinds of matrices in a layer. Those that share their input are one, stacked. */
public enum MatrixStack {
    QKV(TensorNames.Q, TensorNames.K, TensorNames.V),
    OUT(TensorNames.O),
    GATE_UP(TensorNames.GATE, TensorNames.UP),
    DOWN(TensorNames.DOWN),
    ROUTER(),
    EXPERT_GATE_UP(),
    EXPERT_DOWN();

    private final List<TensorNames> parts;

    MatrixStack(TensorNames... parts) {
        this.parts = List.of(parts);
    }

    /** From the first rows to the last; empty for those of a mixture of experts. */
    public List<TensorNames> parts() {
        return parts;
    }
}
