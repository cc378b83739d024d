package io.plumbline.hardware.tensorrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.plumbline.inference.tensor.AuditRuns;
import io.plumbline.inference.tensor.Calibration;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.ShapeRanges;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorBackend;
import io.plumbline.inference.tensor.TensorJson;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TensorRT: what is said where it is not or is another, what is kept of it, and, where it is, that it computes within bounds. */
class TensorRtTest {
    private static final Path MODELS = Path.of("../models");

    @TempDir
    Path folder;

    /** A library that knows only its version. */
    private void library(String name, int version) throws Exception {
        Path source = Files.writeString(
                folder.resolve("version.c"), "int getInferLibVersion(void) { return " + version + "; }\n");
        Process compiler;
        try {
            compiler = new ProcessBuilder(
                            "cc", "-shared", "-fPIC", "-o", folder.resolve(name).toString(), source.toString())
                    .inheritIO()
                    .start();
        } catch (IOException e) {
            assumeTrue(false, "no C compiler here to make a library with");
            return;
        }
        assertEquals(0, compiler.waitFor());
    }

    @Test
    void aHostWithoutItIsToldWhatToInstall() {
        String why = TensorRt.library(folder);
        assertTrue(why.startsWith("TensorRT 10 is not on this host"), why);
        assertTrue(why.contains("libnvinfer10") && why.contains("-Dplumbline.tensorrt=DIR"), why);
    }

    @Test
    void anotherMajorIsNamedAndNotLoaded() throws Exception {
        library("libnvinfer.so.8", 8601);
        assertTrue(
                TensorRt.library(folder)
                        .startsWith("TensorRT 8.6.1 is on this host, and this program is made for 10.x"),
                TensorRt.library(folder));
        library("libnvinfer.so.11", 110_203);
        assertTrue(TensorRt.library(folder).startsWith("TensorRT 11.2.3 is on this host"), TensorRt.library(folder));
    }

    @Test
    void theParserIsNeededToo() throws Exception {
        library("libnvinfer.so.10", 101_501);
        assertTrue(TensorRt.library(folder).contains("libnvonnxparser.so.10 does not exist"), TensorRt.library(folder));
        library("libnvonnxparser.so.10", 0);
        assertNull(TensorRt.library(folder));
    }

    @Test
    void itIsFoundAsAPlugInAndSaysWhyItCannotServe() throws Exception {
        TensorBackend backend = TensorBackend.all().stream()
                .filter(one -> one.name().equals("tensorrt"))
                .findFirst()
                .orElseThrow();
        assumeTrue(backend.absence() != null, "TensorRT is here");
        TensorPackage model = shapes();
        String why = assertThrows(
                        IOException.class,
                        () -> backend.load(model, Precision.FP16, ShapeRanges.none(), 1, share -> {}))
                .getMessage();
        assertEquals(backend.absence(), why);
    }

    private TensorPackage shapes() throws IOException {
        return TensorPackage.importModel(
                MODELS.resolve("plumbline-shapes/shapes.onnx"), folder.resolve("shapes"), share -> {});
    }

    @Test
    void anEngineIsKeptForOneModelVersionGpuPrecisionAndProfile() throws Exception {
        ShapeRanges some = ShapeRanges.parse(List.of("batch=1:8:32"));
        ShapeRanges others = ShapeRanges.parse(List.of("batch=1:8:64"));
        Set<String> keys = new TreeSet<>();
        keys.add(EngineCache.key(new byte[32], "10.15.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(new byte[] {1}, "10.15.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(new byte[32], "10.14.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(new byte[32], "10.15.1", "L4", Precision.FP16, some));
        keys.add(EngineCache.key(new byte[32], "10.15.1", "H200", Precision.FP32, some));
        keys.add(EngineCache.key(new byte[32], "10.15.1", "H200", Precision.FP16, others));
        assertEquals(6, keys.size());
        EngineCache cache = new EngineCache(folder.resolve("engines"));
        String key = keys.iterator().next();
        assertNull(cache.find(key));
        cache.keep(key, new byte[] {1, 2, 3});
        assertArrayEquals(new byte[] {1, 2, 3}, cache.find(key));
        byte[] damaged = Files.readAllBytes(folder.resolve("engines").resolve(key));
        damaged[damaged.length - 1]++;
        Files.write(folder.resolve("engines").resolve(key), damaged);
        assertNull(cache.find(key));
        Files.write(folder.resolve("engines").resolve(key), new byte[5]);
        assertNull(cache.find(key));
    }

    @Test
    void whereItIsItComputesWithinTheBoundsOfEveryPrecision() throws Exception {
        String absence = new TensorRtBackend().absence();
        assumeTrue(absence == null, absence);
        System.setProperty("plumbline.engines", folder.resolve("engines").toString());
        ShapeRanges ranges = ShapeRanges.parse(List.of("batch=1:8:32"));
        List<Tensor> samples = TensorJson.read(MODELS.resolve("plumbline-shapes/samples.json"));
        Calibration.Plan plan = new Calibration.Plan(List.of(samples), 16, 1, List.of());
        TensorPackage model = shapes();
        TensorPackage quantized = TensorPackage.importModel(
                MODELS.resolve("plumbline-shapes/shapes-int8.onnx"), folder.resolve("int8"), share -> {});
        for (Precision precision : Precision.values()) {
            TensorPackage served = precision == Precision.INT8 ? quantized : model;
            Bounds bounds = Calibration.run(served, precision, ranges, plan, Calibration.SAFETY, share -> {});
            // Twice: built, then from the cache; and each request thrice: plainly, recorded, and as a graph.
            for (int i = 0; i < 2; i++) {
                try (LoadedTensorModel loaded = new TensorRtBackend().load(served, precision, ranges, 1, share -> {});
                        AuditRuns auditor = AuditRuns.open(served, List.of(precision))) {
                    HonestRuns right = auditor.run(precision, samples, List.of("scores"), new Stop());
                    List<Tensor> first = null;
                    for (int k = 0; k < 3; k++) {
                        List<Tensor> got = loaded.run(samples, List.of("scores"), new Stop());
                        assertNull(bounds.exceeded(precision, right, got), precision + ", run " + k);
                        first = first == null ? got : first;
                        assertArrayEquals(
                                first.getFirst().data(), got.getFirst().data(), "a graph gives the same bits");
                    }
                    assertNotNull(loaded.fingerprint().build());
                }
            }
        }
    }
}
