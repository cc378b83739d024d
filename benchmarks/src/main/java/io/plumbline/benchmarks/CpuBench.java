package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.report.Headline;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.blake3.Blake3;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Headlines cpu-decode and cpu-prefill: exact inference on this processor, each backend, beside llama.cpp on the same
 * weights in Q8_0, or of four bits beside Q4_0 and our own int8. Rounds alternate between ours and theirs, so that a
 * slow minute of the machine meets all.
 */
@Parameters(commandNames = "cpu", commandDescription = "Decode and prefill on the CPU, beside llama.cpp.")
final class CpuBench implements Callable<Integer> {
    /** Speeds of the backends that are not the fastest here: for comparison, not for a headline. */
    private static final int OTHERS_ROUNDS = 2;

    private static final int WARM_UP_PROMPT = 64;
    private static final int WARM_UP_OUTPUT = 8;

    /** Sizes whose results are headlines, and what those end with. */
    private static final Map<String, String> HEADLINES =
            Map.of("1.1b", "", "2.5b-a0.4b", "-moe", "0.6b-delta", "-delta");

    @Parameter(
            names = "--size",
            description = "150m, 1.1b, 2.5b-a0.4b or 0.6b-delta; results are written for all but the first")
    private String size = "1.1b";

    @Parameter(names = "--weights", description = "int8, or int4 for weights of four bits")
    private WeightBits weights = WeightBits.INT8;

    @Parameter(names = "--threads", description = "threads, ours and theirs")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Parameter(names = "--rounds", description = "readings of each")
    private int rounds = 5;

    @Parameter(names = "--prompt", description = "tokens of the prompt in prefill")
    private int prompt = 512;

    @Parameter(names = "--output", description = "tokens generated in decode")
    private int output = 64;

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Parameter(names = "--peer", description = "script that measures the peer: FILE THREADS PROMPT OUTPUT")
    private Path peer = Path.of("benchmarks", "peers", "llama.cpp", "run.sh");

    @Parameter(
            names = "--java-peer",
            description = "script that measures a Java engine once: FOLDER THREADS PROMPT OUTPUT")
    private Path javaPeer = Path.of("benchmarks", "peers", "jlama", "run.sh");

    @Parameter(names = "--no-peer", description = "measure ours alone and write nothing")
    private boolean alone;

    private final ObjectMapper mapper = new ObjectMapper();

    /** Of each model that was run, by its id. */
    private final Map<String, String> traceRoots = new HashMap<>();

    /** One backend's readings. */
    private static final class Speeds {
        private final Backend backend;
        private final List<Double> prefill = new ArrayList<>();
        private final List<Double> prefillBare = new ArrayList<>();
        private final List<Double> decode = new ArrayList<>();
        private final List<Double> decodeBare = new ArrayList<>();

        Speeds(Backend backend) {
            this.backend = backend;
        }
    }

    private static Readings sample(List<Double> readings) {
        return new Readings(readings.stream().mapToDouble(Double::doubleValue).toArray());
    }

    @Override
    public Integer call() throws IOException {
        Models models = Models.prepare(cache, Models.Size.of(size));
        List<Speeds> all = Backend.all().stream()
                .filter(backend -> backend != Backend.SCALAR)
                .map(Speeds::new)
                .toList();
        if (all.isEmpty()) {
            throw new IOException(
                    "Neither native kernels nor the Vector API are here; the specification is not worth measuring.");
        }
        List<Double> peerPrefill = new ArrayList<>();
        List<Double> peerDecode = new ArrayList<>();
        List<Double> bandwidth = new ArrayList<>();
        double weightBytes;
        boolean isInt4 = weights == WeightBits.INT4;
        Speeds eight = new Speeds(all.getFirst().backend);
        String root;
        try (LoadedModel model = LoadedModel.open(isInt4 ? models.importedInt4() : models.imported());
                LoadedModel int8 = isInt4 ? LoadedModel.open(models.imported()) : null) {
            weightBytes = SpeedProbe.weightBytes(model);
            for (Speeds readings : all) {
                warmUp(model, readings.backend);
            }
            for (int round = 0; round < rounds; round++) {
                for (Speeds readings : all) {
                    if (readings == all.getFirst() || round < OTHERS_ROUNDS) {
                        measure(model, readings);
                    }
                }
                if (isInt4) {
                    measure(int8, eight);
                }
                bandwidth.add(SpeedProbe.readBandwidth(threads));
                if (!alone) {
                    JsonNode theirs = runPeer(peer, models.gguf(weights));
                    peerPrefill.add(theirs.get("prefill").asDouble());
                    peerDecode.add(theirs.get("decode").asDouble());
                }
                System.out.printf(
                        Locale.ROOT,
                        "round %d: prefill %.4g, decode %.4g tokens/s; llama.cpp %s and %s; memory %.3g GB/s%n",
                        round + 1,
                        all.getFirst().prefill.getLast(),
                        all.getFirst().decode.getLast(),
                        alone ? "-" : String.format(Locale.ROOT, "%.4g", peerPrefill.getLast()),
                        alone ? "-" : String.format(Locale.ROOT, "%.4g", peerDecode.getLast()),
                        bandwidth.getLast() / 1e9);
            }
            root = traceRoots.get(model.id().toString());
        }
        ObjectNode details = details(all, root, weightBytes, sample(bandwidth));
        if (isInt4) {
            details.putObject("int8 weights, " + eight.backend.name())
                    .put("prefillTokensPerS", sample(eight.prefill).toString())
                    .put("decodeTokensPerS", sample(eight.decode).toString())
                    .put(
                            "int4DecodeOverInt8",
                            BenchmarkResult.rounded(
                                    sample(all.getFirst().decode).median()
                                            / sample(eight.decode).median()));
        }
        // Jlama reads neither mixtures nor linear attention.
        if (!alone && "".equals(HEADLINES.getOrDefault(size, "")) && !isInt4) {
            JsonNode jlama = runPeer(javaPeer, models.source());
            details.putObject("Jlama 0.8.4, Q4 weights")
                    .put(
                            "prefillTokensPerS",
                            BenchmarkResult.rounded(jlama.get("prefill").asDouble()))
                    .put(
                            "decodeTokensPerS",
                            BenchmarkResult.rounded(jlama.get("decode").asDouble()));
        }
        System.out.println(mapper.writerWithDefaultPrettyPrinter().writeValueAsString(details));
        if (!alone && HEADLINES.containsKey(size)) {
            write(all.getFirst(), details, sample(peerPrefill), sample(peerDecode));
        }
        return 0;
    }

    private ForwardPass forward(LoadedModel model, Backend backend) {
        return new ForwardPass(model, model.layers(), backend, new Workers(threads));
    }

    private void warmUp(LoadedModel model, Backend backend) {
        try (ForwardPass forward = forward(model, backend)) {
            SpeedProbe probe = new SpeedProbe(forward, Generator.PREFILL_BLOCK);
            for (int i = 0; i < 2; i++) {
                probe.prefill(WARM_UP_PROMPT, true);
                probe.decode(WARM_UP_OUTPUT, true);
            }
        }
    }

    private void measure(LoadedModel model, Speeds readings) throws IOException {
        try (ForwardPass forward = forward(model, readings.backend)) {
            SpeedProbe probe = new SpeedProbe(forward, Generator.PREFILL_BLOCK);
            readings.prefill.add(probe.prefill(prompt, true));
            requireSameTrace(model.id().toString(), readings.backend, Blake3.hex(probe.traceRoot()));
            readings.prefillBare.add(probe.prefill(prompt, false));
            readings.decode.add(probe.decode(output, true));
            readings.decodeBare.add(probe.decode(output, false));
        }
    }

    /** Speeds of backends are set beside each other only where all of them compute the same. */
    private void requireSameTrace(String model, Backend backend, String root) throws IOException {
        String before = traceRoots.put(model, root);
        if (before != null && !before.equals(root)) {
            throw new IOException(backend.name() + " computes trace root " + root + ", and another backend " + before
                    + ": nothing is compared.");
        }
    }

    private JsonNode runPeer(Path script, Path weights) throws IOException {
        Process process = new ProcessBuilder(
                        "sh", script.toString(), weights.toString(), "" + threads, "" + prompt, "" + output)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        try {
            return mapper.readTree(out.substring(out.lastIndexOf('{')));
        } catch (IOException | IndexOutOfBoundsException e) {
            throw new IOException("The peer's script " + script + " printed no result: " + out, e);
        }
    }

    private ObjectNode details(List<Speeds> all, String traceRoot, double weightBytes, Readings bandwidth) {
        ObjectNode json = mapper.createObjectNode();
        json.put("model", "random weights, " + size + (weights == WeightBits.INT4 ? ", int4" : ""))
                .put("threads", threads);
        json.put("prompt", prompt).put("output", output).put(Headline.TRACE_ROOT, traceRoot);
        json.put("memoryBandwidthGBs", BenchmarkResult.rounded(bandwidth.median() / 1e9));
        for (Speeds readings : all) {
            ObjectNode one = json.putObject(readings.backend.name());
            Readings decode = sample(readings.decode);
            one.put("prefillTokensPerS", sample(readings.prefill).toString());
            one.put("prefillWithoutTrace", sample(readings.prefillBare).toString());
            one.put("decodeTokensPerS", decode.toString());
            one.put("decodeWithoutTrace", sample(readings.decodeBare).toString());
            one.put("decodeWeightGBs", BenchmarkResult.rounded(decode.median() * weightBytes / 1e9));
            one.put(
                    "decodeShareOfBandwidth",
                    BenchmarkResult.rounded(decode.median() * weightBytes / bandwidth.median()));
        }
        return json;
    }

    private void write(Speeds best, ObjectNode details, Readings peerPrefill, Readings peerDecode) throws IOException {
        boolean isInt4 = weights == WeightBits.INT4;
        String command =
                "./plumbline bench cpu --size " + size + (isInt4 ? " --weights int4" : "") + " --threads " + threads;
        String suffix = HEADLINES.get(size) + (isInt4 ? "-int4" : "");
        String name = "llama.cpp " + (isInt4 ? "Q4_0" : "Q8_0") + " (node-llama-cpp 3.22.1)";
        new BenchmarkResult(
                        "cpu-prefill" + suffix,
                        sample(best.prefill),
                        "tokens/s",
                        false,
                        name,
                        peerPrefill,
                        null,
                        command,
                        details)
                .write(results);
        new BenchmarkResult(
                        "cpu-decode" + suffix,
                        sample(best.decode),
                        "tokens/s",
                        false,
                        name,
                        peerDecode,
                        null,
                        command,
                        details)
                .write(results);
    }
}
