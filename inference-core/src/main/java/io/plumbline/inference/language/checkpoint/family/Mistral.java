package io.plumbline.inference.language.checkpoint.family;

import java.io.IOException;
import java.util.List;

/** Mistral 7B, Nemo, Small and Ministral: Llama with a window, in all layers or those that layer_types names. */
final class Mistral implements Family {
    @Override
    public List<String> architectures() {
        return List.of("MistralForCausalLM", "MinistralForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields);
        decoder.windows(fields.window(4_096), l -> true);
        return new Description(decoder.config());
    }
}
