package io.plumbline.inference.tensor.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import io.plumbline.inference.Material;
import io.plumbline.inference.tensor.LoadedTensorModel;
import io.plumbline.inference.tensor.Stop;
import io.plumbline.inference.tensor.TensorPackage;
import io.plumbline.inference.tensor.Variants;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import io.plumbline.verifier.tensor.TensorSpec;
import io.plumbline.verifier.tolerant.Deviation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ONNX project's own small models: each is run and gives what it should, or is refused for a stated reason. */
class OnnxCasesTest {
    @TempDir
    Path folder;

    @Test
    void everyCaseIsRunOrRefusedByName() throws Exception {
        Map<String, String> refused = new TreeMap<>();
        int run = 0;
        try (Stream<Path> cases = Files.list(Material.of("onnx-basic/simple"))) {
            for (Path one : cases.sorted().toList()) {
                String name = one.getFileName().toString();
                TensorPackage model;
                try {
                    model = TensorPackage.importModel(one.resolve("model.onnx"), folder.resolve(name), share -> {});
                } catch (IOException e) {
                    refused.put(name, e.getMessage());
                    continue;
                }
                check(model, one.resolve("test_data_set_0"));
                run++;
            }
        }
        assertTrue(run >= 8, run + " were run; refused: " + refused);
        // Sequences and training are not served; text in a locale needs that locale on the host.
        refused.forEach((name, why) -> assertTrue(
                name.startsWith("test_sequence") && why.contains("only tensors are served")
                        || name.startsWith("test_gradient") && why.contains("ONNX Runtime does not take it")
                        || name.startsWith("test_strnorm") && why.contains("locale"),
                name + ": " + why));
    }

    private static void check(TensorPackage model, Path data) throws IOException {
        List<Tensor> inputs = new ArrayList<>();
        for (int i = 0; i < model.manifest().inputs().size(); i++) {
            TensorSpec spec = model.manifest().inputs().get(i);
            inputs.add(tensor(data.resolve("input_" + i + ".pb")).named(spec.name()));
        }
        model.manifest().checkInputs(inputs);
        try (LoadedTensorModel loaded = Variants.reference(model)) {
            List<Tensor> outputs = loaded.run(inputs, model.manifest().outputNames(), new Stop());
            for (int i = 0; i < outputs.size(); i++) {
                Deviation deviation = Deviation.of(tensor(data.resolve("output_" + i + ".pb")), outputs.get(i));
                assertNull(deviation.incomparable(), model.folder() + ": " + deviation.incomparable());
                assertEquals(0, deviation.absolute()[3], 1e-6, model.folder().toString());
            }
        }
    }

    /** A TensorProto in a file. */
    private static Tensor tensor(Path file) throws IOException {
        Proto proto = Proto.parse(ByteString.copyFrom(Files.readAllBytes(file)));
        long[] shape = proto.numbers(OnnxFields.TENSOR_DIMENSION).stream()
                .mapToLong(Long::longValue)
                .toArray();
        ElementType type = ElementType.ofOnnx((int) proto.number(OnnxFields.TENSOR_TYPE, 0));
        if (type == ElementType.BYTES) {
            List<byte[]> texts = proto.texts(6).stream().map(String::getBytes).toList();
            return Tensor.ofStrings("", shape, texts);
        }
        return new Tensor("", type, shape, proto.bytes(OnnxFields.TENSOR_RAW).toByteArray());
    }

    @Test
    void operatorsThatTensorRtDoesNotTakeAreNamed() throws Exception {
        Path one = Material.of("onnx-basic/simple/test_strnorm_model_nostopwords_nochangecase/model.onnx");
        assertEquals(
                "[StringNormalizer]",
                TensorRtOperators.missing(OnnxModel.read(one)).toString());
        assertEquals(
                "[]",
                TensorRtOperators.missing(OnnxModel.read(Material.of("vision/mnist.onnx")))
                        .toString());
    }

    @Test
    void roundingNodesRoundFactorsToTheirFormat() throws Exception {
        // One product: a factor of a third keeps 11 bits of 24 in both formats.
        TensorPackage model = TensorPackage.importModel(
                OneProduct.write(folder.resolve("product.onnx")), folder.resolve("product"), share -> {});
        float third = 1f / 3;
        float half = Float.float16ToFloat(Float.floatToFloat16(third));
        assertEquals(third * 3f, run(model, null, third), "as written");
        assertEquals(
                half * 3f, run(model, OnnxRewriter.Rounding.TF32, third), "a third has the same bits in tf32 and fp16");
        float product = Float.float16ToFloat(Float.floatToFloat16(half * 3f));
        assertEquals(product, run(model, OnnxRewriter.Rounding.FP16, third), "fp16 rounds the product too");
    }

    private static float run(TensorPackage model, OnnxRewriter.Rounding rounding, float value) throws IOException {
        try (LoadedTensorModel loaded =
                Variants.rewritten(model, "a variant", rounding, null).open()) {
            Tensor x = Tensor.ofFloats("x", new long[] {1, 1}, value);
            byte[] y =
                    loaded.run(List.of(x), List.of("y"), new Stop()).getFirst().data();
            return ByteBuffer.wrap(y).order(ByteOrder.LITTLE_ENDIAN).getFloat();
        }
    }
}
