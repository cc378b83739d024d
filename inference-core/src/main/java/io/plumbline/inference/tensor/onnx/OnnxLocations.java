package io.plumbline.inference.tensor.onnx;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Gives the files of a model's external data other names, wherever the model names them. */
final class OnnxLocations {
    private static final Map<Integer, Part> TENSOR = Map.of(OnnxFields.TENSOR_EXTERNAL, OnnxLocations::entry);

    private static final Map<Integer, Part> SPARSE = Map.of(
            OnnxFields.SPARSE_VALUES, of(TENSOR),
            OnnxFields.SPARSE_INDICES, of(TENSOR));

    private static final Map<Integer, Part> ATTRIBUTE = Map.of(
            OnnxFields.ATTRIBUTE_TENSOR, of(TENSOR),
            OnnxFields.ATTRIBUTE_TENSORS, of(TENSOR),
            OnnxFields.ATTRIBUTE_SPARSE_TENSOR, of(SPARSE),
            OnnxFields.ATTRIBUTE_SPARSE_TENSORS, of(SPARSE),
            OnnxFields.ATTRIBUTE_GRAPH, OnnxLocations::graph,
            OnnxFields.ATTRIBUTE_GRAPHS, OnnxLocations::graph);

    private static final Map<Integer, Part> NODE = Map.of(OnnxFields.NODE_ATTRIBUTE, of(ATTRIBUTE));

    private static final Map<Integer, Part> GRAPH = Map.of(
            OnnxFields.GRAPH_NODE, of(NODE),
            OnnxFields.GRAPH_INITIALIZER, of(TENSOR),
            OnnxFields.GRAPH_SPARSE_INITIALIZER, of(SPARSE));

    private static final Map<Integer, Part> TRAINING = Map.of(
            OnnxFields.TRAINING_INITIALIZATION, of(GRAPH),
            OnnxFields.TRAINING_ALGORITHM, of(GRAPH));

    private static final Map<Integer, Part> FUNCTION = Map.of(
            OnnxFields.FUNCTION_NODE, of(NODE),
            OnnxFields.FUNCTION_ATTRIBUTE, of(ATTRIBUTE));

    private static final Map<Integer, Part> MODEL = Map.of(
            OnnxFields.MODEL_GRAPH, of(GRAPH),
            OnnxFields.MODEL_TRAINING, of(TRAINING),
            OnnxFields.MODEL_FUNCTION, of(FUNCTION));

    private OnnxLocations() {}

    /** A message with other names in it. */
    private interface Part {
        Proto renamed(Proto message, UnaryOperator<String> names) throws IOException;
    }

    /** The model's bytes with other names. */
    static ByteString renamed(Proto model, UnaryOperator<String> names) throws IOException {
        return of(MODEL).renamed(model, names).toBytes();
    }

    /** A message whose fields of these numbers are messages that are looked at. */
    private static Part of(Map<Integer, Part> parts) {
        return (message, names) -> {
            Proto renamed = new Proto();
            for (Proto.Field field : message.fields()) {
                Part part = parts.get(field.number());
                if (part == null || field.bytes() == null) {
                    renamed.fields().add(field);
                } else {
                    renamed.add(field.number(), part.renamed(Proto.parse(field.bytes()), names));
                }
            }
            return renamed;
        };
    }

    /** Graphs stand in graphs. */
    private static Proto graph(Proto graph, UnaryOperator<String> names) throws IOException {
        return of(GRAPH).renamed(graph, names);
    }

    private static Proto entry(Proto entry, UnaryOperator<String> names) {
        if (!entry.text(OnnxFields.ENTRY_KEY).equals("location")) {
            return entry;
        }
        return new Proto()
                .add(OnnxFields.ENTRY_KEY, "location")
                .add(OnnxFields.ENTRY_VALUE, names.apply(entry.text(OnnxFields.ENTRY_VALUE)));
    }
}
