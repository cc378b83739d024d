package io.plumbline.inference.language.gguf;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import io.plumbline.inference.language.checkpoint.SelectedRows;
import io.plumbline.inference.language.checkpoint.StackedWeights;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.gguf.GgufFile.Tensor;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.TensorNames;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file with tensors of the types of {@link GgufType} as a checkpoint: configuration and tokenizer as Hugging
 * Face has them, tensors under the names and in the order of this project's description.
 */
public final class GgufCheckpoint implements Checkpoint {
    private static final Map<String, String> WHOLE = Map.of(
            TensorNames.EMBEDDING, "token_embd.weight",
            TensorNames.PER_LAYER_EMBEDDING, "per_layer_token_embd.weight",
            TensorNames.FINAL_NORM, "output_norm.weight",
            TensorNames.OUTPUT_WEIGHT, "output.weight");

    private static final Map<String, String> LAYER_NAMES = Map.ofEntries(
            Map.entry("input_layernorm", "attn_norm"),
            Map.entry("post_self_attn_layernorm", "post_attention_norm"),
            Map.entry("post_mlp_layernorm", "post_ffw_norm"),
            Map.entry("pre_experts_layernorm", "pre_ffw_norm_2"),
            Map.entry("post_experts_layernorm", "post_ffw_norm_2"),
            Map.entry("post_shared_layernorm", "post_ffw_norm_1"),
            Map.entry("self_attn.o_proj", "attn_output"),
            Map.entry("per_layer_input_gate", "inp_gate"),
            Map.entry("per_layer_projection", "proj"),
            Map.entry("post_per_layer_input_norm", "post_norm"),
            Map.entry("self_attn.q_norm", "attn_q_norm"),
            Map.entry("self_attn.k_norm", "attn_k_norm"));

    private static final Pattern IN_LAYER = Pattern.compile("model\\.layers\\.(\\d{1,9})\\.(.+)\\.([A-Za-z_]+)");

    private static final Pattern LAYER_SCALE = Pattern.compile("model\\.layers\\.(\\d{1,9})\\.layer_scalar");

    /** As gguf-split names parts. */
    private static final Pattern PART = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})(\\.[^.]*|)");

    private final Set<String> used = new HashSet<>();

    private final Arena arena;
    private final GgufFile file;
    private final GgufConfig read;
    private final GgufArchitecture architecture;

    private GgufCheckpoint(Arena arena, GgufFile file) throws IOException {
        this.arena = arena;
        this.file = file;
        this.read = new GgufConfig(file);
        this.architecture = read.architecture();
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

    @Override
    public String origin() {
        return file.path().toString();
    }

    @Override
    public ObjectNode config() {
        return read.json();
    }

    @Override
    public boolean hasCanonicalTensors() {
        return true;
    }

    /** Layers that predict a second token stand behind the others; and what layers do not need that have no cache. */
    @Override
    public List<String> leftOut() {
        List<String> all = new ArrayList<>(List.of("blk." + read.layers() + "."));
        for (int l = read.layers() - read.sharedCaches(); l < read.layers(); l++) {
            all.add("blk." + l + ".attn_k.");
            all.add("blk." + l + ".attn_v.");
            all.add("blk." + l + ".attn_k_norm.");
        }
        return List.copyOf(all);
    }

    @Override
    public Map<String, byte[]> tokenFiles() throws IOException {
        return new GgufTokenizer(file).files();
    }

    @Override
    public List<String> unused() {
        return file.names().stream()
                .filter(name -> !used.contains(name) && !read.tensors().contains(name))
                .sorted()
                .toList();
    }

    @Override
    public Weights require(String name, int... shape) throws IOException {
        Matcher inLayer = IN_LAYER.matcher(name);
        Matcher scale = LAYER_SCALE.matcher(name);
        if (scale.matches()) {
            return mapped("blk." + scale.group(1) + ".layer_output_scale.weight", shape);
        }
        if (!inLayer.matches()) {
            return mapped(WHOLE.getOrDefault(name, name), shape);
        }
        String block = "blk." + inLayer.group(1) + ".";
        String part = inLayer.group(2);
        String kind = "." + inLayer.group(3);
        return switch (part) {
            case "linear_attn" -> linearVector(block, inLayer.group(3), shape);
            case "linear_attn.conv1d", "linear_attn.norm", "linear_attn.in_proj_qkv", "linear_attn.in_proj_z" ->
                linear(block, part, shape);
            case "linear_attn.in_proj_ba" -> gates(block, shape);
            case "linear_attn.out_proj" ->
                GgufLinear.columns(
                        mapped(block + "ssm_out" + kind, shape),
                        read.linear().there(read.linear().delta().valueDim()));
            case "self_attn.gate_proj" -> gatedQueries(block, true, shape);
            case "mlp.shared_expert_gate" -> mapped(block + "ffn_gate_inp_shexp.weight", shape[1]);
            case "self_attn" -> mapped(block + "attn_sinks.weight", shape);
            case "self_attn.q_proj" -> projection(block, "attn_q" + kind, 0, shape);
            case "self_attn.k_proj" -> projection(block, "attn_k" + kind, read.queryDim(), shape);
            case "self_attn.v_proj" -> projection(block, "attn_v" + kind, read.queryDim() + read.kvDim(), shape);
            case "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj" ->
                feedForward(block, part.substring("mlp.".length(), part.indexOf('_')), kind, shape);
            case "mlp.experts.gate_up_proj" -> {
                if (architecture.hasFusedExperts()) {
                    yield experts(block + "ffn_gate_up_exps" + kind, shape, 1);
                }
                Weights gate = experts(block + "ffn_gate_exps" + kind, shape, 2);
                Weights up = experts(block + "ffn_up_exps" + kind, shape, 2);
                // Of biases a row is all that an expert has.
                yield new AlternatingRows(gate, up, shape.length == 1 ? 1 : read.expertMlp());
            }
            case "mlp.experts.down_proj" -> experts(block + "ffn_down_exps" + kind, shape, 1);
            case "mlp.gate" ->
                mapped(
                        block
                                + switch (kind) {
                                    case ".e_score_correction_bias" -> "exp_probs_b.bias";
                                    case ".per_expert_scale" -> "ffn_down_exps.scale";
                                    default -> "ffn_gate_inp" + kind;
                                },
                        shape);
            case "mlp.gate.norm" -> mapped(block + "ffn_gate_inp.scale", shape);
            case "per_layer_model_projection" -> {
                Weights all = mapped("per_layer_model_proj.weight", read.layers() * shape[0], shape[1]);
                yield rows(all, Integer.parseInt(inLayer.group(1)) * shape[0], shape[0]);
            }
            case "per_layer_projection_norm" -> mapped("per_layer_proj_norm.weight", shape);
            case "post_attention_layernorm" -> mapped(block + architecture.mlpNorm() + kind, shape);
            default -> mapped(block + LAYER_NAMES.getOrDefault(part, part) + kind, shape);
        };
    }

    private Weights linearVector(String block, String which, int... shape) throws IOException {
        Weights found = switch (which) {
            case "A_log" -> GgufLinear.logarithms(mapped(block + "ssm_a", shape));
            default -> mapped(block + "ssm_dt.bias", shape);
        };
        return new SelectedRows(found, shape[0], true, read.linear().there(1));
    }

    private Weights linear(String block, String part, int... shape) throws IOException {
        GgufLinear order = read.linear();
        DeltaRule delta = order.delta();
        IntUnaryOperator channels = order.channels(order.there(delta.valueDim()));
        return switch (part) {
            case "linear_attn.norm" -> mapped(block + "ssm_norm.weight", shape);
            case "linear_attn.conv1d" -> {
                int taps = delta.taps();
                Weights all = mapped(block + "ssm_conv1d.weight", shape[0] / taps, taps);
                yield new SelectedRows(all, shape[0], true, r -> channels.applyAsInt(r / taps) * taps + r % taps);
            }
            case "linear_attn.in_proj_qkv" ->
                new SelectedRows(mapped(block + "attn_qkv.weight", shape), shape[0], false, channels);
            default ->
                new SelectedRows(
                        mapped(block + "attn_gate.weight", shape), shape[0], false, order.there(delta.valueDim()));
        };
    }

    /** Rows of update rates, then of decays. */
    private Weights gates(String block, int... shape) throws IOException {
        GgufLinear order = read.linear();
        if (architecture.isByKeyHead()) {
            return new SelectedRows(mapped(block + "ssm_ba.weight", shape), shape[0], false, order.byKeyHead());
        }
        int heads = shape[0] / 2;
        List<Weights> both = new ArrayList<>();
        for (String name : List.of("ssm_beta.weight", "ssm_alpha.weight")) {
            both.add(new SelectedRows(mapped(block + name, heads, shape[1]), heads, false, order.there(1)));
        }
        return new StackedWeights(block + "ssm_beta.weight", both);
    }

    /** Queries, or the rows of their gate, which have turns in one tensor, a head of each. */
    private Weights gatedQueries(String block, boolean isGate, int... shape) throws IOException {
        int head = read.headDim();
        int first = isGate ? head : 0;
        Weights both = mapped(block + "attn_q.weight", 2 * shape[0], shape[1]);
        return new SelectedRows(both, shape[0], false, r -> r / head * 2 * head + first + r % head);
    }

    /** Rows of the query, key or value projection, or of its bias, in the order of halves. */
    private Weights projection(String block, String name, int from, int... shape) throws IOException {
        if (architecture.isLinear() && name.equals("attn_q.weight")) {
            return gatedQueries(block, false, shape);
        }
        if (architecture.hasFusedQkv()) {
            int all = read.queryDim() + 2 * read.kvDim();
            return rows(mapped(block + "attn_qkv.weight", all, shape[1]), from, shape[0]);
        }
        Weights mapped = mapped(block + name, shape);
        boolean isRotated = !name.startsWith("attn_v");
        return architecture.hasNeighbours() && isRotated
                ? new SelectedRows(mapped, shape[0], shape.length == 1, this::neighbour)
                : mapped;
    }

    private static Weights rows(Weights of, int from, int count) {
        return new SelectedRows(of, count, false, r -> from + r);
    }

    private Weights feedForward(String block, String which, String kind, int... shape) throws IOException {
        int layer = Integer.parseInt(block.split("\\.")[1]);
        if (architecture.hasFusedGateUp() && !which.equals("down")) {
            Weights both = mapped(block + "ffn_up.weight", 2 * shape[0], shape[1]);
            return rows(both, which.equals("gate") ? 0 : shape[0], shape[0]);
        }
        String suffix = read.hasExperts(layer) ? architecture.sharedSuffix() : "";
        return mapped(block + "ffn_" + which + suffix + kind, shape);
    }

    /** All experts' rows or values, one below the other, of a tensor that has {@code 1 / parts} of those asked for. */
    private Weights experts(String name, int[] shape, int parts) throws IOException {
        int rows = shape[0] / parts / read.experts();
        return shape.length == 1 ? mapped(name, read.experts(), rows) : mapped(name, read.experts(), rows, shape[1]);
    }

    private Weights mapped(String stored, int... shape) throws IOException {
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
                    + GgufType.nameOf(tensor.code())
                    + "; import takes " + GgufType.names() + ". Nothing was written.");
        }
        return new Mapped(tensor);
    }

    @Override
    public void close() {
        arena.close();
    }

    /** The row, or value, where rotated pairs are neighbours, of row {@code r} where they are half of them apart. */
    private int neighbour(int r) {
        int i = r % read.headDim();
        int half = read.rotaryDim() / 2;
        return i >= 2 * half ? r : r - i + (i < half ? 2 * i : 2 * (i - half) + 1);
    }

    /** {@code each} rows of the one, then as many of the other, and so on. */
    private record AlternatingRows(Weights one, Weights other, int each) implements Weights {
        @Override
        public String name() {
            return one.name();
        }

        @Override
        public String dtype() {
            return one.dtype().equals(other.dtype()) ? one.dtype() : "F32";
        }

        @Override
        public int rows() {
            return one.rows() + other.rows();
        }

        @Override
        public int columns() {
            return one.columns();
        }

        @Override
        public void row(int r, float[] out) {
            (r / each % 2 == 0 ? one : other).row(r / each / 2 * each + r % each, out);
        }
    }

    private record Mapped(Tensor tensor) implements Weights {
        @Override
        public String name() {
            return tensor.name();
        }

        @Override
        public String dtype() {
            return tensor.type().name();
        }

        /** Counted through all dimensions but the last. */
        @Override
        public int rows() {
            return Weights.rows(tensor.shape());
        }

        @Override
        public int columns() {
            return tensor.shape()[tensor.shape().length - 1];
        }

        private long offset(int row) {
            return tensor.type().bytes((long) row * columns());
        }

        @Override
        public void row(int r, float[] out) {
            if (GgufBlocks.isPacked(tensor.type())) {
                byte[] row = new byte[(int) tensor.type().bytes(columns())];
                rawRow(r, row);
                GgufBlocks.unpack(tensor.type(), row, out);
            } else {
                Embedding.widen(tensor.bytes(), offset(r), dtype(), columns(), out, 0);
            }
        }

        @Override
        public void rawRow(int r, byte[] out) {
            MemorySegment.copy(tensor.bytes(), offset(r), MemorySegment.ofArray(out), 0, out.length);
        }
    }
}
