package io.plumbline.inference.language.checkpoint.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.plumbline.verifier.model.NormPlacement;
import java.io.IOException;
import java.util.List;

/**
 * EXAONE 4: norms behind each part alone, queries and keys normed by heads. The larger has a window in three of four
 * layers, and no rotary positions in the others.
 */
final class Exaone implements Family {
    @Override
    public List<String> architectures() {
        return List.of("Exaone4ForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1e-5));
        decoder.qkNorm = true;
        decoder.architecture.norms(NormPlacement.AFTER);
        int window = fields.window(4_096);
        JsonNode pattern = fields.raw("sliding_window_pattern");
        // A number of layers, or a letter for each of them.
        int every = pattern.isTextual() ? pattern.asText().length() : fields.integer("sliding_window_pattern", 4);
        JsonNode types = fields.list("layer_types");
        decoder.layers(
                window,
                l -> window > 0 && every > 0 && (l + 1) % every != 0,
                l -> window == 0
                        || (types.isArray()
                                ? types.path(l).asText().equals("sliding_attention")
                                : every > 0 && (l + 1) % every != 0));
        return new Description(decoder.config(), NormsBehind::place);
    }
}
