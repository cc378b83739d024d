package io.plumbline.inference.language.model;

import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.ModelFolder;
import io.plumbline.inference.language.safetensors.SafetensorsFile;
import io.plumbline.inference.language.safetensors.SafetensorsFile.Tensor;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.blake3.ChainingValues;
import io.plumbline.verifier.blake3.ParallelHash;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.KeyMaker;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.LayerParameters;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ManifestText;
import io.plumbline.verifier.model.MatrixStack;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.RotaryTables;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.model.TensorRows;
import io.plumbline.verifier.model.TokenFiles;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.model.VerifierKeyFile;
import io.plumbline.verifier.numerics.WeightFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;

/** An imported model, its weights mapped from disk. Close it to unmap them. */
public final class LoadedModel implements AutoCloseable {
    /** Where a checkpoint keeps its chat template apart. */
    public static final String TEMPLATE_FILE = "chat_template.jinja";

    private final Path folder;
    private final Arena arena;
    private final SafetensorsFile file;
    private final Manifest manifest;
    private final Bytes32 id;
    private final int[] stopTokens;
    private final RotaryTables rotary;
    private final List<Layer> layers;
    private final Tensor embedding;

    /** Null where layers have no embeddings of their own. */
    private final Tensor perLayerEmbedding;

    /** Bytes of one of its elements. */
    private final long perLayerWidth;

    private ChainingValues embeddingTree;
    private ChainingValues perLayerTree;
    private final float[] finalGain;
    private final Matrix output;

    /**
     * A matrix of integers.
     *
     * @param weights row-major, {@code rows * format.rowBytes(columns)} bytes.
     */
    public record Matrix(MemorySegment weights, WeightFormat format, int rows, int columns) {}

    /**
     * One layer: small parameters on the heap, matrices mapped.
     *
     * @param k null where the layer attends to another's keys and values.
     * @param v null there too, and where its values are its keys.
     * @param gate null, as are up and down, where there are experts alone.
     * @param mixture null where there are no experts.
     * @param attentionGate null where attention's output has no gate.
     * @param linear null where the layer has attention; q, k and v are null where it has not.
     * @param perLayer null where layers have no embeddings of their own.
     */
    public record Layer(
            LayerParameters parameters,
            Matrix q,
            Matrix k,
            Matrix v,
            Matrix out,
            Matrix gate,
            Matrix up,
            Matrix down,
            Mixture mixture,
            Matrix attentionGate,
            Linear linear,
            PerLayer perLayer) {

        /** Without experts. */
        public Layer(
                LayerParameters parameters,
                Matrix q,
                Matrix k,
                Matrix v,
                Matrix out,
                Matrix gate,
                Matrix up,
                Matrix down) {
            this(parameters, q, k, v, out, gate, up, down, null);
        }

        /** With attention that has no gate. */
        public Layer(
                LayerParameters parameters,
                Matrix q,
                Matrix k,
                Matrix v,
                Matrix out,
                Matrix gate,
                Matrix up,
                Matrix down,
                Mixture mixture) {
            this(parameters, q, k, v, out, gate, up, down, mixture, null, null, null);
        }
    }

    /**
     * The matrices of a layer's mixture of experts.
     *
     * @param router high digits of a row an expert, then low ones.
     * @param gateUp of each expert.
     * @param down of each expert.
     */
    public record Mixture(Matrix router, List<Matrix> gateUp, List<Matrix> down) {}

    /**
     * The matrices of a layer's linear attention before its output projection.
     *
     * @param qkv queries, keys and values, as the convolution takes them.
     * @param gate of the output.
     * @param rates high digits of a row an update rate and a row a decay for each value head, then low ones.
     */
    public record Linear(Matrix qkv, Matrix gate, Matrix rates) {}

    /**
     * The matrices of a layer's own embeddings.
     *
     * @param input from the first residual.
     * @param gate from the residual.
     * @param out back to it.
     */
    public record PerLayer(Matrix input, Matrix gate, Matrix out) {}

    private LoadedModel(
            Path folder,
            Arena arena,
            SafetensorsFile file,
            Manifest manifest,
            int[] stopTokens,
            List<Layer> layers,
            Matrix output)
            throws IOException {
        this.folder = folder;
        this.arena = arena;
        this.file = file;
        this.manifest = manifest;
        this.id = manifest.id();
        this.stopTokens = stopTokens;
        this.layers = layers;
        this.output = output;
        ModelConfig c = manifest.config();
        this.rotary = RotaryTables.of(c);
        this.embedding = file.require(TensorNames.EMBEDDING, c.vocab(), c.hidden());
        this.perLayerEmbedding = c.architecture().perLayer() == 0
                ? null
                : file.require(TensorNames.PER_LAYER_EMBEDDING, c.vocab(), c.perLayerDim());
        this.perLayerWidth = perLayerEmbedding == null ? 0 : perLayerBytes().byteSize() / c.vocab() / c.perLayerDim();
        this.finalGain = floats(file.require(TensorNames.FINAL_NORM, c.hidden()));
    }

    /** Opens an imported folder. Shapes are checked against the manifest; {@link #verify} checks every byte. */
    public static LoadedModel open(Path folder) throws IOException {
        Path manifestPath = folder.resolve(Manifest.FILE_NAME);
        if (!Files.isReadable(manifestPath)) {
            throw new IOException(
                    manifestPath + " does not exist. Import the model first: plumbline model import DIR.");
        }
        ModelFolder inside = new ModelFolder(folder);
        Arena arena = Arena.ofShared();
        try {
            Manifest manifest;
            try {
                manifest = Manifest.parse(new String(
                        ModelFolder.bytes(inside.file(Manifest.FILE_NAME), ManifestText.MAX_BYTES),
                        StandardCharsets.UTF_8));
            } catch (IllegalArgumentException e) {
                throw new IOException(manifestPath + ": " + e.getMessage(), e);
            }
            for (String name : manifest.files().keySet()) {
                ModelFolder.requireSize(inside.file(name, manifestPath.toString()), Checkpoint.maxBytes(name));
            }
            if (inside.has(TEMPLATE_FILE)) {
                ModelFolder.requireSize(inside.file(TEMPLATE_FILE), Checkpoint.maxBytes(TEMPLATE_FILE));
            }
            SafetensorsFile file =
                    SafetensorsFile.map(inside.file("model.safetensors", manifestPath.toString()), arena);
            for (Map.Entry<String, Manifest.Tensor> entry : manifest.tensors().entrySet()) {
                requireType(entry, stored(file, entry.getKey(), entry.getValue()), folder);
            }
            ModelConfig c = manifest.config();
            List<Layer> layers = new ArrayList<>();
            for (int l = 0; l < c.layers(); l++) {
                layers.add(layer(file, manifest, l));
            }
            int[] stops = HuggingFaceConfig.parse(HuggingFaceConfig.json(folder), folder.toString())
                    .stopTokens();
            return new LoadedModel(folder, arena, file, manifest, stops, layers, output(file, manifest));
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** No hash covers the file's own word for a tensor's type: of another, the same bytes are other numbers. */
    private static void requireType(Map.Entry<String, Manifest.Tensor> expected, Tensor found, Path folder)
            throws IOException {
        String type = expected.getValue().storedType();
        if (!found.dtype().equals(type)) {
            throw new IOException(folder + ": \"" + expected.getKey() + "\" is of type " + found.dtype()
                    + "; the manifest says " + type
                    + ". The file was changed or damaged; import the model again.");
        }
    }

    private static Tensor stored(SafetensorsFile file, String name, Manifest.Tensor tensor) throws IOException {
        return file.require(name, tensor.storedShape());
    }

    private static Matrix output(SafetensorsFile file, Manifest manifest) throws IOException {
        ModelConfig c = manifest.config();
        Manifest.Tensor tensor = manifest.matrix(TensorNames.OUTPUT_WEIGHT, c.vocab(), c.hidden());
        Tensor stored = stored(file, TensorNames.OUTPUT_WEIGHT, tensor);
        return new Matrix(stored.bytes(), tensor.format(), c.vocab(), c.hidden());
    }

    private static Layer layer(SafetensorsFile file, Manifest manifest, int l) throws IOException {
        ModelConfig c = manifest.config();
        SortedMap<String, byte[]> small = new TreeMap<>();
        for (String name : SmallTensors.names(c, l)) {
            small.put(name, bytes(file, manifest, name).toArray(ValueLayout.JAVA_BYTE));
        }
        return new Layer(
                new SmallTensors(manifest, small).layer(l),
                matrix(file, manifest, TensorNames.Q, l),
                matrix(file, manifest, TensorNames.K, l),
                matrix(file, manifest, TensorNames.V, l),
                matrix(file, manifest, c.isLinear(l) ? TensorNames.LINEAR_OUT : TensorNames.O, l),
                matrix(file, manifest, TensorNames.GATE, l),
                matrix(file, manifest, TensorNames.UP, l),
                matrix(file, manifest, TensorNames.DOWN, l),
                c.hasExperts(l) ? mixture(file, manifest, l) : null,
                matrix(file, manifest, TensorNames.ATTENTION_GATE, l),
                c.isLinear(l) ? linear(file, manifest, l) : null,
                c.architecture().perLayer() > 0 ? perLayer(file, manifest, l) : null);
    }

    private static PerLayer perLayer(SafetensorsFile file, Manifest manifest, int l) throws IOException {
        return new PerLayer(
                matrix(file, manifest, TensorNames.PER_LAYER_INPUT, l),
                matrix(file, manifest, TensorNames.PER_LAYER_GATE, l),
                matrix(file, manifest, TensorNames.PER_LAYER_OUT, l));
    }

    private static Linear linear(SafetensorsFile file, Manifest manifest, int l) throws IOException {
        return new Linear(
                matrix(file, manifest, TensorNames.LINEAR_QKV, l),
                matrix(file, manifest, TensorNames.LINEAR_GATE, l),
                matrix(file, manifest, l, MatrixStack.DELTA_GATES, LayerMatrix.NO_EXPERT));
    }

    private static Mixture mixture(SafetensorsFile file, Manifest manifest, int l) throws IOException {
        ModelConfig c = manifest.config();
        List<Matrix> gateUp = new ArrayList<>();
        List<Matrix> down = new ArrayList<>();
        for (int e = 0; e < c.architecture().experts().count(); e++) {
            gateUp.add(matrix(file, manifest, l, MatrixStack.EXPERT_GATE_UP, e));
            down.add(matrix(file, manifest, l, MatrixStack.EXPERT_DOWN, e));
        }
        Matrix router = matrix(file, manifest, l, MatrixStack.ROUTER, LayerMatrix.NO_EXPERT);
        return new Mixture(router, List.copyOf(gateUp), List.copyOf(down));
    }

    private static Matrix matrix(SafetensorsFile file, Manifest manifest, int layer, MatrixStack stack, int expert)
            throws IOException {
        TensorRows part =
                LayerMatrix.of(manifest.config(), layer, stack, expert).parts().getFirst();
        return matrix(file, manifest.matrix(stack, part), part);
    }

    private static Matrix matrix(SafetensorsFile file, Manifest manifest, TensorNames name, int layer)
            throws IOException {
        ModelConfig c = manifest.config();
        if (!TensorNames.of(c, layer).contains(name)) {
            return null;
        }
        int rows = name.rows(c, layer);
        TensorRows all = new TensorRows(name.in(layer), rows, 0, rows, name.columns(c, layer));
        return matrix(file, manifest.matrix(all.weight(), rows, all.columns()), all);
    }

    private static Matrix matrix(SafetensorsFile file, Manifest.Tensor tensor, TensorRows part) throws IOException {
        long rowBytes = tensor.rowBytes();
        MemorySegment rows =
                stored(file, part.weight(), tensor).bytes().asSlice(part.first() * rowBytes, part.rows() * rowBytes);
        return new Matrix(rows, tensor.format(), part.rows(), part.columns());
    }

    private static MemorySegment bytes(SafetensorsFile file, Manifest manifest, String name) throws IOException {
        return stored(file, name, manifest.tensor(name)).bytes();
    }

    private static float[] floats(Tensor tensor) {
        float[] out = new float[tensor.shape()[0]];
        Embedding.widen(tensor.bytes(), 0, tensor.dtype(), out.length, out, 0);
        return out;
    }

    /**
     * Hashes every tensor and token file against the manifest, and sees that all products will be exact.
     *
     * @param progress told the share done, 0 to 1.
     * @throws IOException naming the first that differs.
     */
    public void verify(DoubleConsumer progress) throws IOException {
        tokenFiles();
        int done = 0;
        for (Map.Entry<String, Manifest.Tensor> entry : manifest.tensors().entrySet()) {
            MemorySegment bytes = stored(file, entry.getKey(), entry.getValue()).bytes();
            requireSame(entry.getKey(), entry.getValue().hash(), ParallelHash.hash(bytes));
            requireExact(entry.getKey(), entry.getValue(), bytes);
            progress.accept(++done / (double) manifest.tensors().size());
        }
    }

    /** The model's tokenizer and chat template, checked against the manifest. */
    public TokenFiles tokenFiles() throws IOException {
        try {
            return TokenFiles.of(manifest, name -> Files.readAllBytes(folder.resolve(name)));
        } catch (NoSuchFileException e) {
            throw new IOException(e.getFile() + " does not exist; the manifest names it. Import the model again.", e);
        }
    }

    private void requireSame(String name, byte[] expected, byte[] found) throws IOException {
        if (!Arrays.equals(expected, found)) {
            throw new IOException(folder + ": \"" + name + "\" hashes to " + Blake3.hex(found) + "; the manifest says "
                    + Blake3.hex(expected) + ". The file was changed or damaged; import the model again.");
        }
    }

    private void requireExact(String name, Manifest.Tensor tensor, MemorySegment bytes) throws IOException {
        int rows = tensor.format() == null ? 0 : tensor.shape()[0];
        for (int r = 0; r < rows; r++) {
            if (!tensor.format().isExact(bytes, (long) r * tensor.rowBytes(), tensor.shape()[1])) {
                throw new IOException(folder + ": products with row " + r + " of \"" + name + "\" may leave 32 bits: it"
                        + " cannot be run exactly, and no full node takes it. Import the checkpoint again with this"
                        + " version.");
            }
        }
    }

    /** Streams all weights into a fresh {@link VerifierKey}, checking them against the manifest. */
    public VerifierKey verifierKey(DoubleConsumer progress) throws IOException {
        return new KeyMaker(manifest, this::tensor, tokenFiles()).make(progress);
    }

    /** The key kept at {@code path}, made there where there is none; see {@link VerifierKeyFile#readOrMake}. */
    public VerifierKey verifierKey(Path path, DoubleConsumer progress) throws IOException {
        return VerifierKeyFile.readOrMake(path, manifest, this::tensor, tokenFiles(), progress);
    }

    /** Bytes of a tensor of the manifest, mapped. */
    public MemorySegment tensor(String name) throws IOException {
        return bytes(file, manifest, name);
    }

    public Path folder() {
        return folder;
    }

    public Manifest manifest() {
        return manifest;
    }

    public ModelConfig config() {
        return manifest.config();
    }

    /** The model id, 32 bytes. */
    public Bytes32 id() {
        return id;
    }

    public int[] stopTokens() {
        return stopTokens.clone();
    }

    public RotaryTables rotary() {
        return rotary;
    }

    public List<Layer> layers() {
        return layers;
    }

    public float[] finalGain() {
        return finalGain;
    }

    public Matrix output() {
        return output;
    }

    /** Row scales of the output matrix. */
    public float[] outputScale() throws IOException {
        return floats(file.require(TensorNames.OUTPUT_SCALE, config().vocab(), 1));
    }

    /** Bytes of the embedding tensor. */
    public MemorySegment embeddingBytes() {
        return embedding.bytes();
    }

    /** Writes a token's embedding row. */
    public void embed(int token, float[] h, int offset) {
        int rowBytes = manifest.tensor(TensorNames.EMBEDDING).rowBytes();
        Embedding.widen(embedding.bytes(), (long) token * rowBytes, embedding.dtype(), config().hidden(), h, offset);
    }

    /** Bytes of the tensor of layers' own embeddings; none where there is none. */
    public MemorySegment perLayerBytes() {
        return perLayerEmbedding == null ? MemorySegment.NULL : perLayerEmbedding.bytes();
    }

    /** Writes a layer's own embedding of a token. */
    public void embed(int token, int layer, float[] out, int offset) {
        int elements = config().architecture().perLayer();
        long at = ((long) token * config().layers() + layer) * elements * perLayerWidth;
        Embedding.widen(perLayerEmbedding.bytes(), at, perLayerEmbedding.dtype(), elements, out, offset);
    }

    /**
     * The hash tree of the embedding tensor, from which openings are cut. Made once: of the largest models it takes a
     * second.
     */
    public synchronized ChainingValues embeddingTree() {
        if (embeddingTree == null) {
            embeddingTree = ChainingValues.of(null, embeddingBytes());
        }
        return embeddingTree;
    }

    /** That of the tensor of layers' own embeddings, which is larger still. */
    public synchronized ChainingValues perLayerTree() {
        if (perLayerTree == null) {
            perLayerTree = ChainingValues.of(null, perLayerBytes());
        }
        return perLayerTree;
    }

    @Override
    public void close() {
        arena.close();
    }
}
