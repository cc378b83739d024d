package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.NormPlacement;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.util.List;

/**
 * Gemma 1 to 3, of the last the text part: GELU, a scaled embedding, gains that are kept less one. Gemma 2 has norms on
 * both sides of each part, soft caps and a window in every other layer; Gemma 3 norms of heads, and a window and
 * frequencies of their own in five of six layers.
 */
final class Gemma implements Family {
    private static final String GEMMA1 = "GemmaForCausalLM";
    private static final String GEMMA2 = "Gemma2ForCausalLM";

    /** Where a checkpoint holds a vision part too, its text part's tensors have this before their names. */
    private static final String TEXT_PREFIX = "language_model.";

    @Override
    public List<String> architectures() {
        return List.of(GEMMA1, GEMMA2, "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        ConfigFields text = fields.part("text_config");
        boolean isFirst = architecture.equals(GEMMA1);
        boolean isSecond = architecture.equals(GEMMA2);
        boolean isThird = !isFirst && !isSecond;
        Decoder decoder = new Decoder(
                text,
                isThird
                        ? new Decoder.Defaults(262_208, 8, 4, 256, 131_072, 1_000_000, 1e-6)
                        : new Decoder.Defaults(256_000, 0, 0, 256, 8_192, 10_000, 1e-6));
        String tanh = "gelu_pytorch_tanh";
        String activation = text.text("hidden_activation", isFirst ? text.text("hidden_act", tanh) : tanh);
        // The first files say gelu, and transformers computes its tanh form for them.
        decoder.activation = isFirst && activation.equals("gelu") ? tanh : activation;
        decoder.architecture.embeddingScale((float) Math.sqrt(decoder.hidden));
        if (!isFirst) {
            decoder.architecture
                    .norms(NormPlacement.BOTH)
                    .attentionScale((float) (1 / Math.sqrt(text.number("query_pre_attn_scalar", 256))))
                    .scoreCap((float) text.number("attn_logit_softcapping", 0))
                    .logitCap((float) text.number("final_logit_softcapping", 0));
        }
        int window = text.window(isFirst ? 0 : 4_096);
        int every = isSecond ? 2 : text.size("sliding_window_pattern", 6);
        decoder.layers(window, l -> !isFirst && (l + 1) % every != 0, l -> true);
        if (isThird) {
            decoder.qkNorm = true;
            if (decoder.hasWindow()) {
                double theta = text.number("rope_local_base_freq", 10_000);
                Rope local = Rope.plain(new RopeFields(text, "sliding_attention", theta).localTheta(theta));
                decoder.architecture.localRope(local.equals(decoder.rope) ? null : local);
            }
        }
        boolean hasVision = fields != text;
        if (hasVision) {
            text.refuseWhatIsNotRead(architecture, decoder.qkNorm);
        }
        return new Description(
                decoder.config(),
                name -> place(name, isFirst, hasVision ? TEXT_PREFIX : ""),
                List.of("vision_tower.", "multi_modal_projector."));
    }

    private static TensorPlace place(String name, boolean isFirst, String prefix) {
        LayerTensor tensor = LayerTensor.of(name);
        TensorPlace place = TensorPlace.of(name);
        if (tensor != null && !isFirst) {
            place = switch (tensor.part()) {
                case "post_self_attn_layernorm" -> tensor.named("post_attention_layernorm");
                case "post_attention_layernorm" -> tensor.named("pre_feedforward_layernorm");
                case "post_mlp_layernorm" -> tensor.named("post_feedforward_layernorm");
                default -> place;
            };
        }
        place = place.below(prefix);
        return name.contains("norm") ? place.plus(1) : place;
    }
}
