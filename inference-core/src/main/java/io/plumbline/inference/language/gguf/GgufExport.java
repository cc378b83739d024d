package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.plumbline.inference.language.checkpoint.CanonicalCheckpoint;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.FloatBytes;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.StackedWeights;
import io.plumbline.inference.language.checkpoint.TransformedRows;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.gguf.GgufWriter.Declared;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.RopeScaling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.function.IntUnaryOperator;

/**
 * Writes a checkpoint as a GGUF file, so that other engines can be measured on the same model. The reverse of {@link
 * GgufCheckpoint}.
 */
public final class GgufExport {
    private final CanonicalCheckpoint source;
    private final JsonNode config;
    private final ModelConfig model;
    private final boolean isTied;
    private final GgufArchitecture architecture;
    private final GgufType type;
    private final Packing packing;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Part> parts = new LinkedHashMap<>();

    /** The rows of a target: {@code count} of them, row r being row {@code order(r)} of {@code of}. */
    private record Part(Weights of, int count, IntUnaryOperator order) {}

    private GgufExport(Checkpoint source, GgufType type, Packing packing) throws IOException {
        HuggingFaceConfig read = HuggingFaceConfig.of(source);
        String family = source.config().path("architectures").path(0).asText("this family");
        this.source = new CanonicalCheckpoint(source, read.description());
        this.config = source.config();
        this.model = read.model();
        this.isTied = read.tied();
        this.architecture = GgufArchitecture.of(family);
        this.type = type;
        this.packing = packing;
        if (architecture == null) {
            throw new IOException(source.origin() + ": " + family + " is not written as GGUF. Nothing was written.");
        }
    }

    /**
     * Writes {@code source} to {@code to}.
     *
     * @param type of the matrices; vectors and routers stay f32, and beside packed ones embedding and output are
     *     Q8_0.
     */
    public static void run(Checkpoint source, GgufType type, Path to, DoubleConsumer progress) throws IOException {
        run(source, type, row -> bytes(type, row), to, progress);
    }

    /** How a row of a matrix is packed, in a type that is not written here. */
    public interface Packing {
        /** @return the row's blocks. */
        byte[] pack(float[] row);
    }

    /** The same with blocks of the caller's. */
    public static void run(Checkpoint source, GgufType type, Packing packing, Path to, DoubleConsumer progress)
            throws IOException {
        new GgufExport(source, type, packing).write(to, progress);
    }

    private void collect() throws IOException {
        int hidden = model.hidden();
        add("token_embd.weight", TensorNames.EMBEDDING, model.vocab(), hidden);
        add("output_norm.weight", TensorNames.FINAL_NORM, hidden);
        if (!isTied) {
            add("output.weight", TensorNames.OUTPUT_WEIGHT, model.vocab(), hidden);
        }
        if (model.rope().scaling() instanceof RopeScaling.Proportional proportional) {
            double[] divisors = new double[model.headDim() / 2];
            Arrays.setAll(divisors, i -> i < proportional.pairs() ? proportional.factor() : GgufConfig.NOT_ROTATED);
            String name = "rope_freqs.weight";
            put(name, new Numbers(name, divisors), new Declared(GgufType.F32, divisors.length), r -> r);
        }
        if (model.architecture().perLayer() > 0) {
            perLayer();
        }
        if (model.rope().scaling() instanceof RopeScaling.LongRope longRope) {
            for (String name : List.of("rope_factors_long.weight", "rope_factors_short.weight")) {
                int pairs = longRope.divisors().length;
                declared.put(name, new Declared(GgufType.F32, pairs));
                parts.put(name, new Part(new Numbers(name, longRope.divisors()), 1, r -> r));
            }
        }
        for (int l = 0; l < model.layers(); l++) {
            String block = "blk." + l + ".";
            norms(block, l);
            if (model.isLinear(l)) {
                linear(block, l);
            } else {
                attention(block, l);
            }
            if (model.hasExperts(l)) {
                experts(block, l);
            }
            if (model.mlp(l) > 0) {
                feedForward(block + "ffn_", model.hasExperts(l) ? architecture.sharedSuffix() : "", l);
            }
            if (model.architecture().perLayer() > 0) {
                matrix(block + "inp_gate", TensorNames.PER_LAYER_GATE, l);
                matrix(block + "proj", TensorNames.PER_LAYER_OUT, l);
            }
            if (model.architecture().layerScale()) {
                add(block + "layer_output_scale.weight", TensorNames.layerScale(l), 1);
            }
        }
    }

    /** What all layers' own embeddings have together. */
    private void perLayer() throws IOException {
        int elements = model.architecture().perLayer();
        int hidden = model.hidden();
        add("per_layer_token_embd.weight", TensorNames.PER_LAYER_EMBEDDING, model.vocab(), model.perLayerDim());
        add("per_layer_proj_norm.weight", TensorNames.perLayerInputNorm(0), elements);
        String name = "per_layer_model_proj.weight";
        List<Weights> layers = new ArrayList<>();
        for (int l = 0; l < model.layers(); l++) {
            layers.add(source.require(TensorNames.PER_LAYER_INPUT.weight(l), elements, hidden));
        }
        // As it is published, before it is scaled.
        float scale = (float) Math.sqrt(hidden);
        Weights all = new TransformedRows(new StackedWeights(name, layers), row -> {
            for (int i = 0; i < hidden; i++) {
                row[i] *= scale;
            }
        });
        put(name, all, new Declared(type, model.perLayerDim(), hidden), r -> r);
    }

    private void norms(String block, int l) throws IOException {
        Map<String, String> targets = Map.of(
                TensorNames.attentionNorm(l), "attn_norm",
                TensorNames.mlpNorm(l), architecture.mlpNorm(),
                TensorNames.attentionOutNorm(l), "post_attention_norm",
                TensorNames.mlpOutNorm(l), "post_ffw_norm",
                TensorNames.expertsNorm(l), "pre_ffw_norm_2",
                TensorNames.expertsOutNorm(l), "post_ffw_norm_2",
                TensorNames.sharedOutNorm(l), "post_ffw_norm_1",
                TensorNames.perLayerOutNorm(l), "post_norm",
                TensorNames.queryNorm(l), "attn_q_norm",
                TensorNames.keyNorm(l), "attn_k_norm");
        for (String name : TensorNames.norms(model, l)) {
            if (name.equals(TensorNames.routerNorm(l))) {
                routerNorm(block + "ffn_gate_inp.scale", name);
            } else if (!name.equals(TensorNames.perLayerInputNorm(l))) {
                // That one is of all layers, and stands apart.
                add(block + targets.get(name) + ".weight", name, TensorNames.normSize(model, l, name));
            }
        }
    }

    /** As it is published, before it is scaled. */
    private void routerNorm(String target, String name) throws IOException {
        double[] gain = doubles(source.require(name, model.hidden()).floats());
        for (int i = 0; i < gain.length; i++) {
            gain[i] *= Math.sqrt(model.hidden());
        }
        put(target, new Numbers(target, gain), new Declared(GgufType.F32, gain.length), r -> r);
    }

    private void linear(String block, int l) throws IOException {
        DeltaRule delta = model.architecture().delta();
        int hidden = model.hidden();
        int heads = delta.valueHeads();
        int size = delta.valueDim();
        if (delta.keyDim() != size || !isRegular()) {
            throw new IOException(source.origin() + ": linear attention with keys of " + delta.keyDim()
                    + " elements and values of " + size
                    + ", or in other layers than all but each n-th, is not written as"
                    + " GGUF. Nothing was written.");
        }
        GgufLinear order = new GgufLinear(delta, !architecture.isByKeyHead());
        Weights qkv = source.require(TensorNames.LINEAR_QKV.weight(l), delta.channels(), hidden);
        put(
                block + "attn_qkv.weight",
                qkv,
                new Declared(type, delta.channels(), hidden),
                order.channels(order.here(size)));
        Weights gate = source.require(TensorNames.LINEAR_GATE.weight(l), delta.values(), hidden);
        put(block + "attn_gate.weight", gate, new Declared(type, delta.values(), hidden), order.here(size));
        Weights gates = source.require(TensorNames.deltaGates(l) + ".weight", 2 * heads, hidden);
        if (architecture.isByKeyHead()) {
            put(block + "ssm_ba.weight", gates, new Declared(GgufType.F32, 2 * heads, hidden), order.fromKeyHead());
        } else {
            Declared each = new Declared(GgufType.F32, heads, hidden);
            put(block + "ssm_beta.weight", gates, each, order.here(1));
            IntUnaryOperator decays = order.here(1);
            put(block + "ssm_alpha.weight", gates, each, r -> heads + decays.applyAsInt(r));
        }
        float[] taps = source.require(TensorNames.taps(l), delta.channels() * delta.taps())
                .floats();
        String name = block + "ssm_conv1d.weight";
        Numbers rows = new Numbers(name, doubles(taps), delta.taps());
        Declared shape = new Declared(GgufType.F32, delta.channels(), delta.taps());
        put(name, rows, shape, order.channels(order.here(size)));
        float[] logs = source.require(TensorNames.decayLog(l), heads).floats();
        float[] biases = source.require(TensorNames.decayBias(l), heads).floats();
        double[] decays = new double[heads];
        double[] shifts = new double[heads];
        for (int h = 0; h < heads; h++) {
            int from = order.here(1).applyAsInt(h);
            decays[h] = -StrictMath.exp(logs[from]);
            shifts[h] = biases[from];
        }
        put(block + "ssm_a", new Numbers(block + "ssm_a", decays), new Declared(GgufType.F32, heads), r -> r);
        put(
                block + "ssm_dt.bias",
                new Numbers(block + "ssm_dt.bias", shifts),
                new Declared(GgufType.F32, heads),
                r -> r);
        add(block + "ssm_norm.weight", TensorNames.linearNorm(l), size);
        Weights out = source.require(TensorNames.LINEAR_OUT.weight(l), hidden, delta.values());
        Declared outShape = new Declared(type, hidden, delta.values());
        put(block + "ssm_out.weight", GgufLinear.columns(out, order.here(size)), outShape, r -> r);
    }

    /** Whether attention comes every so many layers. */
    private boolean isRegular() {
        String letters = model.architecture().attention();
        int interval = letters.indexOf('F') + 1;
        boolean isRegular = interval > 0;
        for (int l = 0; l < letters.length(); l++) {
            isRegular &= letters.charAt(l) == ((l + 1) % interval == 0 ? 'F' : 'D');
        }
        return isRegular;
    }

    private static double[] doubles(float[] values) {
        double[] all = new double[values.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = values[i];
        }
        return all;
    }

    /** Queries and the gate's rows, a head of each in turn. */
    private void gatedQueries(String block, int l) throws IOException {
        int rows = model.queryDim(l);
        int head = model.headDim();
        Weights q = source.require(TensorNames.Q.weight(l), rows, model.hidden());
        Weights gate = source.require(TensorNames.ATTENTION_GATE.weight(l), rows, model.hidden());
        put(
                block + "attn_q.weight",
                new StackedWeights(q.name(), List.of(q, gate)),
                new Declared(type, 2 * rows, model.hidden()),
                r -> r / head % 2 * rows + r / head / 2 * head + r % head);
    }

    private void attention(String block, int l) throws IOException {
        if (model.architecture().hasAttentionGate()) {
            gatedQueries(block, l);
            matrix(block + "attn_k", TensorNames.K, l);
            matrix(block + "attn_v", TensorNames.V, l);
        } else if (architecture.hasFusedQkv()) {
            fuse(block + "attn_qkv.weight", l, TensorNames.Q, TensorNames.K, TensorNames.V);
        } else {
            matrix(block + "attn_q", TensorNames.Q, l);
            if (model.hasOwnKeys(l)) {
                matrix(block + "attn_k", TensorNames.K, l);
            }
            if (model.hasValues(l)) {
                matrix(block + "attn_v", TensorNames.V, l);
            }
        }
        matrix(block + "attn_output", TensorNames.O, l);
        if (model.architecture().hasSinks()) {
            add(block + "attn_sinks.weight", TensorNames.sinks(l), model.heads());
        }
    }

    private void feedForward(String prefix, String suffix, int l) throws IOException {
        if (architecture.hasFusedGateUp()) {
            fuse(prefix + "up.weight", l, TensorNames.GATE, TensorNames.UP);
        } else {
            matrix(prefix + "gate" + suffix, TensorNames.GATE, l);
            matrix(prefix + "up" + suffix, TensorNames.UP, l);
        }
        matrix(prefix + "down" + suffix, TensorNames.DOWN, l);
    }

    private void experts(String block, int l) throws IOException {
        Experts experts = model.architecture().experts();
        int count = experts.count();
        int mlp = experts.mlp();
        int hidden = model.hidden();
        Weights router = source.require(TensorNames.router(l) + ".weight", count, hidden);
        put(block + "ffn_gate_inp.weight", router, new Declared(GgufType.F32, count, hidden), r -> r);
        if (experts.hasSharedGate()) {
            Weights gate = source.require(TensorNames.sharedGate(l), 1, hidden);
            put(block + "ffn_gate_inp_shexp.weight", gate, new Declared(GgufType.F32, hidden), r -> r);
        }
        if (experts.hasBias()) {
            add(block + "exp_probs_b.bias", TensorNames.choiceBias(l), count);
        }
        Weights both = source.require(TensorNames.expertGateUp(l) + ".weight", 2 * mlp * count, hidden);
        if (architecture.hasFusedExperts()) {
            put(block + "ffn_gate_up_exps.weight", both, new Declared(type, count, 2 * mlp, hidden), r -> r);
        } else {
            Declared inner = new Declared(type, count, mlp, hidden);
            put(block + "ffn_gate_exps.weight", both, inner, r -> r / mlp * 2 * mlp + r % mlp);
            put(block + "ffn_up_exps.weight", both, inner, r -> r / mlp * 2 * mlp + mlp + r % mlp);
        }
        if (experts.isApart()) {
            add(block + "ffn_down_exps.scale", TensorNames.weightScale(l), count);
        }
        Weights down = source.require(TensorNames.expertDown(l) + ".weight", hidden * count, mlp);
        put(block + "ffn_down_exps.weight", down, new Declared(type, count, hidden, mlp), r -> r);
        if (experts.hasBiases()) {
            add(block + "ffn_gate_inp.bias", TensorNames.routerBias(l), count);
            String stem = TensorNames.expertGateUp(l) + ".bias";
            float[] gateUp = source.require(stem, 2 * mlp * count).floats();
            biases(block + "ffn_gate_exps.bias", gateUp, 0, mlp, 2 * mlp);
            biases(block + "ffn_up_exps.bias", gateUp, mlp, mlp, 2 * mlp);
            String name = TensorNames.expertDown(l) + ".bias";
            biases(
                    block + "ffn_down_exps.bias",
                    source.require(name, hidden * count).floats(),
                    0,
                    hidden,
                    hidden);
        }
    }

    /** Of each expert {@code n} of the {@code each} values that it has in {@code all}, from {@code from}. */
    private void biases(String target, float[] all, int from, int n, int each) {
        int count = all.length / each;
        double[] values = new double[count * n];
        for (int i = 0; i < values.length; i++) {
            values[i] = all[i / n * each + from + i % n];
        }
        Numbers rows = new Numbers(target, values, n);
        put(target, rows, new Declared(GgufType.F32, count, n), r -> r);
    }

    private void matrix(String target, TensorNames name, int l) throws IOException {
        int rows = name.rows(model, l);
        int columns = name.columns(model, l);
        boolean isPaired = architecture.hasNeighbours() && (name == TensorNames.Q || name == TensorNames.K);
        IntUnaryOperator order = isPaired ? this::halvesToNeighbours : r -> r;
        Weights weights = source.require(name.weight(l), rows, columns);
        put(target + ".weight", weights, new Declared(type, rows, columns), order);
        if (name.hasBias(model)) {
            Weights bias = source.require(name.bias(l), rows);
            float[] values = bias.floats();
            double[] ordered = new double[rows];
            for (int r = 0; r < rows; r++) {
                ordered[r] = values[order.applyAsInt(r)];
            }
            String named = target + ".bias";
            put(named, new Numbers(named, ordered), new Declared(GgufType.F32, rows), r -> r);
        }
    }

    /** Matrices of one layer, one below the other. */
    private void fuse(String target, int l, TensorNames... names) throws IOException {
        List<Weights> all = new ArrayList<>();
        int rows = 0;
        for (TensorNames name : names) {
            all.add(source.require(name.weight(l), name.rows(model, l), name.columns(model, l)));
            rows += name.rows(model, l);
        }
        put(target, new StackedWeights(target, all), new Declared(type, rows, model.hidden()), r -> r);
    }

    private void add(String target, String name, int... shape) throws IOException {
        // Embedding and output matrix have more bits in such files.
        GgufType matrix = GgufBlocks.isPacked(type) ? GgufType.Q8_0 : type;
        put(
                target,
                source.require(name, shape),
                new Declared(shape.length == 1 ? GgufType.F32 : matrix, shape),
                r -> r);
    }

    private void put(String target, Weights weights, Declared as, IntUnaryOperator order) {
        int columns = as.shape()[as.shape().length - 1];
        if (weights.columns() != columns) {
            throw new IllegalStateException(target + " has rows of " + weights.columns());
        }
        // As other writers have it: rows that are no whole blocks are not packed.
        boolean isWhole = columns % as.type().blockElements() == 0;
        declared.put(target, isWhole ? as : new Declared(GgufType.F16, as.shape()));
        parts.put(target, new Part(weights, Weights.rows(as.shape()), order));
    }

    private void write(Path to, DoubleConsumer progress) throws IOException {
        collect();
        int done = 0;
        try (GgufWriter out = new GgufWriter(to, metadata(), declared)) {
            for (Map.Entry<String, Part> entry : parts.entrySet()) {
                Part part = entry.getValue();
                GgufType as = declared.get(entry.getKey()).type();
                float[] row = new float[part.of().columns()];
                out.write(entry.getKey(), part.count(), r -> {
                    part.of().row(part.order().applyAsInt(r), row);
                    return as == type ? packing.pack(row) : bytes(as, row);
                });
                progress.accept(++done / (double) parts.size());
            }
        }
    }

    /** The row whose pairs are half of the rotated part apart, for row {@code r} where they are neighbours. */
    private int halvesToNeighbours(int r) {
        int i = r % model.headDim();
        int rotated = model.rotaryDim();
        return i >= rotated ? r : r - i + i / 2 + i % 2 * (rotated / 2);
    }

    /** Rows that are no tensor of the source. */
    private record Numbers(String name, double[] values, int columns) implements Weights {
        Numbers(String name, double[] values) {
            this(name, values, values.length);
        }

        @Override
        public String dtype() {
            return "F32";
        }

        @Override
        public int rows() {
            return values.length / columns;
        }

        @Override
        public void row(int r, float[] out) {
            for (int i = 0; i < columns; i++) {
                out[i] = (float) values[r * columns + i];
            }
        }
    }

    private static byte[] bytes(GgufType type, float[] row) {
        return switch (type) {
            case Q8_0 -> GgufWriter.q8Row(row);
            case Q4_0 -> GgufWriter.q4Row(row);
            default -> FloatBytes.of(row, type.name());
        };
    }

    private Map<String, Object> metadata() throws IOException {
        String a = architecture.name();
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("general.architecture", a);
        all.put("general.name", Path.of(source.origin()).getFileName().toString());
        all.put(a + ".context_length", config.path("max_position_embeddings").asInt(model.maxPositions()));
        all.put(a + ".embedding_length", model.hidden());
        all.put(a + ".block_count", model.layers());
        all.put(a + ".feed_forward_length", model.mlp());
        all.put(a + ".attention.head_count", model.heads());
        all.put(a + ".attention.head_count_kv", model.kvHeads());
        all.put(a + ".attention.key_length", model.headDim());
        all.put(a + ".attention.value_length", model.headDim());
        all.put(a + ".rope.dimension_count", model.rotaryDim());
        all.put(a + ".rope.freq_base", (float) model.rope().theta());
        all.put(a + ".attention.layer_norm_rms_epsilon", model.eps());
        architecture.extras(model).forEach((key, value) -> all.put(a + "." + key, value));
        all.put(
                "general.file_type",
                switch (type) {
                    case Q8_0 -> 7;
                    case Q4_0 -> 2;
                    case F16 -> 1;
                    default -> 0;
                });
        addTokenizer(all);
        return all;
    }

    private void addTokenizer(Map<String, Object> all) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        Map<String, byte[]> files = source.tokenFiles();
        JsonNode tokenizer = mapper.readTree(files.get("tokenizer.json"));
        JsonNode settings = mapper.readTree(files.get("tokenizer_config.json"));
        JsonNode model = tokenizer.path("model");
        String[] tokens = new String[this.model.vocab()];
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
