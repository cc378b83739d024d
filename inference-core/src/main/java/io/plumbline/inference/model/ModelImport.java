package io.plumbline.inference.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.safetensors.SafetensorsFile;
import io.plumbline.inference.safetensors.SafetensorsFile.Tensor;
import io.plumbline.inference.safetensors.SafetensorsWriter;
import io.plumbline.inference.safetensors.SafetensorsWriter.Declared;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Embedding;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.VerifierKey;
import io.plumbline.verifier.numerics.ExactMath;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;

/**
 * Turns a Hugging Face checkpoint in bf16, f16 or f32 into the exact form: every matrix int8 with one scale a row, in the
 * compressed-tensors W8A8 layout, beside the manifest that gives the model its id. The embedding keeps its own type: its rows widen to
 * float exactly. Streams row by row; the target appears only when it is whole.
 */
public final class ModelImport {
    private final HuggingFaceConfig config;
    private final ModelConfig shape;
    private final SafetensorsFile source;
    private final Map<String, Declared> declared = new LinkedHashMap<>();
    private final Map<String, Tensor> floats = new TreeMap<>();
    private final Map<String, Tensor> matrices = new TreeMap<>();
    private final Map<String, Manifest.Tensor> written = new TreeMap<>();

    private ModelImport(HuggingFaceConfig config, SafetensorsFile source) throws IOException {
        this.config = config;
        this.shape = config.model();
        this.source = source;
        collect();
    }

    /**
     * Imports {@code from} into the new folder {@code to}.
     *
     * @param progress told the share done, 0 to 1.
     * @return the manifest.
     */
    public static Manifest run(Path from, Path to, DoubleConsumer progress) throws IOException {
        HuggingFaceConfig config = HuggingFaceConfig.read(from);
        for (String file : LoadedModel.TOKEN_FILES) {
            if (!Files.isReadable(from.resolve(file))) {
                throw new IOException(
                        from.resolve(file) + " does not exist. A model needs it to turn text into tokens.");
            }
        }
        Path parent = to.toAbsolutePath().getParent();
        Files.createDirectories(parent);
        Path partial = Files.createTempDirectory(parent, ".importing-");
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsFile source = SafetensorsFile.map(from.resolve("model.safetensors"), arena);
            Manifest manifest = new ModelImport(config, source).write(from, partial, progress);
            Files.move(partial, to, StandardCopyOption.ATOMIC_MOVE);
            return manifest;
        } finally {
            delete(partial);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }

    /** Names every tensor of the target and checks the source's, before a byte is written. */
    private void collect() throws IOException {
        int hidden = shape.hidden();
        Tensor embedding = source.require(VerifierKey.EMBEDDING, shape.vocab(), hidden);
        floats.put(VerifierKey.EMBEDDING, embedding);
        floats.put(TensorNames.FINAL_NORM, source.require(TensorNames.FINAL_NORM, hidden));
        matrices.put(
                TensorNames.OUTPUT,
                config.tied() ? embedding : source.require(TensorNames.OUTPUT + ".weight", shape.vocab(), hidden));
        for (int layer = 0; layer < shape.layers(); layer++) {
            for (String norm : new String[] {TensorNames.attentionNorm(layer), TensorNames.mlpNorm(layer)}) {
                floats.put(norm, source.require(norm, hidden));
            }
            for (TensorNames name : TensorNames.values()) {
                String stem = name.in(layer);
                matrices.put(stem, source.require(stem + ".weight", name.rows(shape), name.columns(shape)));
            }
        }
        for (Map.Entry<String, Tensor> entry : floats.entrySet()) {
            Tensor tensor = entry.getValue();
            requireFloat(tensor);
            declared.put(
                    entry.getKey(),
                    new Declared(tensor.dtype(), tensor.shape(), tensor.bytes().byteSize()));
        }
        for (Map.Entry<String, Tensor> entry : matrices.entrySet()) {
            int[] size = entry.getValue().shape();
            requireFloat(entry.getValue());
            declared.put(entry.getKey() + ".weight", new Declared("I8", size, (long) size[0] * size[1]));
            declared.put(entry.getKey() + ".weight_scale", new Declared("F32", new int[] {size[0], 1}, 4L * size[0]));
        }
    }

    private static void requireFloat(Tensor tensor) throws IOException {
        if (!tensor.dtype().equals("BF16")
                && !tensor.dtype().equals("F16")
                && !tensor.dtype().equals("F32")) {
            throw new IOException("Tensor \"" + tensor.name() + "\" is of type " + tensor.dtype()
                    + "; import takes BF16, F16 and F32. Nothing was written.");
        }
    }

    private Manifest write(Path from, Path to, DoubleConsumer progress) throws IOException {
        try (SafetensorsWriter out = new SafetensorsWriter(to.resolve("model.safetensors"), declared)) {
            int done = 0;
            for (Map.Entry<String, Tensor> entry : floats.entrySet()) {
                copy(out, entry.getKey(), entry.getValue());
            }
            for (Map.Entry<String, Tensor> entry : matrices.entrySet()) {
                quantize(out, entry.getKey(), entry.getValue());
                progress.accept(++done / (double) matrices.size());
            }
        }
        Map<String, byte[]> files = new TreeMap<>();
        for (String file : LoadedModel.TOKEN_FILES) {
            Files.copy(from.resolve(file), to.resolve(file));
            files.put(file, Blake3.hash(Files.readAllBytes(to.resolve(file))));
        }
        writeConfig(from, to);
        Manifest manifest = new Manifest(shape, new TreeMap<>(files), new TreeMap<>(written));
        Files.writeString(to.resolve(Manifest.FILE_NAME), manifest.text());
        return manifest;
    }

    private void copy(SafetensorsWriter out, String name, Tensor tensor) throws IOException {
        byte[] buffer = new byte[1 << 20];
        long size = tensor.bytes().byteSize();
        for (long at = 0; at < size; at += buffer.length) {
            int n = (int) Math.min(buffer.length, size - at);
            MemorySegment.copy(tensor.bytes(), at, MemorySegment.ofArray(buffer), 0, n);
            out.write(name, buffer, n);
        }
        written.put(
                name,
                new Manifest.Tensor(
                        tensor.dtype(),
                        tensor.shape(),
                        Blake3.plain().update(tensor.bytes()).digest()));
    }

    private void quantize(SafetensorsWriter out, String stem, Tensor tensor) throws IOException {
        ExactMath math = ExactMath.best();
        int rows = tensor.shape()[0];
        int columns = tensor.shape()[1];
        long rowBytes = tensor.bytes().byteSize() / rows;
        float[] row = new float[columns];
        byte[] quantized = new byte[columns];
        ByteBuffer scales = ByteBuffer.allocate(4 * rows).order(ByteOrder.LITTLE_ENDIAN);
        Blake3 hash = Blake3.plain();
        for (int r = 0; r < rows; r++) {
            Embedding.widen(tensor.bytes(), r * rowBytes, tensor.dtype(), columns, row, 0);
            try {
                scales.putFloat(math.quantizeRow(row, 0, columns, quantized, 0));
            } catch (ArithmeticException e) {
                throw new IOException(
                        "Tensor \"" + tensor.name() + "\" row " + r + " holds a NaN or an infinity. The file is "
                                + "damaged. Nothing was written.",
                        e);
            }
            hash.update(quantized);
            out.write(stem + ".weight", quantized, columns);
        }
        out.write(stem + ".weight_scale", scales.array(), scales.capacity());
        written.put(stem + ".weight", new Manifest.Tensor("I8", tensor.shape(), hash.digest()));
        written.put(
                stem + ".weight_scale", new Manifest.Tensor("F32", new int[] {rows, 1}, Blake3.hash(scales.array())));
    }

    /** The source's config.json with the quantization spelled out as compressed-tensors has it, and an output matrix of its own. */
    private static void writeConfig(Path from, Path to) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json =
                (ObjectNode) mapper.readTree(from.resolve("config.json").toFile());
        json.put("tie_word_embeddings", false);
        ObjectNode quantization = json.putObject("quantization_config");
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
        mapper.writerWithDefaultPrettyPrinter()
                .writeValue(to.resolve("config.json").toFile(), json);
    }
}
