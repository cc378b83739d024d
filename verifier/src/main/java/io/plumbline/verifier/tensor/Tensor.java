package io.plumbline.verifier.tensor;

import io.plumbline.verifier.encoding.CanonicalReader;
import io.plumbline.verifier.encoding.CanonicalReader.MalformedException;
import io.plumbline.verifier.encoding.CanonicalWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A named array of numbers or byte strings, dense and row-major.
 *
 * @param shape sizes; none for a scalar.
 * @param data little-endian elements; byte strings each with a 32-bit length before it.
 */
public record Tensor(String name, ElementType type, long[] shape, byte[] data) {
    private static final int MAX_DIMENSIONS = 16;
    private static final int MAX_TENSORS = 1024;

    /** @throws IllegalArgumentException where data and shape do not belong together. */
    public Tensor {
        long elements = elements(name, shape);
        if (type == ElementType.BYTES) {
            long found = countStrings(name, data);
            if (found != elements) {
                throw new IllegalArgumentException("Tensor \"" + name + "\" of shape " + Arrays.toString(shape)
                        + " needs " + elements + " strings, and has " + found + ".");
            }
        } else if (elements * type.bytes() != data.length) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" of shape " + Arrays.toString(shape) + " and "
                    + type + " needs " + elements * type.bytes() + " bytes, and has " + data.length + ".");
        }
    }

    /**
     * Elements of a shape.
     *
     * @param name for the message.
     * @throws IllegalArgumentException where no tensor can have this shape.
     */
    public static long elements(String name, long[] shape) {
        if (shape.length > MAX_DIMENSIONS) {
            throw new IllegalArgumentException("Tensor \"" + name + "\" has " + shape.length + " dimensions; "
                    + MAX_DIMENSIONS + " are the most.");
        }
        long elements = 1;
        for (long size : shape) {
            if (size < 0 || size > Integer.MAX_VALUE || elements * Math.max(1, size) > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "Tensor \"" + name + "\" has the impossible shape " + Arrays.toString(shape) + ".");
            }
            elements *= size;
        }
        return elements;
    }

    private static ByteBuffer little(byte[] data) {
        return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long countStrings(String name, byte[] data) {
        ByteBuffer in = little(data);
        long count = 0;
        while (in.hasRemaining()) {
            int length = in.remaining() < 4 ? -1 : in.getInt();
            if (length < 0 || length > in.remaining()) {
                throw new IllegalArgumentException("Tensor \"" + name + "\" ends in the midst of a string.");
            }
            in.position(in.position() + length);
            count++;
        }
        return count;
    }

    public static Tensor ofFloats(String name, long[] shape, float... values) {
        ByteBuffer out = little(new byte[4 * values.length]);
        out.asFloatBuffer().put(values);
        return new Tensor(name, ElementType.FP32, shape, out.array());
    }

    public static Tensor ofLongs(String name, long[] shape, long... values) {
        ByteBuffer out = little(new byte[8 * values.length]);
        out.asLongBuffer().put(values);
        return new Tensor(name, ElementType.INT64, shape, out.array());
    }

    public static Tensor ofStrings(String name, long[] shape, List<byte[]> values) {
        ByteBuffer out = little(
                new byte[values.stream().mapToInt(value -> 4 + value.length).sum()]);
        values.forEach(value -> out.putInt(value.length).put(value));
        return new Tensor(name, ElementType.BYTES, shape, out.array());
    }

    public int elements() {
        return (int) elements(name, shape);
    }

    /** The same elements under another name. */
    public Tensor named(String other) {
        return new Tensor(other, type, shape, data);
    }

    /** All elements, widened. Integers beyond 2^53 lose their last bits. */
    public double[] values() {
        ByteBuffer in = little(data);
        double[] values = new double[elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = value(in, i);
        }
        return values;
    }

    /** One element, widened as in {@link #values}: for those that look at many and keep none. */
    public double value(int index) {
        return value(little(data), index);
    }

    private double value(ByteBuffer in, int index) {
        int at = index * type.bytes();
        return switch (type) {
            case BOOL, UINT8 -> in.get(at) & 0xFF;
            case INT8 -> in.get(at);
            case UINT16 -> in.getShort(at) & 0xFFFF;
            case INT16 -> in.getShort(at);
            case FP16 -> Float.float16ToFloat(in.getShort(at));
            case BF16 -> Float.intBitsToFloat(in.getShort(at) << 16);
            case INT32 -> in.getInt(at);
            case UINT32 -> in.getInt(at) & 0xFFFFFFFFL;
            case FP32 -> in.getFloat(at);
            case INT64 -> in.getLong(at);
            case UINT64 -> unsigned(in.getLong(at));
            case FP64 -> in.getDouble(at);
            case BYTES -> throw new IllegalStateException("Tensor \"" + name + "\" holds strings, not numbers.");
        };
    }

    /** All elements of integers, as they are: the bits of unsigned 64 are those of the long. */
    public long[] integers() {
        if (type == ElementType.BYTES || type.isFloat()) {
            throw new IllegalStateException("Tensor \"" + name + "\" holds no integers.");
        }
        ByteBuffer in = little(data);
        long[] values = new long[elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (type) {
                case BOOL, UINT8 -> in.get() & 0xFF;
                case INT8 -> in.get();
                case UINT16 -> in.getShort() & 0xFFFF;
                case INT16 -> in.getShort();
                case INT32 -> in.getInt();
                case UINT32 -> in.getInt() & 0xFFFFFFFFL;
                default -> in.getLong();
            };
        }
        return values;
    }

    /** A long's bits as of an unsigned number, to the nearest double. */
    public static double unsigned(long bits) {
        // The lowest bit is kept in the one that is rounded by.
        return bits >= 0 ? bits : 2.0 * (bits >>> 1 | bits & 1);
    }

    /** All byte strings. */
    public List<byte[]> strings() {
        if (type != ElementType.BYTES) {
            throw new IllegalStateException("Tensor \"" + name + "\" holds numbers, not strings.");
        }
        List<byte[]> strings = new ArrayList<>();
        ByteBuffer in = little(data);
        while (in.hasRemaining()) {
            byte[] one = new byte[in.getInt()];
            in.get(one);
            strings.add(one);
        }
        return strings;
    }

    /** All byte strings as UTF-8. */
    public String[] texts() {
        return strings().stream()
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .toArray(String[]::new);
    }

    void write(CanonicalWriter out) {
        out.putText(name).putInt(type.ordinal()).putInt(shape.length);
        for (long size : shape) {
            out.putLong(size);
        }
        out.putBytes(data);
    }

    static Tensor read(CanonicalReader in) {
        String name = in.getText("tensor name");
        int type = in.getInt("tensor type");
        int rank = in.getInt("tensor rank");
        if (type < 0 || type >= ElementType.values().length || rank < 0 || rank > MAX_DIMENSIONS) {
            throw new MalformedException("Malformed tensor \"" + name + "\": type " + type + ", rank " + rank + ".");
        }
        long[] shape = new long[rank];
        for (int i = 0; i < rank; i++) {
            shape[i] = in.getLong("tensor shape");
        }
        try {
            return new Tensor(name, ElementType.values()[type], shape, in.getBytes("tensor data"));
        } catch (IllegalArgumentException e) {
            throw new MalformedException("Malformed tensor: " + e.getMessage());
        }
    }

    static void writeAll(CanonicalWriter out, List<Tensor> tensors) {
        out.putInt(tensors.size());
        tensors.forEach(tensor -> tensor.write(out));
    }

    static List<Tensor> readAll(CanonicalReader in) {
        int count = in.getInt("tensors");
        if (count < 0 || count > MAX_TENSORS) {
            throw new MalformedException("Malformed tensors: there are " + count + " of them.");
        }
        List<Tensor> tensors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            tensors.add(read(in));
        }
        return tensors;
    }
}
