package io.plumbline.inference.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.inference.tensor.onnx.MadeModel;
import io.plumbline.inference.tensor.onnx.MadeModel.Attribute;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Precision;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorManifest;
import io.plumbline.verifier.tolerant.Bounds;
import io.plumbline.verifier.tolerant.HonestRuns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What import takes in as it is, and what it refuses by name before anybody serves it. */
@Tag("slow")
class OnnxImportTest {
    private static final int FP32 = 1;
    private static final int INT64 = 7;
    private static final int BOOL = 9;

    @TempDir
    Path folder;

    private int made;

    private TensorPackage imported(MadeModel model) throws IOException {
        Path file = model.write(folder.resolve("model" + made + ".onnx"));
        return TensorPackage.importModel(file, folder.resolve("imported" + made++), share -> {});
    }

    private String refused(MadeModel model) throws IOException {
        Path file = model.write(folder.resolve("refused.onnx"));
        Path to = folder.resolve("refused");
        String why = assertThrows(IOException.class, () -> TensorPackage.importModel(file, to, share -> {}))
                .getMessage();
        assertFalse(Files.exists(to));
        assertTrue(why.startsWith(file.toString()), why);
        assertFalse(why.contains("\n"), why);
        return why;
    }

    private static MadeModel identity(int in, int out) throws IOException {
        return MadeModel.of(17)
                .input("given", in, "n", "3")
                .output("taken", out, "n", "3")
                .node(
                        in == out ? "Identity" : "Cast",
                        "given",
                        "taken",
                        in == out ? new Attribute[0] : new Attribute[] {new Attribute("to", (long) out)});
    }

    /** The largest number and others whose highest bit is set, of little-endian elements. */
    private static Tensor large(ElementType type, long... shape) {
        int elements = (int) Arrays.stream(shape).reduce(1, (x, y) -> x * y);
        byte[] data = new byte[elements * type.bytes()];
        Arrays.fill(data, (byte) 0xFF);
        for (int i = type.bytes(); i < data.length; i += type.bytes()) {
            data[i] = (byte) i;
        }
        return new Tensor("given", type, shape, data);
    }

    @Test
    void unsignedIntegersGoInAndComeOutAsTheyAre() throws Exception {
        Map<ElementType, String> largest = Map.of(
                ElementType.UINT8, "255",
                ElementType.UINT16, "65535",
                ElementType.UINT32, "4294967295",
                ElementType.UINT64, "18446744073709551615");
        for (Map.Entry<ElementType, String> entry : largest.entrySet()) {
            ElementType type = entry.getKey();
            TensorPackage model = imported(identity(type.onnx(), type.onnx()));
            assertEquals(
                    "[given " + type + " [n, 3]] [taken " + type + " [n, 3]]",
                    model.manifest().inputs() + " " + model.manifest().outputs());
            try (LoadedTensorModel loaded = Variants.reference(model)) {
                for (long rows : new long[] {1, 5}) {
                    Tensor given = large(type, rows, 3);
                    Tensor taken = loaded.run(List.of(given), List.of("taken"), new Stop())
                            .getFirst();
                    assertEquals(type, taken.type());
                    assertArrayEquals(given.data(), taken.data());
                    assertArrayEquals(
                            given.data(),
                            TensorJson.tensor(TensorJson.json(given)).data());
                    String json = TensorJson.json(taken).toString();
                    assertTrue(json.contains("\"datatype\":\"" + type + "\""), json);
                    assertTrue(json.contains("\"data\":[" + entry.getValue() + ","), json);
                }
            }
            Calibration.Plan plan = new Calibration.Plan(List.of(List.of(large(type, 2, 3))), 4, 1, List.of());
            Bounds bounds = Calibration.run(
                    model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {});
            try (AuditRuns auditor = AuditRuns.open(model, List.of(model.precision()))) {
                HonestRuns right =
                        auditor.run(model.precision(), List.of(large(type, 2, 3)), List.of("taken"), new Stop());
                Tensor honest = right.reference().getFirst();
                assertNull(bounds.exceeded(model.precision(), right, List.of(honest)));
                byte[] other = honest.data().clone();
                other[type.bytes() - 1] ^= (byte) 0x80;
                Tensor claimed = new Tensor("taken", type, honest.shape(), other);
                assertNotNull(bounds.exceeded(model.precision(), right, List.of(claimed)), "the highest bit");
            }
        }
        // Only given, as a model for labels may.
        TensorPackage labels = imported(identity(FP32, ElementType.UINT64.onnx()));
        assertEquals("[taken UINT64 [n, 3]]", labels.manifest().outputs().toString());
    }

    @Test
    void operatorsThatDrawNumbersAreRefusedWhereverTheyStand() throws Exception {
        MadeModel plain = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("RandomNormalLike", "x", "noise")
                .node("Add", "x,noise", "y");
        String why = refused(plain);
        assertTrue(
                why.contains("\"the RandomNormalLike of noise\" (RandomNormalLike, in its graph) draws random numbers"),
                why);
        MadeModel body = MadeModel.of(17).output("drawn", FP32, "n", "4").node("Bernoulli", "x", "drawn");
        MadeModel other = MadeModel.of(17).output("same", FP32, "n", "4").node("Identity", "x", "same");
        MadeModel branch = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .input("c", BOOL)
                .output("y", FP32, "n", "4")
                .node("If", "c", "y", new Attribute("then_branch", other), new Attribute("else_branch", body));
        assertTrue(refused(branch).contains("\"the Bernoulli of drawn\" (Bernoulli"), "in a branch");
        MadeModel function = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:Noise", "x", "y")
                .function("Noise", MadeModel.of(17).node("RandomUniformLike", "x", "y"));
        assertTrue(refused(function).contains("in its function local.Noise) draws random numbers"), "in a function");
        for (String operator : List.of("RandomNormal", "RandomUniform", "Multinomial")) {
            assertTrue(refused(MadeModel.of(17)
                            .input("x", FP32, "n", "4")
                            .output("y", FP32, "n", "4")
                            .node(operator, "x", "y"))
                    .contains(operator + ", in its graph) draws random numbers"));
        }
    }

    /** An engine that some compiler made is code: what it computes is not in the file, and a runtime would run it. */
    @Test
    void partsThatWereCompiledAreRefused() throws Exception {
        for (String operator : List.of("com.microsoft:EPContext", "EPContext")) {
            String why = refused(MadeModel.of(17)
                    .input("x", FP32, "n", "4")
                    .output("y", FP32, "n", "4")
                    .node(operator, "x", "y"));
            assertTrue(why.contains("EPContext, in its graph) is a part that was compiled"), why);
        }
    }

    private static MadeModel dropout(MadeModel model) throws IOException {
        return model.input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .constant("ratio", FP32, new long[0], 0.5f)
                .node("Dropout", "x,ratio,mode", "y");
    }

    @Test
    void layersInTrainingModeAreRefused() throws Exception {
        String why = refused(dropout(MadeModel.of(17).constant("mode", BOOL, new long[0], 1)));
        assertTrue(why.contains("(Dropout, in its graph) is in training mode"), why);
        assertTrue(refused(dropout(MadeModel.of(17).input("mode", BOOL))).contains("training mode"), "by request");
        assertTrue(
                refused(dropout(MadeModel.of(17)
                                .node(
                                        "Constant",
                                        "",
                                        "mode",
                                        new Attribute("value", MadeModel.tensor("", BOOL, new long[0], 1)))))
                        .contains("training mode"),
                "by a node");
        imported(dropout(MadeModel.of(17).constant("mode", BOOL, new long[0], 0)));
        // A function may be of a later version of the operators than the graph.
        assertTrue(refused(dropout(MadeModel.of(11).constant("mode", BOOL, new long[0], 1)))
                .contains("training mode"));
        MadeModel normalization = MadeModel.of(17)
                .input("x", FP32, "n", "2")
                .output("y", FP32, "n", "2")
                .constant("s", FP32, new long[] {2}, 1, 1)
                .node("BatchNormalization", "x,s,s,s,s", "y,m,v", new Attribute("training_mode", 1L));
        assertTrue(refused(normalization).contains("(BatchNormalization, in its graph) is in training mode"));
    }

    @Test
    void functionsThatCallFunctionsAreBounded() throws Exception {
        MadeModel bomb = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:F0", "x", "y");
        for (int i = 0; i < 30; i++) {
            String next = i == 29 ? "Neg" : "local:F" + (i + 1);
            bomb.function("F" + i, MadeModel.of(17).node(next, "x", "t").node(next, "t", "y"));
        }
        assertTrue(refused(bomb).contains("its functions make more than 16384 nodes beyond those of the file"));
        MadeModel small = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:F0", "x", "y");
        for (int i = 0; i < 15; i++) {
            String next = i == 14 ? "Neg" : "local:F" + (i + 1);
            small.function("F" + i, MadeModel.of(17).node(next, "x", "t").node(next, "t", "y"));
        }
        assertTrue(refused(small).contains("its functions make more than 16384 nodes"), "a minute to load");
        MadeModel deep = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:F0", "x", "y");
        for (int i = 0; i < 200; i++) {
            deep.function("F" + i, MadeModel.of(17).node(i == 199 ? "Neg" : "local:F" + (i + 1), "x", "y"));
        }
        assertTrue(refused(deep).contains("call each other more than 32 deep"));
        MadeModel circle = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:F", "x", "y")
                .function("F", MadeModel.of(17).node("local:F", "x", "y"));
        assertTrue(refused(circle).contains("its function local.F calls itself"));
        MadeModel honest = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .node("local:Twice", "x", "y")
                .function("Twice", MadeModel.of(17).node("Add", "x,x", "y"));
        TensorPackage model = imported(honest);
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            Tensor x = Tensor.ofFloats("x", new long[] {1, 4}, 1, 2, 3, 4);
            assertArrayEquals(
                    new double[] {2, 4, 6, 8},
                    loaded.run(List.of(x), List.of("y"), new Stop()).getFirst().values());
        }
    }

    private static MadeModel sum(String... dimensions) throws IOException {
        return MadeModel.of(17)
                .input("a", FP32, dimensions)
                .input("b", FP32, dimensions)
                .output("y", FP32, dimensions)
                .node("ReduceSum", "b", "s", new Attribute("keepdims", 0L))
                .node("Add", "a,s", "y");
    }

    @Test
    void dimensionsWithoutNamesAreNamedByTheirPlace() throws Exception {
        for (String none : List.of("", "=None", "=-1", "=?", "=unk", "=7", "-1")) {
            TensorManifest manifest = imported(sum(none, "3")).manifest();
            assertEquals(
                    "[a FP32 [a.0, 3], b FP32 [b.0, 3]] [y FP32 [y.0, 3]]",
                    manifest.inputs() + " " + manifest.outputs(),
                    none);
            Tensor one = Tensor.ofFloats("a", new long[] {1, 3}, 1, 2, 3);
            Tensor two = Tensor.ofFloats("b", new long[] {2, 3}, 1, 2, 3, 4, 5, 6);
            manifest.checkInputs(List.of(one, two));
            assertEquals(List.of("a.0", "b.0"), ShapeRanges.none().undeclared(manifest));
        }
        assertEquals(
                "[a FP32 [n, 3], b FP32 [n, 3]]",
                imported(sum("n", "3")).manifest().inputs().toString());
    }

    @Test
    void whatNoRequestCouldAskIsRefused() throws Exception {
        assertTrue(refused(sum("0", "4")).contains("input a FP32 [0, 4] has no elements"));
        assertTrue(refused(sum("5000000000", "4")).contains("input a FP32 [5000000000, 4] has too many elements"));
        assertTrue(refused(MadeModel.of(17).input("x", FP32, "n").node("Identity", "x", "y"))
                .contains("it has no outputs"));
        String emoji = refused(MadeModel.of(17)
                .input("in\uD83D\uDE00", FP32, "n")
                .output("y", FP32, "n")
                .node("Identity", "in\uD83D\uDE00", "y"));
        assertTrue(emoji.contains("the name of its input") && emoji.contains("Rename it"), emoji);
        assertTrue(
                refused(sum("n\uD83D\uDE00", "3")).contains("the name of its dimension"),
                "a dimension's name is passed too");
        Path pointer = Files.writeString(
                folder.resolve("pointer.onnx"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n");
        String lfs = assertThrows(
                        IOException.class,
                        () -> TensorPackage.importModel(pointer, folder.resolve("pointer"), share -> {}))
                .getMessage();
        assertTrue(lfs.contains("is a pointer of Git LFS") && lfs.contains("git lfs pull"), lfs);
    }

    private MadeModel weighted(String location) throws IOException {
        return MadeModel.of(17)
                .input("x", FP32, "n", "2")
                .output("y", FP32, "n", "2")
                .external("w", location, 0, 2, 2)
                .node("MatMul", "x,w", "y");
    }

    @Test
    void weightsBesideTheModelAreFoundByAnyNameOfTheirs() throws Exception {
        Files.write(folder.resolve("w.bin"), new byte[16]);
        for (String name : List.of("w.bin", "./w.bin", "sub/../w.bin", "sub//.././w.bin")) {
            TensorPackage model = imported(weighted(name));
            assertTrue(Files.exists(model.folder().resolve("w.bin")), name);
            assertEquals(2, model.manifest().files().size(), model.manifest().text());
            TensorPackage.open(model.folder()).verify(share -> {});
            try (LoadedTensorModel loaded = Variants.reference(model)) {
                loaded.run(List.of(Tensor.ofFloats("x", new long[] {1, 2}, 1, 2)), List.of("y"), new Stop());
            }
        }
        for (String name : List.of("../w.bin", "sub/../../w.bin", "/etc/passwd", "..", "sub/..")) {
            assertTrue(refused(weighted(name)).contains("which is not in"), name);
        }
        assertTrue(refused(weighted("w\0.bin")).contains("which no file can be called"));
    }

    @Test
    void whatIsConstantIsNotMadeLargeWhileItIsImported() throws Exception {
        MadeModel bomb = MadeModel.of(17)
                .input("x", FP32, "n", "1")
                .output("y", FP32, "n", "1")
                .constant("one", FP32, new long[] {1}, 1f)
                .constant("shape", INT64, new long[] {2}, 4_000_000_000L, 1)
                .node("Expand", "one,shape", "large")
                .node("ReduceSum", "large", "s", new Attribute("keepdims", 0L))
                .node("Add", "x,s", "y");
        TensorPackage model = imported(bomb);
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            Tensor x = Tensor.ofFloats("x", new long[] {1, 1}, 1);
            IOException why = assertThrows(IOException.class, () -> loaded.run(List.of(x), List.of("y"), new Stop()));
            assertTrue(why.getMessage().contains("has no memory to run the model"), why.getMessage());
        }
    }

    @Test
    void aModelThatTakesTooLongToLoadIsGivenUp() throws Exception {
        MadeModel slow = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .output("y", FP32, "n", "4")
                .constant("shape", INT64, new long[] {2}, 1500, 1500)
                .node("ConstantOfShape", "shape", "a0");
        for (int i = 0; i < 30; i++) {
            slow.node("MatMul", "a" + i + ",a" + i, "a" + (i + 1));
        }
        Path file = slow.node("ReduceSum", "a30", "s", new Attribute("keepdims", 0L))
                .node("Add", "x,s", "y")
                .write(folder.resolve("slow.onnx"));
        String why = assertThrows(
                        IOException.class,
                        () -> OnnxRuntimeModel.load(file, Precision.FP32, OnnxRuntimeModel.Options.serving(1), 100))
                .getMessage();
        assertTrue(why.contains("slow.onnx within 1 s. Compute what is constant"), why);
    }

    @Test
    void declaredSizesAreOfDimensionsThatAreThere() throws Exception {
        TensorManifest manifest = imported(sum("n", "width")).manifest();
        ShapeRanges declared = ShapeRanges.parse(List.of("width=2:3:4"));
        declared.requireKnown(manifest);
        String why = assertThrows(
                        IllegalArgumentException.class,
                        () -> ShapeRanges.parse(List.of("height=3")).requireKnown(manifest))
                .getMessage();
        assertTrue(why.contains("no dimension \"height\"") && why.contains("n, width"), why);
        assertNull(declared.missing(manifest, "Bounds"));
        String missing = ShapeRanges.none().missing(manifest, "Bounds");
        assertTrue(missing.contains("which width may have") && missing.contains("--shape width="), missing);
        List<List<Tensor>> real = List.of(List.of(
                Tensor.ofFloats("a", new long[] {1, 6}, new float[6]),
                Tensor.ofFloats("b", new long[] {1, 6}, new float[6])));
        assertEquals(
                "[width=6:6:6]",
                ShapeRanges.none().completed(manifest, real).texts().toString());
        assertEquals("[width=2:3:4]", declared.completed(manifest, real).texts().toString());
        Calibration.Plan plan = new Calibration.Plan(List.of(), 6, 1, List.of());
        assertEquals(
                List.of(3L, 4L, 2L, 3L, 4L, 2L),
                Calibration.inputs(manifest, declared, plan).stream()
                        .map(inputs -> inputs.getFirst().shape()[1])
                        .toList());
    }

    @Test
    void aModelThatGivesOtherShapesThanItDeclaresIsNotCalibrated() throws Exception {
        // ONNX Runtime only warns of it, and every receipt would be found false.
        MadeModel wrong = MadeModel.of(17)
                .input("x", FP32, "n", "4")
                .input("shape", INT64, "2")
                .output("y", FP32, "n", "4")
                .node("Reshape", "x,shape", "y");
        TensorPackage model = imported(wrong);
        List<Tensor> real = List.of(
                Tensor.ofFloats("x", new long[] {1, 4}, 1, 2, 3, 4), Tensor.ofLongs("shape", new long[] {2}, 2, 2));
        Calibration.Plan plan = new Calibration.Plan(List.of(real), 0, 1, List.of());
        String why = assertThrows(
                        IOException.class,
                        () -> Calibration.run(
                                model, model.precision(), ShapeRanges.none(), plan, Calibration.SAFETY, share -> {}))
                .getMessage();
        assertTrue(why.contains("\"y\" is FP32 [2, 2] where the model gives y FP32 [n, 4]"), why);
    }

    @Test
    void aRangeIsReadBackAsItWasSaid() {
        ShapeRanges ranges = ShapeRanges.parse(List.of("in.0=1:2:3"));
        assertEquals(new TreeMap<>(Map.of("in.0", new ShapeRanges.Range(1, 2, 3))), ranges.byName());
    }
}
