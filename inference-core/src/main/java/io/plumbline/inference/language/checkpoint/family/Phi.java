package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/** Phi 3, 3.5 and 4: fused projections, long rope, a part of each head rotated in the smallest. */
final class Phi implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Phi3ForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1e-5)).partialRotary(1);
        decoder.windows(fields.window(0), l -> true);
        ModelConfig model = decoder.config();
        return new Description(model, name -> place(name, model));
    }

    private static TensorPlace place(String name, ModelConfig c) {
        LayerTensor tensor = LayerTensor.of(name);
        if (tensor == null) {
            return TensorPlace.of(name);
        }
        return switch (tensor.part()) {
            case "self_attn.q_proj" -> tensor.named("self_attn.qkv_proj").part(0, c.qkvDim(0));
            case "self_attn.k_proj" -> tensor.named("self_attn.qkv_proj").part(c.queryDim(0), c.qkvDim(0));
            case "self_attn.v_proj" -> tensor.named("self_attn.qkv_proj").part(c.queryDim(0) + c.kvDim(0), c.qkvDim(0));
            case "mlp.gate_proj" -> tensor.named("mlp.gate_up_proj").part(0, 2 * c.mlp());
            case "mlp.up_proj" -> tensor.named("mlp.gate_up_proj").part(c.mlp(), 2 * c.mlp());
            default -> TensorPlace.of(name);
        };
    }
}
