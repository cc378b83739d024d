package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.HeadShape;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading of a config.json: what it leaves out is the family's, what it says otherwise is refused by name. */
class FamilyConfigTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static final String SIZES = "\"hidden_size\": 64, \"num_hidden_layers\": 8, \"num_attention_heads\": 4,"
            + " \"num_key_value_heads\": 2, \"head_dim\": 16, \"intermediate_size\": 96, \"vocab_size\": 320,"
            + " \"max_position_embeddings\": 8192";

    /** @param more fields, each after a comma; the later of two of a name counts. */
    private static ObjectNode json(String architecture, String more) throws IOException {
        return (ObjectNode)
                MAPPER.readTree("{\"architectures\": [\"" + architecture + "\"], " + fields(architecture) + more + "}");
    }

    /** Experts belong to those that have them. */
    private static String fields(String architecture) {
        String count = switch (architecture) {
            case "MixtralForCausalLM" -> "num_local_experts";
            case "Glm4MoeForCausalLM" -> "n_routed_experts";
            case "Qwen3MoeForCausalLM" -> "num_experts";
            default -> null;
        };
        return count == null
                ? SIZES
                : SIZES + ", \"" + count + "\": 4, \"num_experts_per_tok\": 2, \"moe_intermediate_size\": 48";
    }

    private static HuggingFaceConfig read(String architecture, String more) throws IOException {
        return HuggingFaceConfig.parse(json(architecture, more), "config.json");
    }

    private static String refused(String architecture, String more) {
        IOException e = assertThrows(IOException.class, () -> read(architecture, more));
        assertTrue(e.getMessage().length() < 600 && !e.getMessage().contains("\n"), e.getMessage());
        return e.getMessage();
    }

    @Test
    void whatAFileLeavesOutIsAsTransformersHasIt() throws IOException {
        assertTrue(read("SmolLM3ForCausalLM", "").tied(), "SmolLM3-3B's file does not say that it is tied");
        assertTrue(read("Gemma2ForCausalLM", "").tied());
        assertFalse(read("LlamaForCausalLM", "").tied());
        assertFalse(
                read("SmolLM3ForCausalLM", ", \"tie_word_embeddings\": false").tied());
        for (String windowed : new String[] {"MistralForCausalLM", "MinistralForCausalLM"}) {
            assertEquals(4_096, read(windowed, "").model().architecture().window(), windowed);
            assertEquals(
                    Architecture.PLAIN,
                    read(windowed, ", \"sliding_window\": null").model().architecture());
        }
        Architecture exaone = read("Exaone4ForCausalLM", "").model().architecture();
        assertEquals("WWWfWWWf", exaone.attention());
        assertEquals(
                "",
                read("Exaone4ForCausalLM", ", \"sliding_window\": null")
                        .model()
                        .architecture()
                        .attention());
        assertEquals(0, read("MixtralForCausalLM", "").model().architecture().window());
        for (String coarse : new String[] {"Olmo2ForCausalLM", "Phi3ForCausalLM", "Exaone4ForCausalLM"}) {
            assertEquals(1e-5f, read(coarse, "").model().eps(), coarse);
        }
    }

    /** The published file of gpt-oss-20b, but for how its layers are spelled out. */
    @Test
    void gptOssIsReadAsPublished() throws IOException {
        String published = """
                {"architectures": ["GptOssForCausalLM"], "attention_bias": true, "attention_dropout": 0.0,
                "eos_token_id": 200002, "experts_per_token": 4, "head_dim": 64, "hidden_act": "silu",
                "hidden_size": 2880, "initial_context_length": 4096, "initializer_range": 0.02,
                "intermediate_size": 2880, "max_position_embeddings": 131072, "model_type": "gpt_oss",
                "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24,
                "num_key_value_heads": 8, "num_local_experts": 32, "output_router_logits": false,
                "pad_token_id": 199999, "quantization_config": {"modules_to_not_convert":
                ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
                "quant_method": "mxfp4"}, "rms_norm_eps": 1e-05, "rope_scaling": {"beta_fast": 32.0,
                "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
                "rope_type": "yarn", "truncate": false}, "rope_theta": 150000, "router_aux_loss_coef": 0.9,
                "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": false,
                "transformers_version": "4.55.0.dev0", "use_cache": true, "vocab_size": 201088}
                """;
        HuggingFaceConfig read = HuggingFaceConfig.parse(MAPPER.readTree(published), "config.json");
        Architecture architecture = read.model().architecture();
        assertEquals("WF".repeat(12), architecture.attention());
        assertEquals(128, architecture.window());
        assertEquals(7f, architecture.gateLimit());
        assertEquals(
                new Experts(32, 4, 2880, 0, Experts.Scoring.SOFTMAX, false, true, 1, 0, true), architecture.experts());
        assertTrue(architecture.hasSinks()
                && architecture.outBias()
                && read.model().qkvBias());
        assertEquals(
                new RopeScaling.Yarn(32, 0.1 * StrictMath.log(32) + 1, 32, 1, 4096, false),
                read.model().rope().scaling());
        assertEquals(Constants.MAX_CONTEXT, read.model().maxPositions());
        assertEquals(Quantization.NONE, read.quantization());
        assertFalse(read.tied());
    }

    /** The published files of Qwen3.5-0.8B and Qwen3-Next-80B-A3B, as far as their layers are described there. */
    @Test
    void linearAttentionIsReadAsPublished() throws IOException {
        String small = """
                {"architectures": ["Qwen3_5ForConditionalGeneration"], "image_token_id": 248056, "model_type": "qwen3_5",
                "text_config": {"attention_bias": false, "attention_dropout": 0.0, "attn_output_gate": true,
                "dtype": "bfloat16", "eos_token_id": 248044, "full_attention_interval": 4, "head_dim": 256,
                "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3584,
                "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
                "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16,
                "linear_num_value_heads": 16, "linear_value_head_dim": 128, "max_position_embeddings": 262144,
                "mlp_only_layers": [], "model_type": "qwen3_5_text", "mtp_num_hidden_layers": 1,
                "mtp_use_dedicated_embeddings": false, "num_attention_heads": 8, "num_hidden_layers": 4,
                "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "tie_word_embeddings": true, "use_cache": true,
                "vocab_size": 248320, "mamba_ssm_dtype": "float32", "rope_parameters": {"mrope_interleaved": true,
                "mrope_section": [11, 11, 10], "rope_type": "default", "rope_theta": 10000000,
                "partial_rotary_factor": 0.25}}, "vision_config": {"hidden_size": 768}}
                """;
        HuggingFaceConfig read = HuggingFaceConfig.parse(MAPPER.readTree(small), "config.json");
        Architecture architecture = read.model().architecture();
        assertEquals("DDDF", architecture.attention());
        assertEquals(new DeltaRule(16, 16, 128, 128, 4), architecture.delta());
        assertEquals(64, architecture.rotaryDim());
        assertTrue(architecture.hasAttentionGate() && read.model().qkNorm() && read.tied());
        assertEquals(Rope.plain(10_000_000), read.model().rope());
        String next = """
                {"architectures": ["Qwen3NextForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1,
                "full_attention_interval": 4, "head_dim": 256, "hidden_act": "silu", "hidden_size": 2048,
                "intermediate_size": 5120, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
                "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128,
                "max_position_embeddings": 262144, "mlp_only_layers": [], "model_type": "qwen3_next",
                "moe_intermediate_size": 512, "norm_topk_prob": true, "num_attention_heads": 16, "num_experts": 512,
                "num_experts_per_tok": 10, "num_hidden_layers": 48, "num_key_value_heads": 2,
                "partial_rotary_factor": 0.25, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 10000000,
                "shared_expert_intermediate_size": 512, "tie_word_embeddings": false, "use_sliding_window": false,
                "vocab_size": 151936}
                """;
        architecture = HuggingFaceConfig.parse(MAPPER.readTree(next), "config.json")
                .model()
                .architecture();
        assertEquals("DDDF".repeat(12), architecture.attention());
        assertEquals(new DeltaRule(16, 32, 128, 128, 4), architecture.delta());
        assertEquals(
                new Experts(512, 10, 512, 512, Experts.Scoring.SOFTMAX, false, true, 1, 0, false, true, false),
                architecture.experts());
    }

    private static ObjectNode gemma4() throws IOException {
        return (ObjectNode) MAPPER.readTree("""
                {"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4", "text_config": {
                "attention_bias": false, "attention_k_eq_v": false, "enable_moe_block": false,
                "final_logit_softcapping": 30.0, "global_head_dim": 512, "head_dim": 256,
                "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1536, "hidden_size_per_layer_input": 256,
                "intermediate_size": 6144, "layer_types": ["sliding_attention", "sliding_attention",
                "sliding_attention", "sliding_attention", "full_attention", "sliding_attention",
                "sliding_attention", "sliding_attention", "sliding_attention", "full_attention"],
                "max_position_embeddings": 131072, "model_type": "gemma4_text", "moe_intermediate_size": null,
                "num_attention_heads": 8, "num_experts": null, "num_global_key_value_heads": null,
                "num_hidden_layers": 10, "num_key_value_heads": 1, "num_kv_shared_layers": 5, "rms_norm_eps": 1e-06,
                "rope_parameters": {"full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0,
                "rope_type": "proportional"}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},
                "sliding_window": 512, "tie_word_embeddings": true, "top_k_experts": null,
                "use_bidirectional_attention": "vision", "use_double_wide_mlp": true, "vocab_size": 262144,
                "vocab_size_per_layer_input": 262144}, "vision_config": {"hidden_size": 768}}
                """);
    }

    /** The fields of the published E2B, and those by which 31B differs, with fewer layers. */
    @Test
    void gemma4IsReadAsItsFilesSay() throws IOException {
        ModelConfig small = HuggingFaceConfig.parse(gemma4(), "config.json").model();
        Architecture architecture = small.architecture();
        assertEquals("WWWWFWWWWF", architecture.attention());
        assertEquals(new HeadShape(1, 256), architecture.localHeads());
        assertEquals(512, small.headDim());
        assertEquals(5, architecture.sharedCaches());
        assertEquals(3, small.kvLayer(8));
        assertEquals(4, small.kvLayer(9));
        assertEquals(6144, small.mlp(4));
        assertEquals(12_288, small.mlp(5));
        assertEquals(256, architecture.perLayer());
        assertEquals(new Rope(1_000_000, new RopeScaling.Proportional(1, 64)), small.rope());
        assertEquals(Rope.plain(10_000), small.localRope());
        assertEquals(1, small.attentionScale(0));
        assertTrue(small.hasValues(4) && architecture.valueNorm() && architecture.layerScale());

        ObjectNode large = gemma4();
        ObjectNode text = (ObjectNode) large.get("text_config");
        text.put("attention_k_eq_v", true)
                .put("num_attention_heads", 32)
                .put("num_key_value_heads", 16)
                .put("num_global_key_value_heads", 4)
                .put("num_kv_shared_layers", 0)
                .put("use_double_wide_mlp", false)
                .putNull("hidden_size_per_layer_input");
        ModelConfig read = HuggingFaceConfig.parse(large, "config.json").model();
        assertEquals(new HeadShape(16, 256), read.architecture().localHeads());
        assertEquals(4, read.kvHeads(4));
        assertTrue(read.hasValues(0) && !read.hasValues(4));
        assertEquals(32 * 512 + 4 * 512, read.qkvDim(4));
        assertEquals(0, read.architecture().perLayer());
        assertEquals(6144, read.mlp(9));

        text.put("enable_moe_block", true)
                .put("intermediate_size", 2112)
                .put("moe_intermediate_size", 704)
                .put("num_experts", 128)
                .put("top_k_experts", 8);
        read = HuggingFaceConfig.parse(large, "config.json").model();
        assertEquals(
                new Experts(128, 8, 704, 2112, Experts.Scoring.SOFTMAX, false, true, 1, 0, false, false, true),
                read.architecture().experts());
        assertEquals(2112, read.mlp(9));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "use_bidirectional_attention | \"all\" | use_bidirectional_attention all",
                "num_kv_shared_layers | 10 | 10 of 10 layers without keys and values",
                "num_kv_shared_layers | 7 | no keys and values for layer 4",
                "num_kv_shared_layers | -1 | counts of -1",
                "num_hidden_layers | 9 | a last layer of sliding_attention",
                "global_head_dim | 1024 | head size 1024 is above 512",
                "vocab_size_per_layer_input | 262145 | embeddings of 262145 tokens in layers",
                "hidden_size_per_layer_input | -1 | are not from 0",
                "enable_moe_block | true | num_experts is missing or not positive",
                "num_experts | 8 | num_experts 8 of Gemma4ForConditionalGeneration",
                "query_pre_attn_scalar | 256 | query_pre_attn_scalar 256",
            })
    void whatGemma4CannotBeIsRefusedByName(String field, String value, String message) throws IOException {
        ObjectNode changed = gemma4();
        ((ObjectNode) changed.get("text_config")).set(field, MAPPER.readTree(value));
        IOException refused = assertThrows(IOException.class, () -> HuggingFaceConfig.parse(changed, "config.json"));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
        assertTrue(refused.getMessage().contains("Nothing was loaded"), refused.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "linear_num_value_heads | 3 | 3 value heads of linear attention cannot share 2 key heads",
                "linear_conv_kernel_dim | null | linear_conv_kernel_dim is missing or not positive",
                "linear_conv_kernel_dim | 1 | a convolution of 1 taps",
                "linear_conv_kernel_dim | 400 | a convolution of 400 taps",
                "linear_key_head_dim | 0 | linear_key_head_dim is missing or not positive",
                "linear_key_head_dim | 512 | heads of linear attention of 512",
                "linear_num_key_heads | -2 | linear_num_key_heads is missing or not positive",
                "linear_num_key_heads | 2000000000 | cannot share 2000000000 key heads",
                "layer_types | [\"linear_attention\", \"mamba\"] | layer type mamba is not supported",
                "layer_types | [\"linear_attention\"] | 1 layer types for 2 layers",
                "layer_types | [\"linear_attention\", \"linear_attention\"] | linear attention in all layers",
                "attn_output_gate | false | attention without a gate",
                "output_gate_type | \"relu\" | an output gate of type relu",
                "partial_rotary_factor | 0.01 | a partial rotary factor of 0.01",
                "mlp_only_layers | [1] | decoder_sparse_step and mlp_only_layers",
                "shared_expert_intermediate_size | 0 | shared_expert_intermediate_size is missing or not positive",
            })
    void whatLinearAttentionCannotBeIsRefusedByName(String field, String value, String message) throws IOException {
        String json = """
                {"architectures": ["Qwen3NextForCausalLM"], "full_attention_interval": 2, "head_dim": 16,
                "hidden_size": 64, "intermediate_size": 96, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 16,
                "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_value_head_dim": 16,
                "max_position_embeddings": 256, "moe_intermediate_size": 48, "num_attention_heads": 4,
                "num_experts": 6, "num_experts_per_tok": 2, "num_hidden_layers": 2, "num_key_value_heads": 2,
                "partial_rotary_factor": 0.25, "shared_expert_intermediate_size": 48, "vocab_size": 320}
                """;
        ObjectNode changed = (ObjectNode) MAPPER.readTree(json);
        HuggingFaceConfig.parse(changed, "config.json");
        changed.set(field, MAPPER.readTree(value));
        IOException refused = assertThrows(IOException.class, () -> HuggingFaceConfig.parse(changed, "config.json"));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
        assertTrue(refused.getMessage().contains("Nothing was loaded"), refused.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "LlamaForCausalLM | \"hidden_size\": \"64\" | hidden_size is \"64\" where a whole number",
                "LlamaForCausalLM | \"num_key_value_heads\": [2] | num_key_value_heads is [2] where",
                "LlamaForCausalLM | \"num_attention_heads\": 4.5 | num_attention_heads is 4.5 where",
                "LlamaForCausalLM | \"vocab_size\": 1e20 | vocab_size is 1.0E20 where",
                "LlamaForCausalLM | \"rope_theta\": \"1e6\" | rope_theta is \"1e6\" where a number",
                "LlamaForCausalLM | \"rms_norm_eps\": [] | rms_norm_eps is [] where",
                "LlamaForCausalLM | \"rms_norm_eps\": 1e999 | rms_norm_eps is Infinity",
                "LlamaForCausalLM | \"attention_bias\": 1 | attention_bias is 1 where true or false",
                "LlamaForCausalLM | \"tie_word_embeddings\": \"yes\" | tie_word_embeddings is \"yes\" where",
                "LlamaForCausalLM | \"hidden_act\": 5 | hidden_act is 5 where a name",
                "LlamaForCausalLM | \"rope_scaling\": \"linear\" | rope_scaling is \"linear\" where an object",
                "LlamaForCausalLM | \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": \"2\"} | factor is \"2\"",
                "LlamaForCausalLM | \"layer_types\": \"full_attention\" | layer_types is \"full_attention\" where a list",
                "LlamaForCausalLM | \"num_hidden_layers\": 2147483647 | 2147483647 layers is not supported",
                "MistralForCausalLM | \"sliding_window\": \"4096\" | sliding_window is \"4096\" where",
                "MistralForCausalLM | \"sliding_window\": -1 | a sliding window of -1 tokens",
                "Olmo3ForCausalLM | \"layer_types\": [null, null, null, null, null, null, null, null] | layer type null",
                "Gemma3ForCausalLM | \"sliding_window_pattern\": 0 | sliding_window_pattern is missing or not positive",
                "Gemma2ForCausalLM | \"attn_logit_softcapping\": \"50\" | attn_logit_softcapping is \"50\" where",
                "Gemma2ForCausalLM | \"attn_logit_softcapping\": 1e-40 | a cap of",
                "Phi3ForCausalLM | \"rope_scaling\": {\"type\": \"su\", \"short_factor\": {\"a\": 1}} | divisors",
                "Phi3ForCausalLM | \"rope_scaling\": {\"type\": \"su\", \"short_factor\": 3} | 0 factors of a long rope",
                "LlamaForCausalLM | \"rope_scaling\": {\"type\": \"linear\", \"factor\": 0.5} | linear by [0.5]",
                "Glm4MoeForCausalLM | \"n_shared_experts\": 89478486 | shared experts of 4294967328 in all",
                "Glm4MoeForCausalLM | \"n_routed_experts\": 1000000 | 1000000 experts are not in",
                "Qwen3MoeForCausalLM | \"mlp_only_layers\": 3 | mlp_only_layers is 3 where a list",
                "MixtralForCausalLM | \"num_experts_per_tok\": 9 | 9 experts a token, of 4",
                "LlamaForCausalLM | \"rope_theta\": 1, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4} | frequency",
            })
    void whatIsOfAnotherKindOrAbsurdIsRefusedByName(String architecture, String field, String message) {
        String found = refused(architecture, ", " + field);
        assertTrue(found.contains(message), found);
    }

    /** A message shows what is wrong, not all that is there. */
    @ParameterizedTest
    @ValueSource(strings = {"\"short_factor\": [%s]", "\"short_factor\": \"%s\"", "\"rope_type\": \"%s\""})
    void aMessageStaysALineHoweverMuchIsWrong(String field) {
        String numbers = String.join(",", Collections.nCopies(100_000, "1"));
        refused("Phi3ForCausalLM", ", \"rope_scaling\": {\"type\": \"su\", " + field.formatted(numbers) + "}");
    }
}
