package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.TensorNames;
import java.io.IOException;
import java.util.List;

/**
 * Granite 3 without mixtures: Llama with multipliers. Those of embedding and scores are the model's; those of
 * residuals and logits go into the row scales of the matrices before them.
 */
final class Granite implements Family {
    @Override
    public List<String> architectures() {
        return List.of("GraniteForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields);
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture
                .outBias(decoder.qkvBias)
                .mlpBias(fields.flag("mlp_bias"))
                .embeddingScale((float) fields.number("embedding_multiplier", 1))
                .attentionScale((float) fields.number("attention_multiplier", 1));
        decoder.layers(0, l -> false, l -> true);
        float residual = (float) fields.number("residual_multiplier", 1);
        double logits = fields.number("logits_scaling", 1);
        if (!(residual > 0) || !(logits > 0)) {
            throw fields.unsupported("a multiplier that is not above 0", "one above 0 is");
        }
        return new Description(decoder.config(), name -> place(name, residual, (float) (1 / logits)));
    }

    private static TensorPlace place(String name, float residual, float logits) {
        LayerTensor tensor = LayerTensor.of(name);
        String part = tensor == null ? "" : tensor.part();
        if (part.equals("self_attn.o_proj") || part.equals("mlp.down_proj")) {
            return TensorPlace.of(name).times(residual);
        }
        return name.startsWith(TensorNames.OUTPUT) ? TensorPlace.of(name).times(logits) : TensorPlace.of(name);
    }
}
