package io.plumbline.inference.language.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.numerics.Constants;
import io.plumbline.verifier.numerics.Rope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * What a Hugging Face {@code config.json} says, as far as exact inference needs it. What cannot be run exactly is
 * refused by name.
 *
 * @param model shape and arithmetic.
 * @param tied whether the output matrix is the embedding.
 * @param int8 whether the matrices are int8 already, in the compressed-tensors W8A8 layout.
 * @param stopTokens end-of-text ids, ascending.
 */
public record HuggingFaceConfig(ModelConfig model, boolean tied, boolean int8, int[] stopTokens) {
    /** Files of a model's folder that are read here, the second where there is one. */
    public static final List<String> FILES = List.of("config.json", "generation_config.json");

    /** Python writes NaN and Infinity, which matter where a field is used. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    /** Fields by which other models compute something else, and the values at which they do not. */
    private static final Map<String, Double> NEUTRAL = Map.ofEntries(
            Map.entry("logit_scale", 1.0),
            Map.entry("logits_scaling", 1.0),
            Map.entry("embedding_multiplier", 1.0),
            Map.entry("residual_multiplier", 1.0),
            Map.entry("scale_emb", 1.0),
            Map.entry("mup_scale", 1.0),
            Map.entry("attention_multiplier", 0.0),
            Map.entry("attn_logit_softcapping", 0.0),
            Map.entry("final_logit_softcapping", 0.0),
            Map.entry("query_pre_attn_scalar", 0.0),
            Map.entry("clip_qkv", 0.0),
            Map.entry("scale_depth", 0.0),
            Map.entry("dim_model_base", 0.0),
            Map.entry("num_experts", 0.0),
            Map.entry("num_local_experts", 0.0),
            Map.entry("n_routed_experts", 0.0),
            Map.entry("attention_chunk_size", 0.0));

    /** Fields that switch something on that is not computed here, or name what is left out. */
    private static final List<String> SWITCHES = List.of(
            "alibi",
            "use_alibi",
            "rope_interleaved",
            "use_parallel_residual",
            "parallel_residual",
            "use_mrope",
            "qk_layernorm",
            "attention_out_bias",
            "no_rope_layers",
            "no_rope_layer_interval",
            "layernorm_zero_centered_gamma",
            "attention_sinks");

    /** Bytes of a configuration file; those of models have some thousands. */
    private static final int MAX_BYTES = 1 << 20;

    /** Reads {@code folder/config.json}; end-of-text ids of generation_config.json join its own. */
    public static ObjectNode json(Path folder) throws IOException {
        ModelFolder inside = new ModelFolder(folder);
        if (!inside.has("config.json")) {
            throw new IOException(folder.resolve("config.json")
                    + " does not exist. A model is a folder with config.json, tokenizer.json and model.safetensors.");
        }
        ObjectNode json = read(inside, "config.json");
        if (inside.has("generation_config.json")) {
            TreeSet<Integer> stops = new TreeSet<>();
            addStops(stops, json);
            addStops(stops, read(inside, "generation_config.json"));
            ArrayNode all = json.putArray("eos_token_id");
            stops.forEach(all::add);
        }
        return json;
    }

    private static ObjectNode read(ModelFolder inside, String name) throws IOException {
        byte[] bytes = ModelFolder.bytes(inside.file(name), MAX_BYTES);
        Path file = inside.path().resolve(name);
        try {
            if (JSON.readTree(bytes) instanceof ObjectNode object) {
                return object;
            }
            throw new IOException(file + " is not a JSON object. Download it again. Nothing was loaded.");
        } catch (JacksonException e) {
            JsonLocation at = e.getLocation();
            throw new IOException(
                    file + " is not JSON"
                            + (at == null ? "" : ": line " + at.getLineNr() + ", column " + at.getColumnNr())
                            + ". Download it again. Nothing was loaded.",
                    e);
        }
    }

    /**
     * Understands {@code json}.
     *
     * @param origin file or folder, for messages.
     */
    public static HuggingFaceConfig parse(JsonNode json, String origin) throws IOException {
        String architecture = json.path("architectures")
                .path(0)
                .asText(json.path("model_type").asText("unknown"));
        Family family = Family.of(architecture);
        if (family == null) {
            throw unsupported(origin, "architecture " + architecture, Family.all() + " are");
        }
        String activation = json.path("hidden_act").asText("silu");
        if (!activation.equals("silu")) {
            throw unsupported(origin, "activation " + activation, "silu is");
        }
        if (!family.qkvBias() && json.path("attention_bias").asBoolean(false)
                || json.path("mlp_bias").asBoolean(false)) {
            throw unsupported(origin, "a bias in attention or mlp of " + architecture, "none is");
        }
        refuseWhatChangesTheArithmetic(origin, json, family);
        int heads = size(origin, json, "num_attention_heads");
        int hidden = size(origin, json, "hidden_size");
        // The int32 halves of an attention sum end there; a model made for more is run to that length.
        int context = Math.min(size(origin, json, "max_position_embeddings"), Constants.MAX_CONTEXT);
        refuseSlidingWindow(origin, json, context);
        try {
            ModelConfig model = new ModelConfig(
                    hidden,
                    size(origin, json, "num_hidden_layers"),
                    heads,
                    json.path("num_key_value_heads").asInt(heads),
                    json.path("head_dim").asInt(hidden / heads),
                    size(origin, json, "intermediate_size"),
                    size(origin, json, "vocab_size"),
                    context,
                    (float) finite(origin, json, "rms_norm_eps", 1e-6),
                    rope(origin, json),
                    family.qkvBias(),
                    family.qkNorm());
            TreeSet<Integer> stops = new TreeSet<>();
            addStops(stops, json);
            return new HuggingFaceConfig(
                    model,
                    json.path("tie_word_embeddings").asBoolean(false),
                    int8(origin, json.path("quantization_config")),
                    stops.stream().mapToInt(Integer::intValue).toArray());
        } catch (IllegalArgumentException e) {
            throw new IOException(origin + ": " + e.getMessage() + " Nothing was loaded.", e);
        }
    }

    /** Other models compute more by these fields than these families do: left out in silence it would be wrong. */
    private static void refuseWhatChangesTheArithmetic(String origin, JsonNode json, Family family) throws IOException {
        for (Map.Entry<String, Double> one : NEUTRAL.entrySet()) {
            JsonNode value = json.path(one.getKey());
            if (value.isNumber() && value.asDouble() != one.getValue()) {
                throw unsupported(origin, one.getKey() + " " + value, "none is");
            }
        }
        for (String name : SWITCHES) {
            JsonNode value = json.path(name);
            boolean isOn = value.isTextual() || value.isNumber() && value.asDouble() != 0 || value.asBoolean(false);
            if (isOn || value.isContainerNode() && !value.isEmpty()) {
                throw unsupported(origin, name, "none is");
            }
        }
        if (json.path("use_qk_norm").asBoolean(family.qkNorm()) != family.qkNorm()) {
            throw unsupported(origin, "use_qk_norm " + json.get("use_qk_norm"), family.architecture() + "'s own is");
        }
        for (String name : List.of("hidden_activation", "activation_function")) {
            String activation = json.path(name).asText("silu");
            if (!activation.equals("silu") && !activation.equals("null")) {
                throw unsupported(origin, name + " " + activation, "silu is");
            }
        }
        JsonNode mlx = json.path("quantization");
        if (mlx.isObject() && !mlx.isEmpty()) {
            throw unsupported(
                    origin,
                    "MLX quantization of " + mlx.path("bits").asText("some") + " bits",
                    "compressed-tensors int-quantized, 8 bits, is");
        }
    }

    private static double finite(String origin, JsonNode json, String field, double otherwise) throws IOException {
        double value = json.path(field).asDouble(otherwise);
        if (!Double.isFinite(value)) {
            throw new IOException(origin + ": " + field + " is " + value + ". Nothing was loaded.");
        }
        return value;
    }

    private static void refuseSlidingWindow(String origin, JsonNode json, int context) throws IOException {
        // Qwen2 names a window that its own flag turns off.
        boolean used = json.path("use_sliding_window").asBoolean(true);
        if (used
                && json.path("sliding_window").isInt()
                && json.get("sliding_window").asInt() < context) {
            throw unsupported(
                    origin,
                    "a sliding window of " + json.get("sliding_window").asInt() + " tokens",
                    "full attention is");
        }
        for (JsonNode type : json.path("layer_types")) {
            if (!type.asText().equals("full_attention")) {
                throw unsupported(origin, "layer type " + type.asText(), "full_attention is");
            }
        }
    }

    private static Rope rope(String origin, JsonNode json) throws IOException {
        // Newer files gather all of it under rope_parameters.
        JsonNode all = json.path("rope_parameters");
        JsonNode older = json.path("rope_scaling");
        JsonNode scaling = all.isObject() ? all : older;
        if (all.isObject() && older.isObject() && !isSameScaling(all, older)) {
            throw unsupported(origin, "rope_scaling beside rope_parameters that says something else", "one of them is");
        }
        double theta = finite(origin, all, "rope_theta", finite(origin, json, "rope_theta", 10_000));
        if (all.path("partial_rotary_factor")
                        .asDouble(json.path("partial_rotary_factor").asDouble(1))
                != 1) {
            throw unsupported(origin, "a partial rotary factor", "1 is");
        }
        String type = scaling.path("rope_type").asText(scaling.path("type").asText("default"));
        return switch (type) {
            case "default" -> Rope.plain(theta);
            case "llama3" ->
                new Rope(
                        theta,
                        scaling.path("factor").asDouble(),
                        scaling.path("low_freq_factor").asDouble(),
                        scaling.path("high_freq_factor").asDouble(),
                        scaling.path("original_max_position_embeddings").asDouble());
            default -> throw unsupported(origin, "rope scaling " + type, "llama3 and none are");
        };
    }

    private static boolean isSameScaling(JsonNode one, JsonNode other) {
        String type = one.path("rope_type").asText(one.path("type").asText("default"));
        boolean isSame =
                type.equals(other.path("rope_type").asText(other.path("type").asText("default")));
        for (Map.Entry<String, JsonNode> field : other.properties()) {
            JsonNode there = one.path(field.getKey());
            isSame &= !field.getValue().isNumber()
                    || there.asDouble() == field.getValue().asDouble();
        }
        return isSame;
    }

    private static boolean int8(String origin, JsonNode quantization) throws IOException {
        if (!quantization.isObject()) {
            return false;
        }
        String method = quantization
                .path("quant_method")
                .asText(
                        quantization.has("group_size")
                                ? "of MLX, " + quantization.path("bits").asText() + " bits,"
                                : "unknown");
        String format = quantization.path("format").asText("unknown");
        if (!method.equals("compressed-tensors") || !format.equals("int-quantized")) {
            throw unsupported(
                    origin, "quantization " + method + " " + format, "compressed-tensors int-quantized, 8 bits, is");
        }
        for (String more : List.of("transform_config", "kv_cache_scheme", "sparsity_config")) {
            JsonNode value = quantization.path(more);
            boolean isDense = value.path("format").asText("").equals("dense");
            if (value.isContainerNode() && !value.isEmpty() && !isDense) {
                throw unsupported(origin, "compressed-tensors with a " + more, "without it is");
            }
        }
        for (JsonNode group : quantization.path("config_groups")) {
            JsonNode weights = group.path("weights");
            JsonNode inputs = group.path("input_activations");
            boolean exact = weights.path("num_bits").asInt() == 8
                    && weights.path("symmetric").asBoolean()
                    && weights.path("strategy").asText().equals("channel")
                    && inputs.path("num_bits").asInt() == 8
                    && inputs.path("symmetric").asBoolean()
                    && inputs.path("dynamic").asBoolean()
                    && inputs.path("strategy").asText().equals("token");
            if (!exact) {
                throw unsupported(
                        origin,
                        "this kind of compressed-tensors",
                        "symmetric 8 bits with a scale a channel for weights and a dynamic one a token for inputs is");
            }
        }
        return true;
    }

    private static IOException unsupported(String origin, String what, String known) {
        return new IOException(origin + ": " + what + " is not supported exactly; " + known + ". Nothing was loaded.");
    }

    private static int size(String origin, JsonNode json, String field) throws IOException {
        int value = json.path(field).asInt(0);
        if (value <= 0) {
            throw new IOException(origin + ": " + field + " is missing or not positive. Nothing was loaded.");
        }
        return value;
    }

    private static void addStops(TreeSet<Integer> stops, JsonNode json) {
        JsonNode eos = json.path("eos_token_id");
        if (eos.isInt()) {
            stops.add(eos.asInt());
        }
        for (JsonNode id : eos) {
            stops.add(id.asInt());
        }
    }
}
