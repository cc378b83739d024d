package io.plumbline.verifier.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TensorManifestTest {
    private static TensorManifest manifest(List<TensorSpec> inputs, List<TensorSpec> outputs) {
        return new TensorManifest(
                new TreeMap<>(Map.of("ai.onnx", 17L)),
                inputs,
                outputs,
                new TreeMap<>(Map.of("model.onnx", new TensorManifest.Content(9, new byte[32]))));
    }

    private static TensorSpec spec(String name, String... dimensions) {
        return new TensorSpec(name, ElementType.FP32, List.of(dimensions));
    }

    @Test
    void namesOfAnyKindComeBack() {
        TensorManifest manifest = manifest(
                List.of(spec("a b,c[d]%\u00e4\n", "batch size", "3"), spec("scalar")), List.of(spec("out:0", "?")));
        TensorManifest read = TensorManifest.parse(manifest.text());
        assertEquals(manifest.inputs(), read.inputs());
        assertEquals(manifest.id(), read.id());
        assertEquals("[]", Arrays.toString(read.inputs().get(1).shape()));
        for (String wrong :
                List.of("", "x", manifest.text() + "\n", manifest.text().replace("input", "inputs"))) {
            assertThrows(IllegalArgumentException.class, () -> TensorManifest.parse(wrong));
        }
    }

    @Test
    void theBatchIsTheFirstDimensionThatEveryOutputHas() {
        assertEquals(
                "n",
                manifest(List.of(spec("x", "n", "4")), List.of(spec("y", "2", "n")))
                        .batchDimension());
        assertNull(
                manifest(List.of(spec("x", "n", "4")), List.of(spec("y", "4"))).batchDimension());
        assertNull(
                manifest(List.of(spec("x", "1", "4")), List.of(spec("y", "1"))).batchDimension());
        assertNull(
                manifest(List.of(spec("x", "?", "4")), List.of(spec("y", "?"))).batchDimension());
        assertNull(manifest(List.of(spec("x")), List.of(spec("y"))).batchDimension());
    }

    @Test
    void equalNamesAreEqualSizes() {
        TensorManifest manifest = manifest(List.of(spec("a", "n", "k"), spec("b", "n", "k")), List.of(spec("y", "n")));
        Tensor a = Tensor.ofFloats("a", new long[] {2, 3}, new float[6]);
        manifest.checkInputs(List.of(a, a.named("b")));
        assertEquals(2, manifest.rows(List.of(a, a.named("b"))));
        Tensor none = Tensor.ofFloats("a", new long[] {0, 3}, new float[0]);
        String empty = assertThrows(IllegalArgumentException.class, () -> manifest.rows(List.of(none, none.named("b"))))
                .getMessage();
        assertTrue(empty.contains("an empty batch"), empty);
        Tensor other = Tensor.ofFloats("b", new long[] {2, 1}, new float[2]);
        String why = assertThrows(IllegalArgumentException.class, () -> manifest.checkInputs(List.of(a, other)))
                .getMessage();
        assertTrue(why.contains("\"k\" is 3 in one input and 1 in \"b\""), why);
    }

    @Test
    void outputsAreAsLargeAsTheirInputsSayWhereTheirNamesSayIt() {
        TensorManifest manifest = manifest(
                List.of(spec("x", "n", "4")),
                List.of(
                        spec("all", "n", "10"),
                        spec("one"),
                        spec("some", "m", "10"),
                        spec("huge", "n", "2000000000", "9")));
        List<Tensor> given = List.of(Tensor.ofFloats("x", new long[] {3, 4}, new float[12]));
        assertEquals(30, manifest.knownElements(given, "all"));
        assertEquals(1, manifest.knownElements(given, "one"));
        assertEquals(0, manifest.knownElements(given, "some"));
        assertEquals(Integer.MAX_VALUE, manifest.knownElements(given, "huge"));
    }

    @Test
    void aTensorsDataMustFillItsShape() {
        assertThrows(
                IllegalArgumentException.class, () -> new Tensor("x", ElementType.FP16, new long[] {3}, new byte[7]));
        assertThrows(
                IllegalArgumentException.class,
                () -> new Tensor("x", ElementType.INT8, new long[] {1L << 31}, new byte[0]));
        assertThrows(
                IllegalArgumentException.class, () -> new Tensor("x", ElementType.INT8, new long[] {-1}, new byte[0]));
        assertThrows(
                IllegalArgumentException.class,
                () -> new Tensor("x", ElementType.BYTES, new long[] {1}, new byte[] {9, 0, 0, 0, 1}));
        assertEquals(0, new Tensor("x", ElementType.INT8, new long[] {0, 5}, new byte[0]).elements());
        assertArrayEquals(new double[] {255, 1.5}, new double[] {
            new Tensor("x", ElementType.UINT8, new long[0], new byte[] {-1}).values()[0],
            new Tensor("x", ElementType.BF16, new long[0], new byte[] {(byte) 0xC0, 0x3F}).values()[0]
        });
    }

    @Test
    void anAnswerThatNoMessageCarriesIsKnownBeforeItIsComputed() {
        TensorManifest manifest = manifest(
                List.of(spec("x", "n", "3", "h")),
                List.of(spec("y", "n", "1000", "h"), spec("z", "n", "m"), spec("u", "?")));
        Tensor small = Tensor.ofFloats("x", new long[] {1, 3, 10}, new float[30]);
        manifest.requireAnswerFits(List.of(small), List.of("y", "z", "u"));
        Tensor large = Tensor.ofFloats("x", new long[] {200, 3, 100}, new float[60_000]);
        String why = assertThrows(
                        AnswerTooLargeException.class, () -> manifest.requireAnswerFits(List.of(large), List.of("y")))
                .getMessage();
        assertTrue(why.contains("Output \"y\" of shape [200, 1000, 100] has 80000000 bytes"), why);
        manifest.requireAnswerFits(List.of(large), List.of("z"));
        TensorManifest huge =
                manifest(List.of(spec("x", "n")), List.of(spec("y", "n", "9999999999", "9999999999", "9999999999")));
        Tensor one = Tensor.ofFloats("x", new long[] {1}, 1);
        assertThrows(AnswerTooLargeException.class, () -> huge.requireAnswerFits(List.of(one), List.of("y")));
    }

    @Test
    void severalOutputsShareAMessage() {
        TensorManifest manifest =
                manifest(List.of(spec("x", "n")), List.of(spec("y", "n", "10000000"), spec("z", "n", "10000000")));
        Tensor one = Tensor.ofFloats("x", new long[] {1}, 1);
        manifest.requireAnswerFits(List.of(one), List.of("y"));
        String why = assertThrows(
                        AnswerTooLargeException.class,
                        () -> manifest.requireAnswerFits(List.of(one), List.of("y", "z")))
                .getMessage();
        assertTrue(why.contains("Output \"z\"") && why.contains("27107"), why);
    }
}
