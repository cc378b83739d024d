package io.plumbline.inference.language.checkpoint.family;

import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Qwen3-Next, and Qwen 3.5 and later: the gated delta rule in most layers, attention with a gate, a part of each head
 * rotated, gains kept less one; dense, or a mixture of experts beside a shared one that has a gate. Of files with a
 * vision part the text part alone, for which the three positions of a rotation are one; the layers that predict a
 * second token are left out.
 */
final class QwenDelta implements Family {
    private static final String NEXT = "Qwen3NextForCausalLM";
    private static final List<String> MIXTURES =
            List.of(NEXT, "Qwen3_5MoeForCausalLM", "Qwen3_5MoeForConditionalGeneration");

    @Override
    public List<String> architectures() {
        return List.of(
                NEXT,
                "Qwen3_5ForCausalLM",
                "Qwen3_5ForConditionalGeneration",
                "Qwen3_5MoeForCausalLM",
                "Qwen3_5MoeForConditionalGeneration");
    }

    @Override
    public Description read(String architecture, ConfigFields fields) throws IOException {
        ConfigFields text = fields.part("text_config");
        boolean isNext = architecture.equals(NEXT);
        boolean isMixture = MIXTURES.contains(architecture) && (!isNext || text.integer("num_experts", 512) > 0);
        int expert = isMixture ? text.size("moe_intermediate_size") : 0;
        Decoder decoder =
                new Decoder(text, new Decoder.Defaults(0, 0, 0, 256, 0, 10_000, 1e-6, expert)).partialRotary(0.25);
        decoder.qkNorm = true;
        decoder.qkvBias = text.flag("attention_bias");
        decoder.architecture.outBias(decoder.qkvBias).attentionGate(true);
        if (!text.flag("attn_output_gate", true)) {
            throw text.unsupported("attention without a gate of " + architecture, "with it is");
        }
        String gate = text.text("output_gate_type", "swish");
        if (!gate.equals("swish") && !gate.equals("silu")) {
            throw text.unsupported("an output gate of type " + gate, "swish is");
        }
        decoder.linear(
                new DeltaRule(
                        text.size("linear_num_key_heads"),
                        text.size("linear_num_value_heads"),
                        text.size("linear_key_head_dim"),
                        text.size("linear_value_head_dim"),
                        text.size("linear_conv_kernel_dim")),
                text.size("full_attention_interval", 4));
        if (isMixture) {
            experts(decoder, text, expert, isNext);
        }
        if (fields != text) {
            text.refuseWhatIsNotRead(architecture, decoder.qkNorm);
        }
        ModelConfig model = decoder.config();
        boolean hasVision = architecture.endsWith("ForConditionalGeneration");
        return new Description(
                model,
                new DeltaPlaces(model, isNext, hasVision ? "model.language_model." : "model."),
                List.of("mtp.", "model.visual."));
    }

    private static void experts(Decoder decoder, ConfigFields text, int expert, boolean isNext) throws IOException {
        if (text.integer("decoder_sparse_step", 1) != 1
                || text.list("mlp_only_layers").size() > 0) {
            throw text.unsupported("decoder_sparse_step and mlp_only_layers", "experts in every layer are");
        }
        decoder.architecture.experts(new Experts(
                text.size("num_experts", isNext ? 512 : 256),
                text.size("num_experts_per_tok", isNext ? 10 : 8),
                expert,
                text.size("shared_expert_intermediate_size"),
                Experts.Scoring.SOFTMAX,
                false,
                text.flag("norm_topk_prob", true),
                1,
                0,
                false,
                true,
                false));
    }

    /**
     * Where tensors stand.
     *
     * @param isNext whether projections are fused by key head, and experts are tensors of their own.
     * @param prefix of all names but the output matrix's.
     */
    private record DeltaPlaces(ModelConfig model, boolean isNext, String prefix) implements Places {
        @Override
        public TensorPlace of(String name) {
            TensorPlace place = place(name);
            String there = place.name();
            place = there.startsWith("model.") ? place.named(prefix + there.substring("model.".length())) : place;
            boolean isLessOne = name.contains("norm") && !name.contains("linear_attn.");
            return isLessOne ? place.plus(1) : place;
        }

        private TensorPlace place(String name) {
            LayerTensor tensor = LayerTensor.of(name);
            if (tensor == null) {
                return TensorPlace.of(name);
            }
            DeltaRule delta = model.architecture().delta();
            Experts experts = model.architecture().experts();
            int head = model.headDim();
            int both = 2 * model.queryDim(0);
            return switch (tensor.part()) {
                case "self_attn.q_proj" ->
                    tensor.named("self_attn.q_proj").part(0, both).ordered(r -> r / head * 2 * head + r % head);
                case "self_attn.gate_proj" ->
                    tensor.named("self_attn.q_proj").part(0, both).ordered(r -> (r / head * 2 + 1) * head + r % head);
                case "linear_attn.in_proj_qkv" ->
                    isNext ? fused(tensor, "linear_attn.in_proj_qkvz", fusedRow(delta)) : TensorPlace.of(name);
                case "linear_attn.in_proj_z" ->
                    isNext
                            ? fused(
                                    tensor,
                                    "linear_attn.in_proj_qkvz",
                                    r -> fusedRow(delta).applyAsInt(delta.channels() + r))
                            : TensorPlace.of(name);
                case "linear_attn.in_proj_ba" -> fused(tensor, "linear_attn.in_proj_ba", gateRow(delta));
                case "linear_attn.conv1d" ->
                    TensorPlace.of(name)
                            .part(0, delta.channels() * delta.taps())
                            .stored(TensorPlace.Storage.CHANNELS, delta.channels());
                case "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj" ->
                    experts == null
                            ? TensorPlace.of(name)
                            : tensor.named("mlp.shared_expert." + tensor.part().substring("mlp.".length()));
                case "mlp.experts.gate_up_proj", "mlp.experts.down_proj" ->
                    TensorPlace.of(tensor.layer() + tensor.part()).stored(TensorPlace.Storage.STACKED, experts.count());
                default -> TensorPlace.of(name);
            };
        }

        private TensorPlace fused(LayerTensor tensor, String name, IntUnaryOperator order) {
            DeltaRule delta = model.architecture().delta();
            int rows = name.endsWith("qkvz") ? delta.channels() + delta.values() : 2 * delta.valueHeads();
            return tensor.named(name).part(0, rows).ordered(order);
        }

        /**
         * The row of a fused projection, which has a key head's query, key, values and output gates one behind the
         * other, of each row here: all queries, all keys, all values, all output gates.
         */
        private static IntUnaryOperator fusedRow(DeltaRule delta) {
            int values = delta.values() / delta.keyHeads();
            int group = 2 * delta.keyDim() + 2 * values;
            return r -> {
                if (r < 2 * delta.keys()) {
                    int isKey = r / delta.keys();
                    int at = r % delta.keys();
                    return at / delta.keyDim() * group + isKey * delta.keyDim() + at % delta.keyDim();
                }
                int isGate = (r - 2 * delta.keys()) / delta.values();
                int at = (r - 2 * delta.keys()) % delta.values();
                return at / values * group + 2 * delta.keyDim() + isGate * values + at % values;
            };
        }

        /** The same of rates and decays. */
        private static IntUnaryOperator gateRow(DeltaRule delta) {
            int heads = delta.valueHeads();
            int each = heads / delta.keyHeads();
            return r -> r % heads / each * 2 * each + r / heads * each + r % each;
        }

        @Override
        public List<TensorPlace> parts(String name) {
            LayerTensor tensor = LayerTensor.of(name);
            if (tensor == null) {
                return List.of(of(name));
            }
            if (!isNext && tensor.part().equals("linear_attn.in_proj_ba")) {
                return List.of(
                        of(tensor.named("linear_attn.in_proj_b").name()),
                        of(tensor.named("linear_attn.in_proj_a").name()));
            }
            boolean isExpert = tensor.part().startsWith("mlp.experts.");
            return isNext && isExpert
                    ? new ExpertPlaces(model, this, ExpertPlaces.Names.USUAL).parts(name)
                    : List.of(of(name));
        }
    }
}
