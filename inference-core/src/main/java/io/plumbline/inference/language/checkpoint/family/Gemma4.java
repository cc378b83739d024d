package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.HeadShape;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.NormPlacement;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Gemma 4, the text part: a window, frequencies and smaller heads in most layers; in the others heads of 512, of which
 * a quarter of the pairs is rotated. Queries, keys and values are normed, and scores not scaled. The small models have
 * embeddings of their own in each layer, and last layers that attend to the keys and values of layers before them; the
 * large ones take keys for values in layers with full attention, and one of them has a mixture of experts beside the
 * feed-forward part of each layer.
 */
final class Gemma4 implements Family {
    private static final String WHOLE = "Gemma4ForConditionalGeneration";
    private static final String PREFIX = "model.";

    /** Of all tensors of the text part, where a checkpoint holds other parts too. */
    private static final String TEXT_PREFIX = "model.language_model.";

    /** Every so many layers one has full attention, where a file does not say. */
    private static final int INTERVAL = 6;

    @Override
    public List<String> architectures() {
        return List.of("Gemma4ForCausalLM", WHOLE);
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        ConfigFields text = fields.part("text_config");
        Decoder decoder = new Decoder(text, new Decoder.Defaults(262_144, 8, 4, 256, 131_072, 1_000_000, 1e-6, 9_216));
        decoder.activation = text.text("hidden_activation", "gelu_pytorch_tanh");
        decoder.qkNorm = true;
        decoder.qkvBias = text.flag("attention_bias");
        decoder.architecture
                .norms(NormPlacement.BOTH)
                .outBias(decoder.qkvBias)
                .valueNorm(true)
                .layerScale(true)
                .attentionScale(1)
                .embeddingScale((float) Math.sqrt(decoder.hidden))
                .logitCap((float) text.number("final_logit_softcapping", 0));
        if (text.flag("enable_moe_block")) {
            decoder.architecture.experts(new Experts(
                    text.size("num_experts"),
                    text.size("top_k_experts"),
                    text.size("moe_intermediate_size"),
                    decoder.mlp,
                    Experts.Scoring.SOFTMAX,
                    false,
                    true,
                    1,
                    0,
                    false,
                    false,
                    true));
        }
        if (text.text("use_bidirectional_attention", "vision").equals("all")) {
            throw text.unsupported("use_bidirectional_attention all", "attention to what stands before is");
        }
        attention(decoder, text);
        perLayer(decoder, text);
        if (fields != text) {
            text.refuseWhatIsNotRead(architecture, decoder.qkNorm);
        }
        ModelConfig model = decoder.config();
        String prefix = architecture.equals(WHOLE) ? TEXT_PREFIX : PREFIX;
        return new Description(model, name -> place(model, prefix, name), leftOut(model, prefix));
    }

    private static void attention(Decoder decoder, ConfigFields text) throws IOException {
        int last = decoder.layers - 1;
        if (text.list("layer_types").path(last).asText().equals("sliding_attention")) {
            // Transformers takes it for one of full attention, and says so in a warning.
            throw text.unsupported("a last layer of sliding_attention", "one of full_attention is");
        }
        decoder.layers(text.window(512), l -> (l + 1) % INTERVAL != 0 && l != last, l -> true);
        HeadShape local = new HeadShape(decoder.kvHeads, decoder.headDim);
        decoder.headDim = text.size("global_head_dim", 512);
        boolean isShared = text.flag("attention_k_eq_v");
        int kvHeads = text.size("num_global_key_value_heads", decoder.kvHeads);
        decoder.kvHeads = isShared ? kvHeads : decoder.kvHeads;
        decoder.architecture.keysAsValues(isShared);
        boolean isGiven = text.object("rope_parameters").isObject();
        RopeFields ropes = new RopeFields(text, "full_attention", 1_000_000);
        decoder.rope = isGiven
                ? ropes.rope(decoder.context, decoder.headDim)
                : new Rope(1_000_000, new RopeScaling.Proportional(1, decoder.headDim / 8));
        if (decoder.hasWindow()) {
            Rope rope = new RopeFields(text, "sliding_attention", 10_000).rope(decoder.context, local.dim());
            decoder.architecture
                    .localRope(rope.equals(decoder.rope) ? null : rope)
                    .localHeads(local.equals(new HeadShape(decoder.kvHeads, decoder.headDim)) ? null : local);
        }
        int shared = text.integer("num_kv_shared_layers", 0);
        boolean isWide = text.flag("use_double_wide_mlp") && shared > 0;
        decoder.architecture.sharedCaches(shared).sharedMlp(isWide ? Math.multiplyExact(2, decoder.mlp) : 0);
    }

    private static void perLayer(Decoder decoder, ConfigFields text) throws IOException {
        // Null where there are none, and not where the usual ones are.
        int elements =
                text.isNull("hidden_size_per_layer_input") ? 0 : text.integer("hidden_size_per_layer_input", 256);
        int vocab = text.integer("vocab_size_per_layer_input", 262_144);
        if (elements > 0 && vocab != decoder.vocab) {
            throw text.unsupported(
                    "embeddings of " + vocab + " tokens in layers",
                    "as many as the model has, " + decoder.vocab + ", are");
        }
        decoder.architecture.perLayer(elements);
    }

    private static TensorPlace place(ModelConfig model, String prefix, String name) {
        LayerTensor tensor = LayerTensor.of(name);
        TensorPlace place = TensorPlace.of(name);
        if (tensor != null) {
            int elements = model.architecture().perLayer();
            Experts experts = model.architecture().experts();
            float rootOfHidden = (float) (1 / Math.sqrt(model.hidden()));
            place = switch (tensor.part()) {
                case "post_self_attn_layernorm" -> tensor.named("post_attention_layernorm");
                case "post_attention_layernorm" -> tensor.named("pre_feedforward_layernorm");
                case "post_mlp_layernorm" -> tensor.named("post_feedforward_layernorm");
                case "per_layer_projection_norm" -> TensorPlace.of(PREFIX + tensor.part() + "." + tensor.kind());
                // Of all layers, one below the other; scaled as what it is multiplied by.
                case "per_layer_model_projection" ->
                    TensorPlace.of(PREFIX + tensor.part() + "." + tensor.kind())
                            .part(tensor.index() * elements, model.perLayerDim())
                            .times(rootOfHidden);
                case "mlp.gate" -> tensor.named(tensor.kind().equals("weight") ? "router.proj" : "router");
                case "mlp.gate.norm" ->
                    TensorPlace.of(tensor.layer() + "router.scale").times(rootOfHidden);
                case "mlp.experts.gate_up_proj", "mlp.experts.down_proj" ->
                    TensorPlace.of(tensor.layer() + tensor.part().substring("mlp.".length()))
                            .stored(TensorPlace.Storage.STACKED, experts.count());
                case "pre_experts_layernorm" -> tensor.named("pre_feedforward_layernorm_2");
                case "post_experts_layernorm" -> tensor.named("post_feedforward_layernorm_2");
                case "post_shared_layernorm" -> tensor.named("post_feedforward_layernorm_1");
                default -> place;
            };
        }
        String there = place.name();
        return there.startsWith(PREFIX) ? place.named(prefix + there.substring(PREFIX.length())) : place;
    }

    /** Other parts than the text's, and what layers without keys of their own do not need. */
    private static List<String> leftOut(ModelConfig model, String prefix) {
        List<String> all = new ArrayList<>(
                List.of("model.vision_tower.", "model.audio_tower.", "model.embed_vision.", "model.embed_audio."));
        for (int l = 0; l < model.layers(); l++) {
            for (String part : List.of("k_proj.", "v_proj.", "k_norm.", "v_norm.")) {
                if (!model.hasOwnKeys(l)) {
                    all.add(prefix + "layers." + l + ".self_attn." + part);
                }
            }
        }
        return List.copyOf(all);
    }
}
