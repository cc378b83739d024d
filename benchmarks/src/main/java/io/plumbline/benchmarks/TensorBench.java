package io.plumbline.benchmarks;

import com.beust.jcommander.Parameter;
import com.beust.jcommander.Parameters;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.RandomInputs;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.TensorScheduler;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.verifier.platform.Directories;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;

/**
 * Headline tensor-batching: requests a second from many clients of one row each, put together, beside each run as it
 * comes.
 */
@Parameters(
        commandNames = "tensors",
        commandDescription =
                "Requests a second of an ONNX model in batches, beside ONNX Runtime run by as many threads.")
final class TensorBench implements Callable<Integer> {
    @Parameter(names = "--clients", description = "that ask at once, each again when it is answered")
    private int clients = 32;

    @Parameter(names = "--workers", description = "batches that run at once")
    private int workers = Runtime.getRuntime().availableProcessors();

    @Parameter(names = "--requests", description = "of all clients in a round")
    private int requests = 6000;

    @Parameter(names = "--rounds", description = "of each kind, alternating")
    private int rounds = 9;

    @Parameter(names = "--model", description = "FILE: ONNX model; the one that embeds sentences where none is named")
    private Path file = Path.of("models", "plumbline-sentences", "model.onnx");

    @Parameter(names = "--shape", description = "NAME=SIZE of a dimension")
    private List<String> shapes = new ArrayList<>(List.of("sequence=24"));

    @Parameter(names = "--results", description = "DIR: where results are written")
    private Path results = Path.of("benchmarks", "results");

    private interface Ask {
        void ask(List<Tensor> inputs) throws IOException, InterruptedException, ExecutionException;
    }

    @Override
    public Integer call() throws Exception {
        Path folder = Files.createTempDirectory("plumbline-tensors-");
        ShapeRanges ranges = ShapeRanges.parse(shapes);
        TensorPackage model = TensorPackage.importModel(file, folder.resolve("model"), share -> {});
        List<String> names = model.manifest().outputNames();
        List<List<Tensor>> inputs = new ArrayList<>();
        Random random = new Random(1);
        for (int i = 0; i < 64; i++) {
            inputs.add(RandomInputs.of(model.manifest(), ranges, 1, random));
        }
        double[] batched = new double[rounds];
        double[] single = new double[rounds];
        try (LoadedTensorModel loaded = Variants.reference(model);
                TensorScheduler scheduler = new TensorScheduler(
                        loaded, model.manifest(), ranges, new TensorScheduler.Limits(256, 32, workers, 30_000))) {
            if (scheduler.unbatched() != null) {
                throw new IOException(file + " is not run in batches: " + scheduler.unbatched() + ".");
            }
            Ask together = one -> scheduler.submit(one, names).get();
            Ask alone = one -> loaded.run(one, names, new Stop());
            for (int round = -2; round < rounds; round++) {
                double a = rate(together, inputs);
                double b = rate(alone, inputs);
                if (round >= 0) {
                    batched[round] = a;
                    single[round] = b;
                }
                System.err.printf("round %d of %d: %.0f and %.0f requests/s%n", round + 1, rounds, a, b);
            }
        } finally {
            Directories.delete(folder);
        }
        ObjectNode details = new ObjectMapper()
                .createObjectNode()
                .put("model", file.toString())
                .put("clients", clients);
        new BenchmarkResult(
                        "tensor-batching",
                        new Readings(batched),
                        "requests/s of one row",
                        false,
                        "the same ONNX Runtime session, each request run as it comes by its client's own thread",
                        new Readings(single),
                        null,
                        "./plumbline bench tensors",
                        details)
                .write(results);
        return 0;
    }

    private double rate(Ask ask, List<List<Tensor>> inputs) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(clients);
        int each = requests / clients;
        long begin = System.nanoTime();
        for (int client = 0; client < clients; client++) {
            int first = client;
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    for (int i = 0; i < each; i++) {
                        ask.ask(inputs.get((first + i) % inputs.size()));
                    }
                } catch (IOException | InterruptedException | ExecutionException e) {
                    throw new IllegalStateException(e);
                } finally {
                    done.countDown();
                }
            });
        }
        done.await();
        return each * clients / ((System.nanoTime() - begin) / 1e9);
    }
}
