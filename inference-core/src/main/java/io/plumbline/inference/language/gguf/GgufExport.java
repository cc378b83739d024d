package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.gguf.GgufWriter.Declared;
import io.plumbline.inference.language.safetensors.FloatBytes;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;

/**
 * Writes a checkpoint as a GGUF file, so that other engines can be measured on the same model. The reverse of {@link
 * GgufCheckpoint}.
 */
public final class GgufExport {
    private final Checkpoint source;
    private final JsonNode config;
    private final GgufType type;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    /** Source tensor of each target. */
    private final Map<String, Weights> tensors = new LinkedHashMap<>();

    private GgufExport(Checkpoint source, GgufType type) {
        this.source = source;
        this.config = source.config();
        this.type = type;
    }

    /**
     * Writes {@code source} to {@code to}.
     *
     * @param type of the matrices; vectors stay f32.
     */
    public static void run(Checkpoint source, GgufType type, Path to, DoubleConsumer progress) throws IOException {
        ModelConfig model =
                HuggingFaceConfig.parse(source.config(), source.origin()).model();
        if (!model.architecture().equals(Architecture.PLAIN)) {
            throw new IOException(source.origin() + ": "
                    + source.config().path("architectures").path(0).asText("this family")
                    + " is not written as GGUF; Llama, Mistral and Qwen without windows are. Nothing was written.");
        }
        new GgufExport(source, type).write(to, progress);
    }

    private String architecture() {
        String name = config.path("architectures").path(0).asText();
        return name.startsWith("Qwen2") ? "qwen2" : name.startsWith("Qwen3") ? "qwen3" : "llama";
    }

    private int size(String field) {
        return config.path(field).asInt();
    }

    private int headDim() {
        return config.path("head_dim").asInt(size("hidden_size") / size("num_attention_heads"));
    }

    private void collect() throws IOException {
        int hidden = size("hidden_size");
        int queries = size("num_attention_heads") * headDim();
        int keys = size("num_key_value_heads") * headDim();
        int mlp = size("intermediate_size");
        add("model.embed_tokens.weight", size("vocab_size"), hidden);
        add("model.norm.weight", hidden);
        if (source.has("lm_head.weight")) {
            add("lm_head.weight", size("vocab_size"), hidden);
        }
        for (int l = 0; l < size("num_hidden_layers"); l++) {
            String layer = "model.layers." + l + ".";
            add(layer + "input_layernorm.weight", hidden);
            add(layer + "post_attention_layernorm.weight", hidden);
            add(layer + "self_attn.q_proj.weight", queries, hidden);
            add(layer + "self_attn.k_proj.weight", keys, hidden);
            add(layer + "self_attn.v_proj.weight", keys, hidden);
            add(layer + "self_attn.o_proj.weight", hidden, queries);
            add(layer + "mlp.gate_proj.weight", mlp, hidden);
            add(layer + "mlp.up_proj.weight", mlp, hidden);
            add(layer + "mlp.down_proj.weight", hidden, mlp);
            if (source.has(layer + "self_attn.q_proj.bias")) {
                add(layer + "self_attn.q_proj.bias", queries);
                add(layer + "self_attn.k_proj.bias", keys);
                add(layer + "self_attn.v_proj.bias", keys);
            }
            if (source.has(layer + "self_attn.q_norm.weight")) {
                add(layer + "self_attn.q_norm.weight", headDim());
                add(layer + "self_attn.k_norm.weight", headDim());
            }
        }
    }

    private void add(String name, int... shape) throws IOException {
        String target = GgufCheckpoint.fileName(name);
        declared.put(target, new Declared(shape.length == 1 ? GgufType.F32 : type, shape));
        tensors.put(target, source.require(name, shape));
    }

    private void write(Path to, DoubleConsumer progress) throws IOException {
        collect();
        int done = 0;
        try (GgufWriter out = new GgufWriter(to, metadata(), declared)) {
            for (Map.Entry<String, Weights> entry : tensors.entrySet()) {
                Weights weights = entry.getValue();
                Declared target = declared.get(entry.getKey());
                boolean paired =
                        architecture().equals("llama") && entry.getKey().matches("blk\\.\\d+\\.attn_[qk]\\.weight");
                float[] row = new float[weights.columns()];
                out.write(entry.getKey(), weights.rows(), r -> {
                    weights.row(paired ? unpaired(r) : r, row);
                    return bytes(target.type(), row);
                });
                progress.accept(++done / (double) tensors.size());
            }
        }
    }

    /** The Hugging Face row that stands at row {@code r} where pairs are neighbours. */
    private int unpaired(int r) {
        int i = r % headDim();
        return r - i + i / 2 + i % 2 * (headDim() / 2);
    }

    private static byte[] bytes(GgufType type, float[] row) {
        return type == GgufType.Q8_0 ? GgufWriter.q8Row(row) : FloatBytes.of(row, type.name());
    }

    private Map<String, Object> metadata() throws IOException {
        String a = architecture();
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("general.architecture", a);
        all.put("general.name", Path.of(source.origin()).getFileName().toString());
        all.put(a + ".context_length", size("max_position_embeddings"));
        all.put(a + ".embedding_length", size("hidden_size"));
        all.put(a + ".block_count", size("num_hidden_layers"));
        all.put(a + ".feed_forward_length", size("intermediate_size"));
        all.put(a + ".attention.head_count", size("num_attention_heads"));
        all.put(a + ".attention.head_count_kv", size("num_key_value_heads"));
        all.put(a + ".attention.key_length", headDim());
        all.put(a + ".attention.value_length", headDim());
        all.put(a + ".rope.dimension_count", headDim());
        all.put(a + ".rope.freq_base", (float) config.path("rope_theta").asDouble(10_000));
        all.put(a + ".attention.layer_norm_rms_epsilon", (float)
                config.path("rms_norm_eps").asDouble(1e-6));
        all.put("general.file_type", type == GgufType.Q8_0 ? 7 : type == GgufType.F16 ? 1 : 0);
        addTokenizer(all);
        return all;
    }

    private void addTokenizer(Map<String, Object> all) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Map<String, byte[]> files = source.tokenFiles();
        JsonNode tokenizer = mapper.readTree(files.get("tokenizer.json"));
        JsonNode settings = mapper.readTree(files.get("tokenizer_config.json"));
        JsonNode model = tokenizer.path("model");
        String[] tokens = new String[size("vocab_size")];
        Integer[] types = new Integer[tokens.length];
        Map<String, Integer> ids = new HashMap<>();
        boolean bytes = model.path("byte_fallback").asBoolean();
        for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
            int id = entry.getValue().asInt();
            tokens[id] = entry.getKey();
            types[id] = bytes && entry.getKey().matches("<0x[0-9A-F]{2}>") ? 6 : 1;
            ids.put(entry.getKey(), id);
        }
        for (JsonNode added : tokenizer.path("added_tokens")) {
            int id = added.get("id").asInt();
            tokens[id] = added.get("content").asText();
            types[id] = added.path("special").asBoolean() ? 3 : 4;
            ids.put(tokens[id], id);
        }
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id] == null) {
                tokens[id] = "[PAD" + id + "]";
                types[id] = 5;
            }
        }
        List<String> merges = new ArrayList<>();
        Float[] scores = new Float[tokens.length];
        Arrays.fill(scores, bytes ? -1e6f : 0f);
        for (JsonNode merge : model.path("merges")) {
            String left =
                    merge.isArray() ? merge.get(0).asText() : merge.asText().split(" ", 2)[0];
            String right =
                    merge.isArray() ? merge.get(1).asText() : merge.asText().split(" ", 2)[1];
            int id = ids.get(left + right);
            if (bytes && scores[id] == -1e6f) {
                scores[id] = (float) -merges.size();
            }
            merges.add(left + " " + right);
        }
        all.put("tokenizer.ggml.model", bytes ? "llama" : "gpt2");
        all.put("tokenizer.ggml.pre", bytes ? "default" : "gpt-2");
        all.put("tokenizer.ggml.tokens", List.of(tokens));
        all.put("tokenizer.ggml.scores", List.of(scores));
        all.put("tokenizer.ggml.token_type", List.of(types));
        if (!bytes) {
            all.put("tokenizer.ggml.merges", merges);
        }
        all.put("tokenizer.ggml.add_space_prefix", tokenizer.path("normalizer").isObject());
        JsonNode beginning = settings.path("bos_token");
        String begins = beginning.isObject() ? beginning.path("content").asText("") : beginning.asText("");
        boolean isPut = !begins.isEmpty()
                && tokenizer.path("post_processor").path("single").toString().contains("\"" + begins + "\"");
        all.put("tokenizer.ggml.add_bos_token", settings.path("add_bos_token").asBoolean(isPut));
        for (String name : List.of("bos", "eos")) {
            JsonNode token = settings.path(name + "_token");
            String text = token.isObject() ? token.path("content").asText("") : token.asText("");
            if (ids.containsKey(text)) {
                all.put("tokenizer.ggml." + name + "_token_id", ids.get(text));
            }
        }
        if (settings.path("chat_template").isTextual()) {
            all.put("tokenizer.chat_template", settings.get("chat_template").asText());
        }
    }
}
