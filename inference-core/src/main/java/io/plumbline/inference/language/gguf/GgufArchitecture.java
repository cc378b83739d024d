package io.plumbline.inference.language.gguf;

import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How llama.cpp names and lays out a family, as far as its files are written here.
 *
 * @param name of the architecture.
 * @param hasNeighbours whether rotated pairs are neighbours, not halves.
 * @param hasFusedQkv whether query, key and value projections are one tensor.
 * @param hasFusedGateUp whether gate and up are one.
 */
record GgufArchitecture(String name, boolean hasNeighbours, boolean hasFusedQkv, boolean hasFusedGateUp) {
    /** Null where files of the family are not written. */
    static GgufArchitecture of(String architecture) {
        return switch (architecture) {
            case "LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM" -> neighbours("llama");
            case "Qwen2ForCausalLM" -> halves("qwen2");
            case "Qwen3ForCausalLM" -> halves("qwen3");
            case "Qwen3MoeForCausalLM" -> halves("qwen3moe");
            case "OlmoeForCausalLM" -> halves("olmoe");
            case "Olmo2ForCausalLM" -> halves("olmo2");
            case "GemmaForCausalLM" -> halves("gemma");
            case "Gemma2ForCausalLM" -> halves("gemma2");
            case "Gemma3ForCausalLM" -> halves("gemma3");
            case "Exaone4ForCausalLM" -> halves("exaone4");
            case "SmolLM3ForCausalLM" -> neighbours("smollm3");
            case "GraniteForCausalLM" -> neighbours("granite");
            case "Glm4MoeForCausalLM" -> halves("glm4moe");
            case "GptOssForCausalLM" -> halves("gpt-oss");
            case "Phi3ForCausalLM" -> new GgufArchitecture("phi3", false, true, true);
            case "Glm4ForCausalLM" -> new GgufArchitecture("glm4", true, false, true);
            default -> null;
        };
    }

    private static GgufArchitecture halves(String name) {
        return new GgufArchitecture(name, false, false, false);
    }

    private static GgufArchitecture neighbours(String name) {
        return new GgufArchitecture(name, true, false, false);
    }

    /** Name of the norm before the feed-forward part. */
    String mlpNorm() {
        return name.equals("glm4moe") || name.equals("gpt-oss") ? "post_attention_norm" : "ffn_norm";
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
