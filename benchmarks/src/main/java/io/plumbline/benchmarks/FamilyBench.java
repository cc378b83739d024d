package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.gguf.GgufCheckpoint;
import io.plumbline.inference.language.gguf.GgufExport;
import io.plumbline.inference.language.gguf.GgufType;
import io.plumbline.inference.language.importer.ModelImport;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.inference.language.quality.FloatModel;
import io.plumbline.inference.language.safetensors.SafetensorsCheckpoint;
import io.plumbline.inference.language.synthetic.RandomModel;
import io.plumbline.verifier.platform.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Families read as others read them: a small random model of each, written as GGUF, is continued greedily by llama.cpp,
 * and each of its tokens compared with what the unquantized model and the exact one say at that place. Then packed
 * types of such files, read as llama.cpp reads them.
 */
@Parameters(
        commandNames = "families",
        commandDescription = "compare each family's tokens with llama.cpp's, on files written here")
final class FamilyBench implements Callable<Integer> {
    private static final int PROMPT = 48;
    private static final int OUTPUT = 48;

    /** Families with shapes that llama.cpp takes: some have a fixed pattern of layers there. */
    private static final List<RandomModel.Shape> SHAPES = List.of(
            shape("LlamaForCausalLM", 4),
            shape("Qwen2ForCausalLM", 4),
            shape("Qwen3ForCausalLM", 4),
            shape("GemmaForCausalLM", 4),
            shape("Gemma2ForCausalLM", 4),
            shape("Gemma3ForCausalLM", 6),
            shape("Gemma4ForCausalLM", 4),
            shape("Gemma4ForConditionalGeneration", 4),
            shape("Gemma4MixtureForCausalLM", 4),
            shape("Phi3ForCausalLM", 4),
            shape("Olmo2ForCausalLM", 4),
            shape("SmolLM3ForCausalLM", 4),
            shape("GraniteForCausalLM", 4),
            shape("Glm4ForCausalLM", 4),
            shape("Exaone4ForCausalLM", 4),
            shape("MixtralForCausalLM", 4),
            shape("Qwen3MoeForCausalLM", 4),
            shape("OlmoeForCausalLM", 4),
            shape("Glm4MoeForCausalLM", 4),
            shape("GptOssForCausalLM", 4),
            shape("Qwen3NextForCausalLM", 4),
            shape("Qwen3_5ForCausalLM", 4),
            shape("Qwen3_5MoeForConditionalGeneration", 4));

    private static final List<GgufType> PACKED = List.of(
            GgufType.Q4_0, GgufType.Q4_1, GgufType.Q5_0, GgufType.Q5_1, GgufType.Q4_K, GgufType.Q5_K, GgufType.Q6_K);

    @Parameter(names = "--packed", description = "compare packed types alone")
    private boolean onlyPacked;

    @Parameter(names = "--family", description = "compare this architecture alone, as config.json names it")
    private String family;

    private static RandomModel.Shape shape(String architecture, int layers) {
        // A random tied model says its last token again: Gemma 4 is compared with an output matrix of its own.
        boolean isTied = architecture.startsWith("Gemma") && !architecture.startsWith("Gemma4");
        int kvHeads = architecture.startsWith("Olmoe") ? 4 : 2;
        return new RandomModel.Shape(architecture, 128, layers, 4, kvHeads, 32, 192, 512, 256, "F32", isTied, 1, 1);
    }

    @Override
    public Integer call() throws Exception {
        System.out.println("| family | as llama.cpp: unquantized | exact |");
        System.out.println("| --- | --- | --- |");
        Path work = Files.createTempDirectory("plumbline-families-");
        boolean isAll = true;
        try {
            for (RandomModel.Shape shape : onlyPacked ? List.<RandomModel.Shape>of() : SHAPES) {
                if (family != null && !family.equals(shape.architecture())) {
                    continue;
                }
                isAll &= compare(shape, Files.createDirectory(work.resolve(shape.architecture())));
            }
            for (GgufType type : family == null ? PACKED : List.<GgufType>of()) {
                isAll &= compare(type, Files.createDirectory(work.resolve(type.name())));
            }
        } finally {
            Directories.delete(work);
        }
        return isAll ? 0 : 1;
    }

    /** The same of a file whose matrices are blocks of noise of that type: llama.cpp rounds inputs, too, there. */
    private static boolean compare(GgufType type, Path work) throws Exception {
        Path source = work.resolve("source");
        RandomModel.write(
                new RandomModel.Shape("LlamaForCausalLM", 256, 2, 4, 2, 64, 512, 512, 256, "F32", false, 0, 1),
                23,
                source,
                share -> {});
        Path file = work.resolve("model.gguf");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufExport.run(checkpoint, type, new NoiseBlocks(type)::pack, file, share -> {});
        }
        int[] prompt = prompt();
        int[] theirs = greedy(file, prompt);
        if (theirs == null) {
            System.out.println("| Llama, " + type + " | not loaded | |");
            return false;
        }
        int[] all =
                IntStream.concat(Arrays.stream(prompt), Arrays.stream(theirs)).toArray();
        ModelImport.run(file, work.resolve("imported"), share -> {});
        try (GgufCheckpoint checkpoint = GgufCheckpoint.open(file);
                LoadedModel model = LoadedModel.open(work.resolve("imported"));
                ForwardPass forward = new ForwardPass(model)) {
            int plain = same(new FloatModel(checkpoint).logits(all), theirs);
            int exact = same(forward.logits(all), theirs);
            System.out.println(
                    "| Llama, " + type + " | " + plain + " of " + OUTPUT + " | " + exact + " of " + OUTPUT + " |");
            return plain >= OUTPUT * 3 / 4;
        }
    }

    private static int[] prompt() {
        return IntStream.range(0, PROMPT).map(i -> 3 + (i * 53 + 11) % 500).toArray();
    }

    /** Whether the unquantized model says what llama.cpp says, as good as everywhere. */
    private static boolean compare(RandomModel.Shape shape, Path work) throws Exception {
        Path source = work.resolve("source");
        RandomModel.write(shape, 23, source, share -> {});
        asPublished(source.resolve("config.json"));
        int[] prompt = prompt();
        Path file = work.resolve("model.gguf");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source)) {
            GgufExport.run(checkpoint, GgufType.F32, file, share -> {});
        }
        int[] theirs = greedy(file, prompt);
        if (theirs == null) {
            System.out.println("| " + shape.architecture() + " | not loaded | |");
            return false;
        }
        int[] all =
                IntStream.concat(Arrays.stream(prompt), Arrays.stream(theirs)).toArray();
        ModelImport.run(source, work.resolve("imported"), share -> {});
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(source);
                LoadedModel model = LoadedModel.open(work.resolve("imported"));
                ForwardPass forward = new ForwardPass(model)) {
            int plain = same(new FloatModel(checkpoint).logits(all), theirs);
            int exact = same(forward.logits(all), theirs);
            System.out.println("| " + shape.architecture() + " | " + plain + " of " + OUTPUT + " | " + exact + " of "
                    + OUTPUT + " |");
            return plain >= OUTPUT - 1;
        }
    }

    /** llama.cpp knows some of what published files say by heart, and reads no other from a file. */
    private static void asPublished(Path config) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = (ObjectNode) mapper.readTree(config.toFile());
        switch (json.path("architectures").path(0).asText()) {
            case "Gemma2ForCausalLM" -> json.set("query_pre_attn_scalar", json.get("head_dim"));
            case "Gemma3ForCausalLM" ->
                json.put("sliding_window_pattern", 6).set("query_pre_attn_scalar", json.get("head_dim"));
            case "SmolLM3ForCausalLM" -> json.remove("no_rope_layers");
            // As in the smaller one: of the larger, which has windows, it takes 64 layers and no other number.
            case "Exaone4ForCausalLM" -> {
                json.remove(List.of("layer_types", "sliding_window_pattern"));
                json.putNull("sliding_window");
            }
            // It rounds YaRN's ramp to whole pairs, which the published file says is not to be done.
            case "GptOssForCausalLM" -> ((ObjectNode) json.get("rope_scaling")).put("truncate", true);
            default -> {
                return;
            }
        }
        mapper.writeValue(config.toFile(), json);
    }

    private static int same(float[][] logits, int[] theirs) {
        int same = 0;
        for (int i = 0; i < theirs.length; i++) {
            float[] row = logits[PROMPT - 1 + i];
            int best = 0;
            for (int v = 1; v < row.length; v++) {
                best = row[v] > row[best] ? v : best;
            }
            same += best == theirs[i] ? 1 : 0;
        }
        return same;
    }

    /** Null where llama.cpp does not take the file; it has said why. */
    private static int[] greedy(Path file, int[] prompt) throws IOException, InterruptedException {
        String tokens = Arrays.stream(prompt).mapToObj(Integer::toString).collect(Collectors.joining(","));
        Process process = new ProcessBuilder(
                        "benchmarks/peers/llama.cpp/run.sh",
                        "--greedy",
                        file.toString(),
                        Integer.toString(OUTPUT),
                        tokens)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        byte[] said = process.getInputStream().readAllBytes();
        if (process.waitFor() != 0) {
            return null;
        }
        JsonNode json = new ObjectMapper().readTree(said);
        return IntStream.range(0, json.size()).map(i -> json.get(i).asInt()).toArray();
    }
}
