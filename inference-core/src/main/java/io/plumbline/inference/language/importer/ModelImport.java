package io.plumbline.inference.language.importer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.checkpoint.CanonicalCheckpoint;
import io.plumbline.inference.language.checkpoint.Checkpoint;
import io.plumbline.inference.language.checkpoint.FloatBytes;
import io.plumbline.inference.language.checkpoint.HuggingFaceConfig;
import io.plumbline.inference.language.checkpoint.Mxfp4Weights;
import io.plumbline.inference.language.checkpoint.Quantization;
import io.plumbline.inference.language.checkpoint.StackedWeights;
import io.plumbline.inference.language.checkpoint.Weights;
import io.plumbline.inference.language.gguf.GgufCheckpoint;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.safetensors.SafetensorsWriter.Declared;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.numerics.ExactMath;
import io.plumbline.verifier.numerics.WeightFormat;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;

/**
 * Turns a checkpoint into the exact form: every matrix int8 with one scale a row, in the compressed-tensors W8A8
 * layout, or of four bits in groups, beside the manifest that gives the model its id. int8 checkpoints keep their
 * integers. The embedding keeps its own type where its rows widen to float exactly from it; norms, biases and scales
 * become f32. Streams row by row; the target appears only when it is whole.
 */
public final class ModelImport {
    /** Rows of a matrix by which its codes are chosen. */
    private static final int SAMPLED_ROWS = 48;

    /** Rows of four bits that are rounded beside each other. */
    private static final int PACKED_TOGETHER = 64;

    private final HuggingFaceConfig config;
    private final ModelConfig shape;
    private final CanonicalCheckpoint source;
    private final WeightBits bits;
    private final boolean smoothKeyChannels;
    private final DoubleConsumer progress;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Weights> matrices = new TreeMap<>();
    private final Map<String, GroupQuantizer> quantizers = new TreeMap<>();
    private final Map<String, Weights> scales = new TreeMap<>();

    /** Matrices of 16 bits, as they are in the source. */
    private final Map<String, Weights> digits = new TreeMap<>();

    private final Map<String, float[]> vectors = new TreeMap<>();
    private final Map<String, KeyChannelSmoothing> evenings = new TreeMap<>();
    private final Map<String, Manifest.Tensor> written = new TreeMap<>();
    private final ExactMath math = ExactMath.best();

    /** Tokens that end an answer. */
    private final SortedSet<Integer> stops = new TreeSet<>();

    /** Tensors whose rows are looked up by tokens, and kept as they are. */
    private final Map<String, Weights> embeddings = new TreeMap<>();

    private long toWrite;
    private long done;

    /** Rows of four bits, and how many of them are held exactly. */
    private long packedRows;

    private long exactRows;

    /** Matrices whose rows are no whole groups. */
    private int ungrouped;

    private ModelImport(Checkpoint source, WeightBits bits, boolean smoothKeyChannels, DoubleConsumer progress)
            throws IOException {
        this.bits = bits;
        this.smoothKeyChannels = smoothKeyChannels;
        this.progress = progress;
        this.config = HuggingFaceConfig.of(source);
        if (config.quantization() == Quantization.INT4) {
            throw new IOException(source.origin() + " was imported with weights of four bits, which are not imported"
                    + " again. Import the checkpoint that it was made of. Nothing was imported.");
        }
        this.shape = config.model();
        this.source = new CanonicalCheckpoint(source, config.description());
        for (int stop : config.stopTokens()) {
            stops.add(stop);
        }
        collect();
    }

    /**
     * Imports {@code from}, a Hugging Face folder or a GGUF file, into the new folder {@code to}.
     *
     * @param progress told the share done, 0 to 1.
     * @return the manifest.
     */
    public static Manifest run(Path from, Path to, DoubleConsumer progress) throws IOException {
        return run(from, to, progress, note -> {});
    }

    /**
     * The same.
     *
     * @param notes told, a line each, what of the checkpoint is left out or not kept as it was.
     */
    public static Manifest run(Path from, Path to, DoubleConsumer progress, Consumer<String> notes) throws IOException {
        return run(from, to, WeightBits.INT8, progress, notes);
    }

    /** The same, with matrices of these bits. */
    public static Manifest run(Path from, Path to, WeightBits bits, DoubleConsumer progress, Consumer<String> notes)
            throws IOException {
        return run(from, to, bits, true, progress, notes);
    }

    /** As {@link #run(Path, Path, DoubleConsumer)}; without evening of key channels, to measure what it gains. */
    public static Manifest run(Path from, Path to, boolean smoothKeyChannels, DoubleConsumer progress)
            throws IOException {
        return run(from, to, WeightBits.INT8, smoothKeyChannels, progress, note -> {});
    }

    private static Manifest run(
            Path from,
            Path to,
            WeightBits bits,
            boolean smoothKeyChannels,
            DoubleConsumer progress,
            Consumer<String> notes)
            throws IOException {
        try (Checkpoint source = from.getFileName().toString().endsWith(".gguf") || GgufCheckpoint.is(from)
                ? GgufCheckpoint.open(from)
                : SafetensorsCheckpoint.open(from)) {
            Map<String, byte[]> tokenFiles = source.tokenFiles();
            ModelImport job = new ModelImport(source, bits, smoothKeyChannels, progress);
            Path parent = to.toAbsolutePath().getParent();
            Files.createDirectories(parent);
            Path partial = Files.createTempDirectory(parent, ".importing-");
            try {
                job.stops.addAll(writeTokenFiles(tokenFiles, partial, source.origin()));
                if (job.stops.isEmpty()) {
                    throw new IOException(source.origin() + " names no token that ends an answer: eos_token_id in"
                            + " config.json or generation_config.json, or eos_token in tokenizer_config.json. Answers"
                            + " would run on to their greatest length. Nothing was imported.");
                }
                Manifest manifest = job.write(tokenFiles, partial);
                Files.move(partial, to, StandardCopyOption.ATOMIC_MOVE);
                job.tell(notes);
                return manifest;
            } finally {
                Directories.delete(partial);
            }
        }
    }

    /**
     * Writes the files that decide how text becomes tokens, and uses them once: what cannot be read is found out
     * here, before the weights are written, and not at a client's first request.
     *
     * @return the tokens that end an answer by what they say.
     */
    private static Set<Integer> writeTokenFiles(Map<String, byte[]> tokenFiles, Path partial, String origin)
            throws IOException {
        for (Map.Entry<String, byte[]> file : tokenFiles.entrySet()) {
            Files.write(partial.resolve(file.getKey()), file.getValue());
        }
        try (ChatTokenizer tokenizer = ChatTokenizer.open(partial)) {
            tokenizer.probe();
            return tokenizer.stops();
        } catch (IOException e) {
            // The operator knows the file by the place it came from; the one that was tried is gone by now.
            String tried = partial + "/";
            String why = e.getMessage().startsWith(tried) ? e.getMessage().substring(tried.length()) : e.getMessage();
            throw new IOException(origin + "/" + why + " Nothing was imported.", e);
        }
    }

    private void tell(Consumer<String> notes) {
        List<String> leftOut = source.notRun();
        if (!leftOut.isEmpty()) {
            notes.accept("Left out: " + leftOut.size() + " tensors of parts that are not run, vision, audio or a"
                    + " second token's prediction, such as " + leftOut.getFirst() + ".");
        }
        if (packedRows > 0) {
            notes.accept("Of " + packedRows + " weight rows in four bits " + exactRows + " are kept to the bit; the"
                    + " others' values are rounded.");
        }
        if (ungrouped > 0) {
            notes.accept("Of " + matrices.size() + " matrices " + ungrouped + " have rows that are no whole groups of "
                    + WeightFormat.GROUP + " weights: they are kept in 8 bits.");
        }
    }

    /** Names every tensor of the target and checks the source's, before a byte is written. */
    private void collect() throws IOException {
        int hidden = shape.hidden();
        Weights embedding = source.require(TensorNames.EMBEDDING, shape.vocab(), hidden);
        requireFloat(embedding);
        embeddings.put(TensorNames.EMBEDDING, embedding);
        if (shape.architecture().perLayer() > 0) {
            Weights ofLayers = source.require(TensorNames.PER_LAYER_EMBEDDING, shape.vocab(), shape.perLayerDim());
            requireFloat(ofLayers);
            embeddings.put(TensorNames.PER_LAYER_EMBEDDING, ofLayers);
        }
        vector(TensorNames.FINAL_NORM, hidden);
        if (config.tied()) {
            matrices.put(TensorNames.OUTPUT, source.tiedOutput(embedding));
        } else {
            matrix(TensorNames.OUTPUT, shape.vocab(), hidden);
        }
        for (int layer = 0; layer < shape.layers(); layer++) {
            for (String name : TensorNames.norms(shape, layer)) {
                vector(name, TensorNames.normSize(shape, layer, name));
            }
            if (shape.architecture().layerScale()) {
                vector(TensorNames.layerScale(layer), 1);
            }
            if (shape.isLinear(layer)) {
                linear(layer);
            } else if (shape.architecture().hasSinks()) {
                vector(TensorNames.sinks(layer), shape.heads());
            }
            for (TensorNames name : TensorNames.of(shape, layer)) {
                matrix(name.in(layer), name.rows(shape, layer), name.columns(shape, layer));
                if (name.hasBias(shape)) {
                    vector(name.bias(layer), name.rows(shape, layer));
                }
            }
            if (shape.hasExperts(layer)) {
                experts(layer);
            }
        }
        List<String> unused = source.unused();
        if (!unused.isEmpty()) {
            throw new IOException(source.origin() + ": tensor \"" + unused.getFirst() + "\""
                    + (unused.size() == 1 ? "" : " and " + (unused.size() - 1) + " others")
                    + " would be left out: a model of this architecture has none, as its configuration says. It is"
                    + " another model than that, which is not supported exactly. Nothing was loaded.");
        }
        declare();
    }

    private void linear(int layer) throws IOException {
        for (String name : TensorNames.linearVectors(layer)) {
            vector(name, TensorNames.linearSize(shape, name));
        }
        int rows = 2 * shape.architecture().delta().valueHeads();
        String stem = TensorNames.deltaGates(layer);
        digits(stem, rows, config.isCanonical() ? null : source.require(stem + ".weight", rows, shape.hidden()));
    }

    private void experts(int layer) throws IOException {
        Experts experts = shape.architecture().experts();
        int count = experts.count();
        matrix(TensorNames.expertGateUp(layer), 2 * experts.mlp() * count, shape.hidden());
        matrix(TensorNames.expertDown(layer), shape.hidden() * count, experts.mlp());
        if (experts.hasBias()) {
            vector(TensorNames.choiceBias(layer), count);
        }
        if (experts.isApart()) {
            vector(TensorNames.weightScale(layer), count);
        }
        if (experts.hasBiases()) {
            vector(TensorNames.routerBias(layer), count);
            vector(TensorNames.expertGateUp(layer) + ".bias", 2 * experts.mlp() * count);
            vector(TensorNames.expertDown(layer) + ".bias", shape.hidden() * count);
        }
        String stem = TensorNames.router(layer);
        digits(stem, shape.routes(), config.isCanonical() ? null : router(layer, stem));
    }

    /** The router's rows, and behind them the gate's of the part that all tokens go through. */
    private Weights router(int layer, String stem) throws IOException {
        int count = shape.architecture().experts().count();
        Weights rows = source.require(stem + ".weight", count, shape.hidden());
        if (shape.routes() == count) {
            return rows;
        }
        Weights gate = source.require(TensorNames.sharedGate(layer), 1, shape.hidden());
        requireFloat(gate);
        return new StackedWeights(rows.name(), List.of(rows, gate));
    }

    /**
     * Takes a matrix of 16 bits.
     *
     * @param found its rows; null where they stand in two digits already.
     */
    private void digits(String stem, int rows, Weights found) throws IOException {
        if (found != null) {
            requireFloat(found);
            digits.put(stem, found);
            return;
        }
        Weights weights = source.require(stem + ".weight", 2 * rows, shape.hidden());
        Weights scale = source.require(stem + ".weight_scale", rows, 1);
        if (!weights.dtype().equals("I8")) {
            throw new IOException("Tensor \"" + weights.name() + "\" is of type " + weights.dtype()
                    + " where digits are int8. Nothing was written.");
        }
        requireFloat(scale);
        requireScales(scale, scale.floats());
        scales.put(stem, scale);
        digits.put(stem, weights);
    }

    /** Rows of a matrix of 16 bits. */
    private int digitRows(Weights of) {
        return config.isCanonical() ? of.rows() / 2 : of.rows();
    }

    private void declare() throws IOException {
        embeddings.forEach((name, rows) -> {
            int[] size = {rows.rows(), rows.columns()};
            String type = embeddingType(rows);
            declared.put(name, new Declared(type, size, (long) size[0] * size[1] * FloatBytes.width(type)));
        });
        vectors.forEach((name, values) ->
                declared.put(name, new Declared("F32", new int[] {values.length}, 4L * values.length)));
        for (Map.Entry<String, Weights> entry : matrices.entrySet()) {
            String stem = entry.getKey();
            int rows = entry.getValue().rows();
            WeightFormat format = WeightFormat.INT8;
            if (bits == WeightBits.INT4 && !stem.equals(TensorNames.OUTPUT)) {
                GroupQuantizer quantizer = quantizer(stem, entry.getValue());
                if (quantizer == null) {
                    ungrouped++;
                } else {
                    quantizers.put(stem, quantizer);
                    format = quantizer.format();
                }
            }
            Manifest.Tensor tensor = tensor(format, entry.getValue(), null);
            declared.put(stem + ".weight", new Declared(tensor.storedType(), tensor.storedShape(), tensor.bytes()));
            declared.put(stem + ".weight_scale", new Declared("F32", new int[] {rows, 1}, 4L * rows));
        }
        for (Map.Entry<String, Weights> entry : digits.entrySet()) {
            String stem = entry.getKey();
            int count = digitRows(entry.getValue());
            int[] size = {2 * count, shape.hidden()};
            declared.put(stem + ".weight", new Declared("I8", size, 2L * count * shape.hidden()));
            declared.put(stem + ".weight_scale", new Declared("F32", new int[] {count, 1}, 4L * count));
        }
        toWrite = declared.values().stream().mapToLong(Declared::bytes).sum();
    }

    private static Manifest.Tensor tensor(WeightFormat format, Weights weights, byte[] hash) {
        return new Manifest.Tensor(format.dtype(), new int[] {weights.rows(), weights.columns()}, hash);
    }

    /** Codes that tell a matrix best, by some of its rows; null where its rows are no whole groups. */
    private GroupQuantizer quantizer(String stem, Weights weights) throws IOException {
        if (weights.columns() % WeightFormat.GROUP != 0) {
            return null;
        }
        GroupedRow[] rows = new GroupedRow[GroupQuantizer.ALL.size()];
        double[] errors = new double[rows.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = grouped(GroupQuantizer.ALL.get(i), weights);
        }
        RowReader reader = new RowReader(stem, weights);
        int step = Math.max(1, weights.rows() / SAMPLED_ROWS);
        for (int r = 0; r < weights.rows(); r += step) {
            float[] values = reader.floats(r);
            requireFinite(weights, r, values);
            for (int i = 0; i < rows.length; i++) {
                errors[i] += rows[i].error(values);
            }
        }
        int best = 0;
        for (int i = 1; i < rows.length; i++) {
            best = errors[i] < errors[best] ? i : best;
        }
        return GroupQuantizer.ALL.get(best);
    }

    private static GroupedRow grouped(GroupQuantizer quantizer, Weights weights) {
        return new GroupedRow(quantizer, weights.columns(), weights.dtype().equals(Mxfp4Weights.TYPE));
    }

    private void matrix(String stem, int rows, int columns) throws IOException {
        Weights weights = source.require(stem + ".weight", rows, columns);
        if (weights.dtype().equals("I8")) {
            if (config.quantization() != Quantization.INT8) {
                throw new IOException("Tensor \"" + weights.name()
                        + "\" is int8, but config.json names no quantization. Nothing was written.");
            }
            Weights scale = source.require(stem + ".weight_scale", rows, 1);
            requireFloat(scale);
            scales.put(stem, scale);
        }
        matrices.put(stem, weights);
    }

    private void vector(String name, int size) throws IOException {
        Weights tensor = source.require(name, size);
        requireFloat(tensor);
        float[] values = tensor.floats();
        requireFinite(tensor, 0, values);
        vectors.put(name, values);
    }

    private static void requireFinite(Weights tensor, int row, float[] values) throws IOException {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw notFinite(tensor, row, null);
            }
        }
    }

    private static void requireScales(Weights of, float... scales) throws IOException {
        for (int r = 0; r < scales.length; r++) {
            if (!(scales[r] >= 0 && scales[r] <= Float.MAX_VALUE)) {
                throw notFinite(of, r, null);
            }
        }
    }

    private static IOException notFinite(Weights tensor, int row, ArithmeticException cause) {
        return new IOException(
                "Tensor \"" + tensor.name() + "\" row " + row + " holds a NaN or an infinity. The file is damaged."
                        + " Nothing was written.",
                cause);
    }

    private static void requireFloat(Weights tensor) throws IOException {
        if (tensor.dtype().equals("I8")) {
            throw new IOException("Tensor \"" + tensor.name() + "\" is int8 where floats belong. Nothing was written.");
        }
    }

    private static boolean isKept(Weights embedding) {
        return switch (embedding.dtype()) {
            case "BF16", "F16", "F32" -> true;
            default -> false;
        };
    }

    private static String embeddingType(Weights embedding) {
        return isKept(embedding) ? embedding.dtype() : "F32";
    }

    private Manifest write(Map<String, byte[]> tokenFiles, Path to) throws IOException {
        for (int layer = 0; smoothKeyChannels && layer < shape.layers(); layer++) {
            even(layer);
        }
        try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("model.safetensors"), declared)) {
            for (Map.Entry<String, Weights> entry : embeddings.entrySet()) {
                writeEmbedding(out, entry.getKey(), entry.getValue());
            }
            for (Map.Entry<String, float[]> entry : vectors.entrySet()) {
                float[] values = entry.getValue();
                write(out, entry.getKey(), new int[] {values.length}, FloatBytes.of(values, "F32"));
            }
            for (Map.Entry<String, Weights> entry : matrices.entrySet()) {
                if (quantizers.containsKey(entry.getKey())) {
                    pack(out, entry.getKey(), entry.getValue());
                } else {
                    quantize(out, entry.getKey(), entry.getValue());
                }
            }
            for (Map.Entry<String, Weights> entry : digits.entrySet()) {
                writeDigits(out, entry.getKey(), entry.getValue());
            }
        }
        Map<String, byte[]> hashes = new TreeMap<>();
        tokenFiles.forEach((name, bytes) -> hashes.put(name, Blake3.hash(bytes)));
        writeConfig(to);
        Manifest manifest = new Manifest(shape, new TreeMap<>(hashes), new TreeMap<>(written));
        Files.writeString(to.resolve(Manifest.FILE_NAME), manifest.text());
        return manifest;
    }

    /**
     * Decides how far a layer's key channels are evened; gains and biases are moved here, row scales as they are
     * written.
     */
    private void even(int layer) throws IOException {
        boolean areKeysValues = shape.hasOwnKeys(layer) && !shape.hasValues(layer) && !shape.qkNorm();
        if (!shape.hasOwnKeys(layer)
                || shape.architecture().rotaryDim() > 0
                || shape.architecture().isWholeQkNorm()
                || areKeysValues) {
            // There are no keys, or pairs are others, or gains stand for more than one head, or values would change:
            // such keys are taken as they are.
            return;
        }
        int headDim = shape.headDim(layer);
        // Keys meet the queries of every layer that attends to them.
        int[] readers = IntStream.range(0, shape.layers())
                .filter(l -> !shape.isLinear(l) && shape.kvLayer(l) == layer)
                .toArray();
        if (shape.qkNorm()) {
            float[] keyGain = vectors.get(TensorNames.keyNorm(layer));
            double[] reach = new double[keyGain.length];
            for (int i = 0; i < reach.length; i++) {
                reach[i] = Math.abs(keyGain[i]);
            }
            KeyChannelSmoothing evening = KeyChannelSmoothing.of(reach, headDim);
            for (int i = 0; i < reach.length; i++) {
                keyGain[i] *= evening.key(i);
                for (int other : readers) {
                    vectors.get(TensorNames.queryNorm(other))[i] *= evening.queryGain(i);
                }
            }
            return;
        }
        String stem = TensorNames.K.in(layer);
        Weights weights = matrices.get(stem);
        float[] bias = vectors.get(stem + ".bias");
        RowReader reader = new RowReader(stem, weights);
        double[] reach = new double[weights.rows()];
        for (int r = 0; r < reach.length; r++) {
            double squares = 0;
            for (float v : reader.floats(r)) {
                squares += (double) v * v;
            }
            reach[r] = Math.sqrt(squares) + (bias == null ? 0 : Math.abs(bias[r]));
        }
        KeyChannelSmoothing evening = KeyChannelSmoothing.of(reach, headDim);
        if (!evening.isNeeded()) {
            return;
        }
        evenings.put(stem, evening);
        for (int i = 0; bias != null && i < bias.length; i++) {
            bias[i] *= evening.key(i);
        }
        for (int other : readers) {
            evenings.put(TensorNames.Q.in(other), evening);
            float[] queryBias = vectors.get(TensorNames.Q.in(other) + ".bias");
            for (int i = 0; queryBias != null && i < queryBias.length; i++) {
                queryBias[i] *= evening.query(i, shape.heads());
            }
        }
    }

    private float evened(String stem, int row, float scale) {
        KeyChannelSmoothing evening = evenings.get(stem);
        if (evening == null) {
            return scale;
        }
        return scale * (stem.endsWith("k_proj") ? evening.key(row) : evening.query(row, shape.heads()));
    }

    private void writeEmbedding(SafetensorsWriter out, String name, Weights embedding) throws IOException {
        Blake3 hash = Blake3.plain();
        String type = embeddingType(embedding);
        int columns = embedding.columns();
        byte[] bytes = new byte[columns * FloatBytes.width(type)];
        float[] row = new float[columns];
        for (int r = 0; r < embedding.rows(); r++) {
            embedding.row(r, row);
            requireFinite(embedding, r, row);
            if (isKept(embedding)) {
                embedding.rawRow(r, bytes);
            } else {
                bytes = FloatBytes.of(row, "F32");
            }
            hash.update(bytes);
            out.write(name, bytes, bytes.length);
            wrote(bytes.length);
        }
        written.put(name, new Manifest.Tensor(type, new int[] {embedding.rows(), columns}, hash.digest()));
    }

    private void wrote(long bytes) {
        done += bytes;
        progress.accept(done / (double) toWrite);
    }

    private void write(SafetensorsWriter out, String name, int[] size, byte[] bytes) throws IOException {
        out.write(name, bytes, bytes.length);
        written.put(name, new Manifest.Tensor("F32", size, Blake3.hash(bytes)));
        wrote(bytes.length);
    }

    private void quantize(SafetensorsWriter out, String stem, Weights weights) throws IOException {
        RowReader reader = new RowReader(stem, weights);
        float[] scale = new float[weights.rows()];
        Blake3 hash = Blake3.plain();
        for (int r = 0; r < weights.rows(); r++) {
            scale[r] = evened(stem, r, reader.read(r));
            hash.update(reader.quantized);
            out.write(stem + ".weight", reader.quantized, weights.columns());
            wrote(weights.columns());
        }
        finish(out, stem, tensor(WeightFormat.INT8, weights, hash.digest()), scale);
    }

    private void finish(SafetensorsWriter out, String stem, Manifest.Tensor tensor, float[] scale) throws IOException {
        written.put(stem + ".weight", tensor);
        write(out, stem + ".weight_scale", new int[] {scale.length, 1}, FloatBytes.of(scale, "F32"));
    }

    /** Rows of four bits: read one after the other, rounded on all cores, some at a time. */
    private void pack(SafetensorsWriter out, String stem, Weights weights) throws IOException {
        RowReader reader = new RowReader(stem, weights);
        GroupQuantizer quantizer = quantizers.get(stem);
        float[] scale = new float[weights.rows()];
        Blake3 hash = Blake3.plain();
        int rowBytes = quantizer.format().rowBytes(weights.columns());
        for (int from = 0; from < scale.length; from += PACKED_TOGETHER) {
            int count = Math.min(PACKED_TOGETHER, scale.length - from);
            GroupedRow[] rows = new GroupedRow[count];
            float[][] values = new float[count][];
            for (int i = 0; i < count; i++) {
                rows[i] = grouped(quantizer, weights);
                values[i] = reader.floats(from + i).clone();
                requireFinite(weights, from + i, values[i]);
            }
            IntStream.range(0, count).parallel().forEach(i -> rows[i].pack(values[i]));
            for (int i = 0; i < count; i++) {
                scale[from + i] = evened(stem, from + i, rows[i].scale());
                exactRows += rows[i].isExact() ? 1 : 0;
                hash.update(rows[i].packed());
                out.write(stem + ".weight", rows[i].packed(), rowBytes);
                wrote(rowBytes);
            }
        }
        packedRows += weights.dtype().equals(Mxfp4Weights.TYPE) ? scale.length : 0;
        finish(out, stem, tensor(quantizer.format(), weights, hash.digest()), scale);
    }

    /** Rows as two digits of 16 bits: all high ones, then all low ones. */
    private void writeDigits(SafetensorsWriter out, String stem, Weights weights) throws IOException {
        int count = digitRows(weights);
        int hidden = shape.hidden();
        byte[] digits = new byte[2 * count * hidden];
        float[] scale = config.isCanonical() ? scales.get(stem).floats() : new float[count];
        float[] row = new float[hidden];
        byte[] raw = new byte[hidden];
        for (int r = 0; r < weights.rows(); r++) {
            if (config.isCanonical()) {
                weights.rawRow(r, raw);
                System.arraycopy(raw, 0, digits, r * hidden, hidden);
                continue;
            }
            weights.row(r, row);
            try {
                scale[r] = math.quantize16(row, 0, hidden, digits, r * hidden, digits, (count + r) * hidden);
            } catch (ArithmeticException e) {
                throw notFinite(weights, r, e);
            }
        }
        out.write(stem + ".weight", digits, digits.length);
        written.put(stem + ".weight", new Manifest.Tensor("I8", new int[] {2 * count, hidden}, Blake3.hash(digits)));
        wrote(digits.length);
        write(out, stem + ".weight_scale", new int[] {count, 1}, FloatBytes.of(scale, "F32"));
    }

    /** Reads a matrix row by row as int8 and scale, whatever it is stored as. */
    private final class RowReader {
        private final Weights weights;
        private final float[] given;
        private final float[] row;
        private final byte[] quantized;

        RowReader(String stem, Weights weights) {
            this.weights = weights;
            this.given = scales.containsKey(stem) ? scales.get(stem).floats() : null;
            this.row = new float[weights.columns()];
            this.quantized = new byte[weights.columns()];
        }

        /** Fills {@code quantized} and returns its scale. */
        float read(int r) throws IOException {
            float scale;
            if (given != null) {
                weights.rawRow(r, quantized);
                scale = given[r];
                requireScales(weights, scale);
                return scale;
            }
            weights.row(r, row);
            if (weights.dtype().equals(Mxfp4Weights.TYPE)) {
                packedRows++;
                scale = ExactRow.quantize(row, quantized);
                if (scale > 0) {
                    exactRows++;
                    return scale;
                }
            }
            try {
                return math.quantizeRow(row, 0, row.length, quantized, 0);
            } catch (ArithmeticException e) {
                throw notFinite(weights, r, e);
            }
        }

        /** The row as floats. */
        float[] floats(int r) throws IOException {
            if (given == null) {
                weights.row(r, row);
            } else {
                float scale = read(r);
                for (int i = 0; i < row.length; i++) {
                    row[i] = quantized[i] * scale;
                }
            }
            return row;
        }
    }

    /**
     * The source's config.json with the quantization spelled out, as compressed-tensors has it where it has a name for
     * it, and an output matrix of its own.
     */
    private void writeConfig(Path to) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = source.config();
        json.put("tie_word_embeddings", false);
        json.put(HuggingFaceConfig.IS_CANONICAL, true);
        ArrayNode ends = json.putArray("eos_token_id");
        stops.forEach(ends::add);
        describe(json.putObject("quantization_config"));
        mapper.writerWithDefaultPrettyPrinter()
                .writeValue(to.resolve("config.json").toFile(), json);
    }

    private void describe(ObjectNode quantization) {
        if (!quantizers.isEmpty()) {
            quantization.put("quant_method", HuggingFaceConfig.FOUR_BITS);
            return;
        }
        quantization.put("quant_method", "compressed-tensors");
        quantization.put("format", "int-quantized");
        quantization.put("quantization_status", "compressed");
        ObjectNode group = quantization.putObject("config_groups").putObject("group_0");
        group.putArray("targets").add("Linear");
        group.putObject("weights")
                .put("num_bits", 8)
                .put("type", "int")
                .put("symmetric", true)
                .put("strategy", "channel");
        group.putObject("input_activations")
                .put("num_bits", 8)
                .put("type", "int")
                .put("symmetric", true)
                .put("strategy", "token")
                .put("dynamic", true);
        quantization.putArray("ignore");
    }
}
