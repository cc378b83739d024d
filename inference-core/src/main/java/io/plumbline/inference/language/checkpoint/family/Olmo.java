package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.NormPlacement;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.util.List;

/**
 * OLMo 2 and 3: norms behind each part alone, queries and keys normed over all heads. OLMo 3 has a window in three of
 * four layers, and stretches the frequencies of the others alone.
 */
final class Olmo implements Family {
    private static final String OLMO3 = "Olmo3ForCausalLM";

    @Override
    public List<String> architectures() {
        return List.of("Olmo2ForCausalLM", OLMO3);
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        Decoder decoder = new Decoder(fields, new Decoder.Defaults(0, 0, 0, 0, 0, 10_000, 1e-5));
        decoder.qkNorm = true;
        decoder.qkvBias = fields.flag("attention_bias");
        decoder.architecture.norms(NormPlacement.AFTER).wholeQkNorm(true).outBias(decoder.qkvBias);
        boolean isThird = architecture.equals(OLMO3);
        int window = isThird ? fields.window(4_096) : 0;
        decoder.layers(window, l -> isThird && (l + 1) % 4 != 0, l -> true);
        Rope local = Rope.plain(decoder.rope.theta());
        decoder.architecture.localRope(decoder.hasWindow() && !local.equals(decoder.rope) ? local : null);
        return new Description(decoder.config(), NormsBehind::place);
    }
}
