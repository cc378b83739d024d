package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/** OLMoE: many small experts, queries and keys normed over all heads. */
final class OlmoMoe implements Family {
    @Override
    public List<String> architectures() {
        return List.of("OlmoeForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1e-5));
        decoder.qkNorm = true;
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture.wholeQkNorm(true).outBias(decoder.qkvBias);
        decoder.layers(0, l -> false, l -> true);
        decoder.architecture.experts(new Experts(
                fields.size("num_experts", 64),
                fields.size("num_experts_per_tok", 8),
                decoder.mlp,
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
