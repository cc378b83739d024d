package io.plumbline.benchmarks.jmh;

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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * 32 requests of one row each of the ONNX model that ships, per request: put together by the scheduler, each run as it
 * is by ONNX Runtime, and as one batch that needs no putting together.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TensorSuite extends Suite {
    private static final int ROWS = 32;

    /** How far a row of a batch may be from the same row alone; sums are in another order there. */
    private static final double TOLERANCE = 1e-3;

    /** Tokens of a row. */
    @Param({"24", "128"})
    private int sequence;

    private final List<List<Tensor>> rows = new ArrayList<>();
    private List<Tensor> batch;
    private List<String> outputs;
    private Path folder;
    private LoadedTensorModel model;
    private TensorScheduler scheduler;

    /** Opens the model that ships: run from the repository's root, or from a module of it. */
    @Setup
    public void prepare() throws Exception {
        Path home = Path.of(System.getProperty("plumbline.home", ".."));
        folder = Files.createTempDirectory("plumbline-jmh-");
        TensorPackage files = TensorPackage.importModel(
                home.resolve("models/plumbline-sentences/model.onnx"), folder.resolve("model"), share -> {});
        ShapeRanges ranges = ShapeRanges.parse(List.of("sequence=" + sequence));
        Random random = new Random(1);
        for (int i = 0; i < ROWS; i++) {
            rows.add(RandomInputs.of(files.manifest(), ranges, 1, random));
        }
        batch = RandomInputs.of(files.manifest(), ranges, ROWS, random);
        outputs = files.manifest().outputNames();
        model = Variants.reference(files);
        scheduler = new TensorScheduler(
                model, files.manifest(), ranges, new TensorScheduler.Limits(2 * ROWS, ROWS, 1, 30_000));
        if (scheduler.unbatched() != null) {
            throw new IllegalStateException("The model is not run in batches: " + scheduler.unbatched());
        }
        requireSame(together(), alone());
    }

    private static void requireSame(List<List<Tensor>> some, List<List<Tensor>> others) {
        for (int row = 0; row < some.size(); row++) {
            double[] a = some.get(row).getFirst().values();
            double[] b = others.get(row).getFirst().values();
            for (int i = 0; i < a.length; i++) {
                if (!(Math.abs(a[i] - b[i]) <= TOLERANCE * Math.max(1, Math.abs(b[i])))) {
                    throw new IllegalStateException("A row of a batch is " + a[i] + ", alone it is " + b[i] + ".");
                }
            }
        }
    }

    @TearDown
    public void free() throws Exception {
        scheduler.close();
        model.close();
        Directories.delete(folder);
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public List<List<Tensor>> together() {
        List<CompletableFuture<TensorScheduler.Result>> under = new ArrayList<>();
        for (List<Tensor> row : rows) {
            under.add(scheduler.submit(row, outputs));
        }
        return under.stream().map(one -> one.join().outputs()).toList();
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public List<List<Tensor>> alone() throws IOException {
        List<List<Tensor>> answers = new ArrayList<>();
        for (List<Tensor> row : rows) {
            answers.add(model.run(row, outputs, new Stop()));
        }
        return answers;
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public List<Tensor> oneBatch() throws IOException {
        return model.run(batch, outputs, new Stop());
    }
}
