package io.plumbline.gpu.tensorrt;

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
import io.plumbline.verifier.encoding.Bytes32;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.bytedeco.tensorrt.nvinfer.IProgressMonitor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * TensorRT: what is said where it is not or is another, what is kept of it, and, where it is, that it computes within
 * bounds.
 */
@SuppressWarnings("restricted")
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
                        .startsWith(
                                "TensorRT 8.6.1 is on this host, and this program is made for 10.1 or a later 10.x"),
                TensorRt.library(folder));
        library("libnvinfer.so.11", 110_203);
        assertTrue(TensorRt.library(folder).startsWith("TensorRT 11.2.3 is on this host"), TensorRt.library(folder));
        // Has not all the functions that the bindings call.
        library("libnvinfer.so.10", 100_001);
        String why = TensorRt.library(folder);
        assertTrue(why.startsWith("TensorRT 10.0.1 is on this host") && why.contains("a newer libnvinfer10"), why);
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
        keys.add(EngineCache.key(Bytes32.ZERO, "10.15.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(new Bytes32(1, 0, 0, 0), "10.15.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(Bytes32.ZERO, "10.14.1", "H200", Precision.FP16, some));
        keys.add(EngineCache.key(Bytes32.ZERO, "10.15.1", "L4", Precision.FP16, some));
        keys.add(EngineCache.key(Bytes32.ZERO, "10.15.1", "H200", Precision.FP32, some));
        keys.add(EngineCache.key(Bytes32.ZERO, "10.15.1", "H200", Precision.FP16, others));
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
            // Twice: built, then from the cache; and three shapes in turn, each plainly, recorded, and as a graph. A
            // graph
            // of one shape must give its own answer after others have run.
            for (int i = 0; i < 2; i++) {
                try (LoadedTensorModel loaded = new TensorRtBackend().load(served, precision, ranges, 1, share -> {});
                        AuditRuns auditor = AuditRuns.open(served, List.of(precision))) {
                    Map<Integer, byte[]> first = new TreeMap<>();
                    for (int k = 0; k < 4; k++) {
                        for (int rows : new int[] {3, 8, 1}) {
                            List<Tensor> given = List.of(rows(samples.getFirst(), rows));
                            HonestRuns right = auditor.run(precision, given, List.of("scores"), new Stop());
                            List<Tensor> got = loaded.run(given, List.of("scores"), new Stop());
                            assertNull(bounds.exceeded(precision, right, got), precision + ", run " + k);
                            byte[] data = got.getFirst().data();
                            assertArrayEquals(
                                    first.computeIfAbsent(rows, key -> data), data, "a graph gives the same bits");
                        }
                    }
                    assertNotNull(loaded.fingerprint().build());
                }
            }
        }
    }

    /** The first rows of a batch. */
    private static Tensor rows(Tensor batch, int rows) {
        long[] shape = batch.shape().clone();
        int each = batch.data().length / (int) shape[0];
        shape[0] = rows;
        return new Tensor(batch.name(), batch.type(), shape, Arrays.copyOf(batch.data(), rows * each));
    }

    /** C++ of this host's compiler, with the classes that TensorRT's headers declare as its library lays them out. */
    private SymbolLookup compiled() throws Exception {
        String source = """
                #include <cstdint>
                #include <thread>
                class INoCopy { protected: INoCopy() = default; virtual ~INoCopy() = default; };
                static int freed = 0;
                class Engine : public INoCopy { public: virtual ~Engine() noexcept { freed += 1; } void* impl = nullptr; };
                class Parser { public:
                    virtual int f0() { return 0; } virtual int f1() { return 1; } virtual int f2() { return 2; }
                    virtual int f3() { return 3; } virtual int f4() { return 4; } virtual int f5() { return 5; }
                    virtual int f6() { return 6; } virtual void clearErrors() { freed = -1000; }
                    virtual ~Parser() noexcept { freed += 100; }
                    virtual void after() { freed = -2000; } };
                struct InterfaceInfo { char const* kind; int32_t major; int32_t minor; };
                class IVersionedInterface { public:
                    virtual int32_t getAPILanguage() const noexcept { return 0; }
                    virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
                    virtual ~IVersionedInterface() noexcept = default; };
                class IProgressMonitor : public IVersionedInterface { public:
                    virtual void phaseStart(char const* phase, char const* parent, int32_t steps) noexcept = 0;
                    virtual bool stepComplete(char const* phase, int32_t step) noexcept = 0;
                    virtual void phaseFinish(char const* phase) noexcept = 0; };
                extern "C" {
                void* engine() { return new Engine(); }
                void* parser() { return new Parser(); }
                int freedSoFar() { return freed; }
                int build(IProgressMonitor* monitor) {
                    int wrong = monitor->getAPILanguage();
                    InterfaceInfo info = monitor->getInterfaceInfo();
                    wrong += info.kind[0] != 'I' || info.major != 1 || info.minor != 0;
                    std::thread([&] {
                        monitor->phaseStart("building", nullptr, 4);
                        for (int i = 0; i < 4; i++) {
                            monitor->phaseStart("timing", "building", 10);
                            for (int k = 0; k < 10; k++) wrong += !monitor->stepComplete("timing", k);
                            monitor->phaseFinish("timing");
                            wrong += !monitor->stepComplete("building", i);
                        }
                        monitor->stepComplete("unknown", 3);
                        monitor->phaseFinish("building");
                    }).join();
                    return wrong;
                }
                }
                """;
        Path file = Files.writeString(folder.resolve("classes.cpp"), source);
        Path library = folder.resolve("libclasses.so");
        Process compiler;
        try {
            compiler = new ProcessBuilder(
                            "c++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", library.toString(), file.toString())
                    .inheritIO()
                    .start();
        } catch (IOException e) {
            assumeTrue(false, "no C++ compiler here to make a library with");
            return null;
        }
        assertEquals(0, compiler.waitFor());
        return SymbolLookup.libraryLookup(library, Arena.global());
    }

    private static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), type);
    }

    @Test
    void objectsOfItsClassesAreFreedByTheirOwnDestructors() throws Throwable {
        SymbolLookup library = compiled();
        MethodHandle freed = function(library, "freedSoFar", FunctionDescriptor.of(ValueLayout.JAVA_INT));
        MethodHandle engine = function(library, "engine", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
        CppObjects.delete((long) engine.invokeExact(), CppObjects.FIRST);
        assertEquals(1, (int) freed.invokeExact());
        MethodHandle parser = function(library, "parser", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
        CppObjects.delete((long) parser.invokeExact(), CppObjects.PARSER);
        assertEquals(101, (int) freed.invokeExact());
        CppObjects.delete(null);
    }

    @Test
    void aBuildTellsHowFarItIs() throws Throwable {
        SymbolLookup library = compiled();
        List<Double> told = new ArrayList<>();
        try (BuildProgress progress = new BuildProgress(told::add)) {
            MethodHandle build =
                    function(library, "build", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
            assertEquals(0, (int) build.invokeExact(progress.address()));
        }
        assertEquals(40, told.size(), told.toString());
        assertEquals(0.025, told.getFirst(), 1e-9);
        assertEquals(0.99, told.getLast(), 1e-9);
        assertEquals(told.stream().sorted().toList(), told);
    }

    /** Through the bindings' own C++, which was compiled with TensorRT's headers: a GPU is not needed for it. */
    @Test
    void theLibrarysOwnBindingsCallTheMonitor() {
        String named = System.getProperty("plumbline.tensorrt");
        String why = TensorRt.library(named == null ? null : Path.of(named));
        assumeTrue(why == null, why);
        String unbound = TensorRt.bind();
        assumeTrue(unbound == null, unbound);
        List<Double> told = new ArrayList<>();
        try (BuildProgress progress = new BuildProgress(told::add)) {
            IProgressMonitor monitor = progress.monitor();
            monitor.phaseStart("building", null, 2);
            assertTrue(monitor.stepComplete("building", 0));
            monitor.phaseFinish("building");
            assertEquals(1, monitor.getInterfaceInfo().major());
            assertEquals("IProgressMonitor", monitor.getInterfaceInfo().kind());
        }
        assertEquals(List.of(0.5, 0.99), told);
    }
}
