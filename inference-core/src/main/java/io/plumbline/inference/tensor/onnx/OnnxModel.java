package io.plumbline.inference.tensor.onnx;

import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_GRAPHS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_INT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_SPARSE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_SPARSE_TENSORS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TENSORS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TYPE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ENTRY_KEY;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ENTRY_VALUE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_ATTRIBUTE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.FUNCTION_NODE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_INITIALIZER;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_INPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_NODE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_SPARSE_INITIALIZER;
import static io.plumbline.inference.tensor.onnx.OnnxFields.LOCATION_EXTERNAL;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_FUNCTION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_OPSET;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_TRAINING;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_ATTRIBUTE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_DOMAIN;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OPERATOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.OPSET_DOMAIN;
import static io.plumbline.inference.tensor.onnx.OnnxFields.OPSET_VERSION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.SPARSE_INDICES;
import static io.plumbline.inference.tensor.onnx.OnnxFields.SPARSE_VALUES;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_DIMENSION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_EXTERNAL;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_LOCATION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_RAW;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_TYPE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_TYPE_SHAPE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TRAINING_ALGORITHM;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TRAINING_INITIALIZATION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TYPE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.VALUE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.VALUE_TYPE;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Precision;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * What an ONNX file says of itself, subgraphs and functions included.
 *
 * @param proto the file's message.
 * @param opsets version of each operator set, by domain; "ai.onnx" is the standard one.
 * @param operators how often each is used; those of other domains as "domain.Operator".
 * @param externalFiles that hold weights, as the file names them.
 * @param weights how many there are of each ONNX element type.
 * @param shapeless inputs that do not even say how many dimensions they have, and those that are no tensors.
 */
public record OnnxModel(
        Proto proto,
        SortedMap<String, Long> opsets,
        SortedMap<String, Integer> operators,
        SortedSet<String> externalFiles,
        SortedMap<Integer, Long> weights,
        SortedSet<String> shapeless) {
    /** Graphs within graphs; more are no model but an attack on the stack. */
    private static final int MAX_DEPTH = 16;

    /** Domain of the standard operators. */
    public static final String STANDARD = "ai.onnx";

    /** Reads a file of up to 2 GiB; larger models keep their weights outside. */
    public static OnnxModel read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw new IOException("it is larger than 2 GiB, which no ONNX file can be");
            }
            MappedByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            return parse(UnsafeByteOperations.unsafeWrap(bytes));
        } catch (NoSuchFileException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(file + " is not an ONNX model: " + e.getMessage(), e);
        }
    }

    static OnnxModel parse(ByteString bytes) throws IOException {
        Proto model = Proto.parse(bytes);
        SortedMap<String, Long> opsets = new TreeMap<>();
        for (Proto opset : model.messages(MODEL_OPSET)) {
            opsets.put(domain(opset.text(OPSET_DOMAIN)), opset.number(OPSET_VERSION, 0));
        }
        List<Proto> graphs = model.messages(MODEL_GRAPH);
        if (opsets.isEmpty() || graphs.isEmpty()) {
            throw new IOException("it has no graph or names no operator set");
        }
        if (graphs.size() > 1) {
            // Protocol Buffers would merge them: what is read here must be what ONNX Runtime reads.
            throw new IOException("it has " + graphs.size() + " graphs in place of one");
        }
        Proto graph = graphs.getFirst();
        if (!graph.has(GRAPH_NODE)) {
            throw new IOException("its graph has no nodes");
        }
        OnnxModel read =
                new OnnxModel(model, opsets, new TreeMap<>(), new TreeSet<>(), new TreeMap<>(), new TreeSet<>());
        read.visit(graph, 0);
        for (Proto training : model.messages(MODEL_TRAINING)) {
            for (int field : new int[] {TRAINING_INITIALIZATION, TRAINING_ALGORITHM}) {
                for (Proto part : training.messages(field)) {
                    read.visit(part, 0);
                }
            }
        }
        for (Proto function : model.messages(MODEL_FUNCTION)) {
            for (Proto node : function.messages(FUNCTION_NODE)) {
                read.visitNode(node, 0);
            }
            for (Proto attribute : function.messages(FUNCTION_ATTRIBUTE)) {
                read.visitAttribute(attribute, 0);
            }
        }
        Set<String> weights = new HashSet<>();
        for (Proto initializer : graph.messages(GRAPH_INITIALIZER)) {
            weights.add(initializer.text(TENSOR_NAME));
        }
        for (Proto input : graph.messages(GRAPH_INPUT)) {
            boolean hasShape = input.message(VALUE_TYPE).message(TYPE_TENSOR).has(TENSOR_TYPE_SHAPE);
            if (!hasShape && !weights.contains(input.text(VALUE_NAME))) {
                read.shapeless.add(input.text(VALUE_NAME));
            }
        }
        return read;
    }

    /**
     * Refuses what import does not take in: operators that draw random numbers or train, functions that grow without
     * bound, names that do not come through.
     *
     * @throws IOException naming it and saying what to do, without a full stop.
     */
    public void requireServable() throws IOException {
        OnnxScreen.check(this);
    }

    /**
     * Writes the model with other names of its external files.
     *
     * @param names gives the new name of each.
     */
    public void writeRenamed(UnaryOperator<String> names, Path to) throws IOException {
        try (OutputStream out = Files.newOutputStream(to)) {
            OnnxLocations.renamed(proto, names).writeTo(out);
        }
    }

    private static String domain(String domain) {
        return domain.isEmpty() ? STANDARD : domain;
    }

    private void visit(Proto graph, int depth) throws IOException {
        if (depth > MAX_DEPTH) {
            throw new IOException("its graphs lie more than " + MAX_DEPTH + " deep in each other");
        }
        for (Proto initializer : graph.messages(GRAPH_INITIALIZER)) {
            visitTensor(initializer);
        }
        for (Proto initializer : graph.messages(GRAPH_SPARSE_INITIALIZER)) {
            visitSparse(initializer);
        }
        for (Proto node : graph.messages(GRAPH_NODE)) {
            visitNode(node, depth);
        }
    }

    private void visitNode(Proto node, int depth) throws IOException {
        String domain = domain(node.text(NODE_DOMAIN));
        String operator = node.text(NODE_OPERATOR);
        operators.merge(domain.equals(STANDARD) ? operator : domain + "." + operator, 1, Integer::sum);
        for (Proto attribute : node.messages(NODE_ATTRIBUTE)) {
            visitAttribute(attribute, depth);
        }
    }

    private void visitAttribute(Proto attribute, int depth) throws IOException {
        attribute.once(
                "an attribute",
                ATTRIBUTE_TYPE,
                ATTRIBUTE_INT,
                ATTRIBUTE_TENSOR,
                ATTRIBUTE_GRAPH,
                ATTRIBUTE_SPARSE_TENSOR);
        for (int field : new int[] {ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS}) {
            for (Proto tensor : attribute.messages(field)) {
                visitTensor(tensor);
            }
        }
        for (int field : new int[] {ATTRIBUTE_SPARSE_TENSOR, ATTRIBUTE_SPARSE_TENSORS}) {
            for (Proto tensor : attribute.messages(field)) {
                visitSparse(tensor);
            }
        }
        for (int field : new int[] {ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS}) {
            for (Proto graph : attribute.messages(field)) {
                visit(graph, depth + 1);
            }
        }
    }

    private void visitSparse(Proto sparse) throws IOException {
        sparse.once("a sparse tensor", SPARSE_VALUES, SPARSE_INDICES);
        for (int field : new int[] {SPARSE_VALUES, SPARSE_INDICES}) {
            for (Proto tensor : sparse.messages(field)) {
                visitTensor(tensor);
            }
        }
    }

    private void visitTensor(Proto tensor) throws IOException {
        tensor.once("a tensor", TENSOR_NAME, TENSOR_TYPE, TENSOR_RAW, TENSOR_LOCATION);
        weights.merge((int) tensor.number(TENSOR_TYPE, 0), elements(tensor), Long::sum);
        if (tensor.number(TENSOR_LOCATION, 0) == LOCATION_EXTERNAL) {
            externalFiles.add(entry(tensor, "location"));
        }
    }

    /** How many elements a tensor's dimensions ask for. */
    static long elements(Proto tensor) throws IOException {
        long elements = 1;
        for (long size : tensor.numbers(TENSOR_DIMENSION)) {
            if (size < 0 || Math.multiplyHigh(elements, size) != 0 || elements * size < 0) {
                throw new IOException(
                        "tensor \"" + tensor.text(TENSOR_NAME) + "\" has a shape that no tensor can have");
            }
            elements *= size;
        }
        return elements;
    }

    /**
     * A value of a tensor's external data; empty where it is not named.
     *
     * @throws IOException where it is named twice: ONNX Runtime might take the other one.
     */
    static String entry(Proto tensor, String key) throws IOException {
        String value = null;
        for (Proto entry : tensor.messages(TENSOR_EXTERNAL)) {
            if (entry.text(ENTRY_KEY).equals(key)) {
                if (value != null) {
                    throw new IOException("tensor \"" + tensor.text(TENSOR_NAME) + "\" names its " + key + " twice");
                }
                value = entry.text(ENTRY_VALUE);
            }
        }
        return value == null ? "" : value;
    }

    /** What it computes in as it is written: int8 where it is quantized, fp16 where most of its weights are. */
    public Precision precision() {
        boolean isQuantized = operators.keySet().stream()
                .anyMatch(name -> name.equals("QuantizeLinear")
                        || name.equals("DynamicQuantizeLinear")
                        || name.startsWith("QLinear")
                        || name.endsWith("Integer"));
        if (isQuantized) {
            return Precision.INT8;
        }
        long halves = weights.getOrDefault(ElementType.FP16.onnx(), 0L);
        return halves > weights.getOrDefault(ElementType.FP32.onnx(), 0L) ? Precision.FP16 : Precision.FP32;
    }
}
