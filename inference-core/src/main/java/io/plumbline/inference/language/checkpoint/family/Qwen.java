package io.plumbline.inference.language.checkpoint.family;

import java.io.IOException;
import java.util.List;

/** Qwen 2, 2.5 and 3, dense: biases on queries, keys and values in the older ones, norms of heads in the newer. */
final class Qwen implements Family {
    private static final String QWEN2 = "Qwen2ForCausalLM";

    @Override
    public List<String> architectures() {
        return List.of(QWEN2, "Qwen3ForCausalLM");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        return new Description(decoder(fields, architecture.equals(QWEN2)).config());
    }

    /** The part that dense layers and those with experts have in common. */
    static Decoder decoder(ConfigFields fields, boolean isQwen2) throws IOException {
        Decoder decoder = new Decoder(fields);
        boolean hasBias = !isQwen2 && fields.flag("attention_bias");
        fields.raw("attention_bias");
        decoder.qkvBias = isQwen2 || hasBias;
        decoder.qkNorm = !isQwen2;
        decoder.architecture.outBias(hasBias);
        // Files name a window that a flag of theirs does not turn on.
        int window = fields.flag("use_sliding_window") ? fields.window(4_096) : 0;
        int first = fields.integer("max_window_layers", 28);
        decoder.windows(window, l -> l >= first);
        return decoder;
    }
}
