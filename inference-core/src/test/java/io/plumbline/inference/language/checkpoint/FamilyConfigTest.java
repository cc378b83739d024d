package io.plumbline.inference.language.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.numerics.Constants;
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
