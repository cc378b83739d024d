package io.plumbline.verifier.model;

import java.util.List;

/** The matrices of a layer, in the order they are applied. Those that share their input are one, stacked. */
public enum MatrixStack {
    QKV(TensorNames.Q, TensorNames.K, TensorNames.V),
    OUT(TensorNames.O),
    GATE_UP(TensorNames.GATE, TensorNames.UP),
    DOWN(TensorNames.DOWN);

    private final List<TensorNames> parts;

    MatrixStack(TensorNames... parts) {
        this.parts = List.of(parts);
    }

    /** From the first rows to the last. */
    public List<TensorNames> parts() {
        return parts;
    }

    /** Outputs. */
    public int rows(ModelConfig config) {
        return parts.stream().mapToInt(part -> part.rows(config)).sum();
    }

    /** Inputs. */
    public int columns(ModelConfig config) {
        return parts.getFirst().columns(config);
    }
}
