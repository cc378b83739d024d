package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.gguf.GgufFile.Tensor;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file of F32, F16, BF16 or Q8_0 tensors as a checkpoint: names, row order, configuration and tokenizer as
 * Hugging Face has them.
 */
public final class GgufCheckpoint implements Checkpoint {
    private static final Map<String, String> ARCHITECTURES = Map.of(
            "llama", "LlamaForCausalLM",
            "mistral", "MistralForCausalLM",
            "qwen2", "Qwen2ForCausalLM",
            "qwen3", "Qwen3ForCausalLM",
            "qwen3moe", "Qwen3MoeForCausalLM",
            "olmoe", "OlmoeForCausalLM");
    private static final Map<String, String> LAYER_NAMES = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("post_attention_layernorm", "ffn_norm"),
            Map.entry("self_attn.q_proj", "attn_q"),
            Map.entry("self_attn.k_proj", "attn_k"),
            Map.entry("self_attn.v_proj", "attn_v"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"),
            Map.entry("mlp.gate_proj", "ffn_gate"),
            Map.entry("mlp.up_proj", "ffn_up"),
            Map.entry("mlp.down_proj", "ffn_down"),
            Map.entry("mlp.gate", "ffn_gate_inp"),
            Map.entry("block_sparse_moe.gate", "ffn_gate_inp"));

    /** An expert's matrix, and those of all experts of a layer, which stand in one tensor. */
    private static final Pattern EXPERT =
            Pattern.compile("model\\.layers\\.(\\d+)\\.[a-z_]+\\.experts\\.(\\d+)\\.([a-z0-9_]+)\\.weight");

    private static final Map<String, String> EXPERT_NAMES = Map.of(
            "gate_proj", "ffn_gate_exps",
            "up_proj", "ffn_up_exps",
            "down_proj", "ffn_down_exps",
            "w1", "ffn_gate_exps",
            "w3", "ffn_up_exps",
            "w2", "ffn_down_exps");
    private static final Pattern IN_LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)\\.(weight|bias)");

    /** Llama 3.1 to 3.3 were all stretched this way; the file holds only what came of it. */
    private static final double LLAMA3_LOW = 1;

    private static final double LLAMA3_HIGH = 4;
    private static final double LLAMA3_POSITIONS = 8192;

    /** As gguf-split names parts. */
    private static final Pattern PART = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})(\\.[^.]*|)");

    /** Keys of an architecture that are read, or say nothing about what is computed. */
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
            "attention.sliding_window",
            "rope.dimension_count",
            "rope.freq_base",
            "rope.scaling.type",
            "rope.scaling.original_context_length",
            "rope.scaling.finetuned",
            "expert_count",
            "expert_used_count",
            "expert_feed_forward_length",
            "tensor_data_layout");

    /** Keys that say nothing at these values. */
    private static final Map<String, Double> NEUTRAL = Map.of(
            "expert_shared_count", 0.0,
            "rope.scaling.factor", 1.0,
            "rope.scale_linear", 1.0,
            "rope.scaling.attn_factor", 1.0,
            "logit_scale", 1.0,
            "embedding_scale", 1.0,
            "residual_scale", 1.0,
            "attention.scale", 0.0);

    private final Set<String> used = new HashSet<>();

    private final Arena arena;
    private final GgufFile file;
    private final String architecture;
    private final ObjectNode config;

    private GgufCheckpoint(Arena arena, GgufFile file) throws IOException {
        this.arena = arena;
        this.file = file;
        this.architecture = file.text("general.architecture", "unknown");
        this.config = readConfig();
    }

    /** Maps a file, or all of those that a model was cut into, by the name of the first. */
    public static GgufCheckpoint open(Path path) throws IOException {
        Arena arena = Arena.ofConfined();
        try {
            GgufFile file = GgufFile.map(path, arena);
            int parts = file.integer("split.count", 1);
            if (parts > 1) {
                join(file, parts, arena);
            }
            return new GgufCheckpoint(arena, file);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** Whether a file is one, whatever it is called. */
    public static boolean is(Path path) throws IOException {
        if (!Files.isRegularFile(path)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(path)) {
            return Arrays.equals(in.readNBytes(4), new byte[] {'G', 'G', 'U', 'F'});
        }
    }

    private static void join(GgufFile first, int parts, Arena arena) throws IOException {
        Path path = first.path();
        Matcher name = PART.matcher(path.getFileName().toString());
        if (!name.matches() || Integer.parseInt(name.group(3)) != parts || Integer.parseInt(name.group(2)) != 1) {
            throw new IOException(path + " is one part of a model that was split into " + parts
                    + " files. Name the first of them, NAME-00001-of-" + String.format("%05d", parts)
                    + ".gguf, with the others beside it. Nothing was loaded.");
        }
        ModelFolder inside = new ModelFolder(path.toAbsolutePath().getParent());
        for (int part = 2; part <= parts; part++) {
            Path other =
                    path.resolveSibling(String.format("%s-%05d-of-%05d%s", name.group(1), part, parts, name.group(4)));
            if (!Files.exists(other, LinkOption.NOFOLLOW_LINKS)) {
                throw new IOException(other + " does not exist: the model was split into " + parts
                        + " files, and this part is missing. Nothing was loaded.");
            }
            GgufFile file = GgufFile.map(inside.source(other.getFileName().toString()), arena);
            if (file.integer("split.count", 1) != parts || file.integer("split.no", -1) != part - 1) {
                throw new IOException(
                        other + " is not part " + part + " of " + parts + " of this model. Nothing was loaded.");
            }
            first.join(file);
        }
    }

    private IOException unsupported(String what) {
        return new IOException(file.path() + ": " + what + " is not supported exactly. Nothing was loaded.");
    }

    private int size(String key) {
        return file.integer(architecture + "." + key, 0);
    }

    private ObjectNode readConfig() throws IOException {
        if (!ARCHITECTURES.containsKey(architecture)) {
            throw unsupported("architecture " + architecture);
        }
        refuseUnknownKeys();
        int heads = size("attention.head_count");
        int hidden = size("embedding_length");
        int headDim = file.integer(architecture + ".attention.key_length", heads == 0 ? 0 : hidden / heads);
        if (file.integer(architecture + ".rope.dimension_count", headDim) != headDim) {
            throw unsupported("rope over part of a head");
        }
        if (file.integer(architecture + ".attention.value_length", headDim) != headDim) {
            throw unsupported("values of another length than keys");
        }
        String scaling = file.text(architecture + ".rope.scaling.type", "none");
        if (!scaling.equals("none")) {
            throw unsupported("rope scaling " + scaling);
        }
        Tensor embedding = file.tensor("token_embd.weight");
        ObjectNode json = new ObjectMapper().createObjectNode();
        boolean isMixtral = architecture.equals("llama") && size("expert_count") > 0;
        json.putArray("architectures").add(isMixtral ? "MixtralForCausalLM" : ARCHITECTURES.get(architecture));
        json.put("model_type", architecture)
                .put("hidden_act", "silu")
                .put("hidden_size", hidden)
                .put("num_hidden_layers", size("block_count"))
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", file.integer(architecture + ".attention.head_count_kv", heads))
                .put("head_dim", headDim)
                .put("intermediate_size", size("feed_forward_length"))
                .put("vocab_size", embedding == null ? 0 : embedding.shape()[0])
                .put("max_position_embeddings", size("context_length"))
                .put("rms_norm_eps", number("attention.layer_norm_rms_epsilon", 1e-6f))
                .put("rope_theta", number("rope.freq_base", 10_000f))
                .put("tie_word_embeddings", file.tensor("output.weight") == null);
        experts(json);
        int window = size("attention.sliding_window");
        // Said in so many words: files of some families that are silent have a window.
        json.put("sliding_window", window > 0 ? Integer.valueOf(window) : null);
        int end = file.integer("tokenizer.ggml.eos_token_id", -1);
        int endOfTurn = file.integer("tokenizer.ggml.eot_token_id", end);
        if (end >= 0) {
            json.putArray("eos_token_id").add(end);
            if (endOfTurn != end) {
                json.withArray("eos_token_id").add(endOfTurn);
            }
        }
        ropeScaling(json, headDim);
        return json;
    }

    /** As the families have it; whether the weights of the chosen add up to one is the architecture's to say. */
    private void experts(ObjectNode json) throws IOException {
        int count = size("expert_count");
        boolean isKnown = Set.of("llama", "qwen3moe", "olmoe").contains(architecture);
        if (count > 0 && !isKnown) {
            throw unsupported("a mixture of experts in architecture " + architecture);
        }
        if (count > 0) {
            int inner = file.integer(architecture + ".expert_feed_forward_length", size("feed_forward_length"));
            json.put(architecture.equals("llama") ? "num_local_experts" : "num_experts", count)
                    .put("num_experts_per_tok", size("expert_used_count"))
                    .put("norm_topk_prob", architecture.equals("qwen3moe"))
                    .put("moe_intermediate_size", inner);
            if (!architecture.equals("qwen3moe")) {
                json.put("intermediate_size", inner);
            }
        }
    }

    /** Keys that are not read would be left out in silence. */
    private void refuseUnknownKeys() throws IOException {
        String prefix = architecture + ".";
        for (String key : file.keys()) {
            String name = key.startsWith(prefix) ? key.substring(prefix.length()) : "";
            Object value = file.value(key);
            boolean isNeutral = Boolean.FALSE.equals(value)
                    || value instanceof Number n && NEUTRAL.containsKey(name) && n.doubleValue() == NEUTRAL.get(name);
            if (!name.isEmpty() && !KNOWN.contains(name) && !isNeutral) {
                throw unsupported(key + " " + (value instanceof Object[] ? "" : value));
            }
        }
    }

    private float number(String key, float otherwise) {
        return file.value(architecture + "." + key) instanceof Number n ? n.floatValue() : otherwise;
    }

    /**
     * A file keeps a stretched model's divisors, not the rule that made them; the rule is accepted where it gives
     * these divisors.
     */
    private void ropeScaling(ObjectNode json, int headDim) throws IOException {
        Tensor divisors = file.tensor("rope_freqs.weight");
        used.add("rope_freqs.weight");
        if (divisors == null) {
            return;
        }
        float[] given = require("rope_freqs.weight", headDim / 2).floats();
        double factor = 1;
        for (float divisor : given) {
            factor = Math.max(factor, divisor);
        }
        if (factor == 1) {
            return;
        }
        double theta = json.get("rope_theta").asDouble();
        RopeScaling.Llama3 scaling = new RopeScaling.Llama3(factor, LLAMA3_LOW, LLAMA3_HIGH, LLAMA3_POSITIONS);
        for (int i = 0; i < given.length; i++) {
            double expected = scaling.divisor(theta, i, headDim);
            if (Math.abs(expected - given[i]) > 1e-4 * expected) {
                throw unsupported(
                        "a rope divisor of " + given[i] + " for pair " + i + ", where Llama 3 has " + expected + ",");
            }
        }
        json.putObject("rope_scaling")
                .put("rope_type", "llama3")
                .put("factor", factor)
                .put("low_freq_factor", LLAMA3_LOW)
                .put("high_freq_factor", LLAMA3_HIGH)
                .put("original_max_position_embeddings", LLAMA3_POSITIONS);
    }

    @Override
    public String origin() {
        return file.path().toString();
    }

    @Override
    public ObjectNode config() {
        return config;
    }

    @Override
    public Map<String, byte[]> tokenFiles() throws IOException {
        return new GgufTokenizer(file).files();
    }

    static String fileName(String name) {
        switch (name) {
            case "model.embed_tokens.weight" -> {
                return "token_embd.weight";
            }
            case "model.norm.weight" -> {
                return "output_norm.weight";
            }
            case "lm_head.weight" -> {
                return "output.weight";
            }
            default -> {
                Matcher inLayer = IN_LAYER.matcher(name);
                if (inLayer.matches() && LAYER_NAMES.containsKey(inLayer.group(2))) {
                    return "blk." + inLayer.group(1) + "." + LAYER_NAMES.get(inLayer.group(2)) + "." + inLayer.group(3);
                }
                return name;
            }
        }
    }

    @Override
    public boolean has(String name) {
        return file.tensor(fileName(name)) != null;
    }

    @Override
    public List<String> unused() {
        return file.names().stream()
                .filter(name -> !used.contains(name))
                .sorted()
                .toList();
    }

    @Override
    public Weights require(String name, int... shape) throws IOException {
        Matcher expert = EXPERT.matcher(name);
        if (expert.matches() && EXPERT_NAMES.containsKey(expert.group(3))) {
            String all = "blk." + expert.group(1) + "." + EXPERT_NAMES.get(expert.group(3)) + ".weight";
            Mapped mapped = require(all, name, size("expert_count"), shape[0], shape[1]);
            return mapped.rows(Integer.parseInt(expert.group(2)) * shape[0], shape[0]);
        }
        return require(fileName(name), name, shape);
    }

    private Mapped require(String stored, String name, int... shape) throws IOException {
        used.add(stored);
        Tensor tensor = file.tensor(stored);
        if (tensor == null) {
            throw new IOException(
                    file.path() + " has no tensor \"" + stored + "\". The file is incomplete. Nothing was loaded.");
        }
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw new IOException(file.path() + ": tensor \"" + tensor.name() + "\" has shape "
                    + Arrays.toString(tensor.shape()) + "; its metadata asks for " + Arrays.toString(shape)
                    + ". The file is damaged. Nothing was loaded.");
        }
        if (tensor.type() == null) {
            throw new IOException(file.path() + ": tensor \"" + tensor.name() + "\" is of type "
                    + GgufType.nameOf(tensor.code()) + "; import takes F32, F16, BF16 and Q8_0. Nothing was written.");
        }
        boolean interleaved = architecture.equals("llama") || architecture.equals("mistral");
        boolean rotated = name.contains("self_attn.q_proj") || name.contains("self_attn.k_proj");
        int headDim = interleaved && rotated ? config.get("head_dim").asInt() : 0;
        return new Mapped(tensor, headDim, 0, shape.length < 2 ? 1 : shape[0]);
    }

    @Override
    public void close() {
        arena.close();
    }

    /**
     * @param headDim where the file pairs rope's channels (2i, 2i + 1) and Hugging Face (i, i + D/2); 0 where rows
     *     are in order.
     * @param first of its rows.
     * @param rows how many of them.
     */
    private record Mapped(Tensor tensor, int headDim, int first, int rows) implements Weights {
        private static final ValueLayout.OfShort SHORT =
                ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        @Override
        public String name() {
            return tensor.name();
        }

        @Override
        public String dtype() {
            return tensor.type().name();
        }

        /** Some of the rows, counted through all dimensions but the last. */
        Mapped rows(int from, int count) {
            return new Mapped(tensor, headDim, from, count);
        }

        @Override
        public int columns() {
            return tensor.shape()[tensor.shape().length - 1];
        }

        private long offset(int row) {
            int r = first + row;
            if (headDim > 0) {
                int i = r % headDim;
                int half = headDim / 2;
                r = r - i + (i < half ? 2 * i : 2 * (i - half) + 1);
            }
            return tensor.type().bytes((long) r * columns());
        }

        @Override
        public void row(int r, float[] out) {
            if (tensor.type() != GgufType.Q8_0) {
                Embedding.widen(tensor.bytes(), offset(r), dtype(), columns(), out, 0);
                return;
            }
            byte[] values = new byte[GgufType.Q8_0.blockElements()];
            long at = offset(r);
            for (int k = 0; k < columns(); k += values.length) {
                float scale = Float.float16ToFloat(tensor.bytes().get(SHORT, at));
                MemorySegment.copy(tensor.bytes(), ValueLayout.JAVA_BYTE, at + 2, values, 0, values.length);
                for (int i = 0; i < values.length; i++) {
                    out[k + i] = values[i] * scale;
                }
                at += GgufType.Q8_0.blockBytes();
            }
        }

        @Override
        public void rawRow(int r, byte[] out) {
            MemorySegment.copy(tensor.bytes(), offset(r), MemorySegment.ofArray(out), 0, out.length);
        }
    }
}
