package io.plumbline.inference.language.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsFile.Tensor;
import io.plumbline.verifier.model.Embedding;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A Hugging Face folder: model.safetensors, or shards named by model.safetensors.index.json. */
public final class SafetensorsCheckpoint implements Checkpoint {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = ShardIndex.NAME;
    private static final String SPECIAL_TOKENS = "special_tokens_map.json";
    private static final Set<String> TYPES = Set.of("BF16", "F16", "F32", "I8");

    /** Type of tensors whose bytes are packed values. */
    private static final String PACKED = "U8";

    private final Path folder;
    private final ModelFolder inside;
    private final ObjectNode config;
    private final Arena arena = Arena.ofConfined();
    /** Scales of keys and values that are kept in fewer bits. */
    private static final Set<String> KEPT = Set.of("k_scale", "v_scale", "q_scale", "k_zero_point", "v_zero_point");

    /** Kinds of tensors that take part in what a model computes. */
    private static final Set<String> PARTS = Set.of("weight", "bias", "sinks");

    private final Set<String> used = new HashSet<>();

    /** File of each tensor. */
    private final Map<String, SafetensorsFile> files = new HashMap<>();

    private SafetensorsCheckpoint(Path folder) throws IOException {
        this.folder = folder;
        this.inside = new ModelFolder(folder);
        this.config = HuggingFaceConfig.json(folder);
    }

    /** Maps a folder's weights. */
    public static SafetensorsCheckpoint open(Path folder) throws IOException {
        ModelFolder inside = new ModelFolder(folder);
        for (String name : HuggingFaceConfig.FILES) {
            if (inside.has(name)) {
                inside.source(name);
            }
        }
        SafetensorsCheckpoint checkpoint = new SafetensorsCheckpoint(folder);
        try {
            // A family that is not run is refused before its weights need to be there.
            HuggingFaceConfig.parse(checkpoint.config, folder.toString());
            checkpoint.mapAll();
            return checkpoint;
        } catch (IOException | RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    private void mapAll() throws IOException {
        Path index = folder.resolve(INDEX);
        if (!inside.has(SINGLE) && !inside.has(INDEX)) {
            throw new IOException(folder.resolve(SINGLE) + " does not exist. A model is a folder with config.json,"
                    + " tokenizer.json and " + SINGLE + ", or shards and " + INDEX + ".");
        }
        if (inside.has(SINGLE)) {
            SafetensorsFile file = SafetensorsFile.map(inside.source(SINGLE), arena);
            file.names().forEach(name -> files.put(name, file));
            return;
        }
        Map<Path, SafetensorsFile> shards = new HashMap<>();
        for (Map.Entry<String, String> entry :
                ShardIndex.read(inside.source(INDEX)).entrySet()) {
            String shard = entry.getValue();
            // By the file, not by how its name is spelled: each would be read and kept.
            Path path = inside.source(shard, index.toString()).toRealPath();
            SafetensorsFile file = shards.get(path);
            if (file == null) {
                file = SafetensorsFile.map(path, arena);
                shards.put(path, file);
            }
            if (!file.has(entry.getKey())) {
                throw new IOException(folder.resolve(shard) + " has no tensor \"" + entry.getKey() + "\", though "
                        + INDEX + " says so. Download that file again. Nothing was loaded.");
            }
            files.put(entry.getKey(), file);
        }
    }

    @Override
    public String origin() {
        return folder.toString();
    }

    @Override
    public ObjectNode config() {
        return config;
    }

    @Override
    public Map<String, byte[]> tokenFiles() throws IOException {
        Map<String, byte[]> found = new TreeMap<>();
        for (String name : Checkpoint.TOKEN_FILES) {
            if (!inside.has(name)) {
                throw new IOException(
                        folder.resolve(name) + " does not exist. A model needs it to turn text into tokens.");
            }
            byte[] bytes = tokenFile(name);
            found.put(name, name.equals("tokenizer_config.json") ? withSpecialTokens(bytes) : bytes);
        }
        if (inside.has(LoadedModel.TEMPLATE_FILE)) {
            found.put(LoadedModel.TEMPLATE_FILE, tokenFile(LoadedModel.TEMPLATE_FILE));
        }
        return found;
    }

    /** Older checkpoints name their special tokens in a file of its own. */
    private byte[] withSpecialTokens(byte[] config) throws IOException {
        if (!inside.has(SPECIAL_TOKENS)) {
            return config;
        }
        ObjectMapper mapper = new ObjectMapper();
        try {
            JsonNode json = mapper.readTree(config);
            boolean isMissing = false;
            for (Map.Entry<String, JsonNode> one :
                    mapper.readTree(tokenFile(SPECIAL_TOKENS)).properties()) {
                if (one.getKey().matches("[a-z]+_token") && json instanceof ObjectNode all && !all.has(one.getKey())) {
                    all.set(one.getKey(), one.getValue());
                    isMissing = true;
                }
            }
            return isMissing ? mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(json) : config;
        } catch (JacksonException e) {
            // The import says which of both is no JSON, where it matters.
            return config;
        }
    }

    private byte[] tokenFile(String name) throws IOException {
        return ModelFolder.bytes(inside.source(name), Checkpoint.maxBytes(name));
    }

    /** Biases, weights and sinks, and what a matrix is scaled by; buffers that others keep are none of them. */
    @Override
    public List<String> unused() {
        List<String> unused = new ArrayList<>();
        for (String name : files.keySet()) {
            int dot = name.lastIndexOf('.');
            String part = name.substring(0, Math.max(dot, 0));
            String kind = name.substring(dot + 1);
            boolean isOfMatrix = used.contains(part + ".weight");
            boolean isTied = name.equals("lm_head.weight")
                    && config.path("tie_word_embeddings").asBoolean(false);
            boolean belongs = PARTS.contains(kind) || isOfMatrix || KEPT.contains(kind);
            if (!used.contains(name) && belongs && !isTied) {
                unused.add(name);
            }
        }
        Collections.sort(unused);
        return unused;
    }

    @Override
    public Weights require(String name, int... shape) throws IOException {
        Tensor tensor = tensor(name, shape);
        if (!TYPES.contains(tensor.dtype())) {
            throw new IOException(folder + ": tensor \"" + name + "\" is of type " + tensor.dtype()
                    + "; import takes BF16, F16, F32 and compressed-tensors I8. Nothing was written.");
        }
        return new Mapped(tensor);
    }

    @Override
    public Weights packed(String name, int... shape) throws IOException {
        Tensor tensor = tensor(name, shape);
        if (!tensor.dtype().equals(PACKED)) {
            throw new IOException(folder + ": tensor \"" + name + "\" is of type " + tensor.dtype() + " where " + PACKED
                    + " belongs. Nothing was written.");
        }
        return new Mapped(tensor);
    }

    private Tensor tensor(String name, int... shape) throws IOException {
        SafetensorsFile file = files.get(name);
        if (file == null) {
            throw new IOException(folder + " has no tensor \"" + name
                    + "\". The checkpoint is incomplete or belongs to another model. Nothing was loaded.");
        }
        Tensor tensor = file.require(name, shape);
        used.add(name);
        return tensor;
    }

    @Override
    public void close() {
        arena.close();
    }

    private record Mapped(Tensor tensor) implements Weights {
        @Override
        public String name() {
            return tensor.name();
        }

        @Override
        public String dtype() {
            return tensor.dtype();
        }

        @Override
        public int rows() {
            return Weights.rows(tensor.shape());
        }

        @Override
        public int columns() {
            return tensor.shape().length == 0 ? 1 : tensor.shape()[tensor.shape().length - 1];
        }

        private long rowBytes() {
            return tensor.bytes().byteSize() / rows();
        }

        @Override
        public void row(int r, float[] out) {
            Embedding.widen(tensor.bytes(), r * rowBytes(), tensor.dtype(), columns(), out, 0);
        }

        @Override
        public void rawRow(int r, byte[] out) {
            MemorySegment.copy(tensor.bytes(), r * rowBytes(), MemorySegment.ofArray(out), 0, rowBytes());
        }
    }
}
