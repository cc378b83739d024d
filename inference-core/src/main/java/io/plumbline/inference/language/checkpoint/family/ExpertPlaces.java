package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the tensors of a mixture of experts stand: checkpoints have a tensor for each matrix of each expert, this
 * project's description one for all experts.
 *
 * @param others where all else stands.
 * @param names of a family's parts.
 */
record ExpertPlaces(ModelConfig model, Family.Places others, Names names) implements Family.Places {
    /**
     * How a family calls the parts of a layer's mixture.
     *
     * @param router such as {@code mlp.gate}.
     * @param experts before an expert's number, such as {@code mlp.experts.}.
     * @param gate behind it, such as {@code gate_proj}.
     * @param up likewise.
     * @param down likewise.
     * @param shared before the matrices of the part that all tokens go through; null where there is none.
     */
    record Names(String router, String experts, String gate, String up, String down, String shared) {
        /** As most families call them. */
        static final Names USUAL =
                new Names("mlp.gate", "mlp.experts.", "gate_proj", "up_proj", "down_proj", "mlp.shared_experts.");
    }

    @Override
    public TensorPlace of(String name) {
        LayerTensor tensor = LayerTensor.of(name);
        if (tensor == null || !model.hasExperts(tensor.index())) {
            return others.of(name);
        }
        return switch (tensor.part()) {
            case "mlp.gate" -> tensor.named(names.router());
            case "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj" ->
                tensor.named(names.shared() + tensor.part().substring("mlp.".length()));
            default -> others.of(name);
        };
    }

    @Override
    public List<TensorPlace> parts(String name) {
        LayerTensor tensor = LayerTensor.of(name);
        boolean isGateUp = tensor != null && tensor.part().equals("mlp.experts.gate_up_proj");
        boolean isDown = tensor != null && tensor.part().equals("mlp.experts.down_proj");
        if (!isGateUp && !isDown) {
            return List.of(of(name));
        }
        List<TensorPlace> parts = new ArrayList<>();
        for (int e = 0; e < model.architecture().experts().count(); e++) {
            String expert = names.experts() + e + ".";
            if (isGateUp) {
                parts.add(tensor.named(expert + names.gate()));
                parts.add(tensor.named(expert + names.up()));
            } else {
                parts.add(tensor.named(expert + names.down()));
            }
        }
        return parts;
    }
}
