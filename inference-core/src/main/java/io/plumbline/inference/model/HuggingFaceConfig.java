package io.plumbline.inference.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What a Hugging Face {@code config.json} says, as far as exact inference needs it. What cannot be run exactly is refused by name.
 *
 * @param model shape and arithmetic.
 * @param tied whether the output matrix is the embedding.
 * @param stopTokens end-of-text ids, ascending.
 */
public record HuggingFaceConfig(ModelConfig model, boolean tied, int[] stopTokens) {
    /** Reads {@code folder/config.json}. */
    public static HuggingFaceConfig read(Path folder) throws IOException {
        Path path = folder.resolve("config.json");
        if (!Files.isReadable(path)) {
            throw new IOException(path
                    + " does not exist. A model is a folder with config.json, tokenizer.json and model.safetensors.");
        }
        JsonNode json;
        try {
            json = new ObjectMapper().readTree(Files.readAllBytes(path));
        } catch (IOException e) {
            throw new IOException(path + " is not JSON: " + e.getMessage(), e);
        }
        String architecture = json.path("architectures")
                .path(0)
                .asText(json.path("model_type").asText("unknown"));
        if (!architecture.equals("LlamaForCausalLM")) {
            throw unsupported(path, "architecture " + architecture, "LlamaForCausalLM is");
        }
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu")) {
            throw unsupported(path, "activation " + activation, "silu is");
        }
        if (json.path("rope_scaling").isObject()) {
            throw unsupported(path, "rope scaling", "plain rope is");
        }
        if (json.path("attention_bias").asBoolean(false)
                || json.path("mlp_bias").asBoolean(false)) {
            throw unsupported(path, "a bias in attention or mlp", "none is");
        }
        int heads = size(path, json, "num_attention_heads");
        int hidden = size(path, json, "hidden_size");
        try {
            ModelConfig model = new ModelConfig(
                    hidden,
                    size(path, json, "num_hidden_layers"),
                    heads,
                    json.path("num_key_value_heads").asInt(heads),
                    json.path("head_dim").asInt(hidden / heads),
                    size(path, json, "intermediate_size"),
                    size(path, json, "vocab_size"),
                    size(path, json, "max_position_embeddings"),
                    (float) json.path("rms_norm_eps").asDouble(1e-6),
                    json.path("rope_theta").asDouble(10_000),
                    false,
                    false);
            return new HuggingFaceConfig(model, json.path("tie_word_embeddings").asBoolean(false), stops(json));
        } catch (IllegalArgumentException e) {
            throw new IOException(path + ": " + e.getMessage() + " Nothing was loaded.", e);
        }
    }

    private static IOException unsupported(Path path, String what, String known) {
        return new IOException(path + ": " + what + " is not supported exactly; " + known + ". Nothing was loaded.");
    }

    private static int size(Path path, JsonNode json, String field) throws IOException {
        int value = json.path(field).asInt(0);
        if (value <= 0) {
            throw new IOException(path + ": " + field + " is missing or not positive. Nothing was loaded.");
        }
        return value;
    }

    private static int[] stops(JsonNode json) {
        JsonNode eos = json.path("eos_token_id");
        if (eos.isArray()) {
            int[] ids = new int[eos.size()];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = eos.get(i).asInt();
            }
            Arrays.sort(ids);
            return ids;
        }
        return eos.isInt() ? new int[] {eos.asInt()} : new int[0];
    }
}
