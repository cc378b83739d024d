package io.plumbline.inference.language.gguf;

import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.HeadShape;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * How llama.cpp names and lays out a family.
 *
 * @param family as config.json names its architecture.
 * @param name of the architecture there.
 * @param hasNeighbours whether rotated pairs are neighbours, not halves.
 * @param hasFusedQkv whether query, key and value projections are one tensor.
 * @param hasFusedGateUp whether gate and up are one.
 */
record GgufArchitecture(
        String family, String name, boolean hasNeighbours, boolean hasFusedQkv, boolean hasFusedGateUp) {
    /** Where files of several families have one name, the first is that of files that say no more. */
    private static final List<GgufArchitecture> ALL = List.of(
            neighbours("LlamaForCausalLM", "llama"),
            neighbours("MistralForCausalLM", "llama"),
            neighbours("MixtralForCausalLM", "llama"),
            neighbours("MistralForCausalLM", "mistral"),
            halves("Qwen2ForCausalLM", "qwen2"),
            halves("Qwen3ForCausalLM", "qwen3"),
            halves("Qwen3MoeForCausalLM", "qwen3moe"),
            halves("OlmoeForCausalLM", "olmoe"),
            halves("Olmo2ForCausalLM", "olmo2"),
            halves("GemmaForCausalLM", "gemma"),
            halves("Gemma2ForCausalLM", "gemma2"),
            halves("Gemma3ForCausalLM", "gemma3"),
            halves("Gemma4ForCausalLM", "gemma4"),
            halves("Gemma4ForConditionalGeneration", "gemma4"),
            halves("Exaone4ForCausalLM", "exaone4"),
            neighbours("SmolLM3ForCausalLM", "smollm3"),
            neighbours("GraniteForCausalLM", "granite"),
            halves("Glm4MoeForCausalLM", "glm4moe"),
            halves("GptOssForCausalLM", "gpt-oss"),
            halves("Qwen3NextForCausalLM", "qwen3next"),
            halves("Qwen3_5ForCausalLM", "qwen35"),
            halves("Qwen3_5ForConditionalGeneration", "qwen35"),
            halves("Qwen3_5MoeForCausalLM", "qwen35moe"),
            halves("Qwen3_5MoeForConditionalGeneration", "qwen35moe"),
            new GgufArchitecture("Phi3ForCausalLM", "phi3", false, true, true),
            new GgufArchitecture("Glm4ForCausalLM", "glm4", true, false, true));

    /** The first for which {@code is} holds; null where there is none. */
    private static GgufArchitecture first(Predicate<GgufArchitecture> is) {
        return ALL.stream().filter(is).findFirst().orElse(null);
    }

    /** That of a family; null where its files are not written. */
    static GgufArchitecture of(String family) {
        return first(one -> one.family().equals(family));
    }

    /** That of a file's name for it; null where it is not known. */
    static GgufArchitecture named(String name) {
        return first(one -> one.name().equals(name));
    }

    private static GgufArchitecture halves(String family, String name) {
        return new GgufArchitecture(family, name, false, false, false);
    }

    private static GgufArchitecture neighbours(String family, String name) {
        return new GgufArchitecture(family, name, true, false, false);
    }

    /** Whether most layers have linear attention, and the others a gate in theirs. */
    boolean isLinear() {
        return name.startsWith("qwen35") || name.equals("qwen3next");
    }

    /** Whether rates and decays are one tensor, and value heads in the order of their key heads. */
    boolean isByKeyHead() {
        return name.equals("qwen3next");
    }

    /** Whether gate and up of all experts are one tensor. */
    boolean hasFusedExperts() {
        return name.equals("gemma4");
    }

    /** Behind the names of the matrices of the part that all tokens go through beside experts. */
    String sharedSuffix() {
        return name.equals("gemma4") ? "" : "_shexp";
    }

    /** Name of the norm before the feed-forward part. */
    String mlpNorm() {
        return name.equals("glm4moe") || name.equals("gpt-oss") || isLinear() ? "post_attention_norm" : "ffn_norm";
    }

    /** Keys beside those that every architecture has, by their names behind the architecture's. */
    Map<String, Object> extras(ModelConfig c) {
        Architecture a = c.architecture();
        Map<String, Object> all = new LinkedHashMap<>();
        if (a.window() > 0) {
            all.put("attention.sliding_window", a.window());
        }
        put(all, "attn_logit_softcapping", a.scoreCap());
        put(all, "final_logit_softcapping", a.logitCap());
        if (name.equals("granite")) {
            put(all, "attention.scale", a.attentionScale());
            put(all, "embedding_scale", a.embeddingScale());
            // Their multipliers are in the matrices' scales.
            all.put("residual_scale", 1f);
            all.put("logit_scale", 1f);
        }
        rope(all, c.rope());
        if (name.equals("gemma4")) {
            gemma4(all, c);
        }
        if (a.delta() != null) {
            linear(all, c);
        }
        Experts experts = a.experts();
        if (experts != null) {
            all.put("expert_count", experts.count());
            all.put("expert_used_count", experts.chosen());
            all.put("expert_feed_forward_length", experts.mlp());
            if (experts.scoring() == Experts.Scoring.SIGMOID) {
                all.put("expert_gating_func", 2);
                all.put("expert_shared_count", experts.sharedMlp() / experts.mlp());
                all.put("expert_weights_scale", experts.scale());
                all.put("expert_weights_norm", experts.isRenormalized());
                all.put("leading_dense_block_count", experts.dense());
            }
        }
        return all;
    }

    private static void gemma4(Map<String, Object> all, ModelConfig c) {
        Architecture a = c.architecture();
        HeadShape local = a.localHeads() == null ? new HeadShape(c.kvHeads(), c.headDim()) : a.localHeads();
        all.put("attention.sliding_window_pattern", ofLayers(c, a::isLocal));
        all.put("attention.head_count_kv", ofLayers(c, c::kvHeads));
        all.put("attention.key_length_swa", local.dim());
        all.put("attention.value_length_swa", local.dim());
        all.put("rope.dimension_count_swa", local.dim());
        all.put("rope.freq_base_swa", (float) c.localRope().theta());
        all.put("attention.shared_kv_layers", a.sharedCaches());
        all.put("embedding_length_per_layer_input", a.perLayer());
        if (a.sharedMlp() > 0) {
            all.put("feed_forward_length", ofLayers(c, c::mlp));
        }
    }

    private static List<?> ofLayers(ModelConfig c, IntFunction<?> value) {
        return IntStream.range(0, c.layers()).mapToObj(value).toList();
    }

    private void linear(Map<String, Object> all, ModelConfig c) {
        DeltaRule delta = c.architecture().delta();
        all.put("ssm.conv_kernel", delta.taps());
        all.put("ssm.state_size", delta.keyDim());
        all.put("ssm.group_count", delta.keyHeads());
        all.put("ssm.time_step_rank", delta.valueHeads());
        all.put("ssm.inner_size", delta.values());
        all.put("full_attention_interval", c.architecture().attention().indexOf('F') + 1);
        if (!isByKeyHead()) {
            all.put("rope.dimension_sections", GgufLinear.sections(c.rotaryDim() / 2));
        }
        if (c.architecture().experts() != null) {
            all.put(
                    "expert_shared_feed_forward_length",
                    c.architecture().experts().sharedMlp());
        }
    }

    private static void put(Map<String, Object> all, String key, float value) {
        if (value != 0) {
            all.put(key, value);
        }
    }

    private static void rope(Map<String, Object> all, Rope rope) {
        switch (rope.scaling()) {
            case RopeScaling.Linear linear -> {
                all.put("rope.scaling.type", "linear");
                all.put("rope.scaling.factor", (float) linear.factor());
            }
            case RopeScaling.Yarn yarn -> {
                all.put("rope.scaling.type", "yarn");
                all.put("rope.scaling.factor", (float) yarn.factor());
                all.put("rope.scaling.original_context_length", (int) yarn.originalPositions());
            }
            case RopeScaling.LongRope longRope -> {
                // Every context is longer than this one, so the long factors are taken.
                all.put("rope.scaling.original_context_length", 1);
                all.put("rope.scaling.attn_factor", (float) longRope.magnitude());
            }
            default -> {
                // Said by nothing, or by divisors.
            }
        }
    }
}
