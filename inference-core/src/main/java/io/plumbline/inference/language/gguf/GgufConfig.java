package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.gguf.GgufFile.Tensor;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A GGUF file's metadata as config.json would have them. What llama.cpp knows of a family by heart, and no file says,
 * is said here; keys that are not read are refused by name.
 */
final class GgufConfig {
    /** Llama 3.1 to 3.3 were all stretched this way; the file holds only what came of it. */
    private static final double LLAMA3_LOW = 1;

    private static final double LLAMA3_HIGH = 4;
    private static final double LLAMA3_POSITIONS = 8192;

    /** Keys of all architectures that are read, or say nothing about what is computed. */
    private static final Set<String> KNOWN = Set.of(
            "block_count",
            "context_length",
            "embedding_length",
            "feed_forward_length",
            "vocab_size",
            "attention.head_count",
            "attention.head_count_kv",
            "attention.key_length",
            "attention.value_length",
            "attention.layer_norm_rms_epsilon",
            "rope.dimension_count",
            "rope.freq_base",
            "rope.scaling.type",
            "rope.scaling.factor",
            "rope.scaling.original_context_length",
            "rope.scaling.finetuned",
            "tensor_data_layout");

    private static final Set<String> EXPERTS =
            Set.of("expert_count", "expert_used_count", "expert_feed_forward_length");

    private static final Set<String> LINEAR = Set.of(
            "ssm.conv_kernel",
            "ssm.state_size",
            "ssm.group_count",
            "ssm.time_step_rank",
            "ssm.inner_size",
            "full_attention_interval",
            "nextn_predict_layers");

    /** Pairs that each position of a picture turns; a text's positions are one. */
    private static final String SECTIONS = "rope.dimension_sections";

    /** Architectures that have experts in every file. */
    private static final Set<String> MIXTURES =
            Set.of("qwen3moe", "olmoe", "glm4moe", "gpt-oss", "qwen3next", "qwen35moe");

    /** And those of some of them. */
    private static final Map<String, Set<String>> KNOWN_OF = Map.ofEntries(
            Map.entry("llama", with(EXPERTS, "attention.sliding_window")),
            Map.entry("mistral", Set.of("attention.sliding_window")),
            Map.entry("qwen2", Set.of("attention.sliding_window")),
            Map.entry("qwen3", Set.of("attention.sliding_window")),
            Map.entry("qwen3moe", with(EXPERTS, "attention.sliding_window")),
            Map.entry("olmoe", EXPERTS),
            Map.entry(
                    "gemma2", Set.of("attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping")),
            Map.entry("gemma3", Set.of("attention.sliding_window", "rope.freq_base_swa")),
            Map.entry(
                    "gemma4",
                    with(
                            EXPERTS,
                            "attention.sliding_window",
                            "attention.sliding_window_pattern",
                            "attention.shared_kv_layers",
                            "attention.key_length_swa",
                            "attention.value_length_swa",
                            "embedding_length_per_layer_input",
                            "final_logit_softcapping",
                            "rope.dimension_count_swa",
                            "rope.freq_base_swa")),
            Map.entry("phi3", Set.of("attention.sliding_window", "rope.scaling.attn_factor")),
            Map.entry("exaone4", Set.of("attention.sliding_window")),
            Map.entry("granite", Set.of("attention.scale", "embedding_scale", "residual_scale", "logit_scale")),
            Map.entry("gpt-oss", with(EXPERTS, "attention.sliding_window")),
            Map.entry("qwen35", with(LINEAR, SECTIONS)),
            Map.entry(
                    "qwen3next",
                    with(with(LINEAR, "expert_shared_feed_forward_length"), EXPERTS.toArray(String[]::new))),
            Map.entry(
                    "qwen35moe",
                    with(with(LINEAR, SECTIONS, "expert_shared_feed_forward_length"), EXPERTS.toArray(String[]::new))),
            Map.entry(
                    "glm4moe",
                    with(
                            EXPERTS,
                            "expert_gating_func",
                            "expert_shared_count",
                            "expert_weights_scale",
                            "expert_weights_norm",
                            "leading_dense_block_count",
                            "nextn_predict_layers")));

    /** Keys that say nothing at these values. */
    private static final Map<String, Double> NEUTRAL = Map.ofEntries(
            Map.entry("expert_count", 0.0),
            Map.entry("expert_used_count", 0.0),
            Map.entry("expert_shared_count", 0.0),
            Map.entry("expert_group_count", 1.0),
            Map.entry("expert_group_used_count", 1.0),
            Map.entry("rope.scaling.yarn_beta_fast", 32.0),
            Map.entry("rope.scaling.yarn_beta_slow", 1.0),
            Map.entry("rope.scale_linear", 1.0),
            Map.entry("rope.scaling.attn_factor", 1.0),
            Map.entry("logit_scale", 1.0),
            Map.entry("embedding_scale", 1.0),
            Map.entry("residual_scale", 1.0),
            Map.entry("attention.scale", 0.0));

    private static final double SIGMOID = 2;

    /** What llama.cpp divides a frequency by that is not to turn. */
    static final double NOT_ROTATED = 1e30;

    /** Layers of the largest Gemmas, whose scores are scaled by the hidden size over the heads. */
    private static final int GEMMA2_27B = 46;

    private static final int GEMMA3_27B = 62;

    private final GgufFile file;
    private final GgufArchitecture architecture;
    private final String prefix;
    private final int heads;
    private final int hidden;
    private final int headDim;
    private final ObjectNode json = new ObjectMapper().createObjectNode();
    private final Set<String> tensors = new HashSet<>();

    /** @throws IOException where the file is of an architecture, or says something, that is not run. */
    GgufConfig(GgufFile file) throws IOException {
        this.file = file;
        String name = file.text("general.architecture", "unknown");
        this.architecture = GgufArchitecture.named(name);
        this.prefix = name + ".";
        if (architecture == null) {
            throw unsupported("architecture " + name);
        }
        refuseUnknownKeys();
        this.heads = size("attention.head_count");
        this.hidden = size("embedding_length");
        this.headDim = size("attention.key_length", heads == 0 ? 0 : hidden / heads);
        read();
    }

    private static Set<String> with(Set<String> some, String... more) {
        Set<String> all = new HashSet<>(some);
        all.addAll(List.of(more));
        return all;
    }

    GgufArchitecture architecture() {
        return architecture;
    }

    ObjectNode json() {
        return json;
    }

    /** Tensors that are no weights, and were read here. */
    Set<String> tensors() {
        return tensors;
    }

    /** Layers that are run. */
    int layers() {
        return size("block_count") - size("nextn_predict_layers");
    }

    int headDim() {
        return headDim;
    }

    /** Elements of a head that are rotated. */
    int rotaryDim() {
        return size("rope.dimension_count", headDim);
    }

    /** Last layers that have no keys and values of their own. */
    int sharedCaches() {
        return size("attention.shared_kv_layers");
    }

    int queryDim() {
        return heads * headDim;
    }

    int kvDim() {
        return size("attention.head_count_kv", heads) * headDim;
    }

    /** Experts of a layer. */
    int experts() {
        return size("expert_count");
    }

    /** Inner size of an expert. */
    int expertMlp() {
        return size("expert_feed_forward_length", size("feed_forward_length"));
    }

    boolean hasExperts(int layer) {
        return experts() > 0 && layer >= size("leading_dense_block_count");
    }

    private IOException unsupported(String what) {
        return new IOException(file.path() + ": " + what + " is not supported exactly. Nothing was loaded.");
    }

    private Object value(String key) {
        return file.value(prefix + key);
    }

    private int size(String key) {
        return size(key, 0);
    }

    private int size(String key, int otherwise) {
        return file.integer(prefix + key, otherwise);
    }

    private float number(String key, float otherwise) {
        return value(key) instanceof Number n ? n.floatValue() : otherwise;
    }

    /** Keys that are not read would be left out in silence. */
    private void refuseUnknownKeys() throws IOException {
        Set<String> more = KNOWN_OF.getOrDefault(architecture.name(), Set.of());
        for (String key : file.keys()) {
            String name = key.startsWith(prefix) ? key.substring(prefix.length()) : "";
            Object value = file.value(key);
            boolean isNeutral = Boolean.FALSE.equals(value)
                    || value instanceof Number n && NEUTRAL.containsKey(name) && n.doubleValue() == NEUTRAL.get(name);
            if (!name.isEmpty() && !KNOWN.contains(name) && !more.contains(name) && !isNeutral) {
                throw unsupported(key + " " + (value instanceof Object[] ? "" : value));
            }
        }
    }

    private boolean has(String tensor) {
        return file.tensor(tensor) != null;
    }

    private void read() throws IOException {
        if (size("attention.value_length", headDim) != headDim) {
            throw unsupported("values of another length than keys");
        }
        Tensor embedding = file.tensor("token_embd.weight");
        boolean isMixtral = architecture.name().equals("llama") && experts() > 0;
        json.putArray("architectures").add(isMixtral ? "MixtralForCausalLM" : architecture.family());
        json.put("model_type", architecture.name())
                .put("hidden_size", hidden)
                .put("num_hidden_layers", layers())
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", size("attention.head_count_kv", heads))
                .put("head_dim", headDim)
                .put("intermediate_size", size("feed_forward_length"))
                .put("vocab_size", embedding == null ? 0 : embedding.shape()[0])
                .put("max_position_embeddings", size("context_length"))
                .put("rms_norm_eps", number("attention.layer_norm_rms_epsilon", 1e-6f))
                .put("rope_theta", number("rope.freq_base", 10_000f))
                .put("tie_word_embeddings", !has("output.weight"));
        int window = size("attention.sliding_window");
        // Said in so many words: files of some families that are silent have a window.
        json.put("sliding_window", window > 0 ? Integer.valueOf(window) : null);
        boolean isMixture = MIXTURES.contains(architecture.name());
        if (experts() < 0 || isMixture && experts() == 0) {
            throw unsupported(experts() + " experts of architecture " + architecture.name());
        }
        if (experts() > 0) {
            experts(isMixtral);
        }
        stops();
        if (!architecture.name().equals("gemma4")) {
            rope();
        }
        family();
    }

    private void stops() {
        int end = file.integer("tokenizer.ggml.eos_token_id", -1);
        int endOfTurn = file.integer("tokenizer.ggml.eot_token_id", end);
        if (end >= 0) {
            ArrayNode stops = json.putArray("eos_token_id").add(end);
            if (endOfTurn != end) {
                stops.add(endOfTurn);
            }
        }
    }

    /** As the families have it; whether the weights of the chosen add up to one is the architecture's to say. */
    private void experts(boolean isMixtral) {
        String count = switch (architecture.name()) {
            case "llama", "gpt-oss" -> "num_local_experts";
            case "glm4moe" -> "n_routed_experts";
            default -> "num_experts";
        };
        json.put(count, experts())
                .put("num_experts_per_tok", size("expert_used_count"))
                .put("norm_topk_prob", architecture.name().equals("qwen3moe") || architecture.isLinear())
                .put("moe_intermediate_size", expertMlp());
        if (isMixtral || Set.of("olmoe", "gpt-oss").contains(architecture.name())) {
            json.put("intermediate_size", expertMlp());
        }
    }

    /** Fields of a family that llama.cpp knows by heart, or its files say by keys of their own. */
    private void family() throws IOException {
        switch (architecture.name()) {
            case "gemma" -> gelu();
            case "gemma2" -> {
                gelu();
                json.put("query_pre_attn_scalar", scoreScalar(GEMMA2_27B))
                        .put("attn_logit_softcapping", number("attn_logit_softcapping", 50))
                        .put("final_logit_softcapping", number("final_logit_softcapping", 30))
                        .put("sliding_window", size("attention.sliding_window", 4_096));
            }
            case "gemma3" -> {
                gelu();
                json.put("query_pre_attn_scalar", scoreScalar(GEMMA3_27B))
                        .put("rope_local_base_freq", number("rope.freq_base_swa", 10_000))
                        .put("sliding_window_pattern", 6);
            }
            case "gemma4" -> gemma4();
            case "granite" -> {
                json.put("embedding_multiplier", number("embedding_scale", 1))
                        .put("residual_multiplier", number("residual_scale", 1))
                        .put("logits_scaling", number("logit_scale", 1))
                        .put("attention_bias", has("blk.0.attn_q.bias"))
                        .put("mlp_bias", has("blk.0.ffn_gate.bias"));
                // Where a file is silent scores are scaled as everywhere else.
                json.put("attention_multiplier", number("attention.scale", (float) (1 / Math.sqrt(headDim))));
            }
            case "glm4" -> partialRotary().put("attention_bias", has("blk.0.attn_q.bias"));
            case "exaone4" -> {
                if (size("attention.sliding_window") > 0) {
                    json.put("sliding_window_pattern", 4);
                }
            }
            case "glm4moe" -> {
                if (number("expert_gating_func", (float) SIGMOID) != SIGMOID) {
                    throw unsupported(prefix + "expert_gating_func " + value("expert_gating_func"));
                }
                partialRotary()
                        .put("attention_bias", has("blk.0.attn_q.bias"))
                        .put("use_qk_norm", has("blk.0.attn_q_norm.weight"))
                        .put("n_shared_experts", size("expert_shared_count"))
                        .put("first_k_dense_replace", size("leading_dense_block_count"))
                        .put("norm_topk_prob", Boolean.TRUE.equals(value("expert_weights_norm")))
                        .put("routed_scaling_factor", number("expert_weights_scale", 1));
            }
            case "phi3" -> partialRotary();
            case "qwen3next", "qwen35", "qwen35moe" -> linearAttention();
            default -> {
                if (rotaryDim() != headDim) {
                    throw unsupported("rope over part of a head");
                }
            }
        }
    }

    private void gemma4() throws IOException {
        gelu();
        int layers = layers();
        int shared = sharedCaches();
        int localDim = size("attention.key_length_swa", headDim);
        boolean areHeadsWhole = size("attention.value_length_swa", localDim) == localDim
                && size("rope.dimension_count_swa", localDim) == localDim
                && rotaryDim() == headDim;
        if (!areHeadsWhole || shared < 0 || shared >= layers) {
            throw unsupported("values of another length than keys, rope over part of a head, or " + shared + " of "
                    + layers + " layers without keys and values");
        }
        Object[] local = ofLayers("attention.sliding_window_pattern", Boolean.class);
        Object[] kvHeads = ofLayers("attention.head_count_kv", Integer.class);
        Object[] mlps = ofLayers("feed_forward_length", Integer.class);
        ArrayNode types = json.putArray("layer_types");
        int full = layers - 1;
        int window = layers - 1;
        for (int l = layers - 1; l >= 0; l--) {
            boolean isLocal = (boolean) local[l];
            types.insert(0, isLocal ? "sliding_attention" : "full_attention");
            full = isLocal ? full : l;
            window = isLocal ? l : window;
        }
        for (int l = 0; l < layers; l++) {
            int wide = (int) mlps[layers - 1];
            boolean isAsOthers = kvHeads[l].equals(kvHeads[(boolean) local[l] ? window : full])
                    && (int) mlps[l] == (l < layers - shared ? (int) mlps[0] : wide);
            if (!isAsOthers || wide != (int) mlps[0] && wide != 2L * (int) mlps[0]) {
                throw unsupported("heads or inner sizes of layer " + l + " of its own");
            }
        }
        boolean areKeysValues = !has("blk." + full + ".attn_v.weight");
        if (!areKeysValues && !kvHeads[full].equals(kvHeads[window])) {
            throw unsupported("other heads of values in layers with full attention");
        }
        json.put("head_dim", localDim)
                .put("global_head_dim", headDim)
                .put("num_key_value_heads", (int) kvHeads[window])
                .put("num_global_key_value_heads", (int) kvHeads[full])
                .put("attention_k_eq_v", areKeysValues)
                .put("intermediate_size", (int) mlps[0])
                .put("num_kv_shared_layers", shared)
                .put("enable_moe_block", experts() > 0)
                .put("top_k_experts", size("expert_used_count"))
                .put("use_double_wide_mlp", !mlps[layers - 1].equals(mlps[0]))
                .put("hidden_size_per_layer_input", size("embedding_length_per_layer_input"))
                .put("final_logit_softcapping", number("final_logit_softcapping", 0));
        json.set("vocab_size_per_layer_input", json.get("vocab_size"));
        double theta = json.remove("rope_theta").asDouble();
        ObjectNode ropes = json.putObject("rope_parameters");
        ropes.putObject("full_attention")
                .put("rope_type", "proportional")
                .put("rope_theta", theta)
                .put("partial_rotary_factor", 2.0 * rotatedPairs() / headDim);
        ropes.putObject("sliding_attention")
                .put("rope_type", "default")
                .put("rope_theta", number("rope.freq_base_swa", 10_000f));
    }

    /** The first pairs of a head, which are rotated; the others' divisors are such that they are not. */
    private int rotatedPairs() throws IOException {
        float[] divisors = divisors("rope_freqs.weight");
        if (divisors == null) {
            return headDim / 2;
        }
        int pairs = 0;
        while (pairs < divisors.length && divisors[pairs] == 1) {
            pairs++;
        }
        for (int i = pairs; i < divisors.length; i++) {
            if (divisors[i] != (float) NOT_ROTATED) {
                throw unsupported("a rope divisor of " + divisors[i] + " for pair " + i);
            }
        }
        return pairs;
    }

    /** What a file says of each layer, or of all of them by one value. */
    private Object[] ofLayers(String key, Class<?> type) throws IOException {
        Object value = value(key);
        Object[] all = value instanceof Object[] some ? some : new Object[layers()];
        if (all != value) {
            Arrays.fill(all, value);
        }
        if (all.length != layers() || !Arrays.stream(all).allMatch(type::isInstance)) {
            throw unsupported(prefix + key + " that is not " + type.getSimpleName() + " for each layer");
        }
        return all;
    }

    private void linearAttention() throws IOException {
        int heads = size("ssm.time_step_rank");
        if (value(SECTIONS) != null) {
            Object[] sections = value(SECTIONS) instanceof Object[] all ? all : new Object[] {value(SECTIONS)};
            if (turned(sections) != rotaryDim() / 2) {
                throw unsupported(prefix + SECTIONS + " " + Arrays.toString(sections));
            }
        }
        partialRotary()
                .put("linear_num_key_heads", size("ssm.group_count"))
                .put("linear_num_value_heads", heads)
                .put("linear_key_head_dim", size("ssm.state_size"))
                .put("linear_value_head_dim", heads == 0 ? 0 : size("ssm.inner_size") / heads)
                .put("linear_conv_kernel_dim", size("ssm.conv_kernel"))
                .put("full_attention_interval", size("full_attention_interval", 4));
        if (experts() > 0) {
            json.put("shared_expert_intermediate_size", size("expert_shared_feed_forward_length"));
        }
        if (size("feed_forward_length") == 0) {
            json.remove("intermediate_size");
        }
    }

    /** Pairs that the three positions of a text, which are the same, turn; -1 where there are others. */
    private static int turned(Object[] sections) {
        int sum = 0;
        for (int i = 0; i < sections.length; i++) {
            int pairs = sections[i] instanceof Number n ? n.intValue() : -1;
            if (pairs < 0 || i >= 3 && pairs > 0) {
                return -1;
            }
            sum += pairs;
        }
        return sum;
    }

    /** Linear attention as the file has it, once it is known to be sound. */
    GgufLinear linear() {
        int heads = size("ssm.time_step_rank");
        DeltaRule delta = new DeltaRule(
                size("ssm.group_count"),
                heads,
                size("ssm.state_size"),
                size("ssm.inner_size") / heads,
                size("ssm.conv_kernel"));
        return new GgufLinear(delta, !architecture.isByKeyHead());
    }

    /** The number by whose root scores are divided, in a family whose largest model has so many layers. */
    private int scoreScalar(int layersOfLargest) {
        return layers() == layersOfLargest && heads > 0 ? hidden / heads : headDim;
    }

    private void gelu() {
        json.put("hidden_activation", "gelu_pytorch_tanh");
    }

    private ObjectNode partialRotary() {
        return json.put("partial_rotary_factor", headDim == 0 ? 1 : (double) rotaryDim() / headDim);
    }

    private void rope() throws IOException {
        float factor = number("rope.scaling.factor", 1);
        // Where a file names a factor and no kind llama.cpp takes it for this one.
        String kind = file.text(prefix + "rope.scaling.type", factor == 1 ? "none" : "linear");
        switch (kind) {
            case "none" -> {
                llama3();
                longRope();
            }
            case "longrope" -> longRope();
            case "linear" -> scaling(kind).put("factor", factor);
            case "yarn" ->
                scaling(kind)
                        .put("factor", factor)
                        .put("original_max_position_embeddings", size("rope.scaling.original_context_length"))
                        // Of the published file, which llama.cpp does not read.
                        .put("truncate", !architecture.name().equals("gpt-oss"));
            default -> throw unsupported("rope scaling " + kind);
        }
    }

    private ObjectNode scaling(String kind) {
        return json.putObject("rope_scaling").put("rope_type", kind);
    }

    private float[] divisors(String tensor) throws IOException {
        Tensor found = file.tensor(tensor);
        if (found == null) {
            return null;
        }
        int pairs = rotaryDim() / 2;
        if (found.type() != GgufType.F32 || found.shape().length != 1 || found.shape()[0] != pairs) {
            throw new IOException(file.path() + ": tensor \"" + tensor + "\" is not one of " + pairs
                    + " F32 divisors, as its metadata asks for. The file is damaged. Nothing was loaded.");
        }
        tensors.add(tensor);
        float[] all = new float[pairs];
        Embedding.widen(found.bytes(), 0, found.type().name(), pairs, all, 0);
        return all;
    }

    private void longRope() throws IOException {
        if (!has("rope_factors_long.weight") || !has("rope_factors_short.weight")) {
            return;
        }
        float[] longer = divisors("rope_factors_long.weight");
        float[] shorter = divisors("rope_factors_short.weight");
        if (json.has("rope_scaling")) {
            throw unsupported("divisors of two kinds");
        }
        int original = size("rope.scaling.original_context_length", size("context_length"));
        json.put("original_max_position_embeddings", original);
        ObjectNode scaling = scaling("longrope");
        ArrayNode shorts = scaling.putArray("short_factor");
        ArrayNode longs = scaling.putArray("long_factor");
        for (int i = 0; i < longer.length; i++) {
            shorts.add(shorter[i]);
            longs.add(longer[i]);
        }
        if (value("rope.scaling.attn_factor") != null) {
            scaling.put("attention_factor", number("rope.scaling.attn_factor", 1));
        }
    }

    /**
     * A file keeps a stretched model's divisors, not the rule that made them; the rule is accepted where it gives
     * these divisors.
     */
    private void llama3() throws IOException {
        float[] given = divisors("rope_freqs.weight");
        double factor = 1;
        for (int i = 0; given != null && i < given.length; i++) {
            factor = Math.max(factor, given[i]);
        }
        if (factor == 1) {
            return;
        }
        double theta = json.get("rope_theta").asDouble();
        RopeScaling.Llama3 rule = new RopeScaling.Llama3(factor, LLAMA3_LOW, LLAMA3_HIGH, LLAMA3_POSITIONS);
        for (int i = 0; i < given.length; i++) {
            double expected = rule.divisor(theta, i, headDim);
            if (Math.abs(expected - given[i]) > 1e-4 * expected) {
                throw unsupported(
                        "a rope divisor of " + given[i] + " for pair " + i + ", where Llama 3 has " + expected + ",");
            }
        }
        scaling("llama3")
                .put("factor", factor)
                .put("low_freq_factor", LLAMA3_LOW)
                .put("high_freq_factor", LLAMA3_HIGH)
                .put("original_max_position_embeddings", LLAMA3_POSITIONS);
    }
}
