package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.engine.Accelerator;
import io.plumbline.inference.engine.Executor;
import io.plumbline.inference.engine.SpeedProbe;
import io.plumbline.inference.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.StreamSupport;

/**
 * Headlines gpu-decode, gpu-prefill and gpu-commitment: a model of random weights on a GPU, with the trace committed to and without in turn,
 * beside compiled PyTorch in bf16 on the same GPU in the same run.
 */
@Parameters(
        commandNames = "gpu",
        commandDescription = "Decode, prefill and commitment on a GPU, beside compiled PyTorch.")
final class GpuBench implements Callable<Integer> {
    @Parameter(names = "--batches", description = "answers in progress at once, ascending")
    private List<Integer> batches = List.of(1, 8, 64);

    @Parameter(names = "--prompts", description = "tokens of prompts, ascending")
    private List<Integer> prompts = List.of(512, 4096);

    @Parameter(names = "--size", description = "1m, 150m, 1.1b or 8b")
    private String size = "8b";

    @Parameter(names = "--device", description = "index of the GPU")
    private int device;

    @Parameter(names = "--rounds", description = "readings of each kind")
    private int rounds = 5;

    @Parameter(names = "--output", description = "tokens of each answer")
    private int output = 128;

    @Parameter(names = "--block", description = "prompt tokens run at once")
    private int block = 2048;

    @Parameter(names = "--python", description = "a python3 with PyTorch for this GPU; none to go without the peer")
    private String python = "python3";

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public Integer call() throws Exception {
        Accelerator accelerator = Accelerator.all().stream()
                .filter(a -> !a.find().devices().isEmpty())
                .findFirst()
                .orElseThrow(() -> new IOException("No GPU: "
                        + Accelerator.all().stream()
                                .map(a -> a.kind() + ": " + a.find().why())
                                .toList()));
        Models models = Models.prepare(cache, Models.Size.of(size));
        Map<String, TraceCost> ours = new TreeMap<>();
        Accelerator.Rates rates;
        long weightBytes;
        ModelConfig config;
        try (LoadedModel model = LoadedModel.open(models.imported());
                Accelerator.Loaded loaded = accelerator.load(device, model, model.layers(), share -> {})) {
            config = model.config();
            weightBytes = SpeedProbe.weightBytes(model);
            rates = loaded.rates();
            System.out.printf(
                    Locale.ROOT,
                    "%s: reads %.0f GB/s, %.0f TOPS of int8 by mma%n",
                    accelerator.find().devices().get(device),
                    rates.bytesPerSecond() / 1e9,
                    rates.int8OperationsPerSecond() / 1e12);
            int most = batches.getLast();
            try (Executor executor = loaded.executor(block + most, most)) {
                SpeedProbe probe = new SpeedProbe(executor, block);
                for (int batch : batches) {
                    ours.put("decode" + batch, new TraceCost(rounds, trace -> probe.decode(output, batch, trace)));
                    print("decode" + batch, ours);
                }
                for (int prompt : prompts) {
                    if (prompt < config.maxPositions()) {
                        ours.put("prefill" + prompt, new TraceCost(rounds, trace -> probe.prefill(prompt, trace)));
                        print("prefill" + prompt, ours);
                    }
                }
            }
        }
        JsonNode theirs = python.equals("none") ? mapper.createObjectNode() : peer(config);
        report(accelerator.find().devices().get(device), config, weightBytes, rates, ours, theirs);
        return 0;
    }

    private void print(String what, Map<String, TraceCost> ours) {
        TraceCost pair = ours.get(what);
        System.out.printf(Locale.ROOT, "%-12s %s tokens/s; trace costs %s %%%n", what, pair.traced(), pair.percent());
    }

    private JsonNode peer(ModelConfig c) throws IOException, InterruptedException {
        ObjectNode shape = mapper.createObjectNode();
        shape.put("hidden", c.hidden()).put("layers", c.layers()).put("heads", c.heads());
        shape.put("kvHeads", c.kvHeads()).put("headDim", c.headDim()).put("mlp", c.mlp());
        shape.put("vocab", c.vocab()).put("output", output).put("rounds", rounds);
        shape.set("decode", mapper.valueToTree(batches));
        shape.set(
                "prefill",
                mapper.valueToTree(
                        prompts.stream().filter(p -> p < c.maxPositions()).toList()));
        Path file = Files.createTempFile("shape", ".json");
        try {
            Files.writeString(file, shape.toString());
            Process process = new ProcessBuilder(python, "benchmarks/peers/pytorch/llama_speed.py", file.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (process.waitFor() != 0) {
                throw new IOException("The peer failed with " + process.exitValue()
                        + "; what it said stands above. --python none goes without it.");
            }
            return mapper.readTree(out.substring(out.lastIndexOf('\n') + 1));
        } finally {
            Files.delete(file);
        }
    }

    private static Sample sample(JsonNode readings) {
        return readings.isMissingNode()
                ? new Sample(Double.NaN)
                : new Sample(StreamSupport.stream(readings.spliterator(), false)
                        .mapToDouble(JsonNode::asDouble)
                        .toArray());
    }

    private void report(
            String gpu,
            ModelConfig config,
            long weightBytes,
            Accelerator.Rates rates,
            Map<String, TraceCost> ours,
            JsonNode theirs)
            throws IOException {
        ObjectNode details = mapper.createObjectNode();
        details.put("model", "random weights, " + size)
                .put("gpu", gpu)
                .put("output", output)
                .put("block", block);
        details.put("readGBs", Headline.rounded(rates.bytesPerSecond() / 1e9));
        details.put("int8MmaTOPS", Headline.rounded(rates.int8OperationsPerSecond() / 1e12));
        double int8 = Math.max(
                rates.int8OperationsPerSecond(), theirs.path("int8OpsPerS").asDouble());
        details.put("int8PeakTOPS", Headline.rounded(int8 / 1e12));
        details.put(
                "bf16TorchTFLOPS", Headline.rounded(theirs.path("bf16OpsPerS").asDouble() / 1e12));
        // Of the linear part: twice the weights' elements but the output matrix's, which only the last token needs.
        double operations = 2.0 * (weightBytes - (long) config.vocab() * config.hidden());
        System.out.printf(
                Locale.ROOT,
                "%n%-12s %12s %12s %8s %10s %10s %10s%n",
                "",
                "ours",
                "PyTorch",
                "ratio",
                "trace %",
                "bandwidth",
                "int8 peak");
        for (Map.Entry<String, TraceCost> entry : ours.entrySet()) {
            String what = entry.getKey();
            TraceCost pair = entry.getValue();
            double value = pair.traced().median();
            double peer = sample(theirs.path(what)).median();
            boolean decodes = what.startsWith("decode");
            int batch = decodes ? Integer.parseInt(what.substring("decode".length())) : 1;
            double bandwidth = decodes ? value / batch * weightBytes / rates.bytesPerSecond() : Double.NaN;
            double peak = decodes ? Double.NaN : value * operations / int8;
            ObjectNode row = details.putObject(what);
            row.put("tokensPerS", pair.traced().toString());
            row.put("withoutTrace", pair.bare().toString());
            row.put("traceCostPercent", pair.percent().toString());
            row.put("pytorchTokensPerS", sample(theirs.path(what)).toString());
            if (decodes) {
                row.put("shareOfBandwidth", Headline.rounded(bandwidth));
            } else {
                row.put("shareOfInt8Peak", Headline.rounded(peak));
            }
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %12.0f %12.0f %8.2f %10.1f %10.2f %10.2f%n",
                    what,
                    value,
                    peer,
                    value / peer,
                    pair.percent().median(),
                    bandwidth,
                    peak);
        }
        System.out.println();
        if (theirs.isEmpty()) {
            System.out.println("Without a peer nothing is written to " + results + ".");
            return;
        }
        String command = "./plumbline bench gpu --size " + size;
        String peer = "PyTorch " + theirs.path("torch").asText() + ", bf16, compiled";
        headline("gpu-decode", "decode" + batches.getFirst(), ours, peer, theirs, gpu, command, details);
        String prompt = ours.keySet().stream()
                .filter(what -> what.startsWith("prefill"))
                .max(Comparator.comparing(what -> Integer.parseInt(what.substring("prefill".length()))))
                .orElseThrow();
        headline("gpu-prefill", prompt, ours, peer, theirs, gpu, command, details);
        new Headline(
                        "gpu-commitment",
                        ours.get(prompt).percent(),
                        "% of prefill time",
                        true,
                        "CommitLLM, as published, of decode",
                        new Sample(TraceCost.PUBLISHED),
                        gpu,
                        command,
                        details)
                .write(results);
    }

    private void headline(
            String name,
            String what,
            Map<String, TraceCost> ours,
            String peer,
            JsonNode theirs,
            String gpu,
            String command,
            ObjectNode details)
            throws IOException {
        new Headline(
                        name,
                        ours.get(what).traced(),
                        "tokens/s",
                        false,
                        peer,
                        sample(theirs.path(what)),
                        gpu,
                        command,
                        details)
                .write(results);
    }
}
