package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.benchmarks.report.Headline;
import io.plumbline.inference.language.engine.ForwardPass;
import io.plumbline.inference.language.engine.Generator;
import io.plumbline.inference.language.engine.SpeedProbe;
import io.plumbline.inference.language.engine.Workers;
import io.plumbline.inference.language.kernels.Backend;
import io.plumbline.inference.language.model.LoadedModel;
import io.plumbline.verifier.blake3.Blake3;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Headline cpu-commitment: what hashing the trace adds to a prefill, where it weighs most. */
@Parameters(commandNames = "commitment", commandDescription = "What the trace costs, beside CommitLLM as published.")
final class CommitmentBench implements Callable<Integer> {
    @Parameter(names = "--size", description = "150m or 1.1b")
    private String size = "1.1b";

    @Parameter(names = "--threads", description = "threads")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Parameter(names = "--pairs", description = "readings with and without")
    private int pairs = 15;

    @Parameter(names = "--prompt", description = "tokens of the prompt")
    private int prompt = 512;

    @Parameter(names = "--cache", description = "DIR: where models are made")
    private Path cache = Path.of(System.getProperty("java.io.tmpdir"), "plumbline-bench");

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    @Override
    public Integer call() throws IOException {
        Models models = Models.prepare(cache, Models.Size.of(size));
        TraceCost cost;
        ObjectNode details = new ObjectMapper().createObjectNode();
        try (LoadedModel model = LoadedModel.open(models.imported());
                ForwardPass forward = new ForwardPass(model, model.layers(), Backend.best(), new Workers(threads))) {
            SpeedProbe probe = new SpeedProbe(forward, Generator.PREFILL_BLOCK);
            cost = new TraceCost(pairs, withTrace -> probe.prefill(prompt, withTrace));
            details.put(Headline.TRACE_ROOT, Blake3.hex(probe.traceRoot()));
        }
        String command = "./plumbline bench commitment --size " + size + " --threads " + threads;
        new BenchmarkResult(
                        "cpu-commitment",
                        cost.percent(),
                        "% of prefill time",
                        true,
                        "CommitLLM, as published, of decode",
                        new Readings(TraceCost.PUBLISHED),
                        null,
                        command,
                        details)
                .write(results);
        return 0;
    }
}
