package io.plumbline.inference.onnx;

import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_GRAPH;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_INT;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_NAME;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_TENSOR;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_TYPE;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_TYPE_INT;
import static io.plumbline.inference.onnx.OnnxFields.ATTRIBUTE_TYPE_TENSOR;
import static io.plumbline.inference.onnx.OnnxFields.GRAPH_INITIALIZER;
import static io.plumbline.inference.onnx.OnnxFields.GRAPH_NODE;
import static io.plumbline.inference.onnx.OnnxFields.LOCATION_EXTERNAL;
import static io.plumbline.inference.onnx.OnnxFields.MODEL_GRAPH;
import static io.plumbline.inference.onnx.OnnxFields.NODE_ATTRIBUTE;
import static io.plumbline.inference.onnx.OnnxFields.NODE_DOMAIN;
import static io.plumbline.inference.onnx.OnnxFields.NODE_INPUT;
import static io.plumbline.inference.onnx.OnnxFields.NODE_NAME;
import static io.plumbline.inference.onnx.OnnxFields.NODE_OPERATOR;
import static io.plumbline.inference.onnx.OnnxFields.NODE_OUTPUT;
import static io.plumbline.inference.onnx.OnnxFields.TENSOR_EXTERNAL;
import static io.plumbline.inference.onnx.OnnxFields.TENSOR_FLOATS;
import static io.plumbline.inference.onnx.OnnxFields.TENSOR_LOCATION;
import static io.plumbline.inference.onnx.OnnxFields.TENSOR_RAW;
import static io.plumbline.inference.onnx.OnnxFields.TENSOR_TYPE;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.plumbline.verifier.tensor.ElementType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Makes variants of an ONNX model: with its products rounded as other hardware rounds them, or with other weights.
 * Calibration takes the first for what honest nodes may compute, and measurements take the second for what cheats do.
 */
public final class OnnxRewriter {
    /** Weights that a model of this size has are no scalars, axes or scales. */
    private static final int FEW = 16;

    /** Times this and back keeps 11 significant bits of an fp32 number (Veltkamp's splitting). */
    private static final float SPLIT = (1 << 13) + 1;

    /** Inputs that are multiplied, by operator. */
    private static final Map<String, int[]> FACTORS = Map.of(
            "Conv", new int[] {0, 1},
            "ConvTranspose", new int[] {0, 1},
            "Gemm", new int[] {0, 1},
            "MatMul", new int[] {0, 1},
            "LSTM", new int[] {0, 1, 2, 5},
            "GRU", new int[] {0, 1, 2, 5},
            "RNN", new int[] {0, 1, 2, 5});

    /** How factors are rounded, and whether products are too. */
    public enum Rounding {
        /** 11 significant bits, fp32's range. */
        TF32,
        /** Factors and results are fp16, sums fp32. */
        FP16
    }

    private final OnnxModel model;
    private final Path folder;
    private final Rounding rounding;
    private final UnaryOperator<float[]> weights;
    private int made;

    private OnnxRewriter(OnnxModel model, Path folder, Rounding rounding, UnaryOperator<float[]> weights) {
        this.model = model;
        this.folder = folder;
        this.rounding = rounding;
        this.weights = weights;
    }

    /**
     * A variant of a model, its external data taken in.
     *
     * @param folder that external data lies in.
     * @param rounding of products, or null to leave them.
     * @param weights gives new values for each larger fp32 tensor of weights, row-major; null to leave them.
     */
    public static byte[] rewrite(OnnxModel model, Path folder, Rounding rounding, UnaryOperator<float[]> weights)
            throws IOException {
        return new OnnxRewriter(model, folder, rounding, weights).run();
    }

    private byte[] run() throws IOException {
        Proto rewritten = new Proto();
        for (Proto.Field field : model.proto().fields()) {
            if (field.number() == MODEL_GRAPH) {
                rewritten.add(MODEL_GRAPH, graph(Proto.parse(field.bytes())));
            } else {
                rewritten.fields().add(field);
            }
        }
        return rewritten.toBytes().toByteArray();
    }

    private Proto graph(Proto graph) throws IOException {
        Proto rewritten = new Proto();
        for (Proto.Field field : graph.fields()) {
            if (field.number() == GRAPH_NODE) {
                node(rewritten, Proto.parse(field.bytes()));
            } else if (field.number() == GRAPH_INITIALIZER) {
                rewritten.add(GRAPH_INITIALIZER, tensor(Proto.parse(field.bytes())));
            } else {
                rewritten.fields().add(field);
            }
        }
        return rewritten;
    }

    private void node(Proto graph, Proto node) throws IOException {
        Proto rewritten = new Proto();
        int[] factors = rounding == null || !node.text(NODE_DOMAIN).isEmpty()
                ? new int[0]
                : FACTORS.getOrDefault(node.text(NODE_OPERATOR), new int[0]);
        List<Proto> after = new ArrayList<>();
        int input = 0;
        for (Proto.Field field : node.fields()) {
            if (field.number() == NODE_INPUT) {
                String name = field.bytes().toStringUtf8();
                int index = input++;
                boolean isFactor = Arrays.stream(factors).anyMatch(factor -> factor == index);
                rewritten.add(NODE_INPUT, isFactor && !name.isEmpty() ? rounded(graph, name, newName()) : name);
            } else if (field.number() == NODE_OUTPUT && factors.length > 0 && rounding == Rounding.FP16) {
                String name = field.bytes().toStringUtf8();
                String raw = newName();
                if (!name.isEmpty()) {
                    Proto rounds = new Proto();
                    rounded(rounds, raw, name);
                    after.addAll(rounds.messages(GRAPH_NODE));
                }
                rewritten.add(NODE_OUTPUT, name.isEmpty() ? name : raw);
            } else if (field.number() == NODE_ATTRIBUTE) {
                rewritten.add(NODE_ATTRIBUTE, attribute(Proto.parse(field.bytes())));
            } else {
                rewritten.fields().add(field);
            }
        }
        graph.add(GRAPH_NODE, rewritten);
        for (Proto next : after) {
            graph.add(GRAPH_NODE, next);
        }
    }

    private Proto attribute(Proto attribute) throws IOException {
        Proto rewritten = new Proto();
        for (Proto.Field field : attribute.fields()) {
            if (field.number() == ATTRIBUTE_GRAPH) {
                rewritten.add(ATTRIBUTE_GRAPH, graph(Proto.parse(field.bytes())));
            } else if (field.number() == ATTRIBUTE_TENSOR) {
                rewritten.add(ATTRIBUTE_TENSOR, tensor(Proto.parse(field.bytes())));
            } else {
                rewritten.fields().add(field);
            }
        }
        return rewritten;
    }

    private String newName() {
        return "plumbline_rounded_" + made++;
    }

    /** Adds nodes that round {@code from} and call the outcome {@code to}, which is returned. */
    private String rounded(Proto graph, String from, String to) throws IOException {
        if (rounding == Rounding.FP16) {
            String half = newName();
            cast(graph, from, half, ElementType.FP16);
            cast(graph, half, to, ElementType.FP32);
            return to;
        }
        String split = newName();
        String product = newName();
        String rest = newName();
        Proto tensor = new Proto().add(TENSOR_TYPE, ElementType.FP32.onnx()).add(TENSOR_RAW, raw(new float[] {SPLIT}));
        Proto value = new Proto()
                .add(ATTRIBUTE_NAME, "value")
                .add(ATTRIBUTE_TENSOR, tensor)
                .add(ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_TENSOR);
        graph.add(GRAPH_NODE, operator("Constant", split).add(NODE_ATTRIBUTE, value));
        graph.add(GRAPH_NODE, operator("Mul", product, from, split));
        graph.add(GRAPH_NODE, operator("Sub", rest, product, from));
        graph.add(GRAPH_NODE, operator("Sub", to, product, rest));
        return to;
    }

    private static void cast(Proto graph, String from, String to, ElementType type) throws IOException {
        Proto target = new Proto()
                .add(ATTRIBUTE_NAME, "to")
                .add(ATTRIBUTE_INT, type.onnx())
                .add(ATTRIBUTE_TYPE, ATTRIBUTE_TYPE_INT);
        graph.add(GRAPH_NODE, operator("Cast", to, from).add(NODE_ATTRIBUTE, target));
    }

    private static Proto operator(String name, String output, String... inputs) {
        Proto node = new Proto();
        for (String input : inputs) {
            node.add(NODE_INPUT, input);
        }
        return node.add(NODE_OUTPUT, output).add(NODE_NAME, output).add(NODE_OPERATOR, name);
    }

    private Proto tensor(Proto tensor) throws IOException {
        Proto inside = tensor.number(TENSOR_LOCATION, 0) == LOCATION_EXTERNAL ? takenIn(tensor) : tensor;
        long elements = OnnxModel.elements(inside);
        long type = inside.number(TENSOR_TYPE, 0);
        boolean isHalf = type == ElementType.FP16.onnx();
        if (weights == null || !isHalf && type != ElementType.FP32.onnx() || elements < FEW) {
            return inside;
        }
        // Halves that do not stand as bytes are rare, and stay as they are.
        if (isHalf && inside.bytes(TENSOR_RAW).size() != 2 * elements) {
            return inside;
        }
        float[] changed = weights.apply(isHalf ? halves(inside) : floats(inside, elements));
        return new Proto()
                .addAll(inside, field -> field.number() != TENSOR_RAW && field.number() != TENSOR_FLOATS)
                .add(TENSOR_RAW, isHalf ? rawHalves(changed) : raw(changed));
    }

    private static float[] halves(Proto tensor) {
        ByteBuffer bytes = tensor.bytes(TENSOR_RAW).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.float16ToFloat(bytes.getShort());
        }
        return values;
    }

    private static ByteString rawHalves(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putShort(Float.floatToFloat16(value));
        }
        return UnsafeByteOperations.unsafeWrap(bytes.flip());
    }

    private static float[] floats(Proto tensor, long elements) throws IOException {
        ByteBuffer bytes = tensor.bytes(TENSOR_RAW).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        // Counted before memory is taken for them: a shape is only a claim.
        long there = bytes.hasRemaining() ? bytes.remaining() / 4 : floats(tensor);
        if (there != elements) {
            throw new IOException("a tensor has " + there + " of its " + elements + " weights");
        }
        float[] values = new float[(int) elements];
        if (bytes.hasRemaining()) {
            bytes.asFloatBuffer().get(values);
            return values;
        }
        int at = 0;
        for (Proto.Field field : tensor.fields()) {
            if (field.number() == TENSOR_FLOATS && field.bytes() != null) {
                ByteBuffer packed = field.bytes().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
                while (packed.remaining() >= 4) {
                    values[at++] = packed.getFloat();
                }
            } else if (field.number() == TENSOR_FLOATS) {
                values[at++] = Float.intBitsToFloat((int) field.value());
            }
        }
        return values;
    }

    /** How many floats stand in a tensor's own field for them. */
    private static long floats(Proto tensor) {
        return tensor.fields().stream()
                .filter(field -> field.number() == TENSOR_FLOATS)
                .mapToLong(field -> field.bytes() == null ? 1 : field.bytes().size() / 4)
                .sum();
    }

    private static ByteString raw(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return UnsafeByteOperations.unsafeWrap(bytes);
    }

    private Proto takenIn(Proto tensor) throws IOException {
        String offset = OnnxModel.entry(tensor, "offset");
        String length = OnnxModel.entry(tensor, "length");
        try (RandomAccessFile file = new RandomAccessFile(
                folder.resolve(OnnxModel.entry(tensor, "location")).toFile(), "r")) {
            long from = offset.isEmpty() ? 0 : Long.parseLong(offset);
            long bytes = length.isEmpty() ? file.length() - from : Long.parseLong(length);
            if (from < 0 || bytes < 0 || from > file.length() || bytes > file.length() - from) {
                throw new IOException("external data reaches beyond its file");
            }
            byte[] data = new byte[Math.toIntExact(bytes)];
            file.seek(from);
            file.readFully(data);
            return new Proto()
                    .addAll(tensor, field -> field.number() != TENSOR_EXTERNAL && field.number() != TENSOR_LOCATION)
                    .add(TENSOR_RAW, ByteString.copyFrom(data));
        }
    }
}
