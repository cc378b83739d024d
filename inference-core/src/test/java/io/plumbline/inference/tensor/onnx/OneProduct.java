package io.plumbline.inference.tensor.onnx;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Small ONNX models made here: y = x * w, where x has any number of rows. */
public final class OneProduct {
    private OneProduct() {}

    /** y[n, 1] = x[n, 1] * 3. */
    public static Path write(Path file) throws IOException {
        return write(file, 1, 3f);
    }

    /** y[n, k] = x[n, k] * w[k, k], the weights inside the file. */
    public static Path write(Path file, int k, float... w) throws IOException {
        ByteBuffer raw = raw(w);
        return write(file, k, tensor(k).add(OnnxFields.TENSOR_RAW, ByteString.copyFrom(raw)));
    }

    /** The same with the weights in a file of their own, named as {@code location} says. */
    public static Path writeExternal(Path file, String location, int k, float... w) throws IOException {
        Path weights = file.resolveSibling(location).normalize();
        if (weights.startsWith(file.getParent())) {
            Files.write(weights, raw(w).array());
        }
        Proto entry = new Proto().add(1, "location").add(2, location);
        return write(
                file,
                k,
                tensor(k)
                        .add(OnnxFields.TENSOR_EXTERNAL, entry)
                        .add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL));
    }

    /** Places for the name of external data that an importer might not look at. */
    public enum Hiding {
        SPARSE_INITIALIZER,
        SPARSE_ATTRIBUTE,
        TRAINING,
        SECOND_GRAPH,
        SECOND_LOCATION
    }

    /** A product whose file names {@code location} where {@code hiding} says. */
    public static Path writeHidden(Path file, String location, Hiding hiding) throws IOException {
        Proto named = new Proto().add(1, "location").add(2, location);
        Proto external = tensor(1)
                .add(OnnxFields.TENSOR_EXTERNAL, named)
                .add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL);
        Proto sparse = new Proto().add(OnnxFields.SPARSE_VALUES, external);
        Proto plain = tensor(1).add(OnnxFields.TENSOR_RAW, ByteString.copyFrom(raw(3f)));
        Proto node = new Proto()
                .add(OnnxFields.NODE_INPUT, "x")
                .add(OnnxFields.NODE_INPUT, "w")
                .add(OnnxFields.NODE_OUTPUT, "y")
                .add(OnnxFields.NODE_OPERATOR, "MatMul");
        Proto graph = new Proto().add(2, "product");
        Proto model = new Proto().add(1, 8);
        switch (hiding) {
            case SPARSE_INITIALIZER -> graph.add(OnnxFields.GRAPH_SPARSE_INITIALIZER, sparse);
            case SPARSE_ATTRIBUTE -> {
                Proto attribute =
                        new Proto().add(OnnxFields.ATTRIBUTE_NAME, "s").add(OnnxFields.ATTRIBUTE_SPARSE_TENSOR, sparse);
                node.add(OnnxFields.NODE_ATTRIBUTE, attribute);
            }
            case TRAINING -> {
                Proto part = new Proto().add(OnnxFields.GRAPH_INITIALIZER, external);
                model.add(OnnxFields.MODEL_TRAINING, new Proto().add(OnnxFields.TRAINING_ALGORITHM, part));
            }
            case SECOND_GRAPH ->
                model.add(OnnxFields.MODEL_GRAPH, new Proto().add(OnnxFields.GRAPH_INITIALIZER, external));
            case SECOND_LOCATION -> {
                Proto beside = new Proto().add(1, "location").add(2, "beside");
                plain = tensor(1)
                        .add(OnnxFields.TENSOR_EXTERNAL, beside)
                        .add(OnnxFields.TENSOR_EXTERNAL, named)
                        .add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL);
                Files.write(file.resolveSibling("beside"), raw(3f).array());
            }
        }
        graph.add(OnnxFields.GRAPH_NODE, node)
                .add(OnnxFields.GRAPH_INITIALIZER, plain)
                .add(OnnxFields.GRAPH_INPUT, value("x", 1))
                .add(12, value("y", 1));
        model.add(OnnxFields.MODEL_GRAPH, graph)
                .add(OnnxFields.MODEL_OPSET, new Proto().add(OnnxFields.OPSET_VERSION, 17));
        Files.write(file, model.toBytes().toByteArray());
        return file;
    }

    private static ByteBuffer raw(float... w) {
        ByteBuffer raw = ByteBuffer.allocate(4 * w.length).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(w);
        return raw;
    }

    private static Proto tensor(int k) {
        return new Proto()
                .add(OnnxFields.TENSOR_DIMENSION, k)
                .add(OnnxFields.TENSOR_DIMENSION, k)
                .add(OnnxFields.TENSOR_TYPE, 1)
                .add(OnnxFields.TENSOR_NAME, "w");
    }

    private static Path write(Path file, int k, Proto weights) throws IOException {
        Proto node = new Proto()
                .add(OnnxFields.NODE_INPUT, "x")
                .add(OnnxFields.NODE_INPUT, "w")
                .add(OnnxFields.NODE_OUTPUT, "y")
                .add(OnnxFields.NODE_OPERATOR, "MatMul");
        Proto graph = new Proto()
                .add(OnnxFields.GRAPH_NODE, node)
                .add(2, "product")
                .add(OnnxFields.GRAPH_INITIALIZER, weights)
                .add(OnnxFields.GRAPH_INPUT, value("x", k))
                .add(12, value("y", k));
        Proto model = new Proto()
                .add(1, 8)
                .add(OnnxFields.MODEL_GRAPH, graph)
                .add(OnnxFields.MODEL_OPSET, new Proto().add(OnnxFields.OPSET_VERSION, 17));
        Files.write(file, model.toBytes().toByteArray());
        return file;
    }

    private static Proto value(String name, int k) throws IOException {
        Proto shape = new Proto().add(1, new Proto().add(2, "n")).add(1, new Proto().add(1, k));
        Proto type =
                new Proto().add(OnnxFields.TYPE_TENSOR, new Proto().add(1, 1).add(OnnxFields.TENSOR_TYPE_SHAPE, shape));
        return new Proto().add(OnnxFields.VALUE_NAME, name).add(OnnxFields.VALUE_TYPE, type);
    }
}
