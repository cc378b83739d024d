package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.ParameterException;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.language.engine.Accelerator;
import io.plumbline.inference.language.engine.Device;
import io.plumbline.inference.language.engine.DeviceFailedException;
import io.plumbline.inference.language.engine.Executor;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.importer.WeightBits;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.model.ModelConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/**
 * Headlines gpu-decode, gpu-prefill and gpu-commitment: a model of random weights on a GPU, with the trace committed
 * to and without in turn, beside compiled PyTorch in bf16 on the same GPU in the same run. A case, peer or probe that
 * fails takes no other measurement along: {@link GpuReport} writes each as it comes.
 */
@Parameters(
        commandNames = "gpu",
        commandDescription = "Decode, prefill and commitment on a GPU, beside compiled PyTorch.")
final class GpuBench implements Callable<Integer> {
    private static final String QUICK_SIZE = "8b-quick";
    private static final int QUICK_ROUNDS = 3;
    private static final int QUICK_OUTPUT = 64;
    private static final long SECONDS = 2400;
    private static final long QUICK_SECONDS = 170;

    /** Before prefill is timed: the host's part of a trace is compiled by then. */
    private static final int WARM_PREFILLS = 20;

    private static final long WARM_NANOS = 3_000_000_000L;

    /** Tokens that are decoded to time kernels. */
    private static final int KERNEL_STEPS = 8;

    /** Kept of them for what is written after the peer, and least that is worth starting it for. */
    private static final long LAST_SECONDS = 10;

    private static final long LEAST_PEER_SECONDS = 20;

    @Parameter(names = "--find", description = "only say which GPUs there are, or why none; fails where there are none")
    private boolean find;

    @Parameter(
            names = "--quick",
            description =
                    "eight layers of the 8b shape and fewer readings, for us and for the peer: minutes, not a quarter of an hour")
    private boolean quick;

    @Parameter(
            names = "--kernels",
            description = "also time every kernel by itself, and write gpu-kernels.tsv beside the other results")
    private boolean kernels;

    @Parameter(names = "--batches", description = "answers in progress at once, ascending")
    private List<Integer> batches = List.of(1, 8, 64);

    @Parameter(names = "--prompts", description = "tokens of prompts, ascending")
    private List<Integer> prompts = List.of(512, 4096);

    @Parameter(names = "--size", description = "1m, 150m, 1.1b, 8b-quick or 8b; 8b unless --quick")
    private String size;

    @Parameter(names = "--weights", description = "int8, or int4 for weights of four bits")
    private WeightBits weights = WeightBits.INT8;

    @Parameter(names = "--device", description = "the GPU by its UUID, PCI bus id or index")
    private String named = "";

    /** Index of it. */
    private int device;

    @Parameter(names = "--rounds", description = "readings of each kind; 5 unless --quick")
    private Integer rounds;

    @Parameter(names = "--output", description = "tokens of each answer; 128 unless --quick")
    private Integer output;

    @Parameter(
            names = "--seconds",
            description =
                    "after which the peer is ended, counted from the start; what it measured stays; 2400, with --quick 170")
    private Long seconds;

    @Parameter(names = "--block", description = "prompt tokens run at once")
    private int block = 2048;

    @Parameter(names = "--python", description = "a python3 with PyTorch for this GPU; none to go without the peer")
    private String python = "python3";

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private final ObjectMapper mapper = new ObjectMapper();
    private final long begin = System.nanoTime();
    private final Map<String, TraceCost> ours = new LinkedHashMap<>();
    private GpuReport report;

    @Override
    public Integer call() throws Exception {
        Accelerator accelerator = accelerator();
        List<Device> devices = accelerator.find().devices();
        if (find) {
            for (int i = 0; i < devices.size(); i++) {
                System.out.println(i + ": " + devices.get(i).name() + ", " + accelerator.kind());
            }
            return 0;
        }
        check();
        device = Device.find(devices, named);
        size = size != null ? size : quick ? QUICK_SIZE : "8b";
        rounds = rounds != null ? rounds : quick ? QUICK_ROUNDS : 5;
        output = output != null ? output : quick ? QUICK_OUTPUT : 128;
        seconds = seconds != null ? seconds : quick ? QUICK_SECONDS : SECONDS;
        Models models = Models.prepare(cache, Models.Size.of(size));
        ModelConfig config;
        boolean isInt4 = weights == WeightBits.INT4;
        try (LoadedModel model = LoadedModel.open(isInt4 ? models.importedInt4() : models.imported())) {
            config = model.config();
            prompts = prompts.stream().filter(p -> p < config.maxPositions()).toList();
            ObjectNode about = mapper.createObjectNode();
            about.put("model", "random weights, " + size + (isInt4 ? ", int4" : ""))
                    .put("gpu", devices.get(device).name())
                    .put("output", output)
                    .put("block", block)
                    .put("rounds", rounds);
            report = new GpuReport(results, about, batches, prompts, config, SpeedProbe.weightBytes(model));
            try {
                ours(accelerator, model);
            } catch (DeviceFailedException e) {
                report.failed("device", e.getMessage());
                System.err.println("plumbline bench: " + e.getMessage());
            }
        }
        peer(config);
        report.print();
        headlines(devices.get(device).name());
        return report.complete() ? 0 : 1;
    }

    private static Accelerator accelerator() throws IOException {
        List<Accelerator> all = Accelerator.all();
        for (Accelerator accelerator : all) {
            if (!accelerator.find().devices().isEmpty()) {
                return accelerator;
            }
        }
        throw new IOException("No GPU: "
                + String.join(
                        "; ",
                        all.stream().map(a -> a.kind() + ": " + a.find().why()).toList()));
    }

    private void check() {
        if (!named.isEmpty() && !Device.isName(named)) {
            throw new ParameterException(
                    "--device is a GPU's UUID (GPU-..., MIG-...), PCI bus id or index, not \"" + named + "\".");
        }
        if (batches.isEmpty()
                || batches.stream().anyMatch(n -> n < 1)
                || prompts.stream().anyMatch(n -> n < 1)) {
            throw new ParameterException("--batches and --prompts are lists of numbers of at least 1.");
        }
    }

    private void ours(Accelerator accelerator, LoadedModel model) throws IOException {
        try (Accelerator.Loaded loaded = accelerator.load(device, model, model.layers(), share -> {})) {
            try {
                cases(loaded);
            } catch (DeviceFailedException e) {
                // The report has it with its case. The device may still measure its peaks.
                System.err.println("plumbline bench: " + e.getMessage());
            }
            if (kernels) {
                kernels(loaded);
            }
            // Last: a probe that a device stops takes no speed along.
            peaks(loaded);
        }
    }

    /** Ends at a failure of the device itself: the other cases would meet the same. */
    private void cases(Accelerator.Loaded loaded) throws IOException {
        int most = batches.getLast();
        try (Executor executor = loaded.executor(block + most, most)) {
            SpeedProbe probe = new SpeedProbe(executor, block);
            for (int batch : batches) {
                measure("decode" + batch, trace -> probe.decode(output, batch, trace));
            }
            for (int prompt : prompts) {
                long until = System.nanoTime() + WARM_NANOS;
                for (int i = 0; i < WARM_PREFILLS && System.nanoTime() < until; i++) {
                    probe.prefill(prompt, true);
                }
                measure("prefill" + prompt, trace -> probe.prefill(prompt, trace));
            }
        }
    }

    private void kernels(Accelerator.Loaded loaded) throws IOException {
        int most = batches.getLast();
        KernelTable table = new KernelTable(results);
        try (Accelerator.KernelRun run = loaded.kernelTimes(block + most, most)) {
            SpeedProbe probe = new SpeedProbe(run.executor(), block);
            for (int batch : batches) {
                probe.decode(KERNEL_STEPS, batch, true, run::take);
                table.add("decode" + batch, KERNEL_STEPS, run.take());
            }
            for (int prompt : prompts) {
                probe.prefill(prompt, true);
                run.take();
                probe.prefill(prompt, true);
                table.add("prefill" + prompt, 1, run.take());
            }
        } catch (DeviceFailedException e) {
            report.failed("kernels", e.getMessage());
            throw e;
        }
    }

    private void peaks(Accelerator.Loaded loaded) throws IOException {
        try {
            Accelerator.Rates rates = loaded.rates();
            report.rates(rates);
            System.out.printf(
                    Locale.ROOT,
                    "reads %.0f GB/s%s; int8 %.0f TOPS by the instruction of ours, %.0f at most%s%n",
                    rates.bytesPerSecond() / 1e9,
                    ofSheet(rates.bytesPerSecond(), rates.datasheetBytesPerSecond()),
                    rates.int8OperationsPerSecond() / 1e12,
                    rates.int8Peak() / 1e12,
                    ofSheet(rates.int8Peak(), rates.datasheetInt8()));
        } catch (DeviceFailedException e) {
            report.failed("peaks", e.getMessage());
            throw e;
        }
    }

    private static String ofSheet(double measured, double sheet) {
        return sheet > 0 ? String.format(Locale.ROOT, " (%.2f of the data sheet's)", measured / sheet) : "";
    }

    private void measure(String what, TraceCost.Reading reading) throws IOException {
        try {
            TraceCost cost = new TraceCost(rounds, reading);
            ours.put(what, cost);
            report.ours(what, cost);
            System.out.printf(
                    Locale.ROOT, "%-12s %s tokens/s; trace costs %s %%%n", what, cost.traced(), cost.percent());
        } catch (DeviceFailedException e) {
            report.failed(what, e.getMessage());
            throw e;
        } catch (RuntimeException e) {
            report.failed(what, String.valueOf(e));
            System.err.println("plumbline bench: " + what + " failed: " + e);
        }
    }

    private void peer(ModelConfig config) throws IOException, InterruptedException {
        if (python.equals("none")) {
            report.withoutPeer("no PyTorch was asked for or found");
            return;
        }
        long left = seconds - TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin) - LAST_SECONDS;
        if (left < LEAST_PEER_SECONDS) {
            report.failed("peer", "no time was left for the peer, of " + seconds + " s; --seconds gives more");
            return;
        }
        peer(config, PythonPeer.PYTORCH, "peer", report::theirs, left);
        left = seconds - TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begin) - LAST_SECONDS;
        if (!quick && left >= LEAST_PEER_SECONDS) {
            peer(config, PythonPeer.VLLM, "vllm", this::ofVllm, left);
        }
    }

    private interface Hears {
        void said(JsonNode all) throws IOException;
    }

    private void peer(ModelConfig config, String script, String what, Hears hears, long most)
            throws IOException, InterruptedException {
        try {
            new PythonPeer(script, python, most).run(config, batches, prompts, output, rounds, said -> {
                try {
                    hears.said(said);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (IOException e) {
            report.failed(what, e.getMessage());
            System.err.println("plumbline bench: " + e.getMessage());
        }
    }

    private void ofVllm(JsonNode said) throws IOException {
        if (said.has("absent")) {
            System.out.println("vLLM         skipped: " + said.path("absent").asText());
        }
        report.vllm(said);
    }

    /** Those for which both sides were measured, of the whole 8B shape or what else was asked for by name. */
    private void headlines(String gpu) throws IOException {
        if (quick) {
            return;
        }
        boolean isInt4 = weights == WeightBits.INT4;
        String command = "./plumbline bench gpu --size " + size + (isInt4 ? " --weights int4" : "");
        String suffix = isInt4 ? "-int4" : "";
        JsonNode theirs = report.theirs();
        String peer = "PyTorch " + theirs.path("torch").asText() + ", bf16, compiled";
        headline("gpu-decode" + suffix, "decode" + batches.getFirst(), peer, gpu, command);
        if (prompts.isEmpty()) {
            return;
        }
        String prompt = "prefill" + prompts.getLast();
        headline("gpu-prefill" + suffix, prompt, peer, gpu, command);
        if (ours.containsKey(prompt) && !isInt4) {
            new BenchmarkResult(
                            "gpu-commitment",
                            ours.get(prompt).percent(),
                            "% of prefill time",
                            true,
                            "CommitLLM, as published, of decode",
                            new Readings(TraceCost.PUBLISHED),
                            gpu,
                            command,
                            report.details())
                    .write(results);
        }
    }

    private void headline(String name, String what, String peer, String gpu, String command) throws IOException {
        Readings readings = GpuReport.sample(report.theirs().path(what));
        if (!ours.containsKey(what) || Double.isNaN(readings.median())) {
            return;
        }
        new BenchmarkResult(
                        name,
                        ours.get(what).traced(),
                        "tokens/s",
                        false,
                        peer,
                        readings,
                        gpu,
                        command,
                        report.details())
                .write(results);
    }
}
