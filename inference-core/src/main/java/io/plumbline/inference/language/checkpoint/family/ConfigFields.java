package io.plumbline.inference.language.checkpoint.family;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fields of a config.json. It remembers which a family has read: of the others, those that would change what a
 * model computes are refused by name.
 */
public final class ConfigFields {
    /** Fields by which models compute something else than the plain, and the values at which they do not. */
    private static final Map<String, Double> NEUTRAL = Map.ofEntries(
            Map.entry("logit_scale", 1.0),
            Map.entry("logits_scaling", 1.0),
            Map.entry("embedding_multiplier", 1.0),
            Map.entry("residual_multiplier", 1.0),
            Map.entry("scale_emb", 1.0),
            Map.entry("mup_scale", 1.0),
            Map.entry("partial_rotary_factor", 1.0),
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

    /** Fields that switch something on, or name what is left out. */
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
            "use_bidirectional_attention",
            "attention_k_eq_v",
            "num_kv_shared_layers",
            "use_double_wide_mlp",
            "enable_moe_block",
            "hidden_size_per_layer_input",
            "attention_sinks");

    private static final String QUANTIZATION = "quantization_config";
    private static final String MXFP4 = "mxfp4";

    /** Characters of what is wrong that a message shows. */
    private static final int MOST_SHOWN = 120;

    private final JsonNode json;
    private final String origin;
    private final Set<String> read = new HashSet<>();

    /** @param origin file or folder, for messages. */
    public ConfigFields(JsonNode json, String origin) {
        this.json = json;
        this.origin = origin;
    }

    /** The object that a field holds, where a model's part is described in one of its own; this where there is none. */
    ConfigFields part(String name) {
        return json.path(name).isObject() ? new ConfigFields(json.get(name), origin + ", " + name) : this;
    }

    /** A field as it stands; missing where it is null too. */
    JsonNode raw(String name) {
        read.add(name);
        JsonNode value = json.path(name);
        return value.isNull() ? json.path("") : value;
    }

    /** Whether a field is there and null, where that says something else than its absence. */
    boolean isNull(String name) {
        read.add(name);
        return json.path(name).isNull();
    }

    /** A size that must be there. */
    int size(String name) throws IOException {
        return size(name, 0);
    }

    /** A size, {@code otherwise} where it is not there; 0 for one that must be. */
    int size(String name, int otherwise) throws IOException {
        int value = integer(name, otherwise);
        if (value <= 0) {
            throw new IOException(origin + ": " + name + " is missing or not positive. Nothing was loaded.");
        }
        return value;
    }

    /** A whole number, {@code otherwise} where it is not there. */
    int integer(String name, int otherwise) throws IOException {
        JsonNode value = raw(name);
        if (value.isMissingNode()) {
            return otherwise;
        }
        if (!value.isNumber() || !value.canConvertToExactIntegral() || !value.canConvertToInt()) {
            throw wrong(name, value, "a whole number of 32 bits");
        }
        return value.intValue();
    }

    /**
     * Tokens of the sliding window; 0 where the file says that there is none.
     *
     * @param otherwise where it says nothing: the family's own.
     */
    int window(int otherwise) throws IOException {
        if (json.path("sliding_window").isNull()) {
            read.add("sliding_window");
            return 0;
        }
        int tokens = integer("sliding_window", otherwise);
        if (tokens <= 0 && json.has("sliding_window")) {
            throw unsupported("a sliding window of " + tokens + " tokens", "one of at least 1 is");
        }
        return tokens;
    }

    /** A list; missing where there is none. */
    JsonNode list(String name) throws IOException {
        JsonNode value = raw(name);
        if (!value.isMissingNode() && !value.isArray()) {
            throw wrong(name, value, "a list");
        }
        return value;
    }

    /** An object; missing where there is none. */
    JsonNode object(String name) throws IOException {
        JsonNode value = raw(name);
        if (!value.isMissingNode() && !value.isObject()) {
            throw wrong(name, value, "an object");
        }
        return value;
    }

    double number(String name, double otherwise) throws IOException {
        return finite(raw(name), name, otherwise);
    }

    /** A number of some object among the fields; {@code otherwise} where it is missing or null. */
    double finite(JsonNode value, String name, double otherwise) throws IOException {
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isNumber()) {
            throw wrong(name, value, "a number");
        }
        double number = value.doubleValue();
        if (!Double.isFinite(number)) {
            throw new IOException(origin + ": " + name + " is " + number + ". Nothing was loaded.");
        }
        return number;
    }

    /** Whether experts' matrices are in MXFP4, as config.json's quantization says. */
    boolean isMxfp4() {
        return raw(QUANTIZATION).path("quant_method").asText().equals(MXFP4);
    }

    /** Whether a family has read the quantization, and knows it. */
    public boolean hasReadQuantization() {
        return read.contains(QUANTIZATION) && isMxfp4();
    }

    boolean flag(String name) throws IOException {
        return flag(name, false);
    }

    /** True or false, {@code otherwise} where it is not there. */
    public boolean flag(String name, boolean otherwise) throws IOException {
        JsonNode value = raw(name);
        if (!value.isMissingNode() && !value.isBoolean()) {
            throw wrong(name, value, "true or false");
        }
        return value.asBoolean(otherwise);
    }

    String text(String name, String otherwise) throws IOException {
        JsonNode value = raw(name);
        if (!value.isMissingNode() && !value.isTextual()) {
            throw wrong(name, value, "a name");
        }
        return value.isTextual() ? value.asText() : otherwise;
    }

    /** A field of another kind is no default: the model would be another than its file says. */
    private IOException wrong(String name, JsonNode value, String kind) {
        return new IOException(origin + ": " + name + " is " + shown(value.toString()) + " where " + kind
                + " belongs. Nothing was loaded.");
    }

    /** As much of a stranger's words as a line has room for. */
    private static String shown(String words) {
        return words.length() > MOST_SHOWN ? words.substring(0, MOST_SHOWN) + "..." : words;
    }

    /** Names in a line what is not run. */
    public IOException unsupported(String what, String known) {
        return new IOException(
                origin + ": " + shown(what) + " is not supported exactly; " + known + ". Nothing was loaded.");
    }

    /**
     * Other models compute more by these fields than this family reads: left out in silence it would be wrong.
     *
     * @param hasQkNorm whether the model that was read has norms of queries and keys.
     */
    public void refuseWhatIsNotRead(String architecture, boolean hasQkNorm) throws IOException {
        for (Map.Entry<String, Double> one : NEUTRAL.entrySet()) {
            JsonNode value = json.path(one.getKey());
            if (!read.contains(one.getKey()) && value.isNumber() && value.asDouble() != one.getValue()) {
                throw unsupported(one.getKey() + " " + value + " of " + architecture, "none is");
            }
        }
        for (String name : SWITCHES) {
            JsonNode value = json.path(name);
            boolean isOn = value.isTextual() || value.isNumber() && value.asDouble() != 0 || value.asBoolean(false);
            if (!read.contains(name) && (isOn || value.isContainerNode() && !value.isEmpty())) {
                throw unsupported(name + " of " + architecture, "none is");
            }
        }
        for (String name : List.of("attention_bias", "mlp_bias")) {
            if (!read.contains(name) && json.path(name).asBoolean(false)) {
                throw unsupported("a bias in attention or mlp of " + architecture, "none is");
            }
        }
        JsonNode window = json.path("sliding_window");
        if (!read.contains("sliding_window")
                && json.path("use_sliding_window").asBoolean(true)
                && window.isNumber()
                && window.asInt() < json.path("max_position_embeddings").asInt()) {
            throw unsupported("a sliding window of " + window.asInt() + " tokens of " + architecture, "none is");
        }
        if (!read.contains("use_qk_norm") && json.path("use_qk_norm").asBoolean(hasQkNorm) != hasQkNorm) {
            throw unsupported("use_qk_norm " + json.get("use_qk_norm"), architecture + "'s own is");
        }
        JsonNode mlx = json.path("quantization");
        if (mlx.isObject() && !mlx.isEmpty()) {
            throw unsupported(
                    "MLX quantization of " + mlx.path("bits").asText("some") + " bits",
                    "compressed-tensors int-quantized, 8 bits, is");
        }
    }
}
