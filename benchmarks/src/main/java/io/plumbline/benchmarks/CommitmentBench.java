package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import io.plumbline.inference.engine.ForwardPass;
import io.plumbline.inference.engine.Generator;
import io.plumbline.inference.engine.SpeedProbe;
import io.plumbline.inference.engine.Workers;
import io.plumbline.inference.kernels.Backend;
import io.plumbline.inference.model.LoadedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Headline cpu-commitment: what hashing the trace adds to a prefill, where it weighs most. A small difference needs many readings, with and without in turn. */
@Parameters(commandNames = "commitment", commandDescription = "What the trace costs, beside CommitLLM as published.")
final class CommitmentBench implements Callable<Integer> {
    /** CommitLLM's own figure: 12 to 14 % of decode. */
    private static final double PUBLISHED = 13;

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
        double[] cost = new double[pairs];
        try (LoadedModel model = LoadedModel.open(models.imported());
                ForwardPass forward = new ForwardPass(model, model.layers(), Backend.best(), new Workers(threads))) {
            SpeedProbe probe = new SpeedProbe(forward, Generator.PREFILL_BLOCK);
            probe.prefill(prompt, true);
            probe.prefill(prompt, false);
            for (int i = 0; i < pairs; i++) {
                // Which comes first alternates, so that a machine that slows down or speeds up harms both alike.
                double first = probe.prefill(prompt, i % 2 == 0);
                double second = probe.prefill(prompt, i % 2 != 0);
                double bare = i % 2 == 0 ? second : first;
                double traced = i % 2 == 0 ? first : second;
                cost[i] = 100 * (bare / traced - 1);
            }
        }
        String command = "./plumbline bench commitment --size " + size + " --threads " + threads;
        new Headline(
                        "cpu-commitment",
                        new Sample(cost),
                        "% of prefill time",
                        true,
                        "CommitLLM, as published, of decode",
                        new Sample(PUBLISHED),
                        null,
                        command,
                        null)
                .write(results);
        return 0;
    }
}
