package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/**
 * GLM-4.5 and later with mixtures: a router that scores by sigmoids and chooses with a bias, a shared part beside the
 * experts, the first layers without. Half of each head is rotated, by halves. The layer that predicts a second token is
 * left out.
 */
final class GlmMoe implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Glm4MoeForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1e-5)).partialRotary(0.5);
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.qkNorm = fields.flag("use_qk_norm");
        decoder.layers(0, l -> false, l -> true);
        if (fields.integer("n_group", 1) != 1) {
            throw fields.unsupported("a choice of experts by groups, n_group " + fields.raw("n_group"), "one group is");
        }
        int mlp = fields.size("moe_intermediate_size");
        long shared = (long) mlp * fields.integer("n_shared_experts", 1);
        if (shared < 0 || shared > Integer.MAX_VALUE) {
            throw fields.unsupported("shared experts of " + shared + " in all", "a size of 32 bits is");
        }
        decoder.architecture.experts(new Experts(
                fields.size("n_routed_experts"),
                fields.size("num_experts_per_tok"),
                mlp,
                (int) shared,
                Experts.Scoring.SIGMOID,
                true,
                fields.flag("norm_topk_prob", true),
                (float) fields.number("routed_scaling_factor", 1),
                fields.integer("first_k_dense_replace", 1)));
        ModelConfig model = decoder.config();
        return new Description(
                model,
                new ExpertPlaces(model, TensorPlace::of, ExpertPlaces.Names.USUAL),
                List.of("model.layers." + model.layers() + "."));
    }
}
