package io.plumbline.inference.tensor.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an ONNX file claims of its tensors is not believed before it is checked. */
class OnnxModelTest {
    @TempDir
    Path folder;

    private static Proto weights(long... shape) {
        Proto tensor = new Proto().add(OnnxFields.TENSOR_TYPE, 1).add(OnnxFields.TENSOR_NAME, "w");
        for (long size : shape) {
            tensor.add(OnnxFields.TENSOR_DIMENSION, size);
        }
        return tensor;
    }

    private static Proto external(String offset, String length, long... shape) throws IOException {
        Proto tensor = weights(shape).add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL);
        String[] entries = {"location", "data", "offset", offset, "length", length};
        for (int i = 0; i < entries.length; i += 2) {
            tensor.add(
                    OnnxFields.TENSOR_EXTERNAL, new Proto().add(1, entries[i]).add(2, entries[i + 1]));
        }
        return tensor;
    }

    private static OnnxModel model(Proto weights) throws IOException {
        Proto graph = new Proto()
                .add(OnnxFields.GRAPH_NODE, new Proto().add(OnnxFields.NODE_OPERATOR, "Identity"))
                .add(OnnxFields.GRAPH_INITIALIZER, weights);
        Proto opset = new Proto().add(OnnxFields.OPSET_VERSION, 17);
        return OnnxModel.parse(new Proto()
                .add(OnnxFields.MODEL_GRAPH, graph)
                .add(OnnxFields.MODEL_OPSET, opset)
                .toBytes());
    }

    private static String refused(Proto weights) {
        return assertThrows(IOException.class, () -> model(weights)).getMessage();
    }

    /** Protocol Buffers puts messages that stand twice together; who takes the last reads another model. */
    @Test
    void whatMayBeReadInTwoWaysIsRefused() throws IOException {
        Proto tensor = weights(1).add(OnnxFields.TENSOR_RAW, ByteString.copyFrom(new byte[4]));
        assertTrue(refused(tensor.add(OnnxFields.TENSOR_RAW, ByteString.copyFrom(new byte[4])))
                .contains("twice"));
        assertTrue(refused(weights(1)
                        .add(OnnxFields.TENSOR_LOCATION, 0)
                        .add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL))
                .contains("twice"));
        Proto attribute = new Proto()
                .add(OnnxFields.ATTRIBUTE_NAME, "value")
                .add(OnnxFields.ATTRIBUTE_TENSOR, weights(1))
                .add(OnnxFields.ATTRIBUTE_TENSOR, weights(2));
        Proto node = new Proto().add(OnnxFields.NODE_OPERATOR, "Constant").add(OnnxFields.NODE_ATTRIBUTE, attribute);
        Proto graph = new Proto().add(OnnxFields.GRAPH_NODE, node);
        ByteString model = new Proto()
                .add(OnnxFields.MODEL_GRAPH, graph)
                .add(OnnxFields.MODEL_OPSET, new Proto().add(OnnxFields.OPSET_VERSION, 17))
                .toBytes();
        assertTrue(assertThrows(IOException.class, () -> OnnxModel.parse(model))
                .getMessage()
                .contains("twice"));
    }

    private Path made() throws IOException {
        return Files.createTempDirectory(folder, "made");
    }

    private String notRewritten(Proto weights) throws IOException {
        OnnxModel model = model(weights);
        return assertThrows(
                        IOException.class,
                        () -> OnnxRewriter.rewrite(model, folder, null, UnaryOperator.identity(), made()))
                .getMessage();
    }

    @Test
    void aShapeThatNoTensorCanHaveIsRefused() throws IOException {
        assertEquals(6, model(weights(2, 3)).weights().get(1));
        assertTrue(refused(weights(1L << 40, 1L << 40)).contains("\"w\" has a shape that no tensor can have"));
        assertTrue(refused(weights(-1, 4)).contains("has a shape that no tensor can have"));
        assertTrue(refused(weights(1L << 62, 2)).contains("has a shape that no tensor can have"));
        assertTrue(refused(weights(new long[65])).contains("more than 64 dimensions"));
        Proto packed = new Proto().add(OnnxFields.TENSOR_DIMENSION, ByteString.copyFrom(new byte[1 << 20]));
        assertTrue(refused(packed).contains("more than 64 dimensions"));
    }

    @Test
    void weightsThatAreNotThereTakeNoMemory() throws IOException {
        ByteString four = ByteString.copyFrom(new byte[16]);
        String huge = notRewritten(weights(2_000_000_000).add(OnnxFields.TENSOR_RAW, four));
        assertTrue(huge.contains("has 4 of its 2000000000 weights"), huge);
        String more = notRewritten(weights(1L << 33).add(OnnxFields.TENSOR_FLOATS, four));
        assertTrue(more.contains("has 4 of its 8589934592 weights"), more);
    }

    @Test
    void externalDataBeyondItsFileIsRefused() throws IOException {
        Files.write(folder.resolve("data"), new byte[64]);
        for (String[] place : new String[][] {{"60", "64"}, {"-1", "64"}, {"9223372036854775807", "2000000000"}}) {
            String why = notRewritten(external(place[0], place[1], 16));
            assertTrue(why.contains("external data reaches beyond its file"), why);
        }
        OnnxRewriter.rewrite(model(external("0", "64", 16)), folder, null, UnaryOperator.identity(), made());
    }
}
