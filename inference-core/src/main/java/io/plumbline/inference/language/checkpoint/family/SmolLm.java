package io.plumbline.inference.language.checkpoint.family;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.function.IntPredicate;

/** SmolLM 3: Llama, with every fourth layer without rotary positions. */
final class SmolLm implements Family {
    @Override
    public List<String> architectures() {
        return List.of("SmolLM3ForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 2_000_000, 1e-6));
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture.outBias(decoder.qkvBias).mlpBias(fields.flag("mlp_bias"));
        JsonNode rotary = fields.list("no_rope_layers");
        int every = fields.integer("no_rope_layer_interval", 4);
        if (every <= 0) {
            throw fields.unsupported("no_rope_layer_interval " + every, "one of at least 1 is");
        }
        // The list says 1 where a layer rotates, whatever its name says.
        IntPredicate isRotary = l -> rotary.isArray() ? rotary.path(l).asInt(1) != 0 : (l + 1) % every != 0;
        int window = fields.flag("use_sliding_window") ? fields.window(0) : 0;
        decoder.layers(window, l -> window > 0 && !isRotary.test(l), isRotary);
        return new Description(decoder.config());
    }
}
