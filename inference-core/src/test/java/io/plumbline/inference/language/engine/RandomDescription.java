package io.plumbline.inference.language.engine;

import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.safetensors.SafetensorsWriter;
import io.plumbline.inference.language.safetensors.SafetensorsWriter.Declared;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.model.Activation;
import io.plumbline.verifier.model.Architecture;
import io.plumbline.verifier.model.DeltaRule;
import io.plumbline.verifier.model.Experts;
import io.plumbline.verifier.model.HeadShape;
import io.plumbline.verifier.model.LayerMatrix;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.model.ModelConfig;
import io.plumbline.verifier.model.NormPlacement;
import io.plumbline.verifier.model.SmallTensors;
import io.plumbline.verifier.model.TensorNames;
import io.plumbline.verifier.model.TensorRows;
import io.plumbline.verifier.numerics.Rope;
import io.plumbline.verifier.numerics.RopeScaling;
import io.plumbline.verifier.numerics.WeightFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A tiny model of whatever a manifest can describe, no family's: windows, mixtures, norms, biases, scales and rotary
 * frequencies in any combination, sizes that fill no vector, int8 weights with -128 among them.
 */
final class RandomDescription {
    private static final int VOCAB = 320;
    private static final int CONTEXT = 512;

    private final SplittableRandom random;
    private final Map<String, byte[]> tensors = new LinkedHashMap<>();
    private final Map<String, Declared> declared = new LinkedHashMap<>();

    /** Those of the matrices that have four bits. */
    private final Map<String, Manifest.Tensor> grouped = new TreeMap<>();

    private RandomDescription(long seed) {
        this.random = new SplittableRandom(seed);
    }

    /** The model of a seed, in new folders below {@code folder}. */
    static LoadedModel of(long seed, Path folder) throws IOException {
        return new RandomDescription(seed).load(Files.createDirectory(folder.resolve("model" + seed)));
    }

    @SafeVarargs
    private <T> T any(T... of) {
        return of[random.nextInt(of.length)];
    }

    private float number(double least, double most) {
        return (float) random.nextDouble(least, most);
    }

    private ModelConfig config() {
        int headDim = any(8, 10, 16, 18, 32, 40);
        int kvHeads = any(1, 2, 3);
        int heads = kvHeads * any(1, 2, 3);
        int layers = random.nextInt(1, 5);
        boolean qkNorm = random.nextBoolean();
        return new ModelConfig(
                any(24, 36, 50, 64),
                layers,
                heads,
                kvHeads,
                headDim,
                any(17, 48, 70),
                VOCAB,
                CONTEXT,
                any(1e-6f, 1e-5f),
                rope(),
                random.nextBoolean(),
                qkNorm,
                architecture(layers, heads, headDim, qkNorm));
    }

    private Rope rope() {
        return new Rope(
                any(10_000.0, 50_000.0),
                any(
                        RopeScaling.NONE,
                        new RopeScaling.Linear(2),
                        new RopeScaling.Llama3(8, 1, 4, 128),
                        new RopeScaling.Proportional(any(1.0, 2.0), any(1, 3)),
                        new RopeScaling.Yarn(4, 1.1, 32, 1, 128, random.nextBoolean())));
    }

    private Architecture architecture(int layers, int heads, int headDim, boolean qkNorm) {
        Activation activation = any(Activation.values());
        Architecture.Builder builder = new Architecture.Builder()
                .activation(activation)
                .gateLimit(activation == Activation.CLAMPED_SWIGLU ? number(0.5, 3) : 0)
                .sinks(random.nextBoolean())
                .norms(any(NormPlacement.values()))
                .wholeQkNorm(qkNorm && random.nextBoolean())
                .outBias(random.nextBoolean())
                .attentionScale(any(0f, number(0.05, 0.5)))
                .scoreCap(any(0f, 0f, number(1, 50)))
                .logitCap(any(0f, number(5, 30)))
                .embeddingScale(any(1f, number(0.1, 12)))
                .rotaryDim(any(0, headDim / 2 / 2 * 2, 2));
        StringBuilder letters = new StringBuilder();
        boolean isLinear = layers > 1 && random.nextBoolean();
        for (int l = 0; l < layers; l++) {
            letters.append(isLinear ? any('D', 'D', 'F', 'W', 'f') : any('F', 'W', 'W', 'f', 'w'));
        }
        if (isLinear) {
            letters.setCharAt(random.nextInt(layers), 'F');
            letters.setCharAt(letters.charAt(0) == 'F' ? layers - 1 : 0, 'D');
            int keyHeads = any(1, 2, 3);
            builder.delta(new DeltaRule(
                    keyHeads, keyHeads * any(1, 2, 3), any(4, 10, 16, 32), any(3, 16, 20, 64), any(2, 3, 4, 5)));
        }
        String kinds = letters.toString();
        builder.attentionGate(random.nextBoolean())
                .valueNorm(random.nextBoolean())
                .keysAsValues(random.nextBoolean())
                .layerScale(random.nextBoolean())
                .perLayer(any(0, 0, 7, 16));
        if (!kinds.equals("F".repeat(layers))) {
            builder.attention(kinds);
        }
        if (kinds.toLowerCase().contains("w")) {
            builder.window(any(1, 2, 5, 31, 32, 33, 63, 64, 65, 100, 129, 600));
            builder.localRope(any(null, rope()));
            builder.localHeads(any(null, new HeadShape(heads / any(1, heads), any(24, 34))));
        }
        int sharing = random.nextInt(layers);
        if (random.nextBoolean() && hasCaches(kinds, layers - sharing)) {
            builder.sharedCaches(sharing).sharedMlp(sharing > 0 ? any(0, 31, 96) : 0);
        }
        if (random.nextBoolean()) {
            int count = any(1, 3, 6, 17);
            int shared = any(0, 13, 48);
            boolean hasBiases = random.nextBoolean();
            boolean hasGate = shared > 0 && !hasBiases && random.nextBoolean();
            builder.experts(new Experts(
                    count,
                    random.nextInt(1, Math.min(count, 5) + 1),
                    any(11, 32),
                    shared,
                    any(Experts.Scoring.values()),
                    random.nextBoolean(),
                    random.nextBoolean(),
                    any(1f, 2.5f),
                    random.nextInt(layers),
                    hasBiases,
                    hasGate,
                    shared > 0 && !hasBiases && !hasGate && random.nextBoolean()));
        } else {
            builder.mlpBias(random.nextBoolean());
        }
        return builder.build();
    }

    /** Whether each layer from {@code own} on has one of its kind before that, of which it can take the cache. */
    private static boolean hasCaches(String kinds, int own) {
        String before = kinds.substring(0, own).toLowerCase();
        String after = kinds.substring(own).toLowerCase();
        return after.chars().allMatch(kind -> kind == 'd' || before.indexOf(kind) >= 0);
    }

    /** Token files are those of any model of this size. */
    private LoadedModel load(Path folder) throws IOException {
        Path source = folder.resolve("source");
        RandomModel.write(
                new RandomModel.Shape("LlamaForCausalLM", 32, 1, 2, 1, 16, 32, VOCAB, CONTEXT, "BF16", false, 0, 1),
                1,
                source,
                share -> {});
        Path model = folder.resolve("model");
        Manifest plain = ModelImport.run(source, model, share -> {});
        ModelConfig config = config();
        float[] embedding = gaussians(config.vocab() * config.hidden(), 0.5);
        put(TensorNames.EMBEDDING, embedding, config.vocab(), config.hidden());
        if (config.architecture().perLayer() > 0) {
            int columns = config.perLayerDim();
            put(TensorNames.PER_LAYER_EMBEDDING, gaussians(VOCAB * columns, 0.5), VOCAB, columns);
        }
        put(TensorNames.FINAL_NORM, gains(config.hidden()), config.hidden());
        matrix(TensorNames.OUTPUT, config.vocab(), config.hidden(), config.vocab());
        for (int l = 0; l < config.layers(); l++) {
            layer(config, l);
        }
        try (SafetensorsWriter out = new SafetensorsWriter(model.resolve("model.safetensors"), declared)) {
            for (Map.Entry<String, byte[]> tensor : tensors.entrySet()) {
                out.write(tensor.getKey(), tensor.getValue(), tensor.getValue().length);
            }
        }
        SortedMap<String, Manifest.Tensor> described = new TreeMap<>();
        declared.forEach((name, tensor) -> described.put(
                name, new Manifest.Tensor(tensor.dtype(), tensor.shape(), Blake3.hash(tensors.get(name)))));
        grouped.forEach((name, tensor) -> described.put(
                name, new Manifest.Tensor(tensor.dtype(), tensor.shape(), Blake3.hash(tensors.get(name)))));
        Files.writeString(model.resolve(Manifest.FILE_NAME), new Manifest(config, plain.files(), described).text());
        return LoadedModel.open(model);
    }

    private void layer(ModelConfig config, int layer) {
        for (LayerMatrix matrix : LayerMatrix.of(config, layer)) {
            for (TensorRows part : matrix.parts()) {
                if (!declared.containsKey(part.weight())) {
                    String stem = part.weight().replace(".weight", "");
                    boolean isRouter = matrix.stack().hasDigits();
                    int scales = isRouter ? part.tensorRows() / 2 : part.tensorRows();
                    WeightFormat format = any(WeightFormat.values());
                    if (format.isGrouped() && !isRouter && format.canHold(part.columns())) {
                        grouped(format, stem, part.tensorRows(), part.columns());
                    } else {
                        matrix(stem, part.tensorRows(), part.columns(), scales);
                    }
                }
            }
        }
        for (String name : SmallTensors.names(config, layer)) {
            if (declared.containsKey(name)) {
                continue;
            }
            boolean isOfExperts = name.equals(TensorNames.choiceBias(layer))
                    || name.equals(TensorNames.routerBias(layer))
                    || name.equals(TensorNames.weightScale(layer));
            if (isOfExperts) {
                int count = config.architecture().experts().count();
                put(name, gaussians(count, 0.2), count);
            } else if (TensorNames.linearVectors(layer).contains(name)) {
                int size = TensorNames.linearSize(config, name);
                put(name, name.equals(TensorNames.linearNorm(layer)) ? gains(size) : gaussians(size, 0.6), size);
            } else if (name.equals(TensorNames.sinks(layer))) {
                put(name, gaussians(config.heads(), 2), config.heads());
            } else if (name.endsWith(".bias")) {
                int size = declared.get(name.replace(".bias", ".weight")).shape()[0];
                put(name, gaussians(size, 0.3), size);
            } else {
                boolean isOne = name.equals(TensorNames.layerScale(layer));
                int size = isOne ? 1 : TensorNames.normSize(config, layer, name);
                put(name, gains(size), size);
            }
        }
    }

    private void matrix(String stem, int rows, int columns, int scales) {
        byte[] weights = new byte[rows * columns];
        random.nextBytes(weights);
        tensors.put(stem + ".weight", weights);
        declared.put(stem + ".weight", new Declared("I8", new int[] {rows, columns}, weights.length));
        float[] scale = new float[scales];
        for (int i = 0; i < scales; i++) {
            double high = scales < rows ? 255 * 74 : 74;
            scale[i] = number(0.5, 1) / (float) (high * Math.sqrt(columns));
        }
        put(stem + ".weight_scale", scale, scales, 1);
    }

    private void grouped(WeightFormat format, String stem, int rows, int columns) {
        Manifest.Tensor tensor = new Manifest.Tensor(format.dtype(), new int[] {rows, columns}, null);
        byte[] weights = new byte[(int) tensor.bytes()];
        random.nextBytes(weights);
        int groups = columns / WeightFormat.GROUP;
        int most = Math.min(WeightFormat.MOST_FACTOR, format.mostFactorSum() / groups);
        for (int r = 0; r < rows; r++) {
            for (int g = 1; g <= groups; g++) {
                int factor = 1 + random.nextInt(most);
                weights[(r + 1) * tensor.rowBytes() - g] = (byte) (random.nextBoolean() ? -factor : factor);
            }
        }
        tensors.put(stem + ".weight", weights);
        declared.put(stem + ".weight", new Declared(tensor.storedType(), tensor.storedShape(), weights.length));
        grouped.put(stem + ".weight", tensor);
        float[] scale = new float[rows];
        for (int i = 0; i < rows; i++) {
            scale[i] = number(0.5, 1) / (float) (format.mostCode() * most / 4.0 * Math.sqrt(columns));
        }
        put(stem + ".weight_scale", scale, rows, 1);
    }

    private float[] gaussians(int size, double deviation) {
        float[] all = new float[size];
        for (int i = 0; i < size; i++) {
            all[i] = (float) (random.nextGaussian() * deviation);
        }
        return all;
    }

    private float[] gains(int size) {
        float[] all = gaussians(size, 0.2);
        for (int i = 0; i < size; i++) {
            all[i] += 1;
        }
        return all;
    }

    private void put(String name, float[] values, int... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        tensors.put(name, bytes.array());
        declared.put(name, new Declared("F32", shape, bytes.capacity()));
    }
}
