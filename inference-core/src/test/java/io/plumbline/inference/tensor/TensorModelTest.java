package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.tensor.onnx.OneProduct;
import io.plumbline.inference.tensor.onnx.OneProduct.Hiding;
import io.plumbline.inference.tensor.onnx.OnnxModel;
import io.plumbline.verifier.blake3.Blake3;
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.model.Manifest;
import io.plumbline.verifier.tensor.Fingerprint;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Import, running, batching and calibration of ONNX models. */
class TensorModelTest {
    @TempDir
    Path folder;

    private TensorPackage product() throws IOException {
        Path file = OneProduct.write(folder.resolve("product.onnx"), 2, 1f, 2f, 3f, 4f);
        return TensorPackage.importModel(file, folder.resolve("product"), share -> {});
    }

    private static Tensor x(float... values) {
        return Tensor.ofFloats("x", new long[] {values.length / 2, 2}, values);
    }

    /** Linux shows of every mapped file whether its name is gone. */
    @Test
    void onnxRuntimeLeavesNoCopyOfItsLibrary() throws Exception {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.exists(maps), "This host does not tell what is mapped.");
        assertNull(new OnnxRuntimeBackend().absence());
        List<String> mapped = Files.readAllLines(maps).stream()
                .filter(line -> line.contains("/libonnxruntime") && line.contains(".so"))
                .toList();
        assertFalse(mapped.isEmpty());
        assertTrue(mapped.stream().allMatch(line -> line.endsWith("(deleted)")), mapped::toString);
    }

    @Test
    void aModelIsNamedByAllItsBytes() throws Exception {
        TensorPackage inside = product();
        assertEquals("[x FP32 [n, 2]]", inside.manifest().inputs().toString());
        assertEquals("n", inside.manifest().batchDimension());
        assertEquals(
                inside.manifest().id(),
                Bytes32.of(Blake3.hash(Files.readAllBytes(inside.folder().resolve(Manifest.FILE_NAME)))));
        Path external = OneProduct.writeExternal(folder.resolve("external.onnx"), "weights.bin", 2, 1f, 2f, 3f, 4f);
        TensorPackage one = TensorPackage.importModel(external, folder.resolve("one"), share -> {});
        Files.write(folder.resolve("weights.bin"), new byte[16]);
        TensorPackage other = TensorPackage.importModel(external, folder.resolve("other"), share -> {});
        assertNotEquals(one.manifest().id().toString(), other.manifest().id().toString());
        one.verify(share -> {});
        try (LoadedTensorModel loaded = Variants.reference(one)) {
            List<Tensor> outputs = loaded.run(List.of(x(1, 1)), List.of("y"), new Stop());
            assertArrayEquals(new double[] {4, 6}, outputs.getFirst().values());
        }
        Files.write(one.folder().resolve("weights.bin"), new byte[16]);
        assertTrue(assertThrows(IOException.class, () -> one.verify(share -> {}))
                .getMessage()
                .contains("weights.bin is not what the manifest says"));
    }

    private void refusedOnnx(Path file, String why) throws Exception {
        String message = assertThrows(
                        IOException.class, () -> TensorPackage.importModel(file, folder.resolve("to"), share -> {}))
                .getMessage();
        assertTrue(message.contains(why), message);
        assertTrue(message.startsWith(file.getParent().toString()), message);
        assertFalse(message.contains("\n"), message);
        assertFalse(Files.exists(folder.resolve("to")));
        try (var left = Files.list(folder)) {
            assertTrue(left.noneMatch(path -> path.getFileName().toString().startsWith(".import")));
        }
    }

    @Test
    void aModelWhoseWeightsLieElsewhereIsRefused() throws Exception {
        Path in = Files.createDirectories(folder.resolve("in"));
        Path secret = Files.write(folder.resolve("secret"), new byte[16]);
        float[] weights = {1f, 2f, 3f, 4f};
        Path file = OneProduct.writeExternal(in.resolve("model.onnx"), "../secret", 2, weights);
        refusedOnnx(file, "names the file \"../secret\", which is not in");
        refusedOnnx(
                OneProduct.writeExternal(in.resolve("absolute.onnx"), secret.toString(), 2, weights),
                "which is not in");
        Path linked = OneProduct.writeExternal(in.resolve("linked.onnx"), "link", 2, weights);
        Files.delete(in.resolve("link"));
        Files.createSymbolicLink(in.resolve("link"), secret);
        refusedOnnx(linked, "link is a link to " + secret);
        Files.delete(in.resolve("link"));
        Files.createLink(in.resolve("link"), secret);
        refusedOnnx(linked, "link is a hard link");
        Files.delete(in.resolve("link"));
        Files.createDirectories(in.resolve("link"));
        refusedOnnx(linked, "link is no plain file");
        Path named = OneProduct.writeExternal(in.resolve("named.onnx"), "plumbline.manifest", 2, weights);
        refusedOnnx(named, "a name that an imported model has for something else");
        Path tokenizer =
                OneProduct.write(Files.createDirectories(folder.resolve("with")).resolve("model.onnx"));
        Files.createSymbolicLink(folder.resolve("with/tokenizer.json"), secret);
        refusedOnnx(tokenizer, "tokenizer.json is a link to");
    }

    /** Where ONNX Runtime might read another file than the one that was looked at. */
    @Test
    void externalDataIsFoundWhereverItMayBeNamed() throws Exception {
        Path in = Files.createDirectories(folder.resolve("in"));
        for (Hiding hiding : Hiding.values()) {
            Path file = OneProduct.writeHidden(in.resolve(hiding + ".onnx"), "../secret", hiding);
            assertThrows(
                    IOException.class,
                    () -> TensorPackage.importModel(file, folder.resolve("to"), share -> {}),
                    hiding.name());
            assertTrue(
                    hiding == Hiding.SECOND_GRAPH
                            || hiding == Hiding.SECOND_LOCATION
                            || OnnxModel.read(file).externalFiles().contains("../secret"),
                    hiding.name());
        }
    }

    @Test
    void aPackageIsReadFromItsOwnFolderAlone() throws Exception {
        Path external = OneProduct.writeExternal(folder.resolve("external.onnx"), "weights.bin", 2, 1f, 2f, 3f, 4f);
        Path made = TensorPackage.importModel(external, folder.resolve("made"), share -> {})
                .folder();
        Path manifest = made.resolve(Manifest.FILE_NAME);
        String text = Files.readString(manifest);
        Files.writeString(manifest, text.replace("file weights.bin ", "file w/../../weights.bin "));
        assertTrue(assertThrows(IOException.class, () -> TensorPackage.open(made))
                .getMessage()
                .contains("names the file \"w/../../weights.bin\""));
        Files.writeString(manifest, text);
        OneProduct.writeExternal(made.resolve("model.onnx"), "../weights.bin", 2, 1f, 2f, 3f, 4f);
        assertTrue(assertThrows(IOException.class, () -> TensorPackage.open(made))
                .getMessage()
                .contains("which plumbline.manifest does not name"));
    }

    @Test
    void whatIsNoModelIsSaidToBeNone() throws Exception {
        Path text = Files.writeString(folder.resolve("text.onnx"), "this is text");
        String message = assertThrows(IOException.class, () -> TensorPackage.importModel(text, null, share -> {}))
                .getMessage();
        assertTrue(message.startsWith(text + " is not an ONNX model"), message);
    }

    @Test
    void wrongInputsAreNamed() throws Exception {
        TensorPackage model = product();
        for (List<Tensor> wrong : List.of(
                List.<Tensor>of(),
                List.of(x(1, 2).named("z")),
                List.of(x(1, 2), x(1, 2)),
                List.of(Tensor.ofFloats("x", new long[] {1, 3}, 1, 2, 3)),
                List.of(Tensor.ofLongs("x", new long[] {1, 2}, 1, 2)))) {
            assertThrows(IllegalArgumentException.class, () -> model.manifest().checkInputs(wrong));
        }
    }

    @Test
    void waitingRequestsAreRunTogetherAndGetTheirOwnRows() throws Exception {
        TensorPackage model = product();
        try (Held held = new Held(Variants.reference(model));
                TensorScheduler scheduler = new TensorScheduler(
                        held, model.manifest(), ShapeRanges.none(), new TensorScheduler.Limits(8, 4, 1, 10_000))) {
            assertNull(scheduler.unbatched());
            held.hold();
            List<CompletableFuture<TensorScheduler.Result>> results = new ArrayList<>();
            results.add(scheduler.submit(List.of(x(0, 0)), List.of("y")));
            held.awaitRun();
            for (int i = 1; i <= 5; i++) {
                results.add(scheduler.submit(List.of(x(i, 0)), List.of("y")));
            }
            held.release();
            for (int i = 0; i <= 5; i++) {
                TensorScheduler.Result result = results.get(i).get();
                assertArrayEquals(
                        new double[] {i, 2 * i}, result.outputs().getFirst().values());
                assertEquals(i == 0 || i == 5 ? 1 : 4, result.rows(), "request " + i);
            }
        }
    }

    @Test
    void whateverFailsInABatchFailsAlone() throws Exception {
        TensorPackage model = product();
        try (Held held = new Held(Variants.reference(model));
                TensorScheduler scheduler = new TensorScheduler(
                        held, model.manifest(), ShapeRanges.none(), new TensorScheduler.Limits(8, 4, 1, 10_000))) {
            held.fails = 3;
            held.hold();
            List<CompletableFuture<TensorScheduler.Result>> results = new ArrayList<>();
            results.add(scheduler.submit(List.of(x(0, 0)), List.of("y")));
            held.awaitRun();
            for (int i = 1; i <= 4; i++) {
                results.add(scheduler.submit(List.of(x(i, 0)), List.of("y")));
            }
            held.release();
            for (int i = 0; i <= 4; i++) {
                CompletableFuture<TensorScheduler.Result> one = results.get(i);
                if (i == held.fails) {
                    assertThrows(ExecutionException.class, one::get);
                } else {
                    assertArrayEquals(
                            new double[] {i, 2 * i},
                            one.get().outputs().getFirst().values());
                }
            }
        }
    }

    @Test
    void tooManyAreRefusedAndTheLateAreToldSo() throws Exception {
        TensorPackage model = product();
        try (Held held = new Held(Variants.reference(model));
                TensorScheduler scheduler = new TensorScheduler(
                        held, model.manifest(), ShapeRanges.none(), new TensorScheduler.Limits(2, 1, 1, 300))) {
            held.hold();
            CompletableFuture<TensorScheduler.Result> running = scheduler.submit(List.of(x(1, 1)), List.of("y"));
            held.awaitRun();
            CompletableFuture<TensorScheduler.Result> waiting = scheduler.submit(List.of(x(1, 1)), List.of("y"));
            scheduler.submit(List.of(x(1, 1)), List.of("y"));
            assertThrows(RejectedExecutionException.class, () -> scheduler.submit(List.of(x(1, 1)), List.of("y")));
            held.ignoreStops();
            // Nobody releases it: those behind it are told when their time is over, though it still runs.
            assertTrue(assertThrows(ExecutionException.class, waiting::get)
                    .getMessage()
                    .contains("within 300 ms"));
            assertFalse(running.isDone());
            held.release();
            running.get();
            // And one that can be stopped is.
            held.hold();
            CompletableFuture<TensorScheduler.Result> late = scheduler.submit(List.of(x(1, 1)), List.of("y"));
            assertTrue(assertThrows(ExecutionException.class, late::get)
                    .getMessage()
                    .contains("within 300 ms"));
        }
    }

    /** A model that waits before it runs while it is held. */
    private static final class Held implements LoadedTensorModel {
        private final LoadedTensorModel model;
        private volatile CountDownLatch gate = new CountDownLatch(0);
        private final CountDownLatch begun = new CountDownLatch(1);
        private volatile boolean isDeaf;

        /** A run with this number among its inputs fails. */
        private volatile double fails = Double.NaN;

        Held(LoadedTensorModel model) {
            this.model = model;
        }

        void hold() {
            gate = new CountDownLatch(1);
            isDeaf = false;
        }

        void ignoreStops() {
            isDeaf = true;
        }

        void awaitRun() throws InterruptedException {
            begun.await();
        }

        void release() {
            gate.countDown();
        }

        @Override
        public Fingerprint fingerprint() {
            return model.fingerprint();
        }

        @Override
        public int maxRows() {
            return model.maxRows();
        }

        @Override
        public List<Tensor> run(List<Tensor> inputs, List<String> outputs, Stop stop) throws IOException {
            if (gate.getCount() > 0) {
                begun.countDown();
                CountDownLatch here = gate;
                stop.onStop(() -> {
                    if (!isDeaf) {
                        here.countDown();
                    }
                });
                try {
                    here.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                if (stop.isStopped() && !isDeaf) {
                    throw new CancellationException();
                }
            }
            if (Arrays.stream(inputs.getFirst().values()).anyMatch(value -> value == fails)) {
                throw new ArrayIndexOutOfBoundsException("as if");
            }
            return model.run(inputs, outputs, isDeaf ? new Stop() : stop);
        }

        @Override
        public void close() {
            gate.countDown();
            model.close();
        }
    }

    private static float[] floats(Tensor tensor) {
        double[] values = tensor.values();
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    @Test
    void calibratedBoundsHoldHonestRunsAndSurviveTheirFile() throws Exception {
        TensorPackage model = product();
        Calibration.Plan plan = new Calibration.Plan(List.of(List.of(x(0.5f, 0.25f))), 8, 1, List.of());
        // Bounds of an earlier version are replaced.
        Files.writeString(model.folder().resolve(Bounds.FILE_NAME), "plumbline-bounds 1\n");
        for (Precision precision : List.of(Precision.FP32, Precision.TF32, Precision.FP16)) {
            Bounds bounds =
                    Calibration.run(model, precision, ShapeRanges.none(), plan, Calibration.SAFETY, share -> {});
            model.keep(bounds);
        }
        Bounds bounds = model.requireBounds();
        assertEquals(
                List.of(Precision.FP32, Precision.TF32, Precision.FP16),
                List.copyOf(bounds.outputs().keySet()));
        assertEquals(bounds.text(), Bounds.parse(bounds.text()).text());
        List<Tensor> input = List.of(x(0.5f, 0.25f));
        try (AuditRuns auditor = AuditRuns.open(model, bounds.outputs().keySet())) {
            for (Precision precision : bounds.outputs().keySet()) {
                HonestRuns runs = auditor.run(precision, input, List.of("y"), new Stop());
                float[] right = floats(runs.reference().getFirst());
                assertNull(bounds.exceeded(precision, runs, runs.reference()));
                for (Tensor wrong : List.of(
                        Tensor.ofFloats("y", new long[] {1, 2}, right[0], 1.05f * right[1]),
                        Tensor.ofFloats("y", new long[] {1, 2}, right[0], Float.NaN),
                        Tensor.ofFloats("y", new long[] {2, 1}, right))) {
                    assertNotNull(bounds.exceeded(precision, runs, List.of(wrong)), precision + ", " + wrong);
                }
            }
            HonestRuns runs = auditor.run(Precision.FP32, input, List.of("y"), new Stop());
            float[] right = floats(runs.reference().getFirst());
            Tensor near = Tensor.ofFloats("y", new long[] {1, 2}, right[0], 1.0001f * right[1]);
            assertNotNull(bounds.exceeded(Precision.FP32, runs, List.of(near)));
            assertNull(bounds.exceeded(
                    Precision.FP16, auditor.run(Precision.FP16, input, List.of("y"), new Stop()), List.of(near)));
        }
        assertThrows(IllegalArgumentException.class, () -> bounds.at(Precision.INT8));
        assertThrows(
                IllegalArgumentException.class, () -> Bounds.parse(bounds.text().replace("within", "about")));
    }
}
