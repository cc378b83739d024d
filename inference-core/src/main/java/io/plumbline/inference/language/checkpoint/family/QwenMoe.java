package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/** Qwen 3 with mixtures of experts, Qwen3-Coder among them. */
final class QwenMoe implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Qwen3MoeForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = Qwen.decoder(fields, false);
        if (fields.integer("decoder_sparse_step", 1) != 1
                || fields.list("mlp_only_layers").size() > 0) {
            throw fields.unsupported("decoder_sparse_step and mlp_only_layers", "experts in every layer are");
        }
        decoder.architecture.experts(new Experts(
                fields.size("num_experts"),
                fields.size("num_experts_per_tok"),
                fields.size("moe_intermediate_size"),
                0,
                Experts.Scoring.SOFTMAX,
                false,
                fields.flag("norm_topk_prob"),
                1,
                0));
        ModelConfig model = decoder.config();
        return new Description(model, new ExpertPlaces(model, TensorPlace::of, ExpertPlaces.Names.USUAL));
    }
}
