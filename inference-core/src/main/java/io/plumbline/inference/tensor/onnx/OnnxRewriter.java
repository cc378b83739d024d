package io.plumbline.inference.tensor.onnx;

import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_INT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TYPE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TYPE_INT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ATTRIBUTE_TYPE_TENSOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ENTRY_KEY;
import static io.plumbline.inference.tensor.onnx.OnnxFields.ENTRY_VALUE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_INITIALIZER;
import static io.plumbline.inference.tensor.onnx.OnnxFields.GRAPH_NODE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.LOCATION_EXTERNAL;
import static io.plumbline.inference.tensor.onnx.OnnxFields.MODEL_GRAPH;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_ATTRIBUTE;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_DOMAIN;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_INPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_NAME;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OPERATOR;
import static io.plumbline.inference.tensor.onnx.OnnxFields.NODE_OUTPUT;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_EXTERNAL;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_FLOATS;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_LOCATION;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_RAW;
import static io.plumbline.inference.tensor.onnx.OnnxFields.TENSOR_TYPE;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.plumbline.verifier.tensor.ElementType;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    /** File of the larger tensors, beside a variant's graph. */
    private static final String OUTSIDE = "weights.bin";

    /** Tensors begin at pages, so that runtimes can map them. */
    private static final long ALIGNED = 4096;

    /** Fields that hold a tensor's elements. */
    private static final Set<Integer> CONTENTS = Set.of(TENSOR_RAW, TENSOR_FLOATS, TENSOR_EXTERNAL, TENSOR_LOCATION);

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

    /** What becomes of a tensor's elements, and how many bytes each has; of those that are kept, at a time. */
    private enum Form {
        KEPT(4),
        FLOATS(4),
        HALVES(2);

        private final int bytes;

        Form(int bytes) {
            this.bytes = bytes;
        }
    }

    private final OnnxModel model;
    private final Path folder;
    private final Rounding rounding;
    private final UnaryOperator<float[]> weights;
    private final Limits limits;

    /** The file beside the graph. */
    private final FileChannel outside;

    private int made;

    private OnnxRewriter(
            OnnxModel model,
            Path folder,
            Rounding rounding,
            UnaryOperator<float[]> weights,
            Limits limits,
            FileChannel outside) {
        this.model = model;
        this.folder = folder;
        this.rounding = rounding;
        this.weights = weights;
        this.limits = limits;
        this.outside = outside;
    }

    /**
     * What a variant is written with.
     *
     * @param outsideBytes tensors from this size on go into a file of their own, as a graph of 2 GiB is none.
     * @param chunkFloats weights that are changed at a time: of a larger tensor each such part by itself.
     */
    record Limits(int outsideBytes, int chunkFloats) {
        static final Limits USUAL = new Limits(64 << 10, 16 << 20);
    }

    /**
     * Writes a variant of a model: its graph, and its larger tensors in one file beside it, which takes as much disk as
     * the model's weights and little memory.
     *
     * @param folder that external data lies in.
     * @param rounding of products, or null to leave them.
     * @param weights gives new values for each larger fp32 or fp16 tensor of weights, row-major, or for each 16
     *     million of them where it has more; null to leave them.
     * @param to folder that exists and is empty.
     * @return the variant's ONNX file.
     */
    public static Path rewrite(OnnxModel model, Path folder, Rounding rounding, UnaryOperator<float[]> weights, Path to)
            throws IOException {
        return rewrite(model, folder, rounding, weights, Limits.USUAL, to);
    }

    static Path rewrite(
            OnnxModel model, Path folder, Rounding rounding, UnaryOperator<float[]> weights, Limits limits, Path to)
            throws IOException {
        Path file = to.resolve("model.onnx");
        try (FileChannel outside =
                        FileChannel.open(to.resolve(OUTSIDE), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
            new OnnxRewriter(model, folder, rounding, weights, limits, outside)
                    .run()
                    .writeTo(out);
        }
        return file;
    }

    private ByteString run() throws IOException {
        Proto rewritten = new Proto();
        for (Proto.Field field : model.proto().fields()) {
            if (field.number() == MODEL_GRAPH) {
                rewritten.add(MODEL_GRAPH, graph(Proto.parse(field.bytes())));
            } else {
                rewritten.fields().add(field);
            }
        }
        return rewritten.toBytes();
    }

    private Proto graph(Proto graph) throws IOException {
        Proto rewritten = new Proto();
        for (Proto.Field field : graph.fields()) {
            if (field.number() == GRAPH_NODE) {
                node(rewritten, Proto.parse(field.bytes()));
            } else if (field.number() == GRAPH_INITIALIZER) {
                rewritten.add(GRAPH_INITIALIZER, tensor(Proto.parse(field.bytes()), true));
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
                rewritten.add(ATTRIBUTE_TENSOR, tensor(Proto.parse(field.bytes()), false));
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

    /** @param mayLieOutside runtimes take external data of initializers, and not all of them that of attributes. */
    private Proto tensor(Proto tensor, boolean mayLieOutside) throws IOException {
        long elements = OnnxModel.elements(tensor);
        long type = tensor.number(TENSOR_TYPE, 0);
        boolean isHalf = type == ElementType.FP16.onnx() && standsAsBytes(tensor);
        boolean isChanged = weights != null && elements >= FEW && (isHalf || type == ElementType.FP32.onnx());
        Form form = !isChanged ? Form.KEPT : isHalf ? Form.HALVES : Form.FLOATS;
        try (Contents contents = contents(tensor, isChanged ? elements : -1)) {
            if (contents == null) {
                return tensor;
            }
            // Counted before memory is taken for them: a shape is only a claim.
            if (isChanged && contents.bytes != form.bytes * elements) {
                throw new IOException(
                        "a tensor has " + contents.bytes / form.bytes + " of its " + elements + " weights");
            }
            Proto rewritten = new Proto().addAll(tensor, field -> !CONTENTS.contains(field.number()));
            if (mayLieOutside && contents.bytes >= limits.outsideBytes()) {
                long from = copy(contents, form);
                String[] entries = {"location", OUTSIDE, "offset", "" + from, "length", "" + contents.bytes};
                for (int i = 0; i < entries.length; i += 2) {
                    rewritten.add(
                            TENSOR_EXTERNAL,
                            new Proto().add(ENTRY_KEY, entries[i]).add(ENTRY_VALUE, entries[i + 1]));
                }
                return rewritten.add(TENSOR_LOCATION, LOCATION_EXTERNAL);
            }
            if (contents.bytes > Integer.MAX_VALUE - 64) {
                throw new IOException("a node's attribute has " + contents.bytes + " bytes, which no file can hold");
            }
            ByteBuffer inside = contents.read(0, (int) contents.bytes);
            return rewritten.add(TENSOR_RAW, UnsafeByteOperations.unsafeWrap(changed(inside, form)));
        }
    }

    /** Copies a tensor into the file beside the graph, and gives its place there. */
    private long copy(Contents contents, Form form) throws IOException {
        long from = Math.ceilDiv(outside.position(), ALIGNED) * ALIGNED;
        outside.position(from);
        int chunk = form.bytes * limits.chunkFloats();
        for (long at = 0; at < contents.bytes; at += chunk) {
            ByteBuffer part = contents.read(at, (int) Math.min(chunk, contents.bytes - at));
            ByteBuffer written = changed(part, form);
            while (written.hasRemaining()) {
                outside.write(written);
            }
        }
        return from;
    }

    private ByteBuffer changed(ByteBuffer bytes, Form form) {
        if (form == Form.KEPT) {
            return bytes;
        }
        float[] values = new float[bytes.remaining() / form.bytes];
        ByteBuffer little = bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (form == Form.FLOATS) {
            little.asFloatBuffer().get(values);
            return raw(weights.apply(values)).asReadOnlyByteBuffer();
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.float16ToFloat(little.getShort());
        }
        float[] changed = weights.apply(values);
        ByteBuffer halves = ByteBuffer.allocate(2 * changed.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : changed) {
            halves.putShort(Float.floatToFloat16(value));
        }
        return halves.flip();
    }

    /** Whether elements lie outside or as raw bytes. Halves that do neither are rare, and stay as they are. */
    private static boolean standsAsBytes(Proto tensor) {
        return tensor.number(TENSOR_LOCATION, 0) == LOCATION_EXTERNAL
                || !tensor.bytes(TENSOR_RAW).isEmpty();
    }

    /** A tensor's bytes, in its message or in a file. */
    private record Contents(ByteString inside, FileChannel file, long from, long bytes) implements Closeable {
        /** Bytes {@code at} to {@code at + count}. */
        ByteBuffer read(long at, int count) throws IOException {
            if (inside != null) {
                return inside.substring((int) at, (int) at + count).asReadOnlyByteBuffer();
            }
            ByteBuffer read = ByteBuffer.allocate(count);
            while (read.hasRemaining()) {
                if (file.read(read, from + at + read.position()) < 0) {
                    throw new IOException("external data ends while it is read");
                }
            }
            return read.flip();
        }

        @Override
        public void close() throws IOException {
            if (file != null) {
                file.close();
            }
        }
    }

    /** @param elements of floats that are needed, or -1 where a form of their own may stay. */
    private Contents contents(Proto tensor, long elements) throws IOException {
        if (tensor.number(TENSOR_LOCATION, 0) == LOCATION_EXTERNAL) {
            return external(tensor);
        }
        if (!tensor.bytes(TENSOR_RAW).isEmpty()) {
            ByteString raw = tensor.bytes(TENSOR_RAW);
            return new Contents(raw, null, 0, raw.size());
        }
        if (elements < 0) {
            return null;
        }
        ByteString raw = raw(floats(tensor, elements));
        return new Contents(raw, null, 0, raw.size());
    }

    private Contents external(Proto tensor) throws IOException {
        String offset = OnnxModel.entry(tensor, "offset");
        String length = OnnxModel.entry(tensor, "length");
        FileChannel file =
                FileChannel.open(folder.resolve(OnnxModel.entry(tensor, "location")), StandardOpenOption.READ);
        try {
            long from = offset.isEmpty() ? 0 : Long.parseLong(offset);
            long bytes = length.isEmpty() ? file.size() - from : Long.parseLong(length);
            if (from < 0 || bytes < 0 || from > file.size() || bytes > file.size() - from) {
                throw new IOException("external data reaches beyond its file");
            }
            return new Contents(null, file, from, bytes);
        } catch (IOException | NumberFormatException e) {
            file.close();
            throw new IOException(e.getMessage(), e);
        }
    }

    private static float[] floats(Proto tensor, long elements) throws IOException {
        long there = floats(tensor);
        if (there != elements) {
            throw new IOException("a tensor has " + there + " of its " + elements + " weights");
        }
        float[] values = new float[(int) elements];
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
}
