package io.plumbline.inference.tensor.onnx;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Makes ONNX models of a few nodes, right and wrong ones. Types are ONNX's codes: 1 is FP32, 7 INT64, 9 BOOL. */
public final class MadeModel {
    private final Proto graph = new Proto();
    private final Proto functions = new Proto();
    private final int opset;

    private MadeModel(int opset) {
        this.opset = opset;
    }

    /** A model that imports this version of the standard operators. */
    public static MadeModel of(int opset) {
        return new MadeModel(opset);
    }

    /** @param dimensions sizes, names, or "" where there is neither. */
    public MadeModel input(String name, int type, String... dimensions) throws IOException {
        graph.add(OnnxFields.GRAPH_INPUT, value(name, type, dimensions));
        return this;
    }

    /** @param dimensions sizes, names, or "" where there is neither. */
    public MadeModel output(String name, int type, String... dimensions) throws IOException {
        graph.add(OnnxFields.GRAPH_OUTPUT, value(name, type, dimensions));
        return this;
    }

    private static Proto value(String name, int type, String... dimensions) throws IOException {
        Proto shape = new Proto();
        for (String dimension : dimensions) {
            Proto one = new Proto();
            if (dimension.matches("=.*")) {
                one.add(OnnxFields.SHAPE_NAME, dimension.substring(1));
            } else if (dimension.matches("-?\\d+")) {
                one.add(OnnxFields.SHAPE_SIZE, Long.parseLong(dimension));
            } else if (!dimension.isEmpty()) {
                one.add(OnnxFields.SHAPE_NAME, dimension);
            }
            shape.add(OnnxFields.SHAPE_DIMENSION, one);
        }
        Proto tensor = new Proto().add(1, type).add(OnnxFields.TENSOR_TYPE_SHAPE, shape);
        return new Proto()
                .add(OnnxFields.VALUE_NAME, name)
                .add(OnnxFields.VALUE_TYPE, new Proto().add(OnnxFields.TYPE_TENSOR, tensor));
    }

    /** An attribute of a node. */
    public record Attribute(String name, Object value) {
        private Proto proto() throws IOException {
            Proto proto = new Proto().add(OnnxFields.ATTRIBUTE_NAME, name);
            return switch (value) {
                case Long number -> proto.add(OnnxFields.ATTRIBUTE_INT, number).add(OnnxFields.ATTRIBUTE_TYPE, 2);
                case MadeModel body ->
                    proto.add(OnnxFields.ATTRIBUTE_GRAPH, body.named("body")).add(OnnxFields.ATTRIBUTE_TYPE, 5);
                case Proto tensor ->
                    proto.add(OnnxFields.ATTRIBUTE_TENSOR, tensor).add(OnnxFields.ATTRIBUTE_TYPE, 4);
                case List<?> numbers -> {
                    numbers.forEach(number -> proto.add(8, (long) number));
                    yield proto.add(OnnxFields.ATTRIBUTE_TYPE, 7);
                }
                default -> throw new IllegalArgumentException(name);
            };
        }
    }

    /**
     * A node.
     *
     * @param operator with its domain before a colon where that is not the standard one.
     * @param inputs names, split by commas; an empty one is left out.
     * @param outputs names, split by commas.
     */
    public MadeModel node(String operator, String inputs, String outputs, Attribute... attributes) throws IOException {
        graph.add(OnnxFields.GRAPH_NODE, proto(operator, inputs, outputs, attributes));
        return this;
    }

    private static Proto proto(String operator, String inputs, String outputs, Attribute... attributes)
            throws IOException {
        int colon = operator.indexOf(':');
        Proto node = new Proto().add(OnnxFields.NODE_NAME, "the " + operator + " of " + outputs);
        node.add(OnnxFields.NODE_OPERATOR, operator.substring(colon + 1));
        if (colon >= 0) {
            node.add(OnnxFields.NODE_DOMAIN, operator.substring(0, colon));
        }
        for (String input : inputs.isEmpty() ? new String[0] : inputs.split(",", -1)) {
            node.add(OnnxFields.NODE_INPUT, input);
        }
        for (String output : outputs.split(",")) {
            node.add(OnnxFields.NODE_OUTPUT, output);
        }
        for (Attribute attribute : attributes) {
            node.add(OnnxFields.NODE_ATTRIBUTE, attribute.proto());
        }
        return node;
    }

    /** A function of the domain "local" from "x" to "y", whose nodes are those of {@code body}. */
    public MadeModel function(String name, MadeModel body) throws IOException {
        Proto function = new Proto()
                .add(OnnxFields.FUNCTION_NAME, name)
                .add(4, "x")
                .add(5, "y")
                .add(OnnxFields.FUNCTION_DOMAIN, "local");
        for (Proto node : body.graph.messages(OnnxFields.GRAPH_NODE)) {
            function.add(OnnxFields.FUNCTION_NODE, node);
        }
        function.add(9, new Proto().add(OnnxFields.OPSET_VERSION, opset));
        function.add(9, new Proto().add(OnnxFields.OPSET_DOMAIN, "local").add(OnnxFields.OPSET_VERSION, 1));
        functions.add(OnnxFields.MODEL_FUNCTION, function);
        return this;
    }

    /** Numbers of a type, as a tensor. */
    public static Proto tensor(String name, int type, long[] shape, Number... values) {
        Proto tensor = new Proto().add(OnnxFields.TENSOR_TYPE, type).add(OnnxFields.TENSOR_NAME, name);
        for (long size : shape) {
            tensor.add(OnnxFields.TENSOR_DIMENSION, size);
        }
        ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (Number value : values) {
            switch (type) {
                case 1 -> raw.putFloat(value.floatValue());
                case 7 -> raw.putLong(value.longValue());
                default -> raw.put(value.byteValue());
            }
        }
        return tensor.add(OnnxFields.TENSOR_RAW, ByteString.copyFrom(raw.flip()));
    }

    /** A constant of the graph. */
    public MadeModel constant(String name, int type, long[] shape, Number... values) throws IOException {
        graph.add(OnnxFields.GRAPH_INITIALIZER, tensor(name, type, shape, values));
        return this;
    }

    /** Weights in a file beside the model, from {@code offset} on. */
    public MadeModel external(String name, String location, long offset, long... shape) throws IOException {
        return external(name, 1, 4, location, offset, shape);
    }

    /** Weights of type FP16 that fill a file of their own. */
    public MadeModel externalHalves(String name, String location, long... shape) throws IOException {
        return external(name, 10, 2, location, 0, shape);
    }

    private MadeModel external(String name, int type, int each, String location, long offset, long... shape)
            throws IOException {
        Proto tensor = new Proto().add(OnnxFields.TENSOR_TYPE, type).add(OnnxFields.TENSOR_NAME, name);
        long bytes = each;
        for (long size : shape) {
            tensor.add(OnnxFields.TENSOR_DIMENSION, size);
            bytes *= size;
        }
        String[] entries = {"location", location, "offset", "" + offset, "length", "" + bytes};
        for (int i = 0; i < entries.length; i += 2) {
            tensor.add(
                    OnnxFields.TENSOR_EXTERNAL, new Proto().add(1, entries[i]).add(2, entries[i + 1]));
        }
        graph.add(OnnxFields.GRAPH_INITIALIZER, tensor.add(OnnxFields.TENSOR_LOCATION, OnnxFields.LOCATION_EXTERNAL));
        return this;
    }

    private Proto named(String name) {
        return new Proto().addAll(graph, field -> true).add(2, name);
    }

    /** Writes the model. */
    public Path write(Path file) throws IOException {
        Proto model = new Proto()
                .add(1, 8)
                .add(OnnxFields.MODEL_GRAPH, named("made"))
                .add(OnnxFields.MODEL_OPSET, new Proto().add(OnnxFields.OPSET_VERSION, opset))
                .add(
                        OnnxFields.MODEL_OPSET,
                        new Proto().add(OnnxFields.OPSET_DOMAIN, "local").add(OnnxFields.OPSET_VERSION, 1))
                .addAll(functions, field -> true);
        Files.write(file, model.toBytes().toByteArray());
        return file;
    }
}
