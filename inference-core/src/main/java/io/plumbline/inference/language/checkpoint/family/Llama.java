package io.plumbline.inference.language.checkpoint.family;

import java.io.IOException;
import java.util.List;

/** Llama 1 to 3; TinyLlama, SmolLM and others by the same name. */
final class Llama implements Family {
    @Override
    public List<String> architectures() {
        return List.of("LlamaForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields);
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture.outBias(decoder.qkvBias).mlpBias(fields.flag("mlp_bias"));
        decoder.layers(0, l -> false, l -> true);
        return new Description(decoder.config());
    }
}
