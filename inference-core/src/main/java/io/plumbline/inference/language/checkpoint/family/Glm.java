package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.NormPlacement;
import java.io.IOException;
import java.util.List;

/**
 * GLM-4, dense: half of each head rotated, by neighbours and not by halves, which the order of rows makes good; gate
 * and up fused; in the newer, norms on both sides of each part.
 */
final class Glm implements Family {
    private static final String GLM = "GlmForCausalLM";

    @Override
    public List<String> architectures() {
        return List.of(GLM, "Glm4ForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1.5625e-7));
        decoder.partialRotary(0.5);
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture.norms(architecture.equals(GLM) ? NormPlacement.BEFORE : NormPlacement.BOTH);
        decoder.layers(0, l -> false, l -> true);
        ModelConfig model = decoder.config();
        return new Description(model, name -> place(name, model));
    }

    private static TensorPlace place(String name, ModelConfig c) {
        LayerTensor tensor = LayerTensor.of(name);
        if (tensor == null) {
            return TensorPlace.of(name);
        }
        return switch (tensor.part()) {
            case "self_attn.q_proj", "self_attn.k_proj" ->
                TensorPlace.of(name).ordered(row -> neighboursToHalves(row, c.headDim(), c.rotaryDim()));
            case "mlp.gate_proj" -> tensor.named("mlp.gate_up_proj").part(0, 2 * c.mlp());
            case "mlp.up_proj" -> tensor.named("mlp.gate_up_proj").part(c.mlp(), 2 * c.mlp());
            default -> TensorPlace.of(name);
        };
    }

    /** The row of a checkpoint whose rotated pairs are neighbours, for a row where they are half of a head apart. */
    private static int neighboursToHalves(int row, int headDim, int rotaryDim) {
        int at = row % headDim;
        int half = rotaryDim / 2;
        if (at >= rotaryDim) {
            return row;
        }
        return row - at + (at < half ? 2 * at : 2 * (at - half) + 1);
    }
}
