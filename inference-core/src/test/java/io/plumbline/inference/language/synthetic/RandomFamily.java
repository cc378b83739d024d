package io.plumbline.inference.language.synthetic;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.function.Consumer;

/**
 * How the checkpoints of a family look, as far as a random model needs it: written from the families' published files,
 * not from what import makes of them.
 *
 * @param norms of a layer, by their names in the file, but for those of queries and keys.
 * @param hasFusedQkv whether query, key and value projections are one tensor.
 * @param hasFusedGateUp whether gate and up are one.
 * @param hasOtherBiases whether all matrices but those for queries, keys and values add biases too.
 * @param gainsLess what gains are kept less by.
 * @param mixture of experts; null for none.
 * @param linear attention in most layers, and a gate of attention in the others; null for none.
 * @param gemma what Gemma 4 has beside Gemma 3; null for others.
 * @param extras fields of its config.json beside the common ones.
 */
record RandomFamily(
        List<String> norms,
        boolean hasFusedQkv,
        boolean hasFusedGateUp,
        boolean hasQkvBias,
        boolean hasOtherBiases,
        QkNorm qkNorm,
        double gainsLess,
        Mixture mixture,
        Linear linear,
        Gemma4 gemma,
        Consumer<ObjectNode> extras) {

    /**
     * A mixture of experts, by the names of its parts behind a layer's.
     *
     * @param prefix before an expert's number.
     * @param names of gate, up and down.
     * @param shared before the part that all tokens go through; null for none.
     * @param mlp inner size of an expert, and of the shared part.
     * @param dense layers from the first that have none.
     * @param isTogether whether all experts' matrices are one tensor, and have biases, as in gpt-oss.
     */
    record Mixture(
            String router,
            String prefix,
            List<String> names,
            String shared,
            boolean hasBias,
            int experts,
            int mlp,
            int dense,
            boolean isTogether) {
        private Mixture(
                String router,
                String prefix,
                List<String> names,
                String shared,
                boolean hasBias,
                int experts,
                int mlp,
                int dense) {
            this(router, prefix, names, shared, hasBias, experts, mlp, dense, false);
        }

        /** In every layer, with nothing beside the experts, by the names that most families give them. */
        static Mixture plain(Sizes sizes) {
            return new Mixture("mlp.gate", "mlp.experts.", GATED, null, false, sizes.experts(), sizes.mlp(), 0);
        }
    }

    /**
     * Linear attention.
     *
     * @param isFused whether its projections are one tensor by key head, as in Qwen3-Next.
     * @param prefix before the names of all tensors but the output matrix's.
     * @param interval every so many layers one has attention.
     */
    record Linear(
            int keyHeads,
            int valueHeads,
            int keyDim,
            int valueDim,
            int taps,
            boolean isFused,
            String prefix,
            int interval) {
        /** Few and small in models for tests; in wide ones as published models have them. */
        static Linear of(int hidden, boolean isFused, String prefix) {
            return hidden < 256
                    ? new Linear(2, 6, 16, 16, 4, isFused, prefix, 2)
                    : hidden < 1_024
                            ? new Linear(4, 8, 64, 64, 4, isFused, prefix, 2)
                            : new Linear(16, 32, 128, 128, 4, isFused, prefix, 4);
        }

        int keys() {
            return keyHeads * keyDim;
        }

        int values() {
            return valueHeads * valueDim;
        }

        boolean isIn(int layer) {
            return (layer + 1) % interval != 0;
        }

        private ObjectNode configure(ObjectNode json) {
            return json.put("linear_num_key_heads", keyHeads)
                    .put("linear_num_value_heads", valueHeads)
                    .put("linear_key_head_dim", keyDim)
                    .put("linear_value_head_dim", valueDim)
                    .put("linear_conv_kernel_dim", taps)
                    .put("full_attention_interval", interval);
        }
    }

    /**
     * Gemma 4: every other layer has full attention, with heads twice as large.
     *
     * @param prefix before the names of all tensors.
     * @param mixture of experts beside the feed-forward part; null for none.
     * @param isSmall whether layers have embeddings of their own, and all but the first two attend to those two's keys
     *     and values; else keys are values in layers with full attention.
     */
    record Gemma4(String prefix, Sizes mixture, boolean isSmall) {
        boolean isFull(int layer, int layers) {
            return (layer + 1) % 2 == 0 || layer == layers - 1;
        }

        /** Elements of a layer's embedding of a token; 0 for none. */
        int perLayer() {
            return isSmall ? 16 : 0;
        }

        boolean hasOwnKeys(int layer) {
            return !isSmall || layer < 2;
        }

        private void configure(ObjectNode json) {
            int layers = json.get("num_hidden_layers").asInt();
            windows(gelu(json), 2);
            ((ArrayNode) json.get("layer_types")).set(layers - 1, "full_attention");
            json.put("global_head_dim", 2 * json.get("head_dim").asInt())
                    .put("final_logit_softcapping", 5.0)
                    .put("hidden_size_per_layer_input", perLayer())
                    .put("vocab_size_per_layer_input", json.get("vocab_size").asInt())
                    .put("num_kv_shared_layers", isSmall ? layers - 2 : 0)
                    .put("use_double_wide_mlp", isSmall)
                    .put("attention_k_eq_v", !isSmall);
            if (isSmall) {
                json.putNull("num_global_key_value_heads");
            } else {
                json.put("num_global_key_value_heads", 1);
            }
            if (mixture != null) {
                // Its files name no architecture of their own.
                json.putArray("architectures").add("Gemma4ForCausalLM");
                json.put("enable_moe_block", true)
                        .put("num_experts", mixture.experts())
                        .put("top_k_experts", mixture.chosen())
                        .put("moe_intermediate_size", mixture.mlp());
            }
            json.remove("rope_theta");
            ObjectNode ropes = json.putObject("rope_parameters");
            ropes.putObject("full_attention")
                    .put("rope_type", "proportional")
                    .put("partial_rotary_factor", 0.25)
                    .put("rope_theta", 1_000_000.0);
            ropes.putObject("sliding_attention").put("rope_type", "default").put("rope_theta", 10_000.0);
        }
    }

    /**
     * Sizes of a mixture.
     *
     * @param experts of a layer.
     * @param chosen of them a token.
     * @param mlp inner size of one.
     */
    record Sizes(int experts, int chosen, int mlp) {
        /** Few and small in models for tests; in wide ones as published models have them. */
        static Sizes of(int hidden, int mlp) {
            return hidden < 1_024 ? new Sizes(6, 2, 48) : new Sizes(64, 8, mlp);
        }
    }

    private static final List<String> GATED = List.of("gate_proj", "up_proj", "down_proj");

    /** Norms of queries and keys. */
    enum QkNorm {
        NONE,
        HEADS,
        WHOLE
    }

    private static final List<String> BEFORE = List.of("input_layernorm", "post_attention_layernorm");
    private static final List<String> AFTER = List.of("post_attention_layernorm", "post_feedforward_layernorm");
    private static final List<String> GEMMA = List.of(
            "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm");
    private static final List<String> GLM =
            List.of("input_layernorm", "post_self_attn_layernorm", "post_attention_layernorm", "post_mlp_layernorm");

    /** Tokens of windows: short, so that short prompts are longer. */
    private static final int WINDOW = 12;

    /**
     * The family of an architecture; Llama's where it has no other.
     *
     * @param hidden of the model.
     * @param mlp inner size of its layers, of experts too where the model is wide.
     */
    static RandomFamily of(String architecture, int hidden, int mlp) {
        Sizes sizes = Sizes.of(hidden, mlp);
        return switch (architecture) {
            case "Qwen2ForCausalLM" -> family(BEFORE, QkNorm.NONE, json -> {}).withQkvBias();
            case "Qwen3ForCausalLM" -> family(BEFORE, QkNorm.HEADS, json -> {});
            case "Qwen3MoeForCausalLM" ->
                family(
                                BEFORE,
                                QkNorm.HEADS,
                                json -> mixture(json, sizes)
                                        .put("num_experts", sizes.experts())
                                        .put("moe_intermediate_size", sizes.mlp())
                                        .put("norm_topk_prob", true))
                        .with(Mixture.plain(sizes));
            case "OlmoeForCausalLM" ->
                family(
                                BEFORE,
                                QkNorm.WHOLE,
                                json -> mixture(json, sizes)
                                        .put("num_experts", sizes.experts())
                                        .put("intermediate_size", sizes.mlp()))
                        .with(Mixture.plain(sizes));
            case "MixtralForCausalLM" ->
                family(
                                BEFORE,
                                QkNorm.NONE,
                                json -> mixture(json, sizes)
                                        .put("num_local_experts", sizes.experts())
                                        .put("intermediate_size", sizes.mlp()))
                        .with(new Mixture(
                                "block_sparse_moe.gate",
                                "block_sparse_moe.experts.",
                                List.of("w1", "w3", "w2"),
                                null,
                                false,
                                sizes.experts(),
                                sizes.mlp(),
                                0));
            case "Glm4MoeForCausalLM" ->
                family(
                                BEFORE,
                                QkNorm.NONE,
                                json -> mixture(json, sizes)
                                        .put("n_routed_experts", sizes.experts())
                                        .put("moe_intermediate_size", sizes.mlp())
                                        .put("n_shared_experts", 1)
                                        .put("first_k_dense_replace", 1)
                                        .put("norm_topk_prob", true)
                                        .put("routed_scaling_factor", 1.5)
                                        .put("n_group", 1)
                                        .put("topk_group", 1)
                                        .put("partial_rotary_factor", 0.5)
                                        .put("attention_bias", true))
                        .withQkvBias()
                        .with(new Mixture(
                                "mlp.gate",
                                "mlp.experts.",
                                GATED,
                                "mlp.shared_experts.",
                                true,
                                sizes.experts(),
                                sizes.mlp(),
                                1));
            case "GptOssForCausalLM" -> gptOss(hidden < 1_024 ? new Sizes(6, 2, 64) : new Sizes(32, 4, mlp));
            case "Qwen3NextForCausalLM" ->
                delta(
                                Linear.of(hidden, true, "model."),
                                json -> sharedMixture(json, sizes)
                                        .put("partial_rotary_factor", 0.25)
                                        .put("norm_topk_prob", true))
                        .with(sharedMixture(sizes));
            case "Qwen3_5ForCausalLM" -> delta(Linear.of(hidden, false, "model."), RandomFamily::quarterRope);
            case "Qwen3_5ForConditionalGeneration" ->
                delta(Linear.of(hidden, false, "model.language_model."), json -> {
                    quarterRope(json);
                    nest(json);
                });
            case "Qwen3_5MoeForCausalLM" -> deltaMixture(Linear.of(hidden, false, "model."), sizes, json -> {});
            case "Qwen3_5MoeForConditionalGeneration" ->
                deltaMixture(Linear.of(hidden, false, "model.language_model."), sizes, RandomFamily::nest);
            case "MinistralForCausalLM" -> family(BEFORE, QkNorm.NONE, json -> windows(json, 2));
            case "GemmaForCausalLM" ->
                family(BEFORE, QkNorm.NONE, json -> json.put("hidden_act", "gelu"))
                        .lessOne();
            case "Gemma2ForCausalLM" ->
                family(
                                GEMMA,
                                QkNorm.NONE,
                                json -> gelu(json)
                                        .put("query_pre_attn_scalar", 24)
                                        .put("attn_logit_softcapping", 5.0)
                                        .put("final_logit_softcapping", 3.0)
                                        .put("sliding_window", WINDOW))
                        .lessOne();
            case "Gemma3ForCausalLM" ->
                family(
                                GEMMA,
                                QkNorm.HEADS,
                                json -> gelu(json)
                                        .put("query_pre_attn_scalar", 16)
                                        .put("rope_theta", 1_000_000.0)
                                        .put("rope_local_base_freq", 10_000.0)
                                        .put("sliding_window", WINDOW)
                                        .put("sliding_window_pattern", 2)
                                        .putObject("rope_scaling")
                                        .put("rope_type", "linear")
                                        .put("factor", 8.0))
                        .lessOne();
            case "Gemma4ForCausalLM" -> gemma4(new Gemma4("model.", null, false), json -> {});
            case "Gemma4MixtureForCausalLM" -> gemma4(new Gemma4("model.", sizes, false), json -> {});
            case "Gemma4ForConditionalGeneration" ->
                gemma4(new Gemma4("model.language_model.", null, true), RandomFamily::nest);
            case "Phi3ForCausalLM" ->
                new RandomFamily(
                        BEFORE, true, true, false, false, QkNorm.NONE, 0, null, null, null, RandomFamily::longRope);
            case "Olmo2ForCausalLM" -> family(AFTER, QkNorm.WHOLE, json -> {});
            case "Olmo3ForCausalLM" ->
                family(
                        AFTER,
                        QkNorm.WHOLE,
                        json -> windows(json, 2)
                                .putObject("rope_scaling")
                                .put("rope_type", "yarn")
                                .put("factor", 8.0)
                                .put("original_max_position_embeddings", 64));
            case "SmolLM3ForCausalLM" ->
                family(
                        BEFORE,
                        QkNorm.NONE,
                        json -> json.putArray("no_rope_layers").add(1).add(0));
            case "GraniteForCausalLM" ->
                family(
                                BEFORE,
                                QkNorm.NONE,
                                json -> json.put("embedding_multiplier", 12.0)
                                        .put("residual_multiplier", 0.22)
                                        .put("attention_multiplier", 0.1)
                                        .put("logits_scaling", 8.0)
                                        .put("attention_bias", true)
                                        .put("mlp_bias", true))
                        .withQkvBias()
                        .withOtherBiases();
            case "GlmForCausalLM" -> glm(BEFORE);
            case "Glm4ForCausalLM" -> glm(GLM);
            case "Exaone4ForCausalLM" ->
                family(AFTER, QkNorm.HEADS, json -> windows(json, 2).put("sliding_window_pattern", "LG"));
            default -> family(BEFORE, QkNorm.NONE, json -> {});
        };
    }

    private static RandomFamily family(List<String> norms, QkNorm qkNorm, Consumer<ObjectNode> extras) {
        return new RandomFamily(norms, false, false, false, false, qkNorm, 0, null, null, null, extras);
    }

    private static RandomFamily gemma4(Gemma4 gemma, Consumer<ObjectNode> last) {
        return new RandomFamily(GEMMA, false, false, false, false, QkNorm.HEADS, 0, null, null, gemma, json -> {
            gemma.configure(json);
            last.accept(json);
        });
    }

    private static RandomFamily delta(Linear linear, Consumer<ObjectNode> extras) {
        Consumer<ObjectNode> all = json -> extras.accept(linear.configure(json));
        return new RandomFamily(BEFORE, false, false, false, false, QkNorm.HEADS, 1, null, linear, null, all);
    }

    private static RandomFamily deltaMixture(Linear linear, Sizes sizes, Consumer<ObjectNode> last) {
        return delta(linear, json -> {
                    quarterRope(json);
                    sharedMixture(json, sizes).remove("intermediate_size");
                    last.accept(json);
                })
                .with(sharedMixture(sizes));
    }

    private static ObjectNode sharedMixture(ObjectNode json, Sizes sizes) {
        return mixture(json, sizes)
                .put("num_experts", sizes.experts())
                .put("moe_intermediate_size", sizes.mlp())
                .put("shared_expert_intermediate_size", sizes.mlp());
    }

    private static Mixture sharedMixture(Sizes sizes) {
        return new Mixture(
                "mlp.gate", "mlp.experts.", GATED, "mlp.shared_expert.", false, sizes.experts(), sizes.mlp(), 0);
    }

    private static void quarterRope(ObjectNode json) {
        json.putObject("rope_parameters")
                .put("rope_type", "default")
                .put("mrope_interleaved", true)
                .put("rope_theta", json.get("rope_theta").asDouble())
                .put("partial_rotary_factor", 0.25);
        json.remove("rope_theta");
        json.put("attn_output_gate", true);
        ArrayNode types = json.putArray("layer_types");
        int interval = json.get("full_attention_interval").asInt();
        for (int l = 0; l < json.get("num_hidden_layers").asInt(); l++) {
            types.add((l + 1) % interval == 0 ? "full_attention" : "linear_attention");
        }
    }

    /** Moves what describes the text part to where files with a vision part have it. */
    private static void nest(ObjectNode json) {
        ObjectNode text = json.deepCopy();
        text.remove("architectures");
        json.retain("architectures", "model_type", "tie_word_embeddings", "eos_token_id");
        json.set("text_config", text);
    }

    private static RandomFamily gptOss(Sizes sizes) {
        return family(
                        BEFORE,
                        QkNorm.NONE,
                        json -> windows(mixture(json, sizes), 2)
                                .put("num_local_experts", sizes.experts())
                                .put("intermediate_size", sizes.mlp())
                                .put("swiglu_limit", 7.0)
                                .put("attention_bias", true)
                                .putObject("rope_scaling")
                                .put("rope_type", "yarn")
                                .put("factor", 32.0)
                                .put("beta_fast", 32.0)
                                .put("beta_slow", 1.0)
                                .put("truncate", false)
                                .put("original_max_position_embeddings", 64))
                .withQkvBias()
                .withOtherBiases()
                .with(new Mixture(
                        "mlp.router", "mlp.experts.", GATED, null, false, sizes.experts(), sizes.mlp(), 0, true));
    }

    private static RandomFamily glm(List<String> norms) {
        return new RandomFamily(
                norms,
                false,
                true,
                true,
                false,
                QkNorm.NONE,
                0,
                null,
                null,
                null,
                json -> json.put("partial_rotary_factor", 0.5).put("attention_bias", true));
    }

    private RandomFamily withQkvBias() {
        return new RandomFamily(
                norms,
                hasFusedQkv,
                hasFusedGateUp,
                true,
                hasOtherBiases,
                qkNorm,
                gainsLess,
                mixture,
                linear,
                gemma,
                extras);
    }

    private RandomFamily withOtherBiases() {
        return new RandomFamily(
                norms,
                hasFusedQkv,
                hasFusedGateUp,
                hasQkvBias,
                true,
                qkNorm,
                gainsLess,
                mixture,
                linear,
                gemma,
                extras);
    }

    private RandomFamily lessOne() {
        return new RandomFamily(
                norms,
                hasFusedQkv,
                hasFusedGateUp,
                hasQkvBias,
                hasOtherBiases,
                qkNorm,
                1,
                mixture,
                linear,
                gemma,
                extras);
    }

    private RandomFamily with(Mixture of) {
        return new RandomFamily(
                norms,
                hasFusedQkv,
                hasFusedGateUp,
                hasQkvBias,
                hasOtherBiases,
                qkNorm,
                gainsLess,
                of,
                linear,
                gemma,
                extras);
    }

    private static ObjectNode mixture(ObjectNode json, Sizes sizes) {
        return json.put("num_experts_per_tok", sizes.chosen());
    }

    private static ObjectNode gelu(ObjectNode json) {
        json.remove("hidden_act");
        return json.put("hidden_activation", "gelu_pytorch_tanh");
    }

    /** Every {@code every}th layer attends to all tokens, the others to a window. */
    private static ObjectNode windows(ObjectNode json, int every) {
        ArrayNode types = json.putArray("layer_types");
        for (int l = 0; l < json.get("num_hidden_layers").asInt(); l++) {
            types.add((l + 1) % every == 0 ? "full_attention" : "sliding_attention");
        }
        return json.put("sliding_window", WINDOW);
    }

    private static void longRope(ObjectNode json) {
        json.put("partial_rotary_factor", 0.75).put("original_max_position_embeddings", 64);
        int pairs = (int) (json.get("head_dim").asInt() * 0.75) / 2;
        ObjectNode scaling = json.putObject("rope_scaling").put("type", "longrope");
        ArrayNode shorter = scaling.putArray("short_factor");
        ArrayNode longer = scaling.putArray("long_factor");
        for (int i = 0; i < pairs; i++) {
            shorter.add(1 + 0.01 * i);
            longer.add(1 + 0.7 * i);
        }
    }

    /** Whether each head has a sink: where experts are kept together, which gpt-oss alone has either of. */
    boolean hasSinks() {
        return mixture != null && mixture.isTogether() && linear == null;
    }

    /** Adds the family's fields to a config.json. */
    void configure(ObjectNode json) {
        extras.accept(json);
    }
}
