package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;

/** Mixtral: Mistral with a mixture of experts in every layer, weights of the chosen adding up to one. */
final class Mixtral implements Family {
    private static final ExpertPlaces.Names NAMES =
            new ExpertPlaces.Names("block_sparse_moe.gate", "block_sparse_moe.experts.", "w1", "w3", "w2", null);

    @Override
    public List<String> architectures() {
        return List.of("MixtralForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 1_000_000, 1e-5));
        decoder.windows(fields.window(0), l -> true);
        decoder.architecture.experts(new Experts(
                fields.size("num_local_experts", 8),
                fields.size("num_experts_per_tok", 2),
                decoder.mlp,
                0,
                Experts.Scoring.SOFTMAX,
                false,
                true,
                1,
                0));
        ModelConfig model = decoder.config();
        return new Description(model, new ExpertPlaces(model, TensorPlace::of, NAMES));
    }
}
