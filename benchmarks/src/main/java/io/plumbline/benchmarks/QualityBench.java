package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.gguf.GgufCheckpoint;
import io.plumbline.inference.language.gguf.GgufExport;
import io.plumbline.inference.language.gguf.GgufType;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.quality.FloatModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.inference.language.tokenizer.ChatTokenizer;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The cost of quantization in quality: exact inference beside an unquantized evaluation of the same checkpoint, as the
 * tables of docs/quality.md.
 */
@Parameters(commandNames = "quality", commandDescription = "Perplexity and agreement with unquantized evaluation.")
final class QualityBench implements Callable<Integer> {
    /** Families whose layers are not plain. */
    private static final List<String> FAMILIES = List.of(
            "Gemma",
            "Gemma2",
            "Gemma3",
            "Gemma4",
            "Gemma4ForConditionalGeneration",
            "Gemma4Mixture",
            "Phi3",
            "Olmo2",
            "Olmo3",
            "SmolLM3",
            "Granite",
            "Glm4",
            "Exaone4",
            "Mixtral",
            "Qwen3Moe",
            "Olmoe",
            "Glm4Moe",
            "GptOss",
            "Qwen3Next",
            "Qwen3_5",
            "Qwen3_5Moe");

    private static final int SEQUENCES = 4;
    private static final int LENGTH = 128;

    @Parameter(names = "--four-bits", description = "measure the second table alone")
    private boolean onlyFourBits;

    @Parameter(names = "--family", description = "measure this architecture alone, as config.json names it")
    private String only;

    @Parameter(names = "--model", description = "DIR: the trained model to measure")
    private Path trained = Path.of("models", "plumbline-stories-2m");

    /** A sequence and from where on its tokens are predicted; labels[t] follows tokens[t]. */
    private record Text(int[] tokens, int[] labels, int from) {}

    /** Sums over predicted tokens. */
    private static final class Tally {
        private int count;
        private double lossFloat;
        private double lossExact;
        private double divergence;
        private int agree;

        private void add(float[] reference, float[] exact, int label) {
            double[] p = logSoftmax(reference);
            double[] q = logSoftmax(exact);
            lossFloat -= p[label];
            lossExact -= q[label];
            for (int i = 0; i < p.length; i++) {
                divergence += Math.exp(p[i]) * (p[i] - q[i]);
            }
            agree += argmax(reference) == argmax(exact) ? 1 : 0;
            count++;
        }

        private String row(String name) {
            return String.format(
                    Locale.ROOT,
                    "| %s | %d | %.3f | %.3f | %+.2f %% | %.1f %% | %.5f |",
                    name,
                    count,
                    Math.exp(lossFloat / count),
                    Math.exp(lossExact / count),
                    100 * (Math.exp((lossExact - lossFloat) / count) - 1),
                    100.0 * agree / count,
                    divergence / count);
        }
    }

    private static double[] logSoftmax(float[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (float z : logits) {
            max = Math.max(max, z);
        }
        double sum = 0;
        for (float z : logits) {
            sum += Math.exp(z - max);
        }
        double[] log = new double[logits.length];
        for (int i = 0; i < log.length; i++) {
            log[i] = logits[i] - max - Math.log(sum);
        }
        return log;
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    @Override
    public Integer call() throws IOException {
        Path work = Files.createTempDirectory("plumbline-quality-");
        try {
            if (only != null) {
                random(work, only + ", random", only, 0, true);
                return 0;
            }
            if (!onlyFourBits) {
                eightBits(work);
            }
            fourBits(work);
        } finally {
            Directories.delete(work);
        }
        return 0;
    }

    private void eightBits(Path work) throws IOException {
        System.out.println(
                "| model | tokens | perplexity, unquantized | perplexity, exact int8 | difference | same greedy token "
                        + "| KL divergence, nats |");
        System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
        measureTrained(work);
        random(work, "Llama, random", "LlamaForCausalLM", 0, true);
        random(work, "Qwen3, random (qk-norm)", "Qwen3ForCausalLM", 0, true);
        for (String family : FAMILIES) {
            String architecture = family.contains("For") ? family : family + "ForCausalLM";
            random(work, family + ", random", architecture, 0, true);
        }
        // Where the loss comes from: of scores that a stretched rope multiplies, and of experts that change.
        random(work, "Phi3, without long rope", "Phi3ForCausalLM", 0, true, QualityBench::unstretched);
        random(work, "GptOss, without YaRN", "GptOssForCausalLM", 0, true, QualityBench::unstretched);
        for (String family : List.of("Mixtral", "Qwen3Moe", "Glm4Moe", "GptOss", "Qwen3Next")) {
            random(work, family + ", all experts chosen", family + "ForCausalLM", 0, true, QualityBench::chosen);
        }
        random(work, "GptOss, neither", "GptOssForCausalLM", 0, true, json -> unstretched(chosen(json)));
        for (float bias : new float[] {3, 10, 30}) {
            String name = "Qwen2, random, key biases to " + (int) bias * 3;
            random(work, name + ", not evened", "Qwen2ForCausalLM", bias, false);
            random(work, name + ", evened", "Qwen2ForCausalLM", bias, true);
        }
    }

    /** The second table: weights of four bits, and the loss of Q4_0's by themselves, without any other rounding. */
    private void fourBits(Path work) throws IOException {
        System.out.println();
        System.out.println("| model, weights of four bits | tokens | perplexity, unquantized | perplexity | difference "
                + "| same greedy token | KL divergence, nats |");
        System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
        List<Text> stories = stories(trained);
        compare(work, "plumbline-stories-2m, held-out stories", trained, stories);
        for (String family : List.of("Llama", "Qwen3", "Gemma3", "Phi3", "Qwen3Moe", "Mixtral")) {
            Path source = randomSource(work, family + "ForCausalLM", 0, json -> json);
            compare(work, family + ", random", source, randomTexts());
        }
        Path source = randomSource(work, "GptOssForCausalLM", 0, json -> json);
        System.out.println(exact(source, work, WeightBits.INT4, randomTexts()).row("GptOss, random, exact int4"));
    }

    private void compare(Path work, String name, Path source, List<Text> texts) throws IOException {
        System.out.println(exact(source, work, WeightBits.INT4, texts).row(name + ", exact int4"));
        Path file = work.resolve("q4_0.gguf");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufExport.run(checkpoint, GgufType.Q4_0, file, share -> {});
            try (GgufCheckpoint blocks = GgufCheckpoint.open(file)) {
                FloatModel packed = new FloatModel(blocks);
                System.out.println(measure(new FloatModel(checkpoint), packed::logits, texts)
                        .row(name + ", Q4_0 weights, all else unquantized"));
            }
        }
    }

    private static Tally exact(Path source, Path work, WeightBits bits, List<Text> texts) throws IOException {
        Path imported = work.resolve("imported-" + bits);
        Directories.delete(imported);
        ModelImport.run(source, imported, bits, share -> {}, note -> {});
        return measure(source, imported, texts);
    }

    private void measureTrained(Path work) throws IOException {
        Path imported = work.resolve("trained");
        ModelImport.run(trained, imported, share -> {});
        System.out.println(measure(trained, imported, stories(imported)).row("plumbline-stories-2m, held-out stories"));
    }

    /** @param model whose tokenizer reads them. */
    private static List<Text> stories(Path model) throws IOException {
        List<Text> texts = new ArrayList<>();
        try (ChatTokenizer tokenizer = ChatTokenizer.open(model);
                InputStream in = QualityBench.class.getResourceAsStream("/held-out.txt")) {
            String all = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (String pair : all.strip().split("\n\n> |^> ")) {
                String[] lines = pair.split("\n", 2);
                if (lines.length == 2) {
                    int[] prompt = tokenizer.prompt(List.of(new ChatTokenizer.Message("user", lines[0])));
                    int[] whole = tokenizer.prompt(List.of(
                            new ChatTokenizer.Message("user", lines[0]),
                            new ChatTokenizer.Message("assistant", lines[1].strip())));
                    // The template opens one more answer at the end: everything but that token.
                    int[] tokens = Arrays.copyOf(whole, whole.length - 1);
                    texts.add(new Text(
                            Arrays.copyOf(tokens, tokens.length - 1),
                            Arrays.copyOfRange(tokens, 1, tokens.length),
                            prompt.length - 1));
                }
            }
        }
        return texts;
    }

    private static ObjectNode unstretched(ObjectNode config) {
        config.remove("rope_scaling");
        return config;
    }

    /** Every expert is chosen of every token, so that none can be chosen wrongly. */
    private static ObjectNode chosen(ObjectNode config) {
        for (String name : List.of("num_experts", "num_local_experts", "n_routed_experts")) {
            if (config.has(name)) {
                config.set("num_experts_per_tok", config.get(name));
            }
        }
        return config;
    }

    private void random(Path work, String name, String architecture, float keyBias, boolean even) throws IOException {
        random(work, name, architecture, keyBias, even, json -> json);
    }

    /** @param config changes what config.json says of the same weights. */
    private void random(
            Path work, String name, String architecture, float keyBias, boolean even, UnaryOperator<ObjectNode> config)
            throws IOException {
        Path source = randomSource(work, architecture, keyBias, config);
        Path imported = work.resolve("imported");
        Directories.delete(imported);
        ModelImport.run(source, imported, even, share -> {});
        System.out.println(measure(source, imported, randomTexts()).row(name));
    }

    private static Path randomSource(Path work, String architecture, float keyBias, UnaryOperator<ObjectNode> config)
            throws IOException {
        Path source = work.resolve("source");
        Directories.delete(source);
        RandomModel.write(
                new RandomModel.Shape(architecture, 512, 6, 8, 2, 64, 1408, 2048, 512, "BF16", false, keyBias, 1),
                11,
                source,
                share -> {});
        ObjectMapper mapper = new ObjectMapper();
        Path file = source.resolve("config.json");
        ObjectNode json = (ObjectNode) mapper.readTree(file.toFile());
        mapper.writeValue(file.toFile(), config.apply(json));
        return source;
    }

    private static List<Text> randomTexts() {
        SplittableRandom random = new SplittableRandom(5);
        List<Text> texts = new ArrayList<>();
        for (int i = 0; i < SEQUENCES; i++) {
            texts.add(new Text(random.ints(LENGTH, 3, 2048).toArray(), null, 0));
        }
        return texts;
    }

    private static Tally measure(Path source, Path imported, List<Text> texts) throws IOException {
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source);
                LoadedModel model = LoadedModel.open(imported);
                ForwardPass forward = new ForwardPass(model)) {
            return measure(new FloatModel(checkpoint), forward::logits, texts);
        }
    }

    private static Tally measure(FloatModel reference, Function<int[], float[][]> other, List<Text> texts) {
        Tally tally = new Tally();
        SplittableRandom random = new SplittableRandom(9);
        for (Text text : texts) {
            float[][] expected = reference.logits(text.tokens());
            float[][] found = other.apply(text.tokens());
            for (int t = text.from(); t < text.tokens().length; t++) {
                int label = text.labels() == null ? draw(expected[t], random) : text.labels()[t];
                tally.add(expected[t], found[t], label);
            }
        }
        return tally;
    }

    /** A model without a text of its own predicts what its unquantized form would say. */
    private static int draw(float[] logits, SplittableRandom random) {
        double[] log = logSoftmax(logits);
        double u = random.nextDouble();
        for (int i = 0; i < log.length; i++) {
            u -= Math.exp(log[i]);
            if (u < 0) {
                return i;
            }
        }
        return log.length - 1;
    }
}
