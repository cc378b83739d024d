package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.tensor.onnx.MadeModel;
import io.plumbline.inference.tensor.onnx.MadeModel.Attribute;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows that change each other are not run together, and a run that does not end holds up nobody else. */
@Tag("slow")
class BatchTrialTest {
    private static final int FP32 = 1;
    private static final int INT64 = 7;

    @TempDir
    Path folder;

    private int made;

    private static MadeModel model() throws IOException {
        return MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .constant("zero", INT64, new long[] {1}, 0);
    }

    private String unbatched(MadeModel model) throws IOException {
        Path file = model.write(folder.resolve("model" + made + ".onnx"));
        TensorPackage imported = TensorPackage.importModel(file, folder.resolve("imported" + made++), share -> {});
        try (LoadedTensorModel loaded = Variants.reference(imported);
                TensorScheduler scheduler = new TensorScheduler(
                        loaded, imported.manifest(), ShapeRanges.none(), TensorScheduler.Limits.USUAL)) {
            return scheduler.unbatched();
        }
    }

    @Test
    void rowsThatMeetByAMaximumOrAMeanAreFound() throws Exception {
        Attribute rows = new Attribute("axes", List.of(0L));
        for (String reduction : List.of("ReduceMax", "ReduceMean", "ReduceMin", "ReduceL2")) {
            // Only seen where one row is much larger: 1 + a ten-thousandth of the reduction.
            String why = unbatched(model().constant("c", FP32, new long[0], 1e-4f)
                    .node(reduction, "x", "r", rows)
                    .node("Mul", "r,c", "small")
                    .node("Add", "x,small", "y"));
            assertTrue(
                    String.valueOf(why).contains("rows of a batch change each other's output \"y\""), reduction + why);
        }
    }

    @Test
    void rowsThatMeetByTheirPlaceOrNumberAreFound() throws Exception {
        String sums = unbatched(model().node("CumSum", "x,zero", "y"));
        assertTrue(String.valueOf(sums).contains("change each other"), sums);
        for (float most : new float[] {1.5f, 2.5f, 4.5f, 20.5f}) {
            String why = unbatched(model().constant("most", FP32, new long[] {1}, most)
                    .node("Shape", "x", "shape")
                    .node("Gather", "shape,zero", "rows")
                    .node("Cast", "rows", "count", new Attribute("to", (long) FP32))
                    .node("Greater", "count,most", "many")
                    .node("Cast", "many", "added", new Attribute("to", (long) FP32))
                    .node("Add", "x,added", "y"));
            assertTrue(String.valueOf(why).contains("change each other"), most + " rows: " + why);
        }
        assertNull(unbatched(model().node("Softmax", "x", "y", new Attribute("axis", 1L))));
    }

    /** The first run with {@code x} below zero does not end, whatever it is told, until it is let go. */
    private static final class Deaf implements LoadedTensorModel {
        private final LoadedTensorModel model;
        private final CountDownLatch gate = new CountDownLatch(1);

        Deaf(LoadedTensorModel model) {
            this.model = model;
        }

        @Override
        public Fingerprint fingerprint() {
            return model.fingerprint();
        }

        @Override
        public int maxRows() {
            return 1;
        }

        @Override
        public List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
            try {
                if (inputs.getFirst().values()[0] < 0) {
                    gate.await();
                }
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            return model.run(inputs, outputs, stop);
        }

        @Override
        public void close() {
            gate.countDown();
            model.close();
        }
    }

    private static List<Tensor> x(float value) {
        return List.of(Tensor.ofFloats("x", new long[] {1, 4}, value, 0, 0, 0));
    }

    private TensorPackage identity() throws IOException {
        Path file = model().node("Identity", "x", "y").write(folder.resolve("identity.onnx"));
        return TensorPackage.importModel(file, folder.resolve("identity"), share -> {});
    }

    @Test
    void aRunThatDoesNotEndGivesItsWorkersPlaceToAnother() throws Exception {
        TensorPackage model = identity();
        Deaf deaf = new Deaf(Variants.reference(model));
        try (TensorScheduler scheduler = new TensorScheduler(
                deaf, model.manifest(), ShapeRanges.none(), new TensorScheduler.Limits(8, 1, 1, 300))) {
            for (int i = 0; i < 2; i++) {
                CompletableFuture<TensorScheduler.Result> stuck = scheduler.submit(x(-1), List.of("y"));
                String why = assertThrows(ExecutionException.class, stuck::get).getMessage();
                assertTrue(why.contains("within 300 ms, and does not stop"), why);
                assertEquals(
                        5,
                        scheduler
                                .submit(x(5), List.of("y"))
                                .get()
                                .outputs()
                                .getFirst()
                                .values()[0]);
            }
            deaf.gate.countDown();
            assertEquals(1, scheduler.submit(x(1), List.of("y")).get().rows());
        } finally {
            deaf.close();
        }
    }

    @Test
    void anAuditDoesNotWaitForOneThatDoesNotEnd() throws Exception {
        Deaf deaf = new Deaf(Variants.reference(identity()));
        try {
            DeadlineRuns runs = new DeadlineRuns(2);
            String why = assertThrows(
                            IOException.class, () -> runs.run(stop -> deaf.run(x(-1), List.of("y"), stop), 100_000_000))
                    .getMessage();
            assertTrue(why.contains("does not stop"), why);
            assertArrayEquals(
                    new double[] {7, 0, 0, 0},
                    runs.run(stop -> deaf.run(x(7), List.of("y"), stop), 1_000_000_000)
                            .getFirst()
                            .values());
            assertThrows(IOException.class, () -> runs.run(stop -> deaf.run(x(-1), List.of("y"), stop), 100_000_000));
            String busy = assertThrows(
                            IOException.class, () -> runs.run(stop -> deaf.run(x(7), List.of("y"), stop), 100_000_000))
                    .getMessage();
            assertTrue(busy.contains("is busy on this host"), busy);
            deaf.gate.countDown();
            assertEquals(
                    1,
                    runs.run(stop -> deaf.run(x(7), List.of("y"), stop), 10_000_000_000L)
                            .getFirst()
                            .shape()[0]);
        } finally {
            deaf.close();
        }
    }

    /** A request chooses how often a loop goes round. */
    @Test
    void aLoopOfHoursEndsAtItsDeadline() throws Exception {
        MadeModel body = MadeModel.of(17)
                .input("i", INT64)
                .input("go", 9)
                .input("state", FP32, "n", "4")
                .output("still", 9)
                .output("next", FP32, "n", "4")
                .node("Identity", "go", "still")
                .node("Add", "state,one", "next");
        Path file = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .input("trips", INT64)
                .output("y", FP32, "n", "4")
                .constant("one", FP32, new long[0], 1f)
                .constant("go", 9, new long[0], 1)
                .node("Loop", "trips,go,x", "y", new Attribute("body", body))
                .write(folder.resolve("loop.onnx"));
        TensorPackage model = TensorPackage.importModel(file, folder.resolve("loop"), share -> {});
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            DeadlineRuns runs = new DeadlineRuns(1);
            long begin = System.nanoTime();
            List<Tensor> hours = List.of(x(0).getFirst(), Tensor.ofLongs("trips", new long[0], 2_000_000_000));
            String why = assertThrows(
                            IOException.class,
                            () -> runs.run(stop -> loaded.run(hours, List.of("y"), stop), 300_000_000))
                    .getMessage();
            assertTrue(why.contains("longer on this host than there is time"), why);
            assertTrue(System.nanoTime() - begin < 10_000_000_000L);
            List<Tensor> few = List.of(x(0).getFirst(), Tensor.ofLongs("trips", new long[0], 3));
            assertEquals(
                    3,
                    runs.run(stop -> loaded.run(few, List.of("y"), stop), 10_000_000_000L)
                            .getFirst()
                            .values()[0]);
        }
    }

    /** A host that has no thread to give for a moment runs the model again when it has. */
    @Test
    void aRunThatCannotBeBegunKeepsNoPlace() throws IOException {
        AtomicInteger asked = new AtomicInteger();
        DeadlineRuns runs = new DeadlineRuns(1, run -> {
            if (asked.getAndIncrement() == 0) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            return Thread.ofPlatform().daemon().unstarted(run);
        });
        assertThrows(OutOfMemoryError.class, () -> runs.run(stop -> 1, TimeUnit.MINUTES.toNanos(1)));
        int run = runs.run(stop -> 2, TimeUnit.MINUTES.toNanos(1));
        assertEquals(2, run);
    }
}
