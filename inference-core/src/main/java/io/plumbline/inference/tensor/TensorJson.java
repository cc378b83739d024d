package io.plumbline.inference.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.plumbline.inference.json.FiniteNumbers;
import io.plumbline.verifier.encoding.Utf8;
import io.plumbline.verifier.tensor.ElementType;
import io.plumbline.verifier.tensor.Tensor;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Tensors in the JSON form of the Open Inference Protocol: name, shape, datatype, data, the last flat or nested. */
public final class TensorJson {
    private static final ObjectMapper MAPPER = FiniteNumbers.mapper();

    /** What JSON has no numbers for, as texts among the numbers: the same that outputs are written with. */
    private static final Map<String, Double> NOT_FINITE =
            Map.of("NaN", Double.NaN, "Infinity", Double.POSITIVE_INFINITY, "-Infinity", Double.NEGATIVE_INFINITY);

    private TensorJson() {}

    /** The tensors of a request in a file: {@code {"inputs": [...]}}. */
    public static List<Tensor> read(Path file) throws IOException {
        try {
            List<Tensor> tensors = new ArrayList<>();
            for (JsonNode input : MAPPER.readTree(file.toFile()).path("inputs")) {
                tensors.add(tensor(input));
            }
            if (tensors.isEmpty()) {
                throw new IllegalArgumentException("it has no inputs");
            }
            return tensors;
        } catch (IOException | IllegalArgumentException e) {
            String why = Files.exists(file) ? e.getMessage() : "it does not exist";
            throw new IOException(file + " holds no request as the Open Inference Protocol has it: " + why, e);
        }
    }

    /** @throws IllegalArgumentException naming the tensor and what is wrong with it. */
    public static Tensor tensor(JsonNode json) {
        Head head = head(json);
        List<JsonNode> values = new ArrayList<>();
        flatten(json.path("data"), values, head.name);
        if (values.size() != Tensor.elements(head.name, head.shape)) {
            throw new IllegalArgumentException("Tensor \"" + head.name + "\" of shape "
                    + Arrays.toString(head.shape) + " does not hold "
                    + values.size() + " elements.");
        }
        if (head.type == ElementType.BYTES) {
            values.forEach(value -> Utf8.length("Tensor \"" + head.name + "\"", value.asText()));
            return Tensor.ofStrings(
                    head.name,
                    head.shape,
                    values.stream()
                            .map(value -> value.asText().getBytes(StandardCharsets.UTF_8))
                            .toList());
        }
        ByteBuffer out = ByteBuffer.allocate(values.size() * head.type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (JsonNode value : values) {
            put(out, head, value);
        }
        return new Tensor(head.name, head.type, head.shape, out.array());
    }

    /** A tensor whose elements come as bytes, apart from the JSON. */
    public static Tensor tensor(JsonNode json, byte[] data) {
        Head head = head(json);
        return new Tensor(head.name, head.type, head.shape, data);
    }

    private record Head(String name, ElementType type, long[] shape) {}

    private static Head head(JsonNode json) {
        String name = json.path("name").asText("");
        if (name.isEmpty()) {
            throw new IllegalArgumentException("A tensor has no name.");
        }
        JsonNode shape = json.path("shape");
        if (!shape.isArray()) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" has no shape.");
        }
        long[] sizes = new long[shape.size()];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = FiniteNumbers.whole("A size of tensor \"" + name + "\"", shape.get(i));
            if (sizes[i] < 0) {
                throw new IllegalArgumentException("Tensor \"" + name + "\" has shape " + shape + ".");
            }
        }
        try {
            return new Head(name, ElementType.valueOf(json.path("datatype").asText("")), sizes);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "Tensor \"" + name + "\" has datatype \""
                            + json.path("datatype").asText("") + "\"; there are "
                            + Arrays.toString(ElementType.values()) + ".",
                    e);
        }
    }

    private static void flatten(JsonNode data, List<JsonNode> into, String name) {
        if (!data.isArray()) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" has no data.");
        }
        for (JsonNode value : data) {
            if (value.isArray()) {
                flatten(value, into, name);
            } else {
                into.add(value);
            }
        }
    }

    private static void put(ByteBuffer out, Head head, JsonNode value) {
        Double special = head.type.isFloat() && value.isTextual() ? NOT_FINITE.get(value.textValue()) : null;
        if (special != null) {
            putNotFinite(out, head.type, special.floatValue());
            return;
        }
        boolean isBool = head.type == ElementType.BOOL;
        if (isBool ? !value.isBoolean() && !value.isIntegralNumber() : !value.isNumber()) {
            throw new IllegalArgumentException("Tensor \"" + head.name + "\" of " + head.type + " holds " + value
                    + (head.type.isFloat()
                            ? ". Beside numbers there are \"NaN\", \"Infinity\" and \"-Infinity\"."
                            : "."));
        }
        boolean fits = isBool || (head.type.isFloat() ? isFinite(head.type, value) : inRange(head.type, value));
        if (!fits) {
            throw new IllegalArgumentException(
                    "Tensor \"" + head.name + "\" of " + head.type + " cannot hold " + value + ".");
        }
        switch (head.type) {
            case BOOL -> out.put((byte) (value.asBoolean() ? 1 : 0));
            case FP32 -> out.putFloat(value.floatValue());
            case FP64 -> out.putDouble(value.doubleValue());
            case FP16 -> out.putShort(Float.floatToFloat16(value.floatValue()));
            case BF16 -> out.putShort(bfloat16(value.floatValue()));
            default -> {
                long integer = value.bigIntegerValue().longValue();
                switch (head.type.bytes()) {
                    case 1 -> out.put((byte) integer);
                    case 2 -> out.putShort((short) integer);
                    case 4 -> out.putInt((int) integer);
                    default -> out.putLong(integer);
                }
            }
        }
    }

    private static void putNotFinite(ByteBuffer out, ElementType type, float value) {
        switch (type) {
            case FP32 -> out.putFloat(value);
            case FP64 -> out.putDouble(value);
            case FP16 -> out.putShort(Float.floatToFloat16(value));
            default -> out.putShort(bfloat16(value));
        }
    }

    /** Whether a number is one in the type's precision. */
    private static boolean isFinite(ElementType type, JsonNode value) {
        return switch (type) {
            case FP16 -> Float.isFinite(Float.float16ToFloat(Float.floatToFloat16(value.floatValue())));
            case BF16 -> Float.isFinite(Float.intBitsToFloat(bfloat16(value.floatValue()) << 16));
            case FP32 -> Float.isFinite(value.floatValue());
            default -> Double.isFinite(value.doubleValue());
        };
    }

    private static boolean inRange(ElementType type, JsonNode value) {
        if (!value.isIntegralNumber()) {
            return false;
        }
        int bits = 8 * type.bytes();
        BigInteger integer = value.bigIntegerValue();
        return type.name().startsWith("U")
                ? integer.signum() >= 0 && integer.bitLength() <= bits
                : integer.bitLength() < bits;
    }

    /** Rounded to nearest, ties to even. */
    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) (Float.isNaN(value) ? 0x7FC0 : (bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    /** Name, datatype and shape. */
    public static ObjectNode head(Tensor tensor) {
        ObjectNode json = MAPPER.createObjectNode()
                .put("name", tensor.name())
                .put("datatype", tensor.type().name());
        ArrayNode shape = json.putArray("shape");
        for (long size : tensor.shape()) {
            shape.add(size);
        }
        return json;
    }

    /** The whole tensor, its data flat. */
    public static ObjectNode json(Tensor tensor) {
        ObjectNode json = head(tensor);
        ArrayNode data = json.putArray("data");
        ByteBuffer in = ByteBuffer.wrap(tensor.data()).order(ByteOrder.LITTLE_ENDIAN);
        switch (tensor.type()) {
            case BYTES -> {
                for (String text : tensor.texts()) {
                    data.add(text);
                }
            }
            case INT64 -> {
                while (in.hasRemaining()) {
                    data.add(in.getLong());
                }
            }
            case UINT64 -> {
                while (in.hasRemaining()) {
                    data.add(new BigInteger(Long.toUnsignedString(in.getLong())));
                }
            }
            case FP32 -> {
                while (in.hasRemaining()) {
                    float value = in.getFloat();
                    if (Float.isFinite(value)) {
                        data.add(value);
                    } else {
                        data.add(Float.toString(value));
                    }
                }
            }
            case BOOL -> {
                while (in.hasRemaining()) {
                    data.add(in.get() != 0);
                }
            }
            default -> {
                for (double value : tensor.values()) {
                    if (tensor.type().isFloat() && !Double.isFinite(value)) {
                        data.add(Double.toString(value));
                    } else if (tensor.type().isFloat()) {
                        data.add(value);
                    } else {
                        data.add((long) value);
                    }
                }
            }
        }
        return json;
    }
}
