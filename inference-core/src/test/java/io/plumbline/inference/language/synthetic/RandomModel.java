package io.plumbline.inference.language.synthetic;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.FloatBytes;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.safetensors.SafetensorsWriter.Declared;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleConsumer;
import java.util.function.IntSupplier;

/**
 * Writes a checkpoint of random but realistic weights, as a Hugging Face folder: heavy tails, a few outlier channels
 * in the norms, and where wanted a few huge key biases. What such a model says means nothing; how fast and how
 * exactly it is run does.
 */
public final class RandomModel {
    /** Values that rows are cut from: drawing each weight anew would take a minute for a billion. */
    private static final int POOL = 1 << 20;

    private final Shape shape;
    private final RandomFamily family;
    private final SplittableRandom random;
    private final float[] pool = new float[POOL];

    /**
     * What to write.
     *
     * @param architecture as config.json names it.
     * @param dtype BF16, F16, F32, or I8 for compressed-tensors W8A8; MXFP4 for experts that are kept together.
     * @param tied whether the output matrix is the embedding.
     * @param keyBias largest key bias, where the family has biases; the usual key is about 1.
     * @param shards files to spread the tensors over.
     */
    public record Shape(
            String architecture,
            int hidden,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int mlp,
            int vocab,
            int context,
            String dtype,
            boolean tied,
            float keyBias,
            int shards) {
        private boolean isInt8() {
            return dtype.equals("I8");
        }

        private String floatType() {
            return isInt8() || isMxfp4() ? "BF16" : dtype;
        }

        private boolean isMxfp4() {
            return dtype.equals("MXFP4");
        }
    }

    private RandomModel(Shape shape, long seed) {
        this.shape = shape;
        this.family = RandomFamily.of(shape.architecture(), shape.hidden(), shape.mlp());
        this.random = new SplittableRandom(seed);
        for (int i = 0; i < POOL; i++) {
            pool[i] = (float) (random.nextGaussian() * StrictMath.exp(0.4 * random.nextGaussian()));
        }
    }

    /**
     * Writes {@code shape} into the new folder {@code to}; the same seed gives the same bytes.
     *
     * @param progress told the share done, 0 to 1.
     */
    public static void write(Shape shape, long seed, Path to, DoubleConsumer progress) throws IOException {
        new RandomModel(shape, seed).write(to, progress);
    }

    private interface Rows {
        /** Fills one row. */
        void fill(int r, float[] row);
    }

    /**
     * @param size in the file.
     * @param isBytes whether its values are bytes, of a packed form.
     */
    private record Tensor(int rows, int columns, boolean matrix, Rows source, int[] size, boolean isBytes) {
        Tensor(int rows, int columns, boolean matrix, Rows source) {
            this(rows, columns, matrix, source, rows == 1 ? new int[] {columns} : new int[] {rows, columns}, false);
        }

        /** Of more dimensions than two. */
        static Tensor of(boolean isBytes, Rows source, int... size) {
            return new Tensor(Weights.rows(size), size[size.length - 1], false, source, size, isBytes);
        }
    }

    private Map<String, Tensor> tensors() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        RandomFamily.Linear linear = family.linear();
        RandomFamily.Gemma4 gemma = family.gemma();
        String prefix = gemma != null ? gemma.prefix() : linear == null ? "model." : linear.prefix();
        all.put(prefix + "embed_tokens.weight", new Tensor(shape.vocab(), shape.hidden(), false, scaled(0.5)));
        for (int l = 0; l < shape.layers(); l++) {
            String layer = prefix + "layers." + l + ".";
            boolean isGlobal = gemma != null && gemma.isFull(l, shape.layers());
            boolean hasOwnKeys = gemma == null || gemma.hasOwnKeys(l);
            boolean areKeysValues = isGlobal && !gemma.isSmall();
            int headDim = isGlobal ? 2 * shape.headDim() : shape.headDim();
            int queries = shape.heads() * headDim;
            int keys = (areKeysValues ? 1 : shape.kvHeads()) * headDim;
            int mlp = hasOwnKeys ? shape.mlp() : 2 * shape.mlp();
            boolean isLinear = linear != null && linear.isIn(l);
            for (String norm : family.norms()) {
                all.put(layer + norm + ".weight", gains(shape.hidden()));
            }
            if (isLinear) {
                linear(all, layer + "linear_attn.", linear);
            } else if (family.hasFusedQkv()) {
                matrix(all, layer + "self_attn.qkv_proj", queries + 2 * keys, shape.hidden(), 1);
            } else {
                int gate = linear == null ? 0 : queries;
                matrix(all, layer + "self_attn.q_proj", queries + gate, shape.hidden(), 1);
                // Of layers that do not need it the last file has it all the same.
                if (hasOwnKeys || l == shape.layers() - 1) {
                    matrix(all, layer + "self_attn.k_proj", keys, shape.hidden(), 1);
                }
                if (hasOwnKeys && !areKeysValues) {
                    matrix(all, layer + "self_attn.v_proj", keys, shape.hidden(), 1);
                }
            }
            if (!isLinear) {
                matrix(all, layer + "self_attn.o_proj", shape.hidden(), queries, 0.5);
            }
            RandomFamily.Mixture mixture = family.mixture();
            if (mixture != null && l >= mixture.dense()) {
                mixture(all, layer, mixture);
            } else if (family.hasFusedGateUp()) {
                matrix(all, layer + "mlp.gate_up_proj", 2 * shape.mlp(), shape.hidden(), 1);
                matrix(all, layer + "mlp.down_proj", shape.hidden(), shape.mlp(), 0.5);
            } else {
                gated(all, layer + "mlp.", mlp, List.of("gate_proj", "up_proj", "down_proj"));
            }
            if (family.hasQkvBias()) {
                all.put(layer + "self_attn.q_proj.bias", new Tensor(1, queries, false, scaled(0.3)));
                all.put(layer + "self_attn.k_proj.bias", new Tensor(1, keys, false, this::keyBias));
                all.put(layer + "self_attn.v_proj.bias", new Tensor(1, keys, false, scaled(0.3)));
            }
            if (family.hasOtherBiases()) {
                all.put(layer + "self_attn.o_proj.bias", new Tensor(1, shape.hidden(), false, scaled(0.1)));
            }
            if (family.hasOtherBiases() && mixture == null) {
                all.put(layer + "mlp.gate_proj.bias", new Tensor(1, shape.mlp(), false, scaled(0.1)));
                all.put(layer + "mlp.up_proj.bias", new Tensor(1, shape.mlp(), false, scaled(0.1)));
                all.put(layer + "mlp.down_proj.bias", new Tensor(1, shape.hidden(), false, scaled(0.1)));
            }
            if (family.hasSinks()) {
                all.put(layer + "self_attn.sinks", new Tensor(1, shape.heads(), false, scaled(1)));
            }
            if (family.qkNorm() != RandomFamily.QkNorm.NONE && !isLinear) {
                boolean isWhole = family.qkNorm() == RandomFamily.QkNorm.WHOLE;
                Tensor queryGains = gains(isWhole ? queries : headDim);
                // Where scores are not scaled the gains are such that they need not be.
                all.put(layer + "self_attn.q_norm.weight", gemma == null ? queryGains : smaller(queryGains));
                if (hasOwnKeys) {
                    all.put(layer + "self_attn.k_norm.weight", gains(isWhole ? keys : headDim));
                }
            }
            if (gemma != null) {
                gemma(all, layer, gemma);
            }
        }
        if (gemma != null && gemma.isSmall()) {
            int width = shape.layers() * gemma.perLayer();
            all.put(prefix + "embed_tokens_per_layer.weight", new Tensor(shape.vocab(), width, false, scaled(0.2)));
            matrix(all, prefix + "per_layer_model_projection", width, shape.hidden(), 4);
            all.put(prefix + "per_layer_projection_norm.weight", gains(gemma.perLayer()));
            // Parts that are not run.
            all.put("model.vision_tower.patch_embedder.input_proj.weight", gains(shape.hidden()));
            all.put("model.embed_audio.embedding_projection.weight", gains(shape.hidden()));
        }
        all.put(prefix + "norm.weight", gains(shape.hidden()));
        if (linear != null && !linear.isFused()) {
            // Parts that are not run.
            all.put("mtp.norm.weight", gains(shape.hidden()));
            all.put("model.visual.patch_embed.proj.bias", gains(shape.hidden()));
        }
        if (!shape.tied()) {
            // As published int8 checkpoints have it, the output matrix stays in floats.
            all.put(
                    "lm_head.weight",
                    new Tensor(shape.vocab(), shape.hidden(), false, scaled(1 / Math.sqrt(shape.hidden()))));
        }
        return all;
    }

    /** Gate, up and down, by those names behind {@code prefix}. */
    private void gated(Map<String, Tensor> all, String prefix, int mlp, List<String> names) {
        matrix(all, prefix + names.get(0), mlp, shape.hidden(), 1);
        matrix(all, prefix + names.get(1), mlp, shape.hidden(), 1);
        matrix(all, prefix + names.get(2), shape.hidden(), mlp, 0.5);
    }

    private void gemma(Map<String, Tensor> all, String layer, RandomFamily.Gemma4 gemma) {
        all.put(layer + "layer_scalar", new Tensor(1, 1, false, (r, row) -> row[0] = 0.5f + random.nextInt(4) / 8f));
        if (gemma.mixture() != null) {
            int experts = gemma.mixture().experts();
            int inner = gemma.mixture().mlp();
            double up = 1 / Math.sqrt(shape.hidden());
            for (String norm : List.of(
                    "pre_feedforward_layernorm_2", "post_feedforward_layernorm_1", "post_feedforward_layernorm_2")) {
                all.put(layer + norm + ".weight", gains(shape.hidden()));
            }
            all.put(layer + "router.scale", gains(shape.hidden()));
            all.put(layer + "router.per_expert_scale", gains(experts));
            all.put(layer + "router.proj.weight", new Tensor(experts, shape.hidden(), false, scaled(2)));
            all.put(layer + "experts.gate_up_proj", Tensor.of(false, scaled(up), experts, 2 * inner, shape.hidden()));
            all.put(
                    layer + "experts.down_proj",
                    Tensor.of(false, scaled(0.5 / Math.sqrt(inner)), experts, shape.hidden(), inner));
        }
        if (gemma.isSmall()) {
            matrix(all, layer + "per_layer_input_gate", gemma.perLayer(), shape.hidden(), 1);
            matrix(all, layer + "per_layer_projection", shape.hidden(), gemma.perLayer(), 1);
            all.put(layer + "post_per_layer_input_norm.weight", gains(shape.hidden()));
        }
    }

    private void linear(Map<String, Tensor> all, String layer, RandomFamily.Linear linear) {
        int channels = 2 * linear.keys() + linear.values();
        int heads = linear.valueHeads();
        double scale = 1 / Math.sqrt(shape.hidden());
        if (linear.isFused()) {
            matrix(all, layer + "in_proj_qkvz", channels + linear.values(), shape.hidden(), 1);
            all.put(layer + "in_proj_ba.weight", new Tensor(2 * heads, shape.hidden(), false, scaled(scale)));
        } else {
            matrix(all, layer + "in_proj_qkv", channels, shape.hidden(), 1);
            matrix(all, layer + "in_proj_z", linear.values(), shape.hidden(), 1);
            all.put(layer + "in_proj_b.weight", new Tensor(heads, shape.hidden(), false, scaled(scale)));
            all.put(layer + "in_proj_a.weight", new Tensor(heads, shape.hidden(), false, scaled(scale)));
        }
        all.put(layer + "conv1d.weight", Tensor.of(false, scaled(0.5), channels, 1, linear.taps()));
        // States that forget in some tokens, and such that do in hundreds.
        all.put(layer + "A_log", new Tensor(1, heads, false, scaled(1.5)));
        all.put(layer + "dt_bias", new Tensor(1, heads, false, scaled(2)));
        all.put(layer + "norm.weight", new Tensor(1, linear.valueDim(), false, (r, row) -> {
            for (int i = 0; i < row.length; i++) {
                row[i] = (float) (1 + 0.2 * random.nextGaussian());
            }
        }));
        matrix(all, layer + "out_proj", shape.hidden(), linear.values(), 0.5);
    }

    private void mixture(Map<String, Tensor> all, String layer, RandomFamily.Mixture mixture) {
        // No matrix that published int8 checkpoints quantize.
        double scale = 2 / Math.sqrt(shape.hidden());
        String router = layer + mixture.router();
        all.put(router + ".weight", new Tensor(mixture.experts(), shape.hidden(), false, scaled(scale)));
        if (mixture.hasBias()) {
            all.put(router + ".e_score_correction_bias", new Tensor(1, mixture.experts(), false, scaled(0.2)));
        }
        if (mixture.isTogether()) {
            all.put(router + ".bias", new Tensor(1, mixture.experts(), false, scaled(0.3)));
            together(all, layer + mixture.prefix() + "gate_up_proj", mixture, 2 * mixture.mlp(), shape.hidden(), 1);
            together(all, layer + mixture.prefix() + "down_proj", mixture, shape.hidden(), mixture.mlp(), 0.5);
            return;
        }
        if (family.linear() != null) {
            all.put(
                    layer + "mlp.shared_expert_gate.weight",
                    new Tensor(1, shape.hidden(), false, scaled(scale), new int[] {1, shape.hidden()}, false));
        }
        if (family.linear() != null && !family.linear().isFused()) {
            double up = 1 / Math.sqrt(shape.hidden());
            double down = 0.5 / Math.sqrt(mixture.mlp());
            int count = mixture.experts();
            String experts = layer + mixture.prefix();
            all.put(experts + "gate_up_proj", Tensor.of(false, scaled(up), count, 2 * mixture.mlp(), shape.hidden()));
            all.put(experts + "down_proj", Tensor.of(false, scaled(down), count, shape.hidden(), mixture.mlp()));
            gated(all, layer + mixture.shared(), mixture.mlp(), mixture.names());
            return;
        }
        for (int e = 0; e < mixture.experts(); e++) {
            gated(all, layer + mixture.prefix() + e + ".", mixture.mlp(), mixture.names());
        }
        if (mixture.shared() != null) {
            gated(all, layer + mixture.shared(), mixture.mlp(), mixture.names());
        }
    }

    /** All experts' matrices of {@code rows} rows each, and their biases. */
    private void together(
            Map<String, Tensor> all, String name, RandomFamily.Mixture mixture, int rows, int columns, double gain) {
        int experts = mixture.experts();
        double scale = gain / Math.sqrt(columns);
        if (shape.isMxfp4()) {
            // Root of the mean square of all sixteen values that four bits have.
            double exponent = 127 + Math.log(scale / 2.93) / Math.log(2);
            Rows values = (r, row) -> fill(row, () -> random.nextInt(256));
            Rows exponents = (r, row) -> fill(row, () -> (int) Math.rint(exponent) + random.nextInt(-1, 2));
            all.put(name + "_blocks", Tensor.of(true, values, experts, rows, columns / 32, 16));
            all.put(name + "_scales", Tensor.of(true, exponents, experts, rows, columns / 32));
        } else {
            all.put(name, Tensor.of(false, scaled(scale), experts, columns, rows));
        }
        all.put(name + "_bias", Tensor.of(false, scaled(0.1), experts, rows));
    }

    private static void fill(float[] row, IntSupplier with) {
        for (int i = 0; i < row.length; i++) {
            row[i] = with.getAsInt();
        }
    }

    private void matrix(Map<String, Tensor> all, String stem, int rows, int columns, double gain) {
        all.put(stem + ".weight", new Tensor(rows, columns, true, scaled(gain / Math.sqrt(columns))));
    }

    private Rows scaled(double scale) {
        return (r, row) -> {
            int at = random.nextInt(POOL);
            float signed = (float) (random.nextBoolean() ? scale : -scale);
            for (int i = 0; i < row.length; i++) {
                row[i] = pool[at + i & POOL - 1] * signed;
            }
        };
    }

    private Tensor gains(int size) {
        return new Tensor(1, size, false, (r, row) -> {
            for (int i = 0; i < row.length; i++) {
                boolean outlier = random.nextInt(200) == 0;
                double gain = (outlier ? 8 : 1) * (1 + 0.2 * random.nextGaussian());
                row[i] = (float) (gain - family.gainsLess());
            }
        });
    }

    /** Gains over the root of how many they are. */
    private static Tensor smaller(Tensor gains) {
        return new Tensor(1, gains.columns(), false, (r, row) -> {
            gains.source().fill(r, row);
            for (int i = 0; i < row.length; i++) {
                row[i] /= (float) Math.sqrt(row.length);
            }
        });
    }

    /** Most near zero, one pair in sixteen huge, as some published keys are. */
    private void keyBias(int r, float[] row) {
        for (int i = 0; i < row.length; i++) {
            boolean huge = random.nextInt(16) == 0;
            row[i] = (float) (random.nextGaussian() * (huge ? shape.keyBias() : 0.3));
        }
    }

    private void write(Path to, DoubleConsumer progress) throws IOException {
        Files.createDirectory(to);
        Map<String, Tensor> all = tensors();
        int perShard = (all.size() + shape.shards() - 1) / shape.shards();
        long done = 0;
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode index = mapper.createObjectNode();
        ObjectNode places = index.putObject("weight_map");
        java.util.List<Map.Entry<String, Tensor>> list = new java.util.ArrayList<>(all.entrySet());
        for (int shard = 0; shard < shape.shards(); shard++) {
            String name = shape.shards() == 1
                    ? "model.safetensors"
                    : String.format("model-%05d-of-%05d.safetensors", shard + 1, shape.shards());
            java.util.List<Map.Entry<String, Tensor>> part = list.subList(
                    Math.min(list.size(), shard * perShard), Math.min(list.size(), (shard + 1) * perShard));
            Map<String, Declared> declared = new LinkedHashMap<>();
            part.forEach(entry -> declare(declared, entry.getKey(), entry.getValue()));
            declared.keySet().forEach(tensor -> places.put(tensor, name));
            try (SafetensorsWriter out = new SafetensorsWriter(to.resolve(name), declared)) {
                for (Map.Entry<String, Tensor> entry : part) {
                    write(out, entry.getKey(), entry.getValue());
                    progress.accept(++done / (double) list.size());
                }
            }
        }
        if (shape.shards() > 1) {
            mapper.writeValue(to.resolve("model.safetensors.index.json").toFile(), index);
        }
        mapper.writeValue(to.resolve("config.json").toFile(), config(mapper));
        RandomTokenizer.write(shape.vocab(), to);
    }

    private void declare(Map<String, Declared> declared, String name, Tensor tensor) {
        int[] size = tensor.size();
        long elements = (long) tensor.rows() * tensor.columns();
        if (tensor.isBytes()) {
            declared.put(name, new Declared("U8", size, elements));
        } else if (tensor.matrix() && shape.isInt8()) {
            declared.put(name, new Declared("I8", size, elements));
            declared.put(name + "_scale", new Declared("BF16", new int[] {tensor.rows(), 1}, 2L * tensor.rows()));
        } else {
            declared.put(name, new Declared(shape.floatType(), size, elements * FloatBytes.width(shape.floatType())));
        }
    }

    private void write(SafetensorsWriter out, String name, Tensor tensor) throws IOException {
        float[] row = new float[tensor.columns()];
        boolean int8 = tensor.matrix() && shape.isInt8();
        float[] scales = new float[tensor.rows()];
        for (int r = 0; r < tensor.rows(); r++) {
            tensor.source().fill(r, row);
            byte[] bytes;
            if (int8) {
                bytes = new byte[row.length];
                scales[r] = int8(row, bytes);
            } else if (tensor.isBytes()) {
                bytes = new byte[row.length];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) row[i];
                }
            } else {
                bytes = FloatBytes.of(row, shape.floatType());
            }
            out.write(name, bytes, bytes.length);
        }
        if (int8) {
            byte[] bytes = FloatBytes.of(scales, "BF16");
            out.write(name + "_scale", bytes, bytes.length);
        }
    }

    /** As llm-compressor does: the scale is rounded to bf16 first, so the largest may come out as -128. */
    private static float int8(float[] row, byte[] out) {
        float most = 0;
        for (float v : row) {
            most = Math.max(most, Math.abs(v));
        }
        float scale = Float.intBitsToFloat(FloatBytes.bf16(most / 127.5f) << 16);
        for (int i = 0; i < row.length; i++) {
            out[i] = (byte) Math.clamp((long) Math.rint(row[i] / scale), -128, 127);
        }
        return scale;
    }

    private ObjectNode config(ObjectMapper mapper) {
        ObjectNode json = mapper.createObjectNode();
        json.putArray("architectures").add(shape.architecture());
        String type = shape.architecture().replace("ForCausalLM", "").toLowerCase(Locale.ROOT);
        json.put("model_type", type)
                .put("bos_token_id", RandomTokenizer.BEGIN)
                .put("hidden_act", "silu")
                .put("hidden_size", shape.hidden())
                .put("num_hidden_layers", shape.layers())
                .put("num_attention_heads", shape.heads())
                .put("num_key_value_heads", shape.kvHeads())
                .put("head_dim", shape.headDim())
                .put("intermediate_size", shape.mlp())
                .put("vocab_size", shape.vocab())
                .put("max_position_embeddings", shape.context())
                .put("rms_norm_eps", 1e-6)
                .put("rope_theta", 10_000.0)
                .put("tie_word_embeddings", shape.tied())
                .put("eos_token_id", RandomTokenizer.END);
        family.configure(json);
        if (shape.isMxfp4()) {
            json.putObject("quantization_config").put("quant_method", "mxfp4");
        }
        if (shape.isInt8()) {
            ObjectNode quantization = json.putObject("quantization_config");
            quantization.put("quant_method", "compressed-tensors").put("format", "int-quantized");
            ObjectNode group = quantization.putObject("config_groups").putObject("group_0");
            group.putObject("weights").put("num_bits", 8).put("symmetric", true).put("strategy", "channel");
            group.putObject("input_activations")
                    .put("num_bits", 8)
                    .put("symmetric", true)
                    .put("dynamic", true)
                    .put("strategy", "token");
            quantization.putArray("ignore").add("lm_head");
        }
        return json;
    }
}
